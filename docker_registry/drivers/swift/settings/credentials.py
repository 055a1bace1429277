"""Which credential the options make, and whether they make one; pure.

Options come from two sources: the explicit ones (config.yml), and the ambient ones (environment or `clouds.yaml`),
which fill in what the explicit ones leave out. Both are dicts by attribute name, without the unset ones.
"""

import re

from .options import BY_ATTRIBUTE

__all__ = ["resolve"]

_USER = {"user", "user_id", "user_domain_name", "user_domain_id", "domain_name", "domain_id"}
_PROJECT = {"tenant_name", "tenant_id", "project_domain_name", "project_domain_id"}
_OWN_DOMAIN = ("user_domain_name", "user_domain_id", "project_domain_name", "project_domain_id")
_APPLICATION = {"application_credential_id", "application_credential_name", "application_credential_secret"}
_SECRETS = {"password", "token"} | _APPLICATION

# What a way to log in takes. Of the other ways' options, explicit ones contradict it and ambient ones are left alone.
_TAKES = {
    "password": _USER | _PROJECT | {"password", "trust_id"},
    "application_credential": _USER | _APPLICATION,
    "token": _PROJECT | {"domain_name", "domain_id", "token", "trust_id"},
}
_ALL = set().union(*_TAKES.values())
_V3_ONLY = _APPLICATION | {"trust_id"} | {attribute for attribute in _ALL if "domain" in attribute}

# (by name, by id): one is enough, and the id says more.
_EITHER = (
    ("user", "user_id"),
    ("tenant_name", "tenant_id"),
    ("domain_name", "domain_id"),
    ("user_domain_name", "user_domain_id"),
    ("project_domain_name", "project_domain_id"),
    ("application_credential_name", "application_credential_id"),
)

_WRITE = {
    "auth_url": "where to get a token, such as https://keystone.example.org:5000/v3",
    "user": "the user's name",
    "password": "the user's password",
    "tenant_name": "the project (tenant) that owns the container",
    "application_credential_id": "its id, or its name and swift_user",
    "application_credential_secret": "its secret",
}


def resolve(explicit, ambient):
    """(values, problems): the options of both sources as one, and what is wrong with them.

    `values` has `method` and a settled `auth_version` (None: ask the server) and `auth_url` (versioned, where the
    version is known) too; `problems` are sentences that name an option and say what to write.
    """
    method = _method(explicit) or _method(ambient) or "password"
    problems = list(_two_ways(method, explicit))
    values = _merge(method, explicit, ambient)
    values["method"] = method
    problems += _settle_version(values, explicit, ambient)
    _split_user(values)
    _settle_domains(values)
    return values, problems + [_missing_text(attribute) for attribute in _missing(values)]


def _method(values):
    """The way to log in that these options name, or None."""
    if "token" in values and "password" not in values:
        return "token"
    if not _APPLICATION.isdisjoint(values):
        return "application_credential"
    if not {"user", "user_id", "password"}.isdisjoint(values):
        return "password"
    return None


def _two_ways(method, explicit):
    others = _SECRETS - _TAKES[method]
    if not others.isdisjoint(explicit):
        yield "%s and %s are two ways to log in: leave one out" % (
            _names(explicit, _SECRETS & _TAKES[method]),
            _names(explicit, others),
        )
    elif method == "application_credential" and not (_PROJECT | {"trust_id"}).isdisjoint(explicit):
        yield "leave out %s: an application credential belongs to one project" % _names(
            explicit, _PROJECT | {"trust_id"}
        )
    elif "trust_id" in explicit and not _PROJECT.isdisjoint(explicit):
        yield "leave out %s: swift_trust_id says which project" % _names(explicit, _PROJECT)


def _merge(method, explicit, ambient):
    values = {a: v for a, v in ambient.items() if a not in _ALL or a in _TAKES[method]}
    for pair in _EITHER + (("trust_id", "tenant_name"), ("trust_id", "tenant_id")):
        if not set(pair).isdisjoint(explicit):
            _drop(values, pair)
    if not {"domain_name", "domain_id"}.isdisjoint(explicit):
        _drop(values, _OWN_DOMAIN)
    values.update(explicit)
    for by_name, by_id in _EITHER:
        if by_id in values:
            _drop(values, (by_name,))
    if "trust_id" in values:
        _drop(values, ("tenant_name", "tenant_id"))
    if "application_credential_id" in values:
        _drop(values, _USER)
    return values


