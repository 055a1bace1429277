"""Several containers behind one registry, as its users run it: quotas, outages, the commands over all of them."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from docker_registry.config import load
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.drivers.swift import Storage
from docker_registry.embedded import EmbeddedSwift
from docker_registry.settings import Settings
from tests.conformance import pattern
from tests.live.adoption import MIB, in_process
from tests.live.clients import host
from tests.live.clients import run as run_client
from tests.live.images import Layout, file_layer
from tests.live.ours import Ours, write_config
from tests.live.raw import Raw
from tests.live.wire import Client, digest_of
from tests.maintenance.planting import fsck
from tests.peers import need

LAYERS = [b"one layer", b"another"]


@pytest.fixture
def entries(container: str) -> dict[str, Any]:
    return {
        "team-a": {"repositories": ["team-a/**"], "swift_container": f"{container}-a"},
        "team-b": {"repositories": ["team-b/**"], "swift_container": f"{container}-b"},
    }


def settings(folder: Path, swift: EmbeddedSwift, container: str, entries: dict[str, Any]) -> Settings:
    return load(str(write_config(folder, swift, container, containers=entries)), "test", {}).settings


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "docker_registry.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_a_full_container_is_named(
    swift: EmbeddedSwift, container: str, tmp_path: Path, entries: dict[str, Any]
) -> None:
    raw = Raw(swift, f"{container}-a")
    raw.ask("PUT", headers={"X-Container-Meta-Quota-Bytes": "1000"})
    with in_process(settings(tmp_path, swift, container, entries)) as client:
        client.push_blob("team-a/app", b"small")
        url = f"/v2/team-a/app/blobs/uploads/?digest={digest_of(b'x' * MIB)}"
        answer = client.ask("POST", url, data=b"x" * MIB)
        assert answer.status_code == 403
        [error] = answer.json()["errors"]
        assert (error["code"], error["message"]) == ("DENIED", "the quota of the container team-a is used up")
        for name in ("team-b/app", "other"):
            client.push_image(name, "v1", [b"x" * MIB])


@pytest.fixture
def away() -> Iterator[EmbeddedSwift]:
    """A second Swift, which the test may stop."""
    with tempfile.TemporaryDirectory(prefix="swift-") as data, EmbeddedSwift(data, fsync=False) as running:
        yield running


def test_another_cloud_goes_away_and_the_others_are_served(
    swift: EmbeddedSwift, away: EmbeddedSwift, container: str, tmp_path: Path, entries: dict[str, Any]
) -> None:
    entries["team-b"].update(away.options(swift_container=container, swift_retries=0))
    config = write_config(tmp_path, swift, container, containers=entries)
    with Ours(tmp_path, config) as registry, Client(registry.url) as client:
        for name in ("other", "team-a/app", "team-b/app"):
            client.push_image(name, "v1", LAYERS)
        assert client.repositories() == ["other", "team-a/app", "team-b/app"]
    assert all("team-b" in name for name in Raw(away, container).names(layout.REPOSITORIES))
    away.stop()
    with Ours(tmp_path, config) as registry, Client(registry.url) as client:
        assert "container team-b: " in registry.log
        assert client.ask("GET", "/v2/team-b/app/manifests/v1").status_code == 503
        assert client.ask("GET", "/v2/_catalog").status_code == 503
        assert len(client.pull("team-a/app", "v1")) == 4
        client.push_image("other", "v2", LAYERS)


def test_the_commands_look_at_all(
    swift: EmbeddedSwift, container: str, tmp_path: Path, entries: dict[str, Any]
) -> None:
    config = write_config(tmp_path, swift, container, containers=entries)
    with in_process(settings(tmp_path, swift, container, {})) as client:
        client.push_image("team-b/stranger", "v1", LAYERS)
    with in_process(settings(tmp_path, swift, container, entries)) as client:
        client.push_image("other", "v1", LAYERS)
        client.push_image("team-a/app", "v1", LAYERS)
    done = run("check", "--config", str(config))
    assert done.returncode == 0, done.stdout
    assert [line for line in done.stdout.splitlines() if line.startswith("container ")] == [
        "container default:",
        "container team-a:",
        "container team-b:",
    ]
    assert "1 are not served, since the rules lead elsewhere: team-b/stranger (team-b)" in done.stdout
    assert swift.password not in done.stdout + done.stderr

    broken = Storage("/", swift.options(swift_container=f"{container}-a"))
    broken.remove(layout.blob_data(Digest.of(LAYERS[0])))
    done = run("fsck", "--config", str(config), "--json", "--quiet")
    assert done.returncode == 1, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {line["container"] for line in lines if "finding" in line} == {"team-a"}
    assert {line["container"] for line in lines if "summary" in line} == {"default", "team-a"}
    assert f"there is no container {container}-b" in done.stderr
    assert run("fsck", "--config", str(config), "--container", "default").returncode == 0
    assert run("fsck", "--config", str(config), "--container", "team-b").returncode == 3
    done = run("gc", "--config", str(config), "--dry-run", "--container", "nobody")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "--container nobody: the config file has default, team-a, team-b" in done.stderr


def test_repositories_move_by_a_second_registry(
    swift: EmbeddedSwift, container: str, tmp_path: Path, entries: dict[str, Any]
) -> None:
    """As docs/containers.md says."""
    need("skopeo")
    pushed = Layout(tmp_path / "pushed")
    pushed.add_image("v1", [file_layer("a", 1000), file_layer("b", 10)])
    pushed.add_image("v2", [file_layer("a", 1000)])
    with (
        in_process(settings(tmp_path, swift, container, {})) as old,
        in_process(settings(tmp_path, swift, container, entries)) as new,
    ):
        for tag in ("v1", "v2"):
            target = f"docker://{host(old.url)}/team-a/app:{tag}"
            run_client("skopeo", "copy", "--quiet", "--dest-tls-verify=false", pushed.reference(tag), target)
        assert new.tags("team-a/app") == []
        insecure = ("--src-tls-verify=false", "--dest-tls-verify=false")
        source, target = f"{host(old.url)}/team-a/app", f"{host(new.url)}/team-a"
        run_client("skopeo", "sync", "--src", "docker", "--dest", "docker", "--all", *insecure, source, target)
        assert new.tags("team-a/app") == ["v1", "v2"]
        assert new.pull("team-a/app", "v1") == old.pull("team-a/app", "v1")


def test_two_names_of_one_container_are_refused(
    swift: EmbeddedSwift, container: str, tmp_path: Path, entries: dict[str, Any]
) -> None:
    """By the config file they differ: another name of the server, as an internal and a public endpoint have."""
    alias = swift.url.replace("127.0.0.1", "localhost")
    assert alias != swift.url
    there = {"swift_authurl": f"{alias}/auth/v1.0", "swift_object_storage_url": f"{alias}/v1/AUTH_test"}
    entries["team-b"].update(swift.options(swift_container=f"{container}-a"), **there)
    config = write_config(tmp_path, swift, container, containers=entries)
    arguments = ("--config", str(config), "--flavor", "test")
    assert run("check", *arguments).returncode == 0  # as long as none was made, nothing is known
    Raw(swift, f"{container}-a").ask("PUT")
    for command in ("check", "fsck", "gc", "serve"):
        done = run(command, *arguments)
        assert done.returncode != 0
        assert f"team-a and team-b lead to one container, {container}-a" in done.stdout + done.stderr


def test_an_erasure_coded_container(away: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    """Fragments on three disks, of which any two are an object: the registry sees nothing of that."""
    big = {
        "repositories": ["big/**"],
        "swift_container": f"{container}-big",
        "swift_storage_policy": "erasure",
        "swift_segment_size": MIB,
    }
    layers = [pattern(3 * MIB + 5), b"small"]
    with in_process(settings(tmp_path, away, container, {"big": big})) as client:
        for name in ("big/app", "other"):
            client.push_image(name, "v1", layers)
        fragments = sorted((Path(away.opts.data_dir) / "node").glob("*/objects-2/**/*.data"))
        assert len(fragments) >= 3 * 8  # of segments, small blobs and links
        for fragment in fragments:
            if "disk2" in fragment.parts:
                fragment.unlink()
        url = f"/v2/big/app/blobs/{digest_of(layers[0])}"
        assert client.blob("big/app", digest_of(layers[0])) == layers[0]
        part = client.ask("GET", url, headers={"Range": f"bytes={MIB - 3}-{2 * MIB + 3}"})
        assert (part.status_code, part.content) == (206, layers[0][MIB - 3 : 2 * MIB + 4])
        assert client.pull("big/app", "v1") == client.pull("other", "v1")
    driver = Storage("/", away.options(swift_container=f"{container}-big", swift_segment_size=MIB))
    assert fsck(driver, deep=True) == []
