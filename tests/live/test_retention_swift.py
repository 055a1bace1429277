"""`retention` and `tags` as commands on a real Swift, and beside Distribution 2.8: what goes, and comes back."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from docker_registry.commands.group import Commands
from docker_registry.config import load
from docker_registry.distribution.expiry import ANNOTATION
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.embedded import EmbeddedSwift
from docker_registry.settings import of_each_container, open_driver
from tests.distribution.contents import image
from tests.live.adoption import both, in_process
from tests.live.ours import Ours, write_config
from tests.live.raw import Raw
from tests.live.receiver import Receiver
from tests.live.wire import Client, digest_of
from tests.maintenance.planting import fsck

RULES = {
    "tags": [{"repositories": "ci/**", "tags": "keep-*", "keep": "all"}, {"repositories": "ci/**", "keep_last": 2}]
}


class Command:
    def __init__(self, config: Path):
        self.config = config

    def __call__(self, name: str, *arguments: str, status: int = 0) -> Result:
        done = CliRunner().invoke(Commands(), [name, "--config", str(self.config), *arguments])
        assert done.exit_code == status, done.output
        return done


@pytest.fixture
def command(swift: EmbeddedSwift, container: str, tmp_path: Path) -> Command:
    return Command(write_config(tmp_path, swift, container, retention=RULES))


def push(client: Client, name: str, *tags: str) -> dict[str, str]:
    return {tag: digest_of(client.push_image(name, tag, [tag.encode()])) for tag in tags}


def test_in_the_wrong_place_retention_says_so(swift: EmbeddedSwift, container: str, command: Command) -> None:
    done = command("retention", "--quiet", status=3)
    [line] = done.stderr.splitlines()
    assert f"there is no container {container}: check swift_container" in line
    assert done.stdout == ""
    raw = Raw(swift, container)
    raw.ask("PUT")
    assert "no registry's files are here" in command("retention", "--quiet", status=3).stderr
    assert raw.names() == []
    raw.ask("PUT", layout.blob_data(Digest.of(b"x")), data=b"x")  # a registry's, without a repository
    assert "0 repositories with a rule" in command("retention", "--quiet").stdout


def test_a_tag_that_retention_removed_is_brought_back(swift: EmbeddedSwift, command: Command, tmp_path: Path) -> None:
    settings = load(str(command.config), None).settings
    with in_process(settings) as client:
        digests = push(client, "ci/app", "a", "keep-1", "b", "c")
        push(client, "other", "a", "b", "c")
        would = command("retention", "--dry-run", "--quiet").stdout
        assert "ci/app:a: would go: rule 2: not one of the last 2" in would
        assert "1 repository with a rule: 1 tag would go" in would
        assert client.tags("ci/app") == ["a", "b", "c", "keep-1"]
        with swift.counting() as requests:
            lines = [json.loads(line) for line in command("retention", "--json", "--quiet").stdout.splitlines()]
        assert (lines[0]["repository"], lines[0]["tag"], lines[0]["done"]) == ("ci/app", "a", "removed")
        assert lines[-1]["summary"] == {"repositories": 1, "doomed": 1, "removed": 1, "failed": 0, "dry_run": False}
        # Repositories, their tags; two that count; history, tag, note, last look, removal; the history's end.
        assert len(requests) <= 11
        assert client.tags("ci/app") == ["b", "c", "keep-1"]
        assert client.tags("other") == ["a", "b", "c"]
        assert client.ask("GET", "/v2/ci/app/manifests/a").status_code == 404

        told = command("tags", "ci/app", "--history").stdout
        short = {tag: digest.partition(":")[2][:12] for tag, digest in digests.items()}
        assert re.search(rf"(?m)^20\S+ +\? +{short['a']}  a  until it was deleted$", told)
        assert re.search(rf"(?m)^20\S+ +\S+ \S+ +{short['keep-1']}  keep-1  Image$", told)
        assert "deleted" not in command("tags", "ci/app").stdout
        assert fsck(open_driver(settings)) == []
        assert "is sha256:" in command("tags", "ci/app", "--restore", f"a@{short['a']}").stdout
        assert client.pull("ci/app", "a")
        assert client.tags("ci/app") == ["a", "b", "c", "keep-1"]


def test_a_manifest_that_was_deleted_is_brought_back_with_a_tag_that_was_moved(command: Command) -> None:
    with in_process(load(str(command.config), None).settings) as client:
        first = digest_of(client.push_image("app", "latest", [b"one"]))
        second = digest_of(client.push_image("app", "latest", [b"two"]))
        told = [json.loads(line) for line in command("tags", "app", "--history", "--json").stdout.splitlines()]
        assert [(each["digest"], each["how"]) for each in told] == [(second, "current"), (first, "moved")]
        client.delete_manifest("app", second)
        assert client.tags("app") == []
        for digest in (first, second):
            command("tags", "app", "--restore", f"latest@{digest}")
            assert digest_of(client.manifest("app", "latest")) == digest
            assert digest in client.pull("app", "latest")


LABELLED = json.dumps({"config": {"Labels": {ANNOTATION: "3d"}}}).encode()
EXPIRE = [
    {"repositories": "ci/**", "tags": "pr-*", "after": "7d"},
    {"repositories": "ci/**", "tags": "plain-*", "on_request": True},
    {"repositories": "ci/**", "on_request": True, "labels": True},
]


@pytest.mark.parametrize("tag", ["pr-1", "plain-1", "nightly", "v1"])
@pytest.mark.parametrize(
    ("config", "annotations"), [(b"{}", None), (b"{}", {ANNOTATION: "2d"}), (LABELLED, None)], ids=str
)
def test_a_restored_tag_ends_as_one_that_is_pushed(
    swift: EmbeddedSwift, container: str, tmp_path: Path, tag: str, config: bytes, annotations: dict[str, str] | None
) -> None:
    immutable = {"immutable": [{"repositories": "ci/**", "tags": "v*"}]}
    command = Command(write_config(tmp_path, swift, container, expire=EXPIRE, auth=immutable))
    body = image(config=config, annotations=annotations)
    with in_process(load(str(command.config), None).settings) as client:
        client.push_blob("ci/app", config)
        client.push_manifest("ci/app", digest_of(body), body)
        client.push_manifest("ci/app", tag, body)
        (pushed,) = [json.loads(line) for line in command("tags", "ci/app", "--json").stdout.splitlines()]
        if tag != "v1":
            client.delete_manifest("ci/app", tag)
        command("tags", "ci/app", "--restore", f"{tag}@{digest_of(body)}")
        (restored,) = [json.loads(line) for line in command("tags", "ci/app", "--json").stdout.splitlines()]
    assert restored["digest"] == pushed["digest"] == digest_of(body)
    assert (restored["expires"] is None) == (pushed["expires"] is None)
    # The times above are a day apart.
    assert abs(seconds_of(restored["expires"]) - seconds_of(pushed["expires"])) < 3600


def seconds_of(moment: str | None) -> float:
    return datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp() if moment else 0.0


@pytest.mark.parametrize(
    ("arguments", "status", "why"),
    [
        (["App"], 2, "App"),
        (["app", "--restore", "latest"], 2, "write TAG@DIGEST"),
        (["app", "--restore", "latest@sha256:123"], 2, "write TAG@DIGEST"),
        (["app", "--restore", "latest@519"], 2, "a digest, or its first 4 digits or more, follow the @"),
        (["app", "--history", "--untagged"], 2, "give one of --history, --untagged and --restore"),
        (["app", "--untagged", "--restore", "latest@5190"], 2, "give one of --history, --untagged and --restore"),
        (["app:a"], 2, "app:a: only repositories are named here, leave out :a"),
        (["app", "--restore", "latest@sha256:1234"], 1, "no manifests whose digest begins with sha256:1234"),
        (["app", "--restore", f"latest@sha256:{'0' * 64}"], 1, "cannot be brought back"),
        (["app"], 1, "there is no repository app"),
    ],
)
def test_mistakes_are_told_in_a_line(command: Command, arguments: list[str], status: int, why: str) -> None:
    done = command("tags", *arguments, status=status)
    assert why in done.output
    assert "Traceback" not in done.output


def test_no_rules_are_no_run(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    done = Command(write_config(tmp_path, swift, container))("retention", status=2)
    assert "the config file has no rules for tags: add registry.retention.tags" in done.output


def test_a_storage_that_is_away_has_the_status_that_the_page_says(command: Command) -> None:
    settings = json.loads(command.config.read_text())
    settings["test"]["swift_authurl"] = "http://127.0.0.1:9/auth/v1.0"
    command.config.write_text(json.dumps(settings))
    assert "could not look at all repositories: " in command("retention", "--quiet", status=2).output


def test_repositories_are_looked_for_where_they_are_kept(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    apart: dict[str, Any] = {"apart": {"repositories": ["ci/apart/**"], "swift_container": f"{container}-apart"}}
    command = Command(write_config(tmp_path, swift, container, retention=RULES, containers=apart))
    settings = load(str(command.config), None).settings
    with in_process(settings) as client:
        push(client, "ci/app", "a", "b", "c")
    (_, elsewhere) = of_each_container(settings)
    with in_process(elsewhere[1]) as client:
        push(client, "ci/apart/app", "a", "b", "c")
    assert "container apart: ci/apart/app:a: would go" in command("retention", "--dry-run", "--quiet").stdout
    lines = [json.loads(line) for line in command("retention", "--dry-run", "--quiet", "--json").stdout.splitlines()]
    assert [line.get("container") for line in lines] == ["default", "apart", None]
    assert "2 repositories with a rule: 2 tags removed" in command("retention", "--quiet").stdout
    assert command("tags", "ci/apart/app").stdout.count("  Image") == 2


def test_a_container_that_is_away_does_not_keep_others_from_it(
    swift: EmbeddedSwift, container: str, tmp_path: Path
) -> None:
    options = swift.options(swift_container="away", swift_authurl="http://127.0.0.1:9/auth/v1.0", swift_retries=0)
    away = {"repositories": ["ci/away/**"], **options}
    near = {"repositories": ["ci/near/**"], "swift_container": f"{container}-near"}
    config = write_config(tmp_path, swift, container, retention=RULES, containers={"away": away, "near": near})
    settings = load(str(config), None).settings
    (*_, (_, elsewhere)) = of_each_container(settings)
    with in_process(elsewhere) as client:
        push(client, "ci/near/app", "a", "b", "c")
    done = Command(config)("retention", "--quiet", status=2)
    assert "container near: ci/near/app:a: removed" in done.output
    assert "could not look at all repositories: container away: " in done.output
    assert "1 repository with a rule: 1 tag removed" in done.output


def test_serve_applies_the_rules_by_itself(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        receiver = stack.enter_context(Receiver())
        told = {"endpoints": [{"name": "here", "url": receiver.url, "ignore": {"actions": ["push", "pull", "mount"]}}]}
        rules = {**RULES, "every": "1s"}
        config = write_config(tmp_path, swift, container, retention=rules, notifications=told)
        registry = stack.enter_context(Ours(tmp_path, config))
        client = stack.enter_context(Client(registry.url))
        push(client, "ci/app", "a", "keep-1", "b", "c")
        registry.wait_for("retention removed ci/app:a (rule 2: not one of the last 2)")
        assert client.tags("ci/app") == ["b", "c", "keep-1"]
        assert registry.log.count("retention removed") == 1
        (event,) = receiver.wait_for(1)
        assert (event["action"], event["target"]) == ("delete", {"repository": "ci/app", "tag": "a"})
        assert event["actor"]["name"] == "docker-registry-swift retention"
        assert "Traceback" not in registry.log


def test_distribution_lists_no_tag_that_went(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    with both(swift, container, tmp_path) as clients:
        document = json.loads(clients.distribution.config.read_text())
        config = tmp_path / "with-rules.yml"
        config.write_text(json.dumps({**document, "registry": {"retention": RULES}}))
        push(clients.theirs, "ci/app", "a", "b", "c")
        command = Command(config)
        assert "1 tag removed" in command("retention", "--quiet").stdout
        assert clients.theirs.tags("ci/app") == clients.ours.tags("ci/app") == ["b", "c"]
        digest = json.loads(command("tags", "ci/app", "--history", "--json").stdout.splitlines()[-1])["digest"]
        clients.distribution.garbage_collect("--dry-run")
        command("tags", "ci/app", "--restore", f"a@{digest}")
        assert clients.theirs.tags("ci/app") == ["a", "b", "c"]
        assert clients.theirs.pull("ci/app", "a") == clients.ours.pull("ci/app", "a")