def _settle_version(values, explicit, ambient):
    url = re.sub(r"(?<=/v3)/auth/tokens$|(?<=/v2\.0)/tokens$", "", values.get("auth_url") or "")
    stated, in_url = explicit.get("auth_version"), _version_of(url)
    if stated and in_url and stated != in_url:
        yield "swift_auth_version is %s, but swift_authurl is of version %s (%s): leave swift_auth_version out" % (
            stated,
            in_url,
            url,
        )
    version = stated or in_url or (None if _V3_ONLY.isdisjoint(explicit) else 3) or ambient.get("auth_version")
    if not version and url.endswith("/auth"):
        version = 1
    elif not version and not _V3_ONLY.isdisjoint(values):
        version = 3
    if version in (1, 2):
        source = "swift_auth_version is %s" if stated else "swift_authurl is of version %s"
        if not _V3_ONLY.isdisjoint(explicit):
            yield "%s, but only version 3 knows %s: write its URL" % (source % version, _names(explicit, _V3_ONLY))
        elif version == 1 and values["method"] != "password":
            yield "%s, which knows only swift_user and swift_password: write those" % (source % version)
        _drop(values, _V3_ONLY if version == 2 else _V3_ONLY | _PROJECT)
    if url and version in (2, 3) and in_url is None:
        url += "/v3" if version == 3 else "/v2.0"
    values["auth_version"], values["auth_url"] = version, url or None


def _version_of(url):
    match = re.search(r"/(?:v([123])(?:\.\d+)?|(1)\.0)$", url)
    return int(match.group(1) or match.group(2)) if match else None


def _split_user(values):
    """`tenant:user`, which the former driver took for v2 and v3."""
    if ":" in values.get("user", "") and values["auth_version"] != 1 and not _has_project(values):
        values["tenant_name"], values["user"] = values["user"].split(":", 1)


def _settle_domains(values):
    """A user's and a project's name each want a domain: their own, else the common one; a project's else the user's."""
    common = _take_domain(values, "domain")
    user = _take_domain(values, "user_domain") or common
    project = _take_domain(values, "project_domain") or common or user
    if user and "user" in values:
        values["user_domain" + user[0]] = user[1]
    if project and "tenant_name" in values:
        values["project_domain" + project[0]] = project[1]


def _take_domain(values, prefix):
    """Its (suffix, value), taken out of the values, or None."""
    found = [(suffix, values.pop(prefix + suffix)) for suffix in ("_id", "_name") if prefix + suffix in values]
    return found[0] if found else None


def _missing(values):
    if values["method"] == "token" and "storage_url" in values and not values["auth_url"]:
        return
    if not values["auth_url"]:
        yield "auth_url"
    if values["method"] == "application_credential":
        if "application_credential_secret" not in values:
            yield "application_credential_secret"
        if "application_credential_id" not in values and "application_credential_name" not in values:
            yield "application_credential_id"
        elif "application_credential_name" in values and not ("user" in values or "user_id" in values):
            yield "user"
        return
    if values["method"] == "password":
        if not ("user" in values or "user_id" in values):
            yield "user"
        if "password" not in values:
            yield "password"
    # Of a user, Keystone may know a default project.
    if values["method"] == "token" and not _has_project(values):
        yield "tenant_name"


def _missing_text(attribute):
    option = BY_ATTRIBUTE[attribute]
    return "%s is missing: write %s, or set %s" % (option.name, _WRITE[attribute], option.env[0])


def _has_project(values):
    return not {"tenant_name", "tenant_id", "trust_id"}.isdisjoint(values)


def _drop(values, attributes):
    for attribute in attributes:
        values.pop(attribute, None)


def _names(values, attributes):
    return ", ".join(BY_ATTRIBUTE[attribute].name for attribute in sorted(attributes) if attribute in values)
