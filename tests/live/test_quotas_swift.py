"""Quotas on a real Swift: clients are told, replicas heed one count, Distribution's large blobs count, costs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from docker_registry.config import load
from docker_registry.core.exceptions import ConfigError
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.storage.quota_book import Used
from docker_registry.embedded import EmbeddedSwift
from docker_registry.maintenance.quotas import count
from docker_registry.serving.chores import count_for_quotas
from docker_registry.settings import open_driver
from tests.live.adoption import in_process
from tests.live.clients import host
from tests.live.images import MIB, Layout, file_layer
from tests.live.ours import Ours, write_config
from tests.live.raw import Raw
from tests.live.test_retention_swift import Command
from tests.live.wire import digest_of
from tests.maintenance.planting import Plant
from tests.peers import need, program

RULES = [{"repositories": "team/**", "bytes": "3MiB", "tags": 2}, {"repositories": "other", "tags": 100}]


@pytest.fixture
def config(swift: EmbeddedSwift, container: str, tmp_path: Path) -> Path:
    return write_config(tmp_path, swift, container, quotas={"rules": RULES})


def push_by_skopeo(image: Layout, tag: str, url: str) -> subprocess.CompletedProcess[str]:
    target = f"docker://{host(url)}/team/app:{tag}"
    command = [program("skopeo") or "", "copy", "--quiet", "--dest-tls-verify=false", image.reference(tag), target]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_skopeo_is_told_and_replicas_heed_one_count(config: Path, tmp_path: Path) -> None:
    need("skopeo")
    image = Layout(tmp_path / "image")
    image.add_image("small", [file_layer("a", 2 * MIB)])
    image.add_image("large", [file_layer("b", 2 * MIB)])
    with Ours(tmp_path, config) as registry:
        assert push_by_skopeo(image, "small", registry.url).returncode == 0
        told = Command(config)("quotas").stdout
        assert told.splitlines()[1] == "other: 0 of any number of bytes, 0 of 100 tags"
        denied = push_by_skopeo(image, "large", registry.url)
        assert denied.returncode != 0
        assert "denied: the quota of team/** would be exceeded" in denied.stderr
    with in_process(load(str(config)).settings) as client:  # which has taken nothing itself
        assert client.tags("team/app") == ["small"]
        body = b"x" * 2 * MIB
        refused = client.ask("POST", f"/v2/team/app/blobs/uploads/?digest={digest_of(body)}", data=body)
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (403, "DENIED")
        client.push_image("other", "1", [b"x" * 4 * MIB])
    used = [json.loads(line) for line in Command(config)("quotas", "--json").stdout.splitlines()]
    assert used[0]["repositories"] == ["team/**"]
    assert used[0]["limits"] == {"bytes": 3 * MIB, "tags": 2}
    assert used[0]["used"]["tags"] == 1
    assert 2 * MIB < used[0]["used"]["bytes"] < 3 * MIB
    assert used[1]["used"]["bytes"] > 4 * MIB


def of_quotas(requests: list[Any]) -> list[Any]:
    return [request for request in requests if "_quotas" in str(request)]


def test_what_it_costs(swift: EmbeddedSwift, config: Path) -> None:
    with in_process(load(str(config)).settings) as client:
        with swift.counting() as requests:
            for tag in ("1", "2"):
                client.push_image("team/app", tag, [b"1", b"2", b"3"])
        assert len(of_quotas(requests)) == 1  # in 30 s
        with swift.counting() as requests:
            client.pull("team/app", "1")
        assert of_quotas(requests) == []


def test_distribution_s_large_blobs_count_and_each_is_asked_for_once(
    swift: EmbeddedSwift, config: Path, container: str
) -> None:
    settings = load(str(config)).settings
    driver = open_driver(settings)
    plant, content = Plant(driver), b"large" * 1000
    plant.blob("team/app", b"small")
    digest = Digest.of(content)
    plant.link(layout.layer_link("team/app", digest), digest)
    raw = Raw(swift, container)
    raw.ask("PUT", "segments-of-it/1", data=content)
    raw.dynamic(layout.blob_data(digest), "segments-of-it/")
    with swift.counting() as requests:
        assert count(settings).used == {"team/**": Used(len(content) + 5, 0), "other": Used()}
    first = len(requests)
    with swift.counting() as requests:
        assert count(settings).used["team/**"].bytes == len(content) + 5
    assert len(requests) == first - 2  # neither its HEAD nor the file of sizes is written again


def test_several_containers_are_added_up(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    apart = {"team": {"repositories": "team/large", "swift_container": f"{container}-team"}}
    path = write_config(tmp_path, swift, container, quotas={"rules": RULES}, containers=apart)
    with in_process(load(str(path)).settings) as client:
        client.push_blob("team/small", b"x" * 10)
        client.push_blob("team/large", b"y" * 100)
    assert count(load(str(path)).settings).used["team/**"] == Used(110, 0)


def test_the_log_says_what_is_nearly_used_up(config: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = load(str(config)).settings
    Plant(open_driver(settings)).blob("team/app", b"x" * (3 * MIB - 1))
    count_for_quotas(settings)
    assert caplog.messages == [f"the quota of team/** is nearly used up: {3 * MIB - 1} of {3 * MIB} bytes"]


def test_without_a_rule_there_is_nothing_to_count(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    done = Command(write_config(tmp_path, swift, container))("quotas", status=1)
    assert "the config file has no quotas" in done.output
    with pytest.raises(ConfigError, match="rules: is missing"):
        load(str(write_config(tmp_path, swift, container, quotas={"every": "5m"})))


def test_a_wrong_name_makes_no_container(swift: EmbeddedSwift, config: Path) -> None:
    with swift.counting() as requests:
        assert count(load(str(config)).settings).used["team/**"] == Used()
    assert not [request for request in requests if "PUT" in str(request)]
