"""The commands for images, typed on a real Swift: what skopeo pushed they show and copy, what they copy it pulls."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import bcrypt
import pytest
import swiftclient
from click.testing import CliRunner

from docker_registry.commands.group import Commands
from docker_registry.embedded import EmbeddedSwift
from tests.live.clients import host, podman_mounted, run, skopeo_pull, skopeo_push
from tests.live.distribution2 import Distribution2, storage
from tests.live.images import MIB, Layout, busybox_layer, digest_of, file_layer
from tests.live.ours import Ours, write_config
from tests.peers import need, program


class Typed:
    """Types commands for one registry's config file."""

    def __init__(self, config: Path):
        self._config = config

    def __call__(self, name: str, *arguments: str, status: int = 0, answer: str = "") -> str:
        """What it prints; of a failure also what it says of it."""
        done = CliRunner().invoke(Commands(), [name, "--config", str(self._config), *arguments], input=answer)
        assert done.exit_code == status, (done.output, done.exception)
        return done.stdout if not status else done.output

    def rows(self, *arguments: str) -> list[dict[str, object]]:
        return [json.loads(line) for line in self("ls", "--json", *arguments).splitlines()]


@pytest.fixture
def pushed(swift: EmbeddedSwift, container: str, tmp_path: Path) -> tuple[Ours, Typed, Layout]:
    need("skopeo")
    config = write_config(tmp_path, swift, container)
    layout = Layout(tmp_path / "layout")
    layers = [file_layer("large", 40 * MIB), file_layer("small", 1 * MIB)]
    images = {name: layout.add_image(None, layers, name) for name in ("amd64", "arm64")}
    layout.add_index("1.0", images)
    return Ours(tmp_path, config), Typed(config), layout


def test_images_are_listed_copied_and_deleted(pushed: tuple[Ours, Typed, Layout], tmp_path: Path) -> None:
    registry, typed, layout = pushed
    with registry as server:
        skopeo_push(layout.reference("1.0"), server.url, "team/app:1.0", "--all")
    # No server runs from here on.
    (row,) = typed.rows("team/app")
    assert (row["tag"], row["platforms"], row["kind"]) == ("1.0", ["amd64", "arm64"], "Image")
    inspected = json.loads(typed("inspect", "team/app:1.0"))
    assert inspected["digest"] == row["digest"]
    raw = typed("inspect", "--raw", f"team/app@{row['digest']}")
    assert json.loads(raw)["manifests"][0]["platform"]["architecture"] == "amd64"

    assert typed("cp", "--quiet", "team/app:1.0", "archive/app:kept") == f"{row['digest']} kept\n"
    assert typed("cp", "--quiet", "team/app:1.0", f"oci:{tmp_path / 'out'}:1.0") == f"{row['digest']} 1.0\n"
    run("skopeo", "copy", "--quiet", "--all", f"oci:{tmp_path / 'out'}:1.0", f"oci:{tmp_path / 'again'}:1.0")
    assert typed("rm", "--yes", "team/app:1.0") == "deleted team/app:1.0\n"
    assert typed.rows("team/app") == []
    assert typed("cp", "--quiet", f"oci:{tmp_path / 'again'}:1.0", "team/app:2.0") == f"{row['digest']} 2.0\n"

    exported = [json.loads(line) for line in typed("export", "--quiet", "--json", str(tmp_path / "all")).splitlines()]
    assert [(each["repository"], each["tag"]) for each in exported] == [("archive/app", "kept"), ("team/app", "2.0")]
    for name, tag in (("team/app", "2.0"), ("archive/app", "kept")):
        source = f"oci:{tmp_path / 'all' / name / 'image'}:{tag}"
        run("skopeo", "copy", "--quiet", "--all", source, f"oci:{tmp_path / 'check'}:{tag}")
    with registry as server:
        for image in ("team/app:2.0", "archive/app:kept"):
            skopeo_pull(server.url, image, tmp_path / "pulled", "--all")


