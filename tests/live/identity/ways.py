"""Every way to log in that the driver knows: what the configuration, the environment and clouds.yaml say."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docker_registry.embedded import EmbeddedSwift
from tests.live.identity.cloud import Cloud
from tests.live.identity.furnishing import OTHER_REGION, PASSWORD, SALES_PASSWORD, SECURE_REGION

__all__ = ["V1", "V2", "V3", "Way"]


@dataclass
class Way:
    """A way to log in, and the address of Swift that it must lead to (empty: the first region's)."""

    options: dict[str, Any]
    environ: dict[str, str] = field(default_factory=dict)
    base: str = ""


Maker = Callable[[Cloud], Way]


def application(cloud: Cloud) -> Way:
    made = cloud.application_credential()
    secret = {"swift_application_credential_secret": made.secret}
    return Way(cloud.bare(swift_application_credential_id=made.id, **secret))


def application_by_name(cloud: Cloud) -> Way:
    made = cloud.application_credential()
    secret = {"swift_application_credential_secret": made.secret}
    return Way(cloud.bare(swift_application_credential_name=made.name, swift_user="demo", **secret))


def trust(cloud: Cloud) -> Way:
    trustee = cloud.newcomer()
    made = cloud.trust(trustee)
    return Way(cloud.bare(swift_user=trustee.name, swift_password=PASSWORD, swift_trust_id=made.id))


def ids(cloud: Cloud) -> Way:
    options = {"swift_user_id": cloud.ids["demo"], "swift_tenant_id": cloud.ids["demo_project"]}
    return Way(cloud.bare(swift_password=PASSWORD, **options))


def sales(cloud: Cloud) -> Way:
    return Way(cloud.options(swift_domain_name="sales", swift_password=SALES_PASSWORD))


def sales_by_id(cloud: Cloud) -> Way:
    domains = {"swift_user_domain_id": cloud.ids["sales"], "swift_project_domain_name": "sales"}
    return Way(cloud.options(swift_password=SALES_PASSWORD, **domains))


def environment(cloud: Cloud) -> Way:
    return Way(
        {},
        {
            "OS_AUTH_URL": cloud.auth_url,
            "OS_USERNAME": "demo",
            "OS_PASSWORD": PASSWORD,
            "OS_PROJECT_NAME": "web",
            "OS_REGION_NAME": OTHER_REGION,
        },
        cloud.elsewhere,
    )


def application_environment(cloud: Cloud) -> Way:
    made = cloud.application_credential()
    return Way(
        {},
        {
            "OS_AUTH_TYPE": "v3applicationcredential",
            "OS_AUTH_URL": cloud.auth_url,
            "OS_APPLICATION_CREDENTIAL_ID": made.id,
            "OS_APPLICATION_CREDENTIAL_SECRET": made.secret,
        },
    )


def clouds_yaml(cloud: Cloud) -> Way:
    login = {"auth_url": cloud.auth_url, "username": "demo", "password": PASSWORD, "project_name": "web"}
    return _clouds_yaml(cloud, {"auth": login, "interface": "internal"}, cloud.elsewhere)


def application_clouds_yaml(cloud: Cloud) -> Way:
    made = cloud.application_credential()
    login = {
        "auth_url": cloud.auth_url,
        "application_credential_id": made.id,
        "application_credential_secret": made.secret,
    }
    return _clouds_yaml(cloud, {"auth_type": "v3applicationcredential", "auth": login})


def _clouds_yaml(cloud: Cloud, content: dict[str, Any], base: str = "") -> Way:
    path = Path(cloud.folder, "clouds.yaml")
    path.write_text(json.dumps({"clouds": {"mine": content}}))
    return Way({"swift_cloud": "mine"}, {"OS_CLIENT_CONFIG_FILE": str(path)}, base)


def secure(cloud: Cloud, **options: Any) -> Way:
    url = cloud.secure_keystone.url + cloud.keystone.path
    return Way(
        cloud.options(swift_authurl=url, swift_region_name=SECURE_REGION, **options), base=cloud.secure_swift.url
    )


COMMON: dict[str, Maker] = {
    "password": lambda cloud: Way(cloud.options()),
    "password, version asked of the server": lambda cloud: Way(cloud.options(swift_authurl=cloud.keystone.url)),
    "password, user and project by id": ids,
    "password, project and user in one": lambda cloud: Way(
        cloud.options(swift_user="web:demo", swift_tenant_name=None)
    ),
    "password, another region": lambda cloud: Way(cloud.options(swift_region_name=OTHER_REGION), base=cloud.elsewhere),
    "password, another endpoint type": lambda cloud: Way(
        cloud.options(swift_endpoint_type="internalURL"), base=cloud.elsewhere
    ),
    "password, storage URL given": lambda cloud: Way(
        cloud.options(swift_object_storage_url=cloud.account.replace("127.0.0.1", "localhost")), base=cloud.elsewhere
    ),
    "password, OS_* environment": environment,
    "password, clouds.yaml": clouds_yaml,
    "password, TLS with cacert": lambda cloud: secure(cloud, swift_cacert=str(cloud.certificate.cert)),
    "password, TLS unchecked": lambda cloud: secure(cloud, swift_insecure=True),
    "token": lambda cloud: Way(cloud.bare(swift_token=cloud.token(), swift_tenant_name="web")),
    "token, storage URL given": lambda cloud: Way(
        {"swift_token": cloud.token(), "swift_object_storage_url": cloud.account}
    ),
}

V2 = {f"v2 {name}": make for name, make in COMMON.items()}

V3 = {
    f"v3 {name}": make
    for name, make in {
        **COMMON,
        "password, another domain": sales,
        "password, domains of user and project": sales_by_id,
        "application credential by id": application,
        "application credential by name": application_by_name,
        "application credential, OS_* environment": application_environment,
        "application credential, clouds.yaml": application_clouds_yaml,
        "trust": trust,
    }.items()
}

V1: dict[str, Callable[[EmbeddedSwift], Way]] = {
    "v1 password": lambda swift: Way(swift.options()),
    "v1 password, version read off the URL": lambda swift: Way(swift.options(swift_auth_version=None)),
    "v1 password, ST_* environment": lambda swift: Way(
        {}, {"ST_AUTH": swift.auth_url, "ST_USER": swift.user, "ST_KEY": swift.password}
    ),
}
