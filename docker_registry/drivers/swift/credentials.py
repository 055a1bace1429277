"""Which credential the options make, and whether they make one; pure.

Options come from two sources: the explicit ones (config.yml), and the ambient ones (environment or `clouds.yaml`),
which fill in what the explicit ones leave out. Values are dicts by attribute name, without the unset ones.
"""

import re

from .options import BY_ATTRIBUTE

__all__ = ["resolve"]

DEFAULT_DOMAIN = "default"  # the id that every Keystone gives the domain it starts with

_USER = {"user", "user_id", "user_domain_name", "user_domain_id", "domain_name", "domain_id"}
_PROJECT = {"tenant_name", "tenant_id", "project_domain_name", "project_domain_id"}
_APPLICATION = {"application_credential_id", "application_credential_name", "application_credential_secret"}
_SECRETS = {"password", "token"} | _APPLICATION

# What a way to log in takes. Of the other ways' options explicit ones contradict it, ambient ones are left alone.
_TAKES = {
    "password": _USER | _PROJECT | {"password", "trust_id"},
    "application_credential": _USER | _APPLICATION,
    "token": _PROJECT | {"domain_name", "domain_id", "token", "trust_id"},
}
_ALL = set().union(*_TAKES.values())

# (by name, by id): one is enough, and the id says more.
_EITHER = (
    ("user", "user_id"),
    ("tenant_name", "tenant_id"),
    ("domain_name", "domain_id"),
    ("user_domain_name", "user_domain_id"),
    ("project_domain_name", "project_domain_id"),
    ("application_credential_name", "application_credential_id"),
)
_V3_ONLY = _APPLICATION | {"trust_id"} | {a for a in _ALL if "domain" in a}


def resolve(explicit, ambient):
    """(values, problems): the options that make up the credential, in one place, and what is wrong with them.

    `values` has everything of both sources, plus `method`, `auth_version` (None: ask the server) and a versioned
    `auth_url`; `problems` are sentences that name an option and say what to write.
    """
    problems = []
    method = _method(explicit) or _method(ambient) or "password"
    problems += _two_ways(method, explicit)
    values = _merge(method, explicit, ambient)
    problems += _settle_version(values, explicit, ambient)
    values["method"] = method
    _split_user(values)
    _settle_domains(values)
    return values, problems + _missing(values)


def _method(values):
    """The way to log in that these options name, or None."""
    if values.get("auth_type") == "token" or "token" in values and "password" not in values:
        return "token"
    if any(a in values for a in _APPLICATION):
        return "application_credential"
    if "password" in values or "user" in values or "user_id" in values:
        return "password"
    return None


def _two_ways(method, explicit):
    given = sorted(a for a in explicit if a in _SECRETS - _TAKES[method])
    if given:
        chosen = sorted(a for a in explicit if a in _SECRETS & _TAKES[method])
        yield "%s and %s are two ways to log in: leave one out" % (_names(chosen), _names(given))
    elif method == "application_credential":
        given = sorted(a for a in explicit if a in _PROJECT | {"trust_id"})
        if given:
            yield "leave out %s: an application credential belongs to one project" % _names(given)
    if "trust_id" in explicit and ("tenant_name" in explicit or "tenant_id" in explicit):
        yield "swift_trust_id and swift_tenant_name contradict each other: a trust names the project, leave one out"


def _merge(method, explicit, ambient):
    values = {a: v for a, v in ambient.items() if a not in _ALL or a in _TAKES[method]}
    for pair in _EITHER + (("trust_id", "tenant_name"), ("trust_id", "tenant_id")):
        if explicit.get(pair[0]) or explicit.get(pair[1]):
            values.pop(pair[0], None), values.pop(pair[1], None)
    values.update(explicit)
    for by_name, by_id in _EITHER:
        if by_id in values:
            values.pop(by_name, None)
    if "trust_id" in values:
        values.pop("tenant_name", None), values.pop("tenant_id", None)
    return values