def test_files_in_layers_that_skopeo_packed_with_zstd_are_compared(
    pushed: tuple[Ours, Typed, Layout], tmp_path: Path
) -> None:
    _, typed, layout = pushed
    packing = ("--quiet", "--dest-compress-format", "zstd")
    for tag in ("old", "new"):
        layout.add_image(tag, [file_layer(tag, MIB)])
        run("skopeo", "copy", *packing, layout.reference(tag), f"oci:{tmp_path / 'zstd'}:{tag}")
        typed("cp", "--quiet", f"oci:{tmp_path / 'zstd'}:{tag}", f"team/app:{tag}")
        packed = json.loads(typed("inspect", "--raw", f"team/app:{tag}"))
        assert [layer["mediaType"].rpartition("+")[2] for layer in packed["layers"]] == ["zstd"]
    compared = json.loads(typed("diff", "--json", "--files", "team/app:old", ":new"))
    changes = {(change["path"], change["change"]) for change in compared["files"]["changes"]}
    assert changes == {("old", "removed"), ("new", "added")}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("ls no/such", "there is no repository no/such"),
        ("inspect no/such", "there is no no/such:latest"),
        ("rm --yes no/such:1", "no manifest 1"),
        ("rm --yes no/such", "name a tag or a digest"),
        ("rm UPPER:1", "is not a repository name"),
        ("cp no/such:1 a:1", "no/such"),
        ("cp oci:FOLDER/nothing:1 a:1", "there is no folder"),
        ("cp a:1 oci:FOLDER/nothing:b/c", "write oci:FOLDER"),
        ("cp a:1 docker://127.0.0.1:1/b", "can only be copied from"),
        ("cp dir:pulled a:1", "dir:pulled: is none of the places known here: NAME:TAG in the registry, oci:FOLDER:TAG"),
        ("cp a:1 dir:FOLDER/pulled", "is none of the places known here"),
        ("cp docker://127.0.0.1:1/UPPER:1 b:1", "is not a repository name"),
        ("cp docker://127.0.0.1:1/a:1 b:1", "Connection refused"),
        ("cp docker-archive:FOLDER/nothing.tar b:1", "No such file or directory"),
        ("cp b:1 docker-archive:FOLDER/nothing.tar", "write docker-archive:FILE:NAME:TAG"),
        ("cp --platform linux/arm64 b:1 c:1", "--platform is for docker-archive"),
        ("cp --all-tags b docker-archive:FOLDER/nothing.tar:a:1", "one image is written into an archive"),
        ("cp docker-archive:FOLDER/nothing.tar b", "name the tag of the copy"),
        ("cp --src-creds alice docker://127.0.0.1:1/a:1 b:1", "write USER:PASSWORD"),
        ("cp --all-tags a:1 b", "with --all-tags"),
        ("cp --all-tags oci:FOLDER/nothing b", "there is no folder"),
        ("cp b:1 docker-archive:FOLDER/nothing/a.tar:a:1", "there is no folder"),
        ("export --only a//b FOLDER/e", "must have no empty part"),
        ("retag no/such:1 2", "no/such"),
        ("retag no/such:1 .x", "is not a tag"),
        ("history no/such:1", "there is no no/such:1"),
        ("diff no/such:1 :2", "there is no no/such:1"),
        ("du no/such", "there is no repository no/such"),
        ("tags no/such", "there is no repository no/such"),
        ("tags no/such --untagged", "there is no repository no/such"),
        ("ls --v1", "there are no repositories of docker-registry 0.9.1"),
        ("ls --v1 no/such", "there is no v1 repository no/such"),
        ("inspect --v1 no/such:1", "there is no v1 image no/such:1"),
        ("cp --from-v1 no/such:1 a:1", "there is no v1 image no/such:1"),
        ("export FOLDER/e", "there are no repositories below"),
        ("ls", "there are no repositories below"),
    ],
)
def test_what_is_wrong_is_told(swift: EmbeddedSwift, container: str, tmp_path: Path, words: str, says: str) -> None:
    name, *rest = words.replace("FOLDER/", f"{tmp_path}/").split()
    result = CliRunner().invoke(Commands(), [name, "--config", str(write_config(tmp_path, swift, container)), *rest])
    assert result.exit_code in (1, 2), result.exception
    assert says in " ".join(result.output.split())


