"""What the tests' Keystones hold: domains, projects, users, and a catalogue whose addresses stand for real ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["IDS", "KEYSTONE", "OTHER_REGION", "REGION", "SECURE_REGION", "SECURE_SWIFT", "SWIFT", "SWIFT_ELSEWHERE"]

KEYSTONE = "http://keystone.test"
SWIFT = "http://swift.test"
SWIFT_ELSEWHERE = "http://elsewhere.test"
SECURE_SWIFT = "https://secure.test"

REGION = "RegionOne"
OTHER_REGION = "RegionTwo"
SECURE_REGION = "Secure"
ENDPOINTS = (
    (REGION, "public", SWIFT),
    (REGION, "internal", SWIFT_ELSEWHERE),
    (OTHER_REGION, "public", SWIFT_ELSEWHERE),
    (SECURE_REGION, "public", SECURE_SWIFT),
)

ROLE = "member"
PASSWORD = "0123"  # YAML makes the number 83 of it
SALES_PASSWORD = "in sales: \u00fc%s"
SERVICE_PASSWORD = "of-the-service"

IDS = "ids.json"  # the file of the ids by name


def furnish(admin: Any, folder: Path) -> None:
    """Fill a Keystone that has been bootstrapped; `admin` is its administrator's client."""
    roles = {role.name: role for role in admin.roles.list()}
    role = roles.get(ROLE) or admin.roles.create(ROLE)
    sales = admin.domains.create("sales")
    ids = {"role": role.id, "sales": sales.id}
    for name, domain, password in (("demo", "default", PASSWORD), ("sales_demo", sales.id, SALES_PASSWORD)):
        project = admin.projects.create("web", domain)
        user = admin.users.create("demo", domain=domain, password=password)
        admin.roles.grant(role, user=user, project=project)
        ids[name], ids[f"{name}_project"] = user.id, project.id
    admin.projects.create("other", "default")
    # Swift asks Keystone about tokens as this one.
    project = admin.projects.create("service", "default")
    user = admin.users.create("swift", domain="default", password=SERVICE_PASSWORD)
    admin.roles.grant(roles["admin"], user=user, project=project)
    _catalogue(admin)
    (folder / IDS).write_text(json.dumps(ids))


def _catalogue(admin: Any) -> None:
    for region in (OTHER_REGION, SECURE_REGION):
        admin.regions.create(region)
    service = admin.services.create("swift", "object-store")
    for region, interface, address in ENDPOINTS:
        url = f"{address}/v1/AUTH_%(project_id)s"
        admin.endpoints.create(service, url, interface=interface, region=region)
