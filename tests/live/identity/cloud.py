"""A Keystone, and a Swift that asks it who may do what."""

from __future__ import annotations

import itertools
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from docker_registry.embedded import AuthFilter, EmbeddedSwift
from tests.live.identity import furnishing
from tests.live.identity.keystones import Keystone
from tests.live.identity.tls import Certificate, TlsFront

__all__ = ["Cloud"]

FILTERS = """
[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
www_authenticate_uri = {url}
auth_url = {url}/v3
auth_type = password
username = swift
password = {password}
user_domain_id = default
project_name = service
project_domain_id = default
delay_auth_decision = true
cache = swift.cache
token_cache_time = {seconds}
include_service_catalog = false

[filter:keystoneauth]
use = egg:swift#keystoneauth
operator_roles = {role}
"""

serial = itertools.count(1)


class Cloud:
    """A Keystone as `furnishing` has it, and its Swift; a context manager that is ready when it is entered.

    All regions and endpoint types lead to one Swift, by addresses that tell them apart.
    """

    def __init__(self, kind: type[Keystone], folder: Path):
        self.folder = folder
        (folder / "keystone").mkdir()
        self.keystone = kind(folder / "keystone")
        self.certificate = Certificate(folder, "loopback")
        self.swift = self._swift(folder / "swift", 300)

    def __enter__(self) -> Cloud:
        with ExitStack() as stack:
            stack.callback(self.keystone.stop)
            stack.enter_context(self.swift)
            self.secure_keystone = stack.enter_context(TlsFront(self.keystone.url, self.certificate))
            self.secure_swift = stack.enter_context(TlsFront(self.swift.url, self.certificate))
            self.keystone.serve(
                {
                    furnishing.SWIFT: self.swift.url,
                    furnishing.SWIFT_ELSEWHERE: self.elsewhere,
                    furnishing.SECURE_SWIFT: self.secure_swift.url,
                }
            )
            self.ids = json.loads((self.keystone.folder / furnishing.IDS).read_text())
            self.admin = self.keystone.client()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def strict_swift(self) -> EmbeddedSwift:
        """Another Swift, not in the catalogue. It checks each request at Keystone: a revoked token fails at once."""
        return self._swift(self.folder / f"strict-{next(serial)}", -1)

    def _swift(self, folder: Path, seconds: int) -> EmbeddedSwift:
        """A Swift that takes Keystone's word on a token for so many seconds."""
        filters = FILTERS.format(
            url=self.keystone.url, password=furnishing.SERVICE_PASSWORD, role=furnishing.ROLE, seconds=seconds
        )
        auth = AuthFilter("authtoken keystoneauth", filters)
        return EmbeddedSwift(folder, request_log=True, fsync=False, auth=auth)

    @property
    def auth_url(self) -> str:
        return self.keystone.url + self.keystone.path

    @property
    def elsewhere(self) -> str:
        """The address of Swift in the other region, and of its internal endpoint."""
        return self.swift.url.replace("127.0.0.1", "localhost")

    @property
    def account(self) -> str:
        """The storage URL of the project, in the first region."""
        return f"{self.swift.url}/v1/AUTH_{self.ids['demo_project']}"

    def options(self, **extra: Any) -> dict[str, Any]:
        """What a driver's configuration has to say to log in as `demo` with the password; None takes an option out."""
        options = {
            "swift_authurl": self.auth_url,
            "swift_user": "demo",
            "swift_password": furnishing.PASSWORD,
            "swift_tenant_name": "web",
            **extra,
        }
        return {name: value for name, value in options.items() if value is not None}

    def bare(self, **extra: Any) -> dict[str, Any]:
        """Options without a credential."""
        return {"swift_authurl": self.auth_url, **extra}

    def demo(self) -> Any:
        """Keystone's client, as the user `demo`."""
        return self.keystone.client(
            username="demo",
            password=furnishing.PASSWORD,
            user_domain_id="default",
            project_name="web",
            project_domain_id="default",
        )

    def application_credential(self, **details: Any) -> Any:
        """A new application credential of `demo`; it has an id, a name and a secret."""
        name = f"credential-{next(serial)}"
        return self.demo().application_credentials.create(name, user=self.ids["demo"], **details)

    def trust(self, trustee: Any, **details: Any) -> Any:
        """Let a user act for `demo` in the project."""
        return self.demo().trusts.create(
            trustee,
            self.ids["demo"],
            project=self.ids["demo_project"],
            role_names=[furnishing.ROLE],
            impersonation=True,
            **details,
        )

    def newcomer(self) -> Any:
        """A new user of the default domain, with the password of `demo` and without a role anywhere."""
        return self.admin.users.create(f"user-{next(serial)}", domain="default", password=furnishing.PASSWORD)

    def token(self) -> str:
        token: str = self.demo().session.get_token()
        return token

    def revoke(self, token: str) -> None:
        self.admin.tokens.revoke_token(token)