def test_a_delete_is_asked_about(pushed: tuple[Ours, Typed, Layout], tmp_path: Path) -> None:
    _, typed, layout = pushed
    typed("cp", "--quiet", f"oci:{layout.folder}:1.0", "team/app:1.0")
    assert "Aborted" in typed("rm", "team/app:1.0", status=1, answer="n\n")
    assert len(typed.rows("team/app")) == 1
    typed("cp", "--quiet", "team/app:1.0", "team/app:2.0")
    digest = typed.rows("team/app")[0]["digest"]
    asked = typed("rm", f"team/app@{digest}", status=1, answer="n\n")
    assert asked.startswith(f"Delete team/app@{digest} and its tags 1.0, 2.0? [y/N]: ")
    assert typed("rm", "team/app:2.0", status=1, answer="n\n").startswith("Delete team/app:2.0? [y/N]: ")
    typed("rm", f"team/app@{digest}", answer="y\n")
    assert typed.rows("team/app") == []


def test_what_cannot_be_deleted_does_not_keep_the_others(pushed: tuple[Ours, Typed, Layout]) -> None:
    _, typed, layout = pushed
    layout.add_image("1", [file_layer("small", 10)])
    for tag in ("a", "b"):
        typed("cp", "--quiet", f"oci:{layout.folder}:1", f"team/app:{tag}")
    told = typed("rm", "--yes", "team/app:a", "team/app:zz", "no/such:1", "team/app:b", status=1)
    first, *failures, last = told.splitlines()
    assert (first, last) == ("deleted team/app:a", "deleted team/app:b")
    assert [line.split(": ")[:2] for line in failures] == [
        ["docker-registry-swift", name] for name in ("team/app:zz", "no/such:1")
    ]
    assert typed.rows("team/app") == []


