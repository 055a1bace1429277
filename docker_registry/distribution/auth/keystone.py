"""OpenStack's own users: a name and a password that Keystone knows, and the roles of a project that decide.

A login names a project, in the spelling that Keppel's users know:

    user@user_domain/project@project_domain
    user@domain/project
    applicationcredential-<id>     with the application credential's secret
    token                          with a token of a project in place of a password

A project owns the repositories below one prefix of its own, `prefix` of the
settings. Rules in the form of oslo.policy say which roles may do what there.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, MutableMapping
from functools import lru_cache
from typing import Any

import yaml
from keystoneauth1 import exceptions as failures
from keystoneauth1.access import AccessInfo, create
from keystoneauth1.identity import v3
from keystoneauth1.session import Session
from oslo_config import cfg
from oslo_policy import policy

from docker_registry.concurrency.acting import Acting
from docker_registry.core.exceptions import ConfigError
from docker_registry.rereading import FromFiles, read_file
from docker_registry.settings import KeystoneDoor

from ..errors import Code, RegistryError
from .access import UPKEEP, Access
from .caller import Caller, Kind

__all__ = ["Keystone", "Rules"]

logger = logging.getLogger(__name__)
logging.getLogger("oslo_policy._parser").setLevel(logging.CRITICAL)  # its tracebacks of rules that ConfigError names

_TIMEOUT = 15  # s for an answer of Keystone
_LONGEST = 512  # characters of a name, or of a password that is no token
_TOKEN = "token"  # noqa: S105  the name that says that the password is one
_CREDENTIAL = "applicationcredential-"
_NAME = re.compile(r"([^/@]+)@([^/@]+)/([^/@]+)(?:@([^/@]+))?")
_DEFAULTS = {
    "registry:pull": "project_id:%(target.project.id)s",
    "registry:push": "project_id:%(target.project.id)s and (role:member or role:admin)",
    "registry:delete": "project_id:%(target.project.id)s and (role:member or role:admin)",
    "registry:catalog": "@",
    "registry:admin": "@",  # of those who may pull everything
}
_SWIFTS = dict.fromkeys(_DEFAULTS, "@")  # where Swift decides


class Keystone:
    """Raises ConfigError for a policy file that cannot be used."""

    # Keystone hashes a password only where it knows the user, which takes it two to ten times as long.
    pace = 1.0
    version = None  # answers are remembered for a minute, whatever changes at Keystone meanwhile

    def __init__(self, door: KeystoneDoor):
        self._door = door
        self._rules = Rules(door.policy_file, _SWIFTS if door.acts_for_callers else _DEFAULTS)
        self._session = Session(verify=door.cacert or True, timeout=_TIMEOUT, user_agent="docker-registry-driver-swift")

    def check(self, name: str, password: str) -> Caller | None:
        """Raises LOGIN_UNCHECKED while Keystone does not answer."""
        try:
            access = self._access(name, password)
            if access is None or not access.project_id:
                return None  # a login without a project has no repositories
            groups = self._groups(access) if self._door.groups else ()
        except (failures.Unauthorized, failures.NotFound, failures.BadRequest, failures.Forbidden):
            return None
        except (failures.ClientException, OSError) as error:
            logger.error("Keystone does not answer: %s", error)
            raise RegistryError(Code.LOGIN_UNCHECKED, headers={"Retry-After": "5"}) from None
        called = f"{access.username}@{access.user_domain_name}"
        acting = Acting(_rights(access, name), called, access.auth_token or "") if self._door.acts_for_callers else None
        return Caller(
            Kind.USER,
            called,
            self._grants(access),
            frozenset(access.role_names or ()),
            frozenset(groups),
            limit="Keystone and its policy",
            acting=acting,
            still=lambda: acting is None or not acting.has_ended,
        )

    def _access(self, name: str, password: str) -> AccessInfo | None:
        if name == _TOKEN:
            return self._of_token(password)
        plugin = self._plugin(name, password)
        return plugin.get_access(self._session) if plugin else None

    def _plugin(self, name: str, password: str) -> Any:
        """How to log in with a name and a password; None for what is no name here."""
        if len(name) > _LONGEST or len(password) > _LONGEST:
            return None
        if name.startswith(_CREDENTIAL):
            return v3.ApplicationCredential(
                self._door.url,
                application_credential_id=name.removeprefix(_CREDENTIAL),
                application_credential_secret=password,
            )
        match = _NAME.fullmatch(name)
        if match is None:
            return None
        user, domain, project, project_domain = match.groups()
        return v3.Password(
            self._door.url,
            username=user,
            password=password,
            user_domain_name=domain,
            project_name=project,
            project_domain_name=project_domain or domain,
            include_catalog=False,
        )

    def _of_token(self, token: str) -> AccessInfo | None:
        if not token.isascii() or not token.isprintable() or " " in token:
            return None
        headers = {"X-Auth-Token": token, "X-Subject-Token": token}
        answer = self._session.get(
            f"{self._door.url}/auth/tokens?nocatalog", headers=headers, authenticated=False, log=False
        )
        return create(resp=answer, auth_token=token)  # type: ignore[no-any-return]

    def _groups(self, access: AccessInfo) -> list[str]:
        """`name@domain` of the groups that a user is in, as users are called; those of another domain by its id."""
        headers = {"X-Auth-Token": access.auth_token}
        url = f"{self._door.url}/users/{access.user_id}/groups"
        try:
            answer = self._session.get(url, headers=headers, authenticated=False, log=False)
        except (failures.Unauthorized, failures.Forbidden):
            # As to an application credential with rules of its own.
            logger.warning("Keystone does not tell the groups of %s with the login's own token", access.user_id)
            return []
        domains = {access.user_domain_id: access.user_domain_name}
        return [
            f"{group['name']}@{domains.get(group['domain_id'], group['domain_id'])}"
            for group in answer.json()["groups"]
        ]

    def _grants(self, access: AccessInfo) -> Callable[[Access], bool]:
        prefix, project = self._prefix(access), access.project_id or ""
        credentials = {
            "project_id": project,
            "user_id": access.user_id,
            "roles": list(access.role_names or ()),
            "domain_id": access.user_domain_id,
        }

        @lru_cache(maxsize=16)  # for a minute at most, as the login; reading the rules takes longer than all else
        def allows(_: object, action: str, owner: str) -> bool:
            return self._rules.allow(action, credentials, owner)

        def grants(asked: Access) -> bool:
            if asked.kind == "registry":
                return allows(self._rules.version, "admin" if asked == UPKEEP else "catalog", project)
            # What belongs to no project that this login can name is no one's here.
            owner = project if prefix and asked.name.startswith(prefix) else ""
            return allows(self._rules.version, asked.action, owner)

        return grants

    def _prefix(self, access: AccessInfo) -> str:
        """What the names of the project's repositories begin with; "" where it can have none."""
        if self._door.domain and self._door.domain not in (access.project_domain_name, access.project_domain_id):
            return ""
        fields = {
            "project_id": access.project_id,
            "project_name": access.project_name,
            "domain_id": access.project_domain_id,
            "domain_name": access.project_domain_name,
        }
        if any("/" in str(fields[name]) for name in fields if f"{{{name}}}" in self._door.prefix):
            return ""
        return self._door.prefix.format(**fields) + "/"


