"""Each project's images in its own account of Swift: the config of docs/containers.md, and clients of two projects."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from tests.live.clients import host, run
from tests.live.identity import furnishing
from tests.live.identity.cloud import Cloud
from tests.live.images import Layout, file_layer
from tests.live.ours import Ours
from tests.peers import need, program
from tests.wheels import ROOT

PASSWORD = furnishing.PASSWORD
PROJECTS = ("web", "shop")


class Team:
    """A project, and a user with a role in it whose name is that of the project's login."""

    def __init__(self, cloud: Cloud, project: Any):
        self.project, self._cloud = project, cloud
        self.user = cloud.newcomer()
        self.login = f"{self.user.name}@Default/{project.name}"
        self.admit(self.user)

    def admit(self, user: Any) -> None:
        self._cloud.admin.roles.grant(self._cloud.ids["role"], user=user, project=self.project)

    def dismiss(self) -> None:
        self._cloud.admin.roles.revoke(self._cloud.ids["role"], user=self.user, project=self.project)

    def objects(self) -> dict[str, list[str]]:
        """What Swift has in the account of the project: names by container."""
        client = self._cloud.keystone.client(
            username=self.user.name,
            password=PASSWORD,
            user_domain_id="default",
            project_id=self.project.id,
        )
        account = f"{self._cloud.swift.url}/v1/AUTH_{self.project.id}"
        headers = {"X-Auth-Token": client.session.get_token()}

        def names(url: str) -> list[str]:
            answer = requests.get(url, headers=headers, timeout=60)
            assert answer.status_code in (200, 204), answer.text
            return answer.text.split()

        return {container: names(f"{account}/{container}") for container in names(account)}


@pytest.fixture
def teams(v3: Cloud) -> Iterator[list[Team]]:
    """Two projects of the names in the docs' config; `web` is the one that other tests use too."""
    shop = v3.admin.projects.create("shop", "default")
    made = [Team(v3, v3.admin.projects.get(v3.ids["demo_project"])), Team(v3, shop)]
    yield made
    for team in made:
        v3.admin.users.delete(team.user)
    v3.admin.projects.delete(shop)


@pytest.fixture
def section() -> dict[str, Any]:
    """The section `registry` that the docs show."""
    page = (ROOT / "docs" / "containers.md").read_text()
    (found,) = [
        block["registry"]
        for block in map(yaml.safe_load, re.findall(r"(?ms)^```yaml\n(.*?)^```", page))
        if "auth" in block.get("registry", {})
    ]
    return dict(found)


def write_config(cloud: Cloud, teams: list[Team], section: dict[str, Any], folder: Path, **door: Any) -> Path:
    """The docs' section in a file with the login of a user who has a role in each project and in one of their own."""
    user = cloud.newcomer()
    for team in teams:
        team.admit(user)
    cloud.admin.roles.grant(cloud.ids["role"], user=user, project=cloud.ids["sales_demo_project"])
    login = {"swift_authurl": cloud.auth_url, "swift_user": user.name, "swift_password": PASSWORD}
    project = {"swift_tenant_name": "web", "swift_project_domain_name": "sales", "swift_user_domain_name": "Default"}
    keystone = {**section["auth"]["keystone"], "url": cloud.auth_url, **door}
    shown = {**section, "auth": {"keystone": keystone}}
    path = folder / "config.yml"
    document = {"storage": "swift", **login, **project, "swift_container": "of-all-others", "registry": shown}
    path.write_text(json.dumps({"test": document}))
    return path


def push(image: Layout, url: str, name: str, login: str, password: str = PASSWORD) -> str:
    """What skopeo says when it fails; "" when it has pushed."""
    options = ["--quiet", "--dest-tls-verify=false", "--dest-creds", f"{login}:{password}"]
    command = [program("skopeo") or "", "copy", *options, image.reference("1.0"), f"docker://{host(url)}/{name}:1.0"]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False).stderr


def status(url: str, name: str, login: str) -> int:
    """Of a pull of the tag."""
    return requests.get(f"{url}/v2/{name}/manifests/1.0", auth=(login, PASSWORD), timeout=60).status_code


def pushed(url: str, images: dict[str, Layout], teams: list[Team]) -> None:
    """Each team pushes into its own project, and may not pull the other's."""
    web, shop = teams
    for name, mine, other in (("web", web, shop), ("shop", shop, web)):
        assert push(images[name], url, f"{name}/app", mine.login) == ""
        assert [status(url, f"{name}/app", team.login) for team in (mine, other)] == [200, 403]
        listed = requests.get(f"{url}/v2/_catalog", auth=(mine.login, PASSWORD), timeout=60).json()
        assert listed["repositories"] == [f"{name}/app"]


def stored(images: dict[str, Layout], teams: list[Team]) -> None:
    """Each image is whole in the account of its own project, and none of it in the other's."""
    held = [team.objects()["registry"] for team in teams]
    for name, mine, other in (("web", *held), ("shop", *reversed(held))):
        blobs = {path.name for path in (images[name].folder / "blobs" / "sha256").iterdir()}
        assert {digest for digest in blobs for path in mine if digest in path} == blobs  # layer, config and manifest
        assert not [path for path in other if f"/{name}/app/" in path]


@pytest.fixture
def images(tmp_path: Path) -> dict[str, Layout]:
    need("skopeo")
    made = {name: Layout(tmp_path / name) for name in PROJECTS}
    for name, layout in made.items():
        layout.add_image("1.0", [file_layer(name, 1000)])
    return made


def test_the_documented_config(
    v3: Cloud, teams: list[Team], section: dict[str, Any], images: dict[str, Layout], tmp_path: Path
) -> None:
    need("podman")
    web, shop = teams
    config = write_config(v3, teams, section, tmp_path)
    with Ours(tmp_path, config) as ours:
        pushed(ours.url, images, teams)
        refused = push(images["web"], ours.url, "web/app", shop.login)
        assert "403 (Forbidden)" in refused or "denied" in refused, refused
        refused = push(images["web"], ours.url, "web/app", web.login, "wrong")
        assert "authentication required" in refused or "invalid username/password" in refused, refused
        podman = ["podman", "--storage-driver", "vfs", "--root", str(tmp_path / "root")]
        options = ["--tls-verify=false", "--authfile", str(tmp_path / "auth.json")]
        run(*podman, "login", *options, "-u", shop.login, "-p", PASSWORD, host(ours.url))
        run(*podman, "pull", "-q", *options, f"{host(ours.url)}/shop/app:1.0")
        shop.dismiss()
        # In the other spelling, which nobody remembers; the first counts for a minute.
        assert [status(ours.url, f"{team.project.name}/app", f"{team.login}@Default") for team in teams] == [200, 401]
        assert "Traceback" not in ours.log
    shop.admit(shop.user)
    stored(images, teams)


def test_the_same_with_the_users_own_tokens(
    v3: Cloud, teams: list[Team], section: dict[str, Any], images: dict[str, Layout], tmp_path: Path
) -> None:
    config = write_config(v3, teams, section, tmp_path, own_token=True)
    with Ours(tmp_path, config, "--no-check") as ours:  # the other test has it
        pushed(ours.url, images, teams)
        assert "the container's ACLs in Swift" in ours.log  # it is Swift that refused
    stored(images, teams)
