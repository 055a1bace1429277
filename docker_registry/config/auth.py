"""Who may come in, as either config file says it: Distribution's `auth`, and the section `registry.auth`."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from docker_registry.distribution.auth.robots import ROBOT_ID
from docker_registry.distribution.model import grammar
from docker_registry.settings import Auth, Header, Immutable, KeystoneDoor, Rule, Tls, TokenServer

from .lists import mappings, repository_patterns, tag_patterns, texts
from .values import Options, Problems, flag, text

__all__ = ["DISTRIBUTION", "NO_LOGIN", "add_distribution", "checked", "fitting", "read_section"]

_DOORS = "htpasswd, token, keystone, certificates, header or robots: true"
NO_LOGIN = f"asks for no login: add {_DOORS}, or remove the section"

_FIELDS = {"project_id", "project_name", "domain_id", "domain_name"}
_KINDS = ("user", "group", "role", "robot", "certificate")
_DEEDS = ("pull", "push", "delete", "admin")


def _no(value: Any) -> bool:
    if flag(value):
        raise ValueError("is not supported; give auth.token.realm the whole URL")
    return False


def _key_set(value: Any) -> str:
    """A file, or a URL that nobody on the way can answer for."""
    written = text(value)
    url = urlsplit(written)
    if url.scheme == "http" and url.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise ValueError("must be a file, or a URL with https: whoever can change its answer can log in as anybody")
    return written


# Distribution's keys below `auth`, and how each is read.
DISTRIBUTION: dict[str, Callable[[Any], Any]] = {
    "htpasswd.path": text,
    "htpasswd.realm": text,
    "token.autoredirect": _no,
    "token.autoredirectpath": text,
    "token.issuer": text,
    "token.jwks": _key_set,
    "token.realm": text,
    "token.rootcertbundle": text,
    "token.service": text,
    "token.signingalgorithms": texts,
}


def add_distribution(auth: Auth, options: Options) -> Auth:
    """`auth` with what Distribution's keys say; `options` has them without `auth.` before them."""
    values = {name: options.take(name, convert, None) for name, convert in DISTRIBUTION.items()}
    fields: dict[str, Any] = {}
    if values["htpasswd.path"]:
        fields["htpasswd"] = values["htpasswd.path"]
    if values["htpasswd.realm"]:
        fields["realm"] = values["htpasswd.realm"]
    token = {name.removeprefix("token."): value for name, value in values.items() if name.startswith("token.")}
    if any(token.values()):
        fields["token"] = _token_server(token, f"{options.where}.token", options.problems)
    return checked(dataclasses.replace(auth, **fields), options)


def read_section(options: Options) -> Auth:
    """The section `registry.auth`."""
    is_emptied = options.is_blank("policy")
    if is_emptied:
        options.refuse("policy: has no rule, and without one whoever logs in may do everything; add some, or remove it")
    token = options.section("token") if "token" in options.rest() else None
    keystone = options.section("keystone") if "keystone" in options.rest() else None
    auth = Auth(
        htpasswd=options.take("htpasswd", text, ""),
        realm=options.take("realm", text, Auth.realm),
        token=_token_section(token) if token else None,
        keystone=_keystone(keystone) if keystone else None,
        robots=options.take("robots", flag, False),
        revoked=options.take("revoked", _ids, ()),
        certificates=options.take("certificates", flag, False),
        header=_header(options.section("header")) if "header" in options.rest() else None,
        policy=tuple(_rule(item) for item in mappings(options, "policy")),
        groups=options.take("groups", _groups, ()),
        immutable=tuple(_immutable(item) for item in mappings(options, "immutable")),
        read_only=options.take("read_only", repository_patterns, ()),
    )
    options.refuse_rest(field.name for field in dataclasses.fields(Auth))
    if auth == Auth() and not is_emptied:
        options.refuse(NO_LOGIN)
    return auth


def checked(auth: Auth, options: Options) -> Auth:
    """`auth`, judged as a whole."""
    doors = [name for name in ("htpasswd", "token", "keystone") if getattr(auth, name)]
    if len(doors) > 1:
        options.refuse(f"has {' and '.join(doors)}; choose one")
    if auth.policy and not auth.is_on:
        options.refuse(f"policy: nobody can log in; add {_DOORS}")
    return auth


def fitting(auth: Auth, tls: Tls | None, is_behind_proxies: bool, options: Options) -> None:
    """Judge doors that need something beside them."""
    if auth.certificates and not (tls and tls.client_cas):
        options.refuse("certificates: needs the client's authorities; name their files in clientcas of tls")
    if auth.header and not is_behind_proxies:
        options.refuse("header: needs a proxy that is believed; name its address in trusted_proxies")


def _header(options: Options) -> Header:
    found = Header(user=options.take("user", _header_name, ""), groups=options.take("groups", _header_name, ""))
    options.refuse_rest(["user", "groups"])
    if not found.user:
        options.refuse("user: is missing; name the header that says who was let in, such as X-Remote-User")
    return found


