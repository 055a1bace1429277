"""podman and buildah: build, push and pull, with a storage of their own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.clients import host, run
from tests.live.images import MIB, Layout, busybox_layer, file_layer
from tests.live.ours import Ours
from tests.live.wire import Client
from tests.peers import need, program

CONTAINERFILE = """\
FROM scratch
COPY busybox /bin/busybox
COPY data /data
ENV GREETING=hello
CMD ["/bin/busybox", "echo", "hello"]
"""


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[list[str]]:
    """The options that keep an engine's images in folders of the test."""
    with tempfile.TemporaryDirectory(prefix="run-") as short:  # podman takes 50 characters at most
        yield ["--root", f"{tmp_path}/root", "--runroot", short, "--storage-driver", "vfs"]


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A folder to build an image from."""
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Containerfile").write_text(CONTAINERFILE)
    (folder / "busybox").write_bytes(Path(program("busybox") or "").read_bytes())
    (folder / "data").write_bytes(bytes(range(256)) * 4096)
    return folder


@pytest.mark.parametrize("engine", ["podman", "buildah"])
@pytest.mark.parametrize("form", ["oci", "v2s2"])
def test_build_push_and_pull(registry: Ours, storage: list[str], context: Path, engine: str, form: str) -> None:
    need(engine, "busybox")
    image = f"{host(registry.url)}/{engine}/built:{form}"
    tool = [engine, *storage]
    run(*tool, "build", "--isolation", "chroot", "--tag", image, str(context))
    built = run(*tool, "images", "--quiet", "--no-trunc", image).strip()
    run(*tool, "push", "--tls-verify=false", "--format", form, image)
    with Client(registry.url) as client:
        assert len(client.pull(f"{engine}/built", form)) >= 3

    run(*tool, "rmi", image)
    run(*tool, "pull", "--tls-verify=false", image)
    pulled = run(*tool, "images", "--quiet", "--no-trunc", image).strip()
    if form == "oci":  # an image's id is the digest of its config, and each form has its own
        assert pulled == built


def test_an_image_of_another_client(registry: Ours, storage: list[str], tmp_path: Path) -> None:
    need("podman", "skopeo", "busybox")
    layout = Layout(tmp_path / "pushed")
    layout.add_image("1.0", [busybox_layer(), file_layer("a", MIB)])
    name = f"{host(registry.url)}/podman/other:1.0"
    run("skopeo", "copy", "--quiet", "--dest-tls-verify=false", layout.reference("1.0"), f"docker://{name}")
    run("podman", *storage, "pull", "--tls-verify=false", name)
    mounted = Path(run("podman", *storage, "image", "mount", name).strip())
    assert (mounted / "bin/busybox").read_bytes() == Path(program("busybox") or "").read_bytes()
    run("podman", *storage, "image", "unmount", name)