def _rights(access: AccessInfo, name: str) -> str:
    """What is equal only for tokens that Swift gives the same rights.

    Those of one user in one project, since roles count as they are; but a token may be of a credential or trust that
    allows less, so each that came from outside has rights of its own.
    """
    which = access.audit_id if name == _TOKEN else name if name.startswith(_CREDENTIAL) else ""
    return repr((access.user_id, access.project_id, which))


class Rules(FromFiles):
    """A policy file of oslo.policy over defaults. The file is read here: oslo.policy takes one that is gone for empty,
    which may allow more, and raises at whoever asks next where it is broken."""

    def __init__(self, path: str, defaults: Mapping[str, str] = _DEFAULTS):
        self._path = path
        self._defaults = defaults
        super().__init__("auth.keystone.policy", *([path] if path else []))

    def _read(self) -> None:
        rules = policy.Rules.from_dict(dict(self._defaults))
        if self._path:
            content = read_file(self._option, self._path)
            try:
                rules.update(self._parsed(content))
                self._try(rules)
            except Exception as error:  # noqa: BLE001  it raises what its parsers and checks raise
                why = " ".join(str(error).split()) or type(error).__name__
                raise ConfigError(f"{self._option}: {self._path} cannot be used: {why}") from None
        self._enforcer = _enforcer(rules)

    def _parsed(self, content: bytes) -> Mapping[str, Any]:
        if not content.strip():
            raise ValueError("it is empty; a comment would do, for the defaults")
        texts = yaml.safe_load(content) or {}
        if not isinstance(texts, dict):
            raise ValueError("must be a mapping of names to rules")
        blank = [name for name, text in texts.items() if not text]
        if blank:
            raise ValueError(f'{blank[0]} has no rule: "@" is for everybody, "!" for nobody')
        unknown = [name for name in texts if str(name).startswith("registry:") and name not in self._defaults]
        if unknown:
            raise ValueError(f"{unknown[0]} is not one of {', '.join(self._defaults)}")
        rules: dict[str, Any] = policy.Rules.from_dict(texts)
        named = {other for rule in rules.values() for other in _named(rule)}
        unused = [str(name) for name in rules if name not in self._defaults and name not in named]
        if unused:
            logger.warning("%s: no rule of the registry has the name %s, and none names it", self._path, unused[0])
        for name, rule in rules.items():
            if str(rule).count("!") > str(texts[name]).count("!"):
                raise ValueError(f"{name} has no rule that can be understood: {texts[name]!r}")
            if re.search(r"\bhttps?:", str(rule)):
                raise ValueError(f"{name} asks another server, which is not supported: {texts[name]!r}")
        return rules

    def _try(self, rules: MutableMapping[str, Any]) -> None:
        """Raises whatever asking by these rules would."""
        for name, rule in rules.items():
            missing = [other for other in _named(rule) if other not in rules]
            if missing:
                raise ValueError(f"{name} names rule:{missing[0]}, which is not there")
        trial = _enforcer(rules)
        if not trial.check_rules():
            raise ValueError("its rules name each other in a circle")
        nobody = {"project_id": "", "user_id": "", "roles": [], "domain_id": ""}
        for name in self._defaults:
            trial.enforce(name, _target(""), nobody)

    def allow(self, action: str, credentials: dict[str, Any], owner: str) -> bool:
        """Whether these credentials may do it with a repository of the project `owner` ("": of none)."""
        return bool(self._enforcer.enforce(f"registry:{action}", _target(owner), dict(credentials)))


def _named(rule: object) -> list[str]:
    """The other rules that a rule names."""
    return re.findall(r"\brule:([^\s()]+)", str(rule))


def _target(owner: str) -> dict[str, str]:
    return {"target.project.id": owner, "project_id": owner}


def _enforcer(rules: MutableMapping[str, Any]) -> policy.Enforcer:
    config = cfg.ConfigOpts()
    config([], project="docker-registry-swift", default_config_files=[], default_config_dirs=[])
    enforcer = policy.Enforcer(config, use_conf=False)  # or a file would be looked for in /etc
    enforcer.set_rules(rules, use_conf=False)
    return enforcer