def test_images_are_tagged_weighed_and_compared(pushed: tuple[Ours, Typed, Layout]) -> None:
    _, typed, layout = pushed
    shared, old, new = (file_layer(name, MIB) for name in ("shared", "old", "new"))
    layout.add_image("1.0", [shared, old])
    layout.add_image("1.1", [shared, new])
    for tag in ("1.0", "1.1"):
        typed("cp", "--quiet", f"oci:{layout.folder}:{tag}", f"team/app:{tag}")
    digests = {tag: layout.tagged(tag)["digest"] for tag in ("1.0", "1.1")}
    assert typed("retag", "team/app:1.0", "stable") == f"team/app:stable is {digests['1.0']}\n"
    typed("retag", "team/app:1.1", "stable", "latest")
    assert {row["tag"]: row["digest"] for row in typed.rows("team/app")} == {
        "1.0": digests["1.0"],
        "1.1": digests["1.1"],
        "stable": digests["1.1"],
        "latest": digests["1.1"],
    }
    assert typed("tags", "team/app") == typed("ls", "team/app")
    assert typed("tags", "--json", "team/app") == typed("ls", "--json", "team/app")
    past = [json.loads(line) for line in typed("tags", "--history", "--json", "team/app").splitlines()][-1]
    assert (past["tag"], past["how"], past["digest"]) == ("stable", "moved", digests["1.0"])
    short = digests["1.0"].partition(":")[2][:12]
    assert short in typed("tags", "--history", "team/app").splitlines()[-1]
    told = typed("tags", "--restore", f"stable@{short}", "team/app")
    assert told == f"team/app:stable is {digests['1.0']} again\n"

    weights = {tuple(row["tags"]): row for row in map(json.loads, typed("du", "--json", "team/app").splitlines())}
    assert set(weights) == {("1.0", "stable"), ("1.1", "latest")}
    for tag, layer in (("1.0", old), ("1.1", new)):
        (row,) = [row for tags, row in weights.items() if tag in tags]
        assert 0 < row["frees"] - len(layer.data) < 2000
        assert 0 < row["size"] - len(layer.data) - len(shared.data) < 2000
    typed("cp", "team/app:1.1", "other:1")
    (team, other, total) = [json.loads(line) for line in typed("du", "--json").splitlines()]
    assert (team["repository"], other["repository"], other["frees"]) == ("team/app", "other", 0)
    assert total["summary"]["stored"] == team["size"]

    compared = json.loads(typed("diff", "--json", "--files", "team/app:1.0", ":1.1"))
    assert [[layer["digest"] for layer in compared["layers"][key]] for key in ("shared", "removed", "added")] == [
        [digest_of(shared.data)],
        [digest_of(old.data)],
        [digest_of(new.data)],
    ]
    changes = {(change["path"], change["change"]) for change in compared["files"]["changes"]}
    assert changes == {("old", "removed"), ("new", "added")}
    text = typed("diff", "team/app:1.0", "other:1")
    assert text.splitlines() == [
        f"- layer {digest_of(old.data)} 1.1 MB",
        f"+ layer {digest_of(new.data)} 1.1 MB",
        "  1 layer is the same; 1.1 MB to pull",
    ]
    assert typed("diff", "team/app:1.1", "other:1").startswith("no difference")
    assert [json.loads(line)["layer"] for line in typed("history", "--json", "team/app:1.0").splitlines()] == [
        digest_of(shared.data),
        digest_of(old.data),
    ]

    gone = [json.loads(line) for line in typed("rm", "--json", "--yes", "team/app:1.1", "team/app:latest").splitlines()]
    assert gone == [{"repository": "team/app", "deleted": tag} for tag in ("1.1", "latest")]
    *_, beside = [json.loads(line) for line in typed("du", "--json", "team/app").splitlines()]
    assert (beside["tags"], beside["digest"], beside["frees"]) == ([], None, None)
    assert 0 < beside["size"] - len(new.data) < 2000  # what 1.1 alone needed, which has no tag now
    assert "(attached, without a tag, or not collected yet)" in typed("du", "team/app").splitlines()[-1]
    (untagged,) = [json.loads(line) for line in typed("tags", "--untagged", "--json", "team/app").splitlines()]
    assert (untagged["digest"], untagged["needed"]) == (digests["1.1"], None)


def test_a_copy_stays_within_its_budget(
    pushed: tuple[Ours, Typed, Layout], swift: EmbeddedSwift, tmp_path: Path
) -> None:
    _, typed, layout = pushed
    layout.add_image("ten", [file_layer(f"layer {number}", 1000) for number in range(10)])
    layout.add_image("other", [file_layer("other", 1000)])
    typed("cp", "--quiet", f"oci:{layout.folder}:other", "other:1")  # makes the container
    with swift.counting() as first:
        typed("cp", "--quiet", f"oci:{layout.folder}:ten", "team/app:1")
    with swift.counting() as again:
        typed("cp", "--quiet", f"oci:{layout.folder}:ten", "team/app:1")
    with swift.counting() as mounted:
        typed("cp", "--quiet", "team/app:1", "team/other:1")
    # docs/cli.md has these figures too: of each of 11 blobs a look, data and link, and 5 for the manifest and its tag.
    assert (len(first), len(again), len(mounted)) == (38, 38, 41)


