"""Archives of docker save become images whose layers are, unpacked, what was in them."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import hashlib
import io
import json
import lzma
import tarfile
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from docker_registry.core.driver import fetch
from docker_registry.core.exceptions import UsageError
from docker_registry.images.archives import Archive
from docker_registry.images.copying import copy
from docker_registry.images.inside import Inside
from docker_registry.images.layouts import Layout
from docker_registry.images.making import put_layer
from docker_registry.images.places import Repository
from docker_registry.images.saving import save
from docker_registry.settings import Settings
from tests.distribution.contents import descriptor, image, index
from tests.images.test_copying import content, digest_of, push, put
from tests.live.images import INDEX, MANIFEST

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "gzip of several members": lambda data: gzip.compress(data[:5]) + gzip.compress(data[5:]),
    "gzip and zeros": lambda data: gzip.compress(data) + bytes(3000),
    "xz": lzma.compress,
    "bzip2": bz2.compress,
    "zstd": zstd.compress,
    "pzstd": lambda data: b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"size" + zstd.compress(data),
    "zstd of several frames": lambda data: zstd.compress(data[:5]) + zstd.compress(data[5:]),
}


def new() -> Repository:
    return Repository(Inside(Settings(storage="memory"), [fetch("memory")("/registry", None)]), "team/app")


def nothing(_: int) -> contextlib.AbstractContextManager[Callable[[], None]]:
    return contextlib.nullcontext(lambda: None)


def write(path: Path, *images: tuple[list[str], list[bytes]], links: bool = False, **fields: Any) -> None:
    """As docker wrote it; with `links`, a layer that is there already is a symbolic link, as since 1.10."""
    entries: list[dict[str, Any]] = []
    with tarfile.open(path, "w") as archive:

        def add(name: str, data: bytes) -> None:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))

        seen: dict[bytes, str] = {}
        for number, (names, layers) in enumerate(images):
            paths = [f"{number}{at}/layer.tar" for at in range(len(layers))]
            for name, data in zip(paths, layers, strict=True):
                if links and data in seen:
                    info = tarfile.TarInfo(name)
                    info.type, info.linkname = tarfile.SYMTYPE, f"../{seen[data]}"
                    archive.addfile(info)
                else:
                    add(name, data)
                seen[data] = name
            config = json.dumps({"rootfs": {"diff_ids": [str(digest_of(data)) for data in layers]}, **fields}).encode()
            add(f"{number}.json", config)
            entries.append({"Config": f"{number}.json", "RepoTags": names or None, "Layers": paths})
        add("manifest.json", json.dumps(entries).encode())


def layers_of(target: Repository, tag: str) -> list[bytes]:
    document = json.loads(target.manifest(tag).manifest.body)
    whole = {str(digest): body for digest, body in content(target, tag).items()}
    return [gzip.decompress(whole[layer["digest"]]) for layer in document["layers"]]


# Nothing that begins as a packed file does.
TARS = st.binary(max_size=60).map(lambda data: b"tar" + data)
LAYERS = st.lists(TARS, min_size=1, max_size=4)


@settings(max_examples=30, deadline=None)
@given(LAYERS, LAYERS, st.booleans(), st.booleans())
def test_layers_and_config_arrive(one: list[bytes], two: list[bytes], packed: bool, links: bool) -> None:
    target = new()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.tar"
        write(path, (["app:1"], one), (["q.io/team/app:2"], two), links=links)
        if packed:
            path.write_bytes(gzip.compress(path.read_bytes()))
        archive = Archive(path)
        assert archive.tags() == ["1", "2"]
        for reference, tag in (("1", "1"), ("team/app:2", "2")):
            digest = archive.make(target, reference, [tag], nothing)
            assert archive.make(target, reference, [tag], nothing) == digest
            assert target.manifest(tag).digest == digest
    assert (layers_of(target, "1"), layers_of(target, "2")) == (one, two)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=3000), st.sampled_from(sorted(PACKERS)))
def test_a_layer_is_what_it_was_however_it_was_packed(data: bytes, packer: str) -> None:
    packed = PACKERS[packer](data)
    if packer == "plain" and packed.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")):
        return
    target = new()
    made = put_layer(target, io.BytesIO(packed), "layer")
    assert made.diff_id.hex == hashlib.sha256(data).hexdigest()
    with target.blob(made.digest) as (body, size):
        stored = b"".join(iter(lambda: body.read(1000), b""))
    assert len(stored) == size == made.size
    assert gzip.decompress(stored) == data
    assert not packer.startswith("gzip") or stored == packed


@pytest.mark.parametrize("packer", ["gzip", "xz", "bzip2", "zstd"])
def test_a_layer_that_is_cut_is_told(packer: str) -> None:
    with pytest.raises(UsageError, match="the layer cannot be unpacked"):
        put_layer(new(), io.BytesIO(PACKERS[packer](bytes(range(256)))[:-9]), "the layer")


def test_a_layer_that_its_config_does_not_name_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.tar", (["app:1"], [b"a"]), rootfs={"diff_ids": [str(digest_of(b"b"))]})
    target = new()
    with pytest.raises(UsageError, match="not the one that its config names"):
        Archive(tmp_path / "a.tar").make(target, "1", ["1"], nothing)


@pytest.mark.parametrize("reference", ["3", "pp:1", ""])
def test_what_is_in_it_is_said(tmp_path: Path, reference: str) -> None:
    write(tmp_path / "a.tar", (["app:1"], [b"a"]), (["app:2"], [b"b"]))
    with pytest.raises(UsageError, match="name one of app:1, app:2"):
        Archive(tmp_path / "a.tar").make(new(), reference, ["1"], nothing)


def hostile(path: Path, **files: bytes | str) -> None:
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            if isinstance(data, str):
                info.type, info.linkname = tarfile.SYMTYPE, data
                archive.addfile(info)
            else:
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))


ONE = json.dumps([{"Config": "config", "Layers": ["layer"], "RepoTags": ["a:1"]}]).encode()
CONFIG = json.dumps({"rootfs": {"diff_ids": [str(digest_of(b""))]}}).encode()


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"manifest.json": b"[" * 100_000},
        {"manifest.json": b'[{"Config": 1, "Layers": []}]'},
        {"manifest.json": ONE},
        {"manifest.json": ONE, "config": b"{}"},
        {"manifest.json": ONE, "config": CONFIG},
        {"manifest.json": ONE, "config": CONFIG, "layer": "layer"},
        {"manifest.json": ONE, "config": CONFIG, "layer": "/etc/passwd"},
        {"manifest.json": ONE, "config": CONFIG, "layer": "../../etc/passwd"},
    ],
)
def test_what_is_no_archive_of_images_is_told_in_a_line(tmp_path: Path, files: dict[str, Any]) -> None:
    hostile(tmp_path / "a.tar", **files)
    with pytest.raises(UsageError) as caught:
        Archive(tmp_path / "a.tar").make(new(), "1", ["1"], nothing)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"no tar", b"\x1f\x8b broken", gzip.compress(b"no tar", mtime=0)])
def test_what_is_no_tar_file_is_told_in_a_line(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.tar").write_bytes(data)
    with pytest.raises(UsageError) as caught:
        Archive(tmp_path / "a.tar").make(new(), "1", ["1"], nothing)
    assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match="cannot read"):
        Archive(tmp_path / "none.tar").tags()


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_full_folder_for_temporary_files_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: Callable[[bytes], bytes]
) -> None:
    config = json.dumps({"rootfs": {"diff_ids": [str(digest_of(b"layer"))]}}).encode()
    hostile(tmp_path / "a.tar", **{"manifest.json": ONE, "config": config, "layer": b"layer"})
    (tmp_path / "a.tar").write_bytes(pack((tmp_path / "a.tar").read_bytes()))
    monkeypatch.setattr("tempfile.tempdir", "/full/up")
    monkeypatch.setattr("tempfile.TemporaryFile", partial(open, "/dev/full", "r+b"))
    with pytest.raises(UsageError, match=r"temporary file in /full/up: No space left on device; TMPDIR"):
        Archive(tmp_path / "a.tar").make(new(), "1", ["1"], nothing)


def test_a_file_that_is_no_archive_and_a_folder_that_is_not_there_are_named(tmp_path: Path) -> None:
    (tmp_path / "env.sh").write_text("export A=1\n" * 1000)
    with pytest.raises(UsageError, match=r"env\.sh is no archive of docker save"):
        Archive(tmp_path / "env.sh").make(new(), "", ["1"], nothing)
    source = new()
    push(source.registry, source.name, "1", b"good")
    with pytest.raises(UsageError, match=f"there is no folder {tmp_path}/none"):
        save(source, "1", tmp_path / "none" / "a.tar", "a:1", "", nothing)
    assert [path.name for path in tmp_path.iterdir()] == ["env.sh"]


@settings(max_examples=30, deadline=None)
@given(st.lists(TARS.map(gzip.compress), min_size=1, max_size=4), st.sampled_from(["", "linux/arm64", "linux/amd64"]))
def test_what_is_saved_is_what_was_there(layers: list[bytes], platform: str) -> None:
    source = new()
    bodies = {}
    for architecture in ("amd64", "arm64"):
        tars = [gzip.decompress(layer) for layer in layers]
        config = {"architecture": architecture, "rootfs": {"diff_ids": [str(digest_of(tar)) for tar in tars]}}
        bodies[architecture] = push(
            source.registry, source.name, architecture, *layers, config=json.dumps(config).encode()
        )
    entries = [
        {**descriptor(body, MANIFEST), "platform": {"os": "linux", "architecture": name}}
        for name, body in bodies.items()
    ]
    put(source.registry, source.name, "all", json.dumps({**json.loads(index()), "manifests": entries}).encode(), INDEX)
    wanted = bodies[platform.partition("/")[2] or "amd64"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "saved.tar"
        assert save(source, "all", path, "team/app:1", platform, nothing) == digest_of(wanted)
        target = new()
        Archive(path).make(target, "team/app:1", ["1"], nothing)
    assert layers_of(target, "1") == [gzip.decompress(layer) for layer in layers]
    document, made = json.loads(wanted), json.loads(target.manifest("1").manifest.body)
    assert made["config"]["digest"] == document["config"]["digest"]  # the image's id
    assert [layer["digest"] for layer in made["layers"]] == [layer["digest"] for layer in document["layers"]]


def test_an_image_for_another_platform_is_not_saved(tmp_path: Path) -> None:
    source = new()
    configs = {"arm": {"os": "linux", "architecture": "arm", "variant": "v7"}, "bare": {}}
    for tag, config in configs.items():
        push(source.registry, source.name, tag, b"layer", config=json.dumps(config).encode())
    push(source.registry, source.name, "list", b"layer", config=b"[]")
    for tag, wanted, why in (
        ("arm", "linux/zzz", "the image is not there for linux/zzz; it is for linux/arm/v7"),
        ("arm", "linux/arm/v6", "the image is not there for linux/arm/v6; it is for linux/arm/v7"),
        ("bare", "linux/amd64", "the image is not there for linux/amd64; it is for none"),
        ("list", "linux/amd64", "does not say for which platform"),
    ):
        with pytest.raises(UsageError, match=why):
            save(source, tag, tmp_path / "a.tar", "a:1", wanted, nothing)
    assert not list(tmp_path.iterdir())
    for tag, wanted in (("arm", "linux/arm"), ("arm", "linux/arm/v7"), ("arm", ""), ("list", "")):
        save(source, tag, tmp_path / "a.tar", "a:1", wanted, nothing)


def test_what_cannot_be_saved_leaves_no_file(tmp_path: Path) -> None:
    source = new()
    push(source.registry, source.name, "1", b"good")
    copy(source, Layout(tmp_path / "layout"), "1", ["1"])
    blob = tmp_path / "layout/blobs/sha256" / digest_of(b"good").hex
    for bad in (b"evil", b"go", b"good and more"):
        blob.write_bytes(bad)
        with pytest.raises(UsageError, match=f"^{tmp_path}/layout: .* other bytes"):
            save(Layout(tmp_path / "layout"), "1", tmp_path / "a.tar", "a:1", "", nothing)
    put(source.registry, source.name, "all", index(image(b"good")), INDEX)
    with pytest.raises(UsageError, match="not there for linux/amd64"):
        save(source, "all", tmp_path / "a.tar", "a:1", "", nothing)
    assert [path.name for path in tmp_path.iterdir()] == ["layout"]
