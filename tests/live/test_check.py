"""The commands `check` and `fsck` as a user runs them, with Distribution's config file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.embedded import EmbeddedSwift
from docker_registry.maintenance.check.check import look_at_storage
from docker_registry.maintenance.check.leaving import look_at_departure
from docker_registry.maintenance.check.lines import Level, Line
from docker_registry.maintenance.progress import Quiet
from tests.live.adoption import MIB, both, driver_of, settings_of
from tests.live.distribution2 import Distribution2, storage
from tests.live.faults import FaultProxy
from tests.live.ours import Ours, write_config
from tests.live.raw import Raw
from tests.live.wire import INDEX, MANIFEST
from tests.maintenance.planting import Plant


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "docker_registry.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def config(folder: Path, swift: EmbeddedSwift, container: str, **parameters: object) -> Distribution2:
    """A config file of Distribution's; nothing is started."""
    return Distribution2(folder, storage(swift, container, **parameters), redirect=True)


def found(lines: list[Line]) -> dict[str, Line]:
    """The worst line of each subject."""
    order = {Level.OK: 0, Level.WARNING: 1, Level.ERROR: 2}
    return {line.subject: line for line in sorted(lines, key=lambda line: order[line.level])}


def test_check_of_a_container_that_both_filled(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    with both(swift, container, tmp_path, prefix="reg", chunksize=MIB) as (theirs, ours, distribution):
        theirs.push_image("theirs", "v1", [b"x" * MIB])
        ours.push_image("ours", "v1", [b"y" * 2 * MIB])
        before = Raw(swift, container).names()
        done = run("check", "--config", str(distribution.config))
        assert done.returncode == 0, done.stdout
        lines = {line.split()[1].rstrip(":"): line for line in done.stdout.splitlines()}
        assert all(line.startswith(("ok ", "warning ")) for line in lines.values())
        told = [
            json.loads(line)
            for line in run("check", "--json", "--config", str(distribution.config)).stdout.splitlines()
        ]
        assert [(each["level"], each["subject"]) for each in told] == [
            (line.split()[0], line[9:].partition(":")[0]) for line in done.stdout.splitlines()
        ]
        assert "mixed: Distribution 2.x" in lines["layout"]
        assert "this registry" in lines["layout"]
        assert "2 under" in lines["repositories"]
        assert "auth v1" in lines["login"]
        assert swift.password not in done.stdout + done.stderr
        assert Raw(swift, container).names() == before


def test_a_signed_url_is_followed(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    raw = Raw(swift, container)
    raw.ask("PUT")
    it = config(tmp_path, swift, container)
    assert found(list(look_at_storage(settings_of(it), driver_of(it))))["signed URL"].level is Level.WARNING
    raw.ask("POST", headers={"X-Container-Meta-Temp-Url-Key": "secret"})
    assert found(list(look_at_storage(settings_of(it), driver_of(it))))["signed URL"].level is Level.OK
    wrong = driver_of(it, swift_temp_url_key="another")
    line = found(list(look_at_storage(settings_of(it), wrong)))["signed URL"]
    assert line.level is Level.ERROR
    assert "temp_url_sig" not in str(line)
    assert raw.names() == []


@pytest.mark.parametrize(
    ("parameters", "subject"),
    [({"password": "wrong"}, "login"), ({"authurl": "http://127.0.0.1:9/auth/v1.0"}, "login")],
)
def test_check_without_a_login(
    swift: EmbeddedSwift, container: str, tmp_path: Path, parameters: dict[str, str], subject: str
) -> None:
    done = run("check", "--config", str(config(tmp_path, swift, container, **parameters).config))
    assert done.returncode == 1
    [line] = [line for line in done.stdout.splitlines() if " secrets: " not in line]
    assert line.startswith(f"error    {subject}: ")
    assert "Traceback" not in done.stderr


def test_an_empty_place_and_where_the_registry_is(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    it = config(tmp_path, swift, container)
    lines = found(list(look_at_storage(settings_of(it), driver_of(it))))
    assert (lines["container"].level, lines["layout"].level) == (Level.WARNING, Level.WARNING)
    assert "no registry's files are here" in lines["layout"].text
    for prefix in ("", "some/where"):
        name = "/".join(filter(None, (prefix, layout.layer_link("app", Digest.of(b"")))))
        Raw(swift, container).ask("PUT") if not prefix else None
        Raw(swift, container).ask("PUT", name, data=b"x")
    it = config(tmp_path, swift, container, prefix="wrong")
    lines = found(list(look_at_storage(settings_of(it), driver_of(it))))
    assert "'some/where' and none (storage_path: /)" in lines["layout"].text


def test_a_user_who_may_only_read(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    Raw(swift, container).ask("PUT")
    it = config(tmp_path, swift, container)
    with FaultProxy(swift.storage_url) as faults:
        faults.answer(403, method="PUT")
        driver = driver_of(it, swift_object_storage_url=faults.url)
        lines = found(list(look_at_storage(settings_of(it), driver)))
    assert lines["writing"].level is Level.ERROR


def test_a_server_without_info_like_cephs(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    Raw(swift, container).ask("PUT")
    it = config(tmp_path, swift, container)
    with FaultProxy(swift.storage_url) as faults:
        faults.answer(404, path="^/info")
        settings = settings_of(it)
        options = {**settings.driver, "swift_object_storage_url": faults.url}
        settings = settings_of(it, driver=type(settings.driver)(options))
        lines = found(list(look_at_storage(settings, driver_of(it, swift_object_storage_url=faults.url))))
    assert lines["/info"].level is Level.WARNING
    assert not [line for line in lines.values() if line.level is Level.ERROR]


def test_what_distribution_could_not_process(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    with both(swift, container, tmp_path, chunksize=MIB) as (theirs, ours, distribution):
        driver = driver_of(distribution)
        theirs.push_image("app", "v1", [b"x" * MIB])
        assert {line.level for line in look_at_departure(driver, Quiet())} == {Level.OK}
        subject = ours.push_image("app", "v2", [b"y" * 3 * MIB])
        ours.push_manifest("app", "sig", _about(subject))
        plant = Plant(driver)
        retired = "application/vnd.oci.artifact.manifest.v1+json"
        bad = [
            plant.manifest("art/one", {"mediaType": retired, "blobs": []}),
            plant.manifest("art/two", {"schemaVersion": 2, "mediaType": "application/new"}),
            plant.manifest("art/two", {"schemaVersion": 2, "config": _config(), "layers": [], "manifests": []}),
        ]
        lines = list(look_at_departure(driver, Quiet()))
        assert {line.text.split()[0] for line in lines if line.subject == "repository"} == {"art/one", "art/two"}
        for name in ("art/one", "art/two"):
            plant.blob(name, b"{}")
        lines = list(look_at_departure(driver, Quiet()))
        assert "repository" not in found(lines)
        told = [line.text for line in lines if line.subject == "manifest"]
        assert sorted(text.partition(":")[0] for text in told) == ["art/one@sha256", "art/two@sha256", "art/two@sha256"]
        assert all(any(str(digest) in text for text in told) for digest in bad)
        levels = found(lines)
        assert levels["large objects"].level is levels["referrers"].level is Level.WARNING
        assert run("check", "--leaving", "--config", str(distribution.config)).returncode == 1
        # And Distribution does end there.
        with pytest.raises(subprocess.CalledProcessError):
            distribution.garbage_collect("--dry-run")
        for name, digest in zip(("art/one", "art/two", "art/two"), bad, strict=True):
            driver.remove(layout.revision_link(name, digest))
        bare = plant.manifest("bare", {"schemaVersion": 2, "mediaType": INDEX, "manifests": []})
        assert f"eligible for deletion: {bare}" in distribution.garbage_collect("--dry-run")


def test_fsck_says_by_its_exit_status_how_it_went(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    it = config(tmp_path, swift, container)
    driver = driver_of(it)
    Plant(driver).image("app", "v1", [b"layer"])
    done = run("fsck", "--config", str(it.config))
    assert (done.returncode, "nothing found" in done.stdout) == (0, True), done.stderr
    driver.remove(layout.blob_data(Digest.of(b"layer")))
    done = run("fsck", "--quiet", "--json", "--config", str(it.config))
    assert done.returncode == 1
    *findings, summary = map(json.loads, done.stdout.splitlines())
    *findings, image = findings
    assert sorted(finding["finding"] for finding in findings) == ["dangling-link", "missing-reference"]
    assert image == {
        "image": "app:v1",
        "why": f"{Digest.of(b'layer')} is not there",
        "advice": "push the image again",
    }
    assert (summary["summary"]["unsettled"], summary["summary"]["unpullable"]) == (1, 1)
    text = run("fsck", "--quiet", "--config", str(it.config))
    assert text.stdout.splitlines()[-1].startswith("  app:v1: ")


def fsck_fails(status: int, *arguments: str) -> str:
    """The one line with which fsck ends."""
    done = run("fsck", "--quiet", *arguments)
    assert (done.returncode, done.stdout) == (status, ""), done
    [line] = done.stderr.splitlines()[-1:]
    assert "Traceback" not in done.stderr
    return line


def test_fsck_that_cannot_run_has_a_status_of_its_own(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    file = str(config(tmp_path, swift, container).config)
    assert "give at least 2" in fsck_fails(2, "--grace", "0.1", "--config", file)
    assert "no-such.yml" in fsck_fails(2, "--config", str(tmp_path / "no-such.yml"))
    assert "--flavor" in fsck_fails(2, "--flavor", "other", "--config", file)
    assert "--wrong" in fsck_fails(2, "--wrong", "--config", file)
    (tmp_path / "other").mkdir()
    wrong = config(tmp_path / "other", swift, container, password="not this one")
    assert "gave up" in fsck_fails(2, "--config", str(wrong.config))


def test_fsck_in_the_wrong_place_has_a_status_of_its_own(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    it, raw = config(tmp_path, swift, container), Raw(swift, container)
    assert f"there is no container {container}" in fsck_fails(3, "--config", str(it.config))
    raw.ask("PUT")
    assert "no registry's files are here" in fsck_fails(3, "--config", str(it.config))
    raw.ask("PUT", "repositories/library/app/_index_images", data=b"[]")
    assert "docker-registry (v1)" in fsck_fails(3, "--config", str(it.config))
    raw.ask("DELETE", "repositories/library/app/_index_images")
    raw.ask("PUT", f"right/{layout.layer_link('app', Digest.of(b''))}", data=b"x")
    assert "under the prefix 'right'" in fsck_fails(3, "--config", str(it.config))
    raw.ask("PUT", layout.deleted_tag("app", "v1", Digest.of(b"")), data=b"x")
    said = fsck_fails(3, "--config", str(it.config))
    assert "under the prefix 'right'. Set storage_path" in said  # and not one's own besides


def test_fsck_that_cannot_list_says_so(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    it = config(tmp_path, swift, container, authurl="http://127.0.0.1:9/auth/v1.0")
    done = run("fsck", "--quiet", "--config", str(it.config))
    assert done.returncode == 2
    assert "gave up" in done.stderr
    assert "Traceback" not in done.stderr


def _config() -> dict[str, object]:
    return {"mediaType": "m", "digest": str(Digest.of(b"{}")), "size": 2}


def _about(subject: bytes) -> bytes:
    document = json.loads(subject)
    document["subject"] = {"mediaType": MANIFEST, "digest": str(Digest.of(subject)), "size": len(subject)}
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("secret", "told"),
    [
        ("placeholder", "warning  secrets: secret_key (http.secret) has fewer than 16 characters"),
        ("_env:REGISTRY_SECRET", "warning  secrets: secret_key: REGISTRY_SECRET is not set, so the secret is derived"),
    ],
)
def test_a_secret_that_signs_little_is_told_and_taken(
    swift: EmbeddedSwift, container: str, tmp_path: Path, secret: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REGISTRY_SECRET", raising=False)
    path = write_config(tmp_path, swift, container)
    document = json.loads(path.read_text())
    document["test"]["secret_key"] = secret
    path.write_text(json.dumps(document))
    done = run("check", "--config", str(path))
    assert told in done.stdout
    assert done.returncode == 0, done.stdout
    with Ours(tmp_path, path) as registry:
        registry.wait_for(told.removeprefix("warning  secrets: "))