def test_an_image_of_an_index_is_chosen_by_its_platform(pushed: tuple[Ours, Typed, Layout]) -> None:
    _, typed, layout = pushed
    images = {name: layout.add_image(None, [file_layer(name, 1000)], name) for name in ("arm64", "amd64")}
    layout.add_index("2.0", images)
    typed("cp", "--quiet", f"oci:{layout.folder}:2.0", "team/app:2.0")

    def layer(*options: str) -> object:
        return json.loads(typed("history", "--json", *options, "team/app:2.0"))["layer"]

    assert layer() == layer("--platform", "linux/amd64") == digest_of(file_layer("amd64", 1000).data)
    assert layer("--platform", "linux/arm64") == digest_of(file_layer("arm64", 1000).data)
    told = typed("history", "--platform", "linux/s390x", "team/app:2.0", status=1)
    assert "it is for linux/arm64, linux/amd64" in told
    assert typed("diff", "--platform", "linux/arm64", "team/app:2.0", ":2.0").startswith("no difference")


def test_another_registry_is_copied_from(
    pushed: tuple[Ours, Typed, Layout], swift: EmbeddedSwift, container: str, tmp_path: Path
) -> None:
    """Distribution 2.8 behind a password, with an image that skopeo pushed there, and a signature."""
    need("docker-registry")
    registry, typed, layout = pushed
    (tmp_path / "theirs").mkdir()
    (tmp_path / "htpasswd").write_bytes(b"alice:" + bcrypt.hashpw(b"secret", bcrypt.gensalt(4)) + b"\n")
    auth = {"REGISTRY_AUTH": "htpasswd", "REGISTRY_AUTH_HTPASSWD_REALM": "r"}
    auth["REGISTRY_AUTH_HTPASSWD_PATH"] = str(tmp_path / "htpasswd")
    theirs = storage(swift, f"{container}-theirs")
    swiftclient.Connection(swift.auth_url, swift.user, swift.password).put_container(f"{container}-theirs")
    with Distribution2(tmp_path / "theirs", theirs, environ=auth) as other:
        skopeo_push(layout.reference("1.0"), other.url, "team/app:1.0", "--all", "--dest-creds=alice:secret")
        source = f"docker://{host(other.url)}/team/app"
        options = ("--quiet", "--src-plain-http")
        assert "--src-creds" in typed("cp", *options, f"{source}:1.0", "team/app:1.0", status=1)
        asked = ("--src-creds", "alice:secret")
        told = typed("cp", *options, *asked, "--attached", f"{source}:1.0", "team/app:1.0")
        assert told == f"{layout.tagged('1.0')['digest']} 1.0\n"
        typed("cp", *options, *asked, "--all-tags", source, "team/again")
    with registry as server:
        for image in ("team/app:1.0", "team/again:1.0"):
            skopeo_pull(server.url, image, tmp_path / "pulled", "--all")


def test_what_podman_saved_is_copied_and_runs(pushed: tuple[Ours, Typed, Layout], tmp_path: Path) -> None:
    """An archive that skopeo wrote, as `docker save` does; podman pulls what became of it, and unpacks it."""
    need("podman")
    registry, typed, layout = pushed
    layout.add_image("2.0", [busybox_layer(), file_layer("more", 3 * MIB)])
    run("skopeo", "copy", "--quiet", layout.reference("2.0"), f"docker-archive:{tmp_path / 'saved.tar'}:team/app:2.0")
    packed = tmp_path / "saved.tar.gz"
    packed.write_bytes(gzip.compress((tmp_path / "saved.tar").read_bytes(), 1))
    first = typed("cp", "--quiet", f"docker-archive:{tmp_path / 'saved.tar'}", "team/app:2.0")
    assert typed("cp", "--quiet", f"docker-archive:{packed}:team/app:2.0", "team/app") == first
    with registry as server, podman_mounted(f"{host(server.url)}/team/app:2.0", tmp_path) as mounted:
        assert (mounted / "bin/busybox").read_bytes() == Path(program("busybox") or "").read_bytes()
