"""A Keystone, and a Swift that asks it who may do what, with users and projects to try."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from docker_registry.embedded import AuthFilter, EmbeddedSwift
from tests.live.keystones import REGION, Keystone

__all__ = ["OTHER_REGION", "Cloud", "cloud"]

PASSWORD = "0123"  # YAML makes the number 83 of it
SALES_PASSWORD = "in sales: ü%s"
SERVICE_PASSWORD = "of-the-service"
OTHER_REGION = "RegionTwo"
ROLE = "member"

# Every request is checked at Keystone: a token that was revoked a moment ago must not pass.
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
token_cache_time = -1
include_service_catalog = false

[filter:keystoneauth]
use = egg:swift#keystoneauth
operator_roles = {role}
"""

serial = itertools.count(1)


class Cloud:
    """Two domains, each with a user `demo` and a project `web`; two regions; public, internal and admin endpoints.

    Swift is the public endpoint of both regions, by an address that tells them apart.
    """

    def __init__(self, keystone: Keystone, folder: Path):
        self.keystone = keystone
        self.folder = folder
        self.password = PASSWORD
        self.sales_password = SALES_PASSWORD
        self.admin = keystone.client()
        self.role = self._role()
        self.project = self.admin.projects.create("web", "default")
        self.other = self.admin.projects.create("other", "default")
        self.user = self._user("demo", PASSWORD, self.project, "default")
        self.sales = self.admin.domains.create("sales")
        self.sales_project = self.admin.projects.create("web", self.sales)
        self.sales_user = self._user("demo", SALES_PASSWORD, self.sales_project, self.sales)
        self._service()
        self.swift = EmbeddedSwift(
            folder,
            request_log=True,
            fsync=False,
            auth=AuthFilter(
                "authtoken keystoneauth", FILTERS.format(url=keystone.url, password=SERVICE_PASSWORD, role=ROLE)
            ),
        )

    def __enter__(self) -> Cloud:
        self.swift.start()
        self._catalogue()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.swift.stop()

    @property
    def auth_url(self) -> str:
        return f"{self.keystone.url}/{'v2.0' if self.keystone.name == 'v2' else 'v3'}"

    def account(self, project: Any, base: str = "") -> str:
        """The storage URL of a project, by default that of the first region's public endpoint."""
        return f"{base or self.swift.url}/v1/AUTH_{project.id}"

    def options(self, **extra: Any) -> dict[str, Any]:
        """What a driver's configuration has to say to log in as `demo` with the password; None takes an option out."""
        options = {
            "swift_authurl": self.auth_url,
            "swift_user": "demo",
            "swift_password": self.password,
            "swift_tenant_name": "web",
            **extra,
        }
        return {name: value for name, value in options.items() if value is not None}

    def bare(self, **extra: Any) -> dict[str, Any]:
        """Options without a credential."""
        return {"swift_authurl": self.auth_url, **extra}

    def as_user(self, name: str = "demo", password: str = PASSWORD) -> Any:
        """Keystone's client, as a user of the project."""
        return self.keystone.client(
            username=name,
            password=password,
            user_domain_id="default",
            project_name="web",
            project_domain_id="default",
        )

    def application_credential(self, **details: Any) -> Any:
        """A new application credential of `demo`; it has an id, a name and a secret."""
        return self.as_user().application_credentials.create(f"credential-{next(serial)}", user=self.user.id, **details)

    def trust(self, trustee: Any, **details: Any) -> Any:
        """Let a user act for `demo` in the project."""
        return self.as_user().trusts.create(
            trustee, self.user, project=self.project, role_names=[self.role.name], impersonation=True, **details
        )

    def newcomer(self, **details: Any) -> Any:
        """A user of the default domain without a role anywhere."""
        return self.admin.users.create(f"user-{next(serial)}", domain="default", password=PASSWORD, **details)

    def token(self) -> str:
        token: str = self.as_user().session.get_token()
        return token

    def revoke(self, token: str) -> None:
        self.admin.tokens.revoke_token(token)

    def _role(self) -> Any:
        roles = {role.name: role for role in self.admin.roles.list()}
        return roles.get(ROLE) or self.admin.roles.create(ROLE)

    def _user(self, name: str, password: str, project: Any, domain: Any) -> Any:
        user = self.admin.users.create(name, domain=domain, password=password)
        self.admin.roles.grant(self.role, user=user, project=project)
        return user

    def _service(self) -> None:
        """The user by which Swift asks Keystone about tokens."""
        project = self.admin.projects.create("service", "default")
        user = self.admin.users.create("swift", domain="default", password=SERVICE_PASSWORD)
        admin = next(role for role in self.admin.roles.list() if role.name == "admin")
        self.admin.roles.grant(admin, user=user, project=project)

    def _catalogue(self) -> None:
        self.admin.regions.create(OTHER_REGION)
        service = self.admin.services.create("swift", "object-store")
        there = self.swift.url.replace("127.0.0.1", "localhost")
        for region, interface, base in (
            (REGION, "public", self.swift.url),
            (REGION, "internal", there),
            (OTHER_REGION, "public", there),
        ):
            self.admin.endpoints.create(service, f"{base}/v1/AUTH_%(project_id)s", interface=interface, region=region)


@contextmanager
def cloud(kind: type[Keystone], folder: Path, **options: Any) -> Iterator[Cloud]:
    """A cloud with a Keystone of this kind; `options` are Keystone's."""
    (folder / "keystone").mkdir()
    with kind(folder / "keystone", **options) as keystone, Cloud(keystone, folder / "swift") as running:
        yield running


def in_hours(hours: float) -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) + datetime.timedelta(hours=hours)
