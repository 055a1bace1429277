"""The Dockerfile, built by buildah on a Debian that is made for it, and the registry in it started."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from docker_registry.embedded import EmbeddedSwift
from tests.live.child import Child
from tests.live.clients import skopeo_pull, skopeo_push
from tests.live.conftest import swift
from tests.live.images import Layout, file_layer
from tests.live.ours import write_config
from tests.peers import lack, need

__all__ = ["swift"]

ROOT = Path(__file__).parents[2]
PACKAGES = "python3,python3-venv,ca-certificates,libstdc++6"
LIMIT = 600.0  # s for one command
# The image asks for packages as this machine does.
SHARED = [path for path in ("/etc/pip.conf", "/etc/ssl/certs") if os.path.exists(path)]


class Buildah:
    """buildah with a storage of its own, without containers: commands run in a chroot."""

    def __init__(self, folder: Path):
        self.options = ["--root", str(folder / "root"), "--runroot", str(folder / "run"), "--storage-driver", "vfs"]

    def __call__(self, *arguments: str) -> str:
        command = [need("buildah"), *self.options, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
        return done.stdout.strip()


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small Debian with Python, as a tar file."""
    need("mmdebstrap", "buildah")
    if os.geteuid():
        lack("not root, as mmdebstrap and a chroot want")
    path = tmp_path_factory.mktemp("debian") / "base.tar"
    small = ["--variant=essential", "--dpkgopt=force-unsafe-io", "--dpkgopt=path-exclude=/usr/share/doc/*"]
    command = [need("mmdebstrap"), "--quiet", *small, f"--include={PACKAGES}", "bookworm", str(path)]
    subprocess.run(command, check=True, timeout=LIMIT, capture_output=True)
    return path


@pytest.fixture(scope="module")
def container(debian: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Buildah, str]]:
    """A container of the image."""
    buildah = Buildah(tmp_path_factory.mktemp("buildah"))
    base = buildah("from", "scratch")
    buildah("add", "--quiet", base, str(debian), "/")
    buildah("commit", "--quiet", "--rm", base, "localhost/base")
    volumes = [option for path in SHARED for option in ("--volume", f"{path}:{path}:ro")]
    build = ["build", "--isolation", "chroot", "--network", "host", "--build-arg", "BASE=localhost/base", *volumes]
    buildah(*build, "--tag", "localhost/registry", str(ROOT))
    yield buildah, buildah("from", "localhost/registry")
    buildah("rm", "--all")
    buildah("rmi", "--all", "--force")


class Started(Child):
    """The image's own command with another port, as the image's user."""

    def __init__(self, buildah: Buildah, container: str, config: Path, log: Path):
        described = json.loads(buildah("inspect", "--type", "container", container))["OCIv1"]["config"]
        assert described["User"] == "65532:65532"
        command = [*described["Entrypoint"], *described["Cmd"]]
        assert command[-4:] == ["--config", "/etc/docker-registry/config.yml", "--host", "0.0.0.0"]
        command[-1:] = ["127.0.0.1", "--port", "0", "--workers", "1"]
        run = [need("buildah"), *buildah.options, "run", "--isolation", "chroot", "--network", "host"]
        volume = ["--volume", f"{config}:/etc/docker-registry/config.yml:ro"]
        serving = re.compile(r"on http://(127\.0\.0\.1:\d+)/v2/")
        super().__init__([*run, *volume, container, "--", *command], log, serving, 60.0)


def test_the_image_serves(container: tuple[Buildah, str], swift: EmbeddedSwift, tmp_path: Path) -> None:
    need("skopeo")
    buildah, made = container
    config = write_config(tmp_path, swift, "of-the-image")
    config.chmod(0o644)
    tmp_path.chmod(0o755)
    layout = Layout(tmp_path / "layout")
    layout.add_image("1.0", [file_layer("a", 1 << 20)])
    with Started(buildah, made, config, tmp_path / "log") as registry:
        skopeo_push(layout.reference("1.0"), registry.url, "app:1.0")
        skopeo_pull(registry.url, "app:1.0", tmp_path / "pulled")


def test_nothing_in_the_image_can_be_changed_by_who_runs_it(container: tuple[Buildah, str]) -> None:
    buildah, made = container
    find = "find / -xdev -writable ! -type l ! -path '/proc/*' ! -path '/dev/*' ! -path '/sys/*' 2>/dev/null"
    writable = buildah("run", "--isolation", "chroot", made, "--", "sh", "-c", f"{find} || true").split()
    assert set(writable) <= {"/data", "/tmp", "/var/tmp", "/run/lock"}
    assert "pip" not in buildah("run", "--isolation", "chroot", made, "--", "ls", "/opt/registry/bin").split()