def _settle_version(values, explicit, ambient):
    url = values.get("auth_url")
    if url:
        url = re.sub(r"(/auth)?/tokens$", "", url) if re.search(r"/v[23](\.0)?(/auth)?/tokens$", url) else url
    in_url = _version_of(url) if url else None
    stated = explicit.get("auth_version")
    if stated and in_url and stated != in_url:
        yield "swift_auth_version is %s, but swift_authurl (%s) is of version %s: leave swift_auth_version out" % (
            stated,
            url,
            in_url,
        )
    wanting = sorted(a for a in explicit if a in _V3_ONLY)
    version = stated or in_url or (3 if wanting else ambient.get("auth_version"))
    if not version:
        version = 1 if url and url.endswith("/auth") else 3 if any(a in values for a in _V3_ONLY) else None
    if version in (1, 2):
        if wanting:
            yield "%s needs Keystone v3, but %s says version %s: write its v3 URL" % (
                _names(wanting),
                "swift_auth_version" if stated else "swift_authurl",
                version,
            )
        for attribute in _V3_ONLY:
            values.pop(attribute, None)
    if url and version in (2, 3) and in_url is None:
        url += "/v3" if version == 3 else "/v2.0"
    values["auth_version"] = version
    values["auth_url"] = url


def _version_of(url):
    match = re.search(r"/(?:v([123])(?:\.\d+)?|(1)\.0)$", url)
    return int(match.group(1) or match.group(2)) if match else None


def _split_user(values):
    """`tenant:user`, which the former driver took for v2 and v3."""
    user = values.get("user")
    if user and ":" in user and values["auth_version"] != 1 and not _has_project(values):
        values["tenant_name"], values["user"] = user.split(":", 1)


def _settle_domains(values):
    """v3 wants a domain with each name: its own, else the common one, else the user's, else the default."""
    if values["auth_version"] != 3:
        return
    common = {"domain_" + kind: values.pop("domain_" + kind, None) for kind in ("name", "id")}
    fallback = (common["domain_name"], common["domain_id"])
    for owner, name in (("user", "user"), ("project", "tenant_name")):
        own = (values.get(owner + "_domain_name"), values.get(owner + "_domain_id"))
        if not any(own):
            own = fallback if any(fallback) else (None, DEFAULT_DOMAIN)
        if owner == "user" and values.get(name):
            fallback = fallback if any(fallback) else own
        values.pop(owner + "_domain_name", None), values.pop(owner + "_domain_id", None)
        if values.get(name):
            values[owner + "_domain_id" if own[1] else owner + "_domain_name"] = own[1] or own[0]


def _has_project(values):
    return "tenant_name" in values or "tenant_id" in values or "trust_id" in values


def _missing(values):
    method = values["method"]
    if method == "token" and values.get("storage_url") and not values.get("auth_url"):
        return []
    wanted = []
    if not values.get("auth_url"):
        wanted.append("auth_url")
    if method == "application_credential":
        if "application_credential_secret" not in values:
            wanted.append("application_credential_secret")
        if "application_credential_id" not in values:
            if "application_credential_name" not in values:
                wanted.append("application_credential_id")
            elif "user" not in values and "user_id" not in values:
                wanted.append("user")
    if method == "password":
        wanted += [a for a in ("user", "password") if a not in values and a + "_id" not in values]
    if method != "application_credential" and values["auth_version"] != 1 and not _has_project(values):
        wanted.append("tenant_name")
    return [_missing_text(attribute) for attribute in wanted]


def _missing_text(attribute):
    option = BY_ATTRIBUTE[attribute]
    return "%s is missing: write it in the configuration, or set %s (%s)" % (
        option.name,
        option.env[0],
        option.text.rstrip("."),
    )


def _names(attributes):
    return ", ".join(BY_ATTRIBUTE[a].name for a in attributes)