def _header_name(value: Any) -> str:
    written = text(value)
    if not re.fullmatch("[A-Za-z][A-Za-z0-9-]*", written) or written.lower() in ("authorization", "host"):
        raise ValueError("must be the name of a header, such as X-Remote-User")
    return written


def _groups(value: Any) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if not isinstance(value, Mapping):
        raise ValueError("must be a mapping of groups to who is in them")
    for name, members in value.items():
        for member in texts(members):
            kind, _, rest = member.partition(":")
            if kind not in ("user", "robot", "certificate") or not rest:
                raise ValueError(f"{member!r} in {name} must be user:NAME, robot:NAME or certificate:NAME")
    return tuple((str(name), texts(members)) for name, members in value.items())


def _token_section(options: Options) -> TokenServer:
    names = [name.removeprefix("token.") for name in DISTRIBUTION if name.startswith("token.")]
    values = {name: options.take(name, DISTRIBUTION[f"token.{name}"], None) for name in names}
    groups = options.take("groups", text, "")
    options.refuse_rest([*names, "groups"])
    return dataclasses.replace(_token_server(values, options.where, options.problems), groups=groups)


def _keystone(options: Options) -> KeystoneDoor:
    door = KeystoneDoor(
        url=options.take("url", text, "").rstrip("/"),
        cacert=options.take("cacert", text, ""),
        prefix=options.take("prefix", _prefix, KeystoneDoor.prefix),
        domain=options.take("domain", text, ""),
        policy_file=options.take("policy", text, ""),
        groups=options.take("groups", flag, False),
        acts_for_callers=options.take("own_token", flag, False),
    )
    options.refuse_rest(["url", "cacert", "prefix", "domain", "policy", "groups", "own_token"])
    if not door.url.endswith("/v3"):
        options.refuse("url: must end in /v3, such as https://keystone.example.org:5000/v3")
    if "{project_id}" not in door.prefix and "{domain_" not in door.prefix and not door.domain:
        options.refuse("prefix: projects of two domains may have one name; add {domain_name}/, or name the domain")
    return door


def _prefix(value: Any) -> str:
    written = text(value).strip("/")
    fields = re.findall(r"{(\w*)}", written)
    # With two in a part, "ab" and "c" would be taken for "a" and "bc".
    one_each = all(part.count("{") < 2 for part in written.split("/"))
    is_name = grammar.is_name(re.sub(r"{\w*}", "x", written))
    if not (set(fields) <= _FIELDS and {"project_id", "project_name"} & set(fields) and one_each and is_name):
        known = ", ".join(f"{{{field}}}" for field in sorted(_FIELDS))
        raise ValueError(f"{written!r} must have one of {known} in a part, and name the project")
    return written


def _token_server(values: Mapping[str, Any], where: str, problems: Problems) -> TokenServer:
    for name in ("realm", "service", "issuer"):
        if not values[name]:
            problems.add(where, f"{name}: is missing")
    if not (values["rootcertbundle"] or values["jwks"]):
        problems.add(where, "rootcertbundle: is missing, and jwks too; one must name the server's keys")
    return TokenServer(
        realm=values["realm"] or "",
        service=values["service"] or "",
        issuer=values["issuer"] or "",
        certificates=values["rootcertbundle"] or "",
        jwks=values["jwks"] or "",
        algorithms=values["signingalgorithms"] or (),
    )


def _rule(options: Options) -> Rule:
    if options.is_blank("repositories"):
        options.refuse("repositories: names none; without it the rule is for all")
    given = options.rest()
    rule = Rule(
        who=options.take("who", _who, ()),
        repositories=options.take("repositories", repository_patterns, ("**",)),
        may=options.take("may", _deeds, ()),
    )
    for name, found in (("who", rule.who), ("may", rule.may)):
        if not found and not given.get(name):
            options.refuse(f"{name}: is missing")
    options.refuse_rest(["who", "repositories", "may"])
    return rule


def _immutable(options: Options) -> Immutable:
    found = Immutable(
        repositories=options.take("repositories", repository_patterns, ("**",)),
        tags=options.take("tags", tag_patterns, ("*",)),
    )
    options.refuse_rest(["repositories", "tags"])
    return found


def _ids(value: Any) -> tuple[str, ...]:
    ids = texts(value)
    for identity in ids:
        if not re.fullmatch(ROBOT_ID, identity):
            raise ValueError(f"{identity!r} is not the id of a robot's password, such as r0123456789a")
    return ids


def _who(value: Any) -> tuple[str, ...]:
    names = texts(value)
    for name in names:
        kind, _, rest = name.partition(":")
        if name not in ("*", "anonymous") and not (kind in _KINDS and rest):
            known = f"anonymous, {', '.join(f'{each}:NAME' for each in _KINDS)}, or * for everybody who logged in"
            raise ValueError(f"{name!r} must be {known}")
    return names


def _deeds(value: Any) -> tuple[str, ...]:
    deeds = texts(value)
    for deed in deeds:
        if deed not in _DEEDS:
            raise ValueError(f"{deed!r} must be one of {', '.join(_DEEDS)}")
    if "push" in deeds and not {"pull", "admin"} & set(deeds):
        raise ValueError("pushing needs pull too")
    return deeds
