"""What is in the sdist and in each wheel made from it, and what they do to the environment they are installed into."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tarfile
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from tests.wheels import LEFT_BEHIND, ROOT, Environment, build_sdist, build_wheel, copy_source

STUBS = {"docker_registry/__init__.py", "docker_registry/drivers/__init__.py"}


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    return build_sdist(tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel2(sdist, tmp_path_factory):
    return build_wheel("2.7", tmp_path_factory.mktemp("wheel2"), sdist)


@pytest.fixture(scope="module")
def wheel3(sdist, tmp_path_factory):
    return build_wheel("3", tmp_path_factory.mktemp("wheel3"), sdist)


def files(wheel: Path) -> set[str]:
    """What the wheel installs, its own metadata left out."""
    return {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}


def metadata(wheel: Path) -> Message:
    archive = zipfile.ZipFile(wheel)
    (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    return message_from_bytes(archive.read(name))


def source(folder: str) -> set[str]:
    """All files below a folder of the package; everything in it is meant to be installed."""
    found = (path for path in (ROOT / folder).rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {str(path.relative_to(ROOT)) for path in found}


def test_the_sdist_holds_the_whole_checkout(sdist, tmp_path):
    shutil.copytree(ROOT, tmp_path / "checkout", ignore=shutil.ignore_patterns(*LEFT_BEHIND))
    checkout = {
        str(path.relative_to(tmp_path / "checkout")) for path in (tmp_path / "checkout").rglob("*") if path.is_file()
    }
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames() if archive.getmember(name).isfile()}
    assert {"docs/README.md", "tests/conftest.py", ".ci/run", "CHANGELOG.md"} <= names
    assert checkout - names <= {".gitignore"}
    assert {name for name in names - checkout if ".egg-info/" not in name} == {"PKG-INFO"}


def test_the_python_2_wheel_holds_the_driver_and_nothing_of_docker_registry_core(wheel2):
    assert files(wheel2) == STUBS | source("docker_registry/concurrency") | source("docker_registry/drivers/swift")


def test_what_one_python_left_behind_does_not_get_into_the_others_wheel(wheel2, tmp_path):
    source = copy_source(tmp_path / "source")
    for version in ("3", "2.7"):
        # As tox does it: in place, where pip would build in a copy.
        builder = Environment.fresh(tmp_path / f"builder{version[0]}", version)
        builder.install("setuptools>=40.8,<80", "wheel")
        builder.run("python", "setup.py", "--quiet", "bdist_wheel", "--dist-dir", tmp_path, cwd=source)
    (wheel,) = tmp_path.glob("*-py2-none-any.whl")
    assert files(wheel) == files(wheel2)


def test_the_python_3_wheel_holds_everything(wheel3):
    assert files(wheel3) == source("docker_registry")
    assert {"docker_registry/core/driver.py", "docker_registry/cli.py", *STUBS} <= files(wheel3)


def test_each_wheel_is_for_its_python_only(wheel2, wheel3):
    assert (wheel2.name.split("-")[2], wheel3.name.split("-")[2]) == ("py2", "py3")


def test_what_the_wheels_require(wheel2, wheel3):
    for wheel in (wheel2, wheel3):
        wanted = {line.replace(" ", "").replace("'", '"') for line in metadata(wheel).get_all("Requires-Dist")}
        core = {line for line in wanted if line.startswith("docker-registry-core")}
        assert len(core) == 1
        assert core.pop().endswith(';python_version<"3"')
        assert "!=3.9.*" in metadata(wheel)["Requires-Python"].replace(" ", "")
        assert {"registry", "embedded", "redis", "test"} <= set(metadata(wheel).get_all("Provides-Extra"))


FETCH = """
import json, sys
from docker_registry.core import driver
storage = driver.fetch("swift")
print(json.dumps([storage.__module__, storage.scheme, sorted(driver.available())]))
"""


FETCH_IT = "import docker_registry.drivers.swift"


def fetched(where: Environment, folder: Path) -> list[str]:
    """What a fetch of the driver finds there; run away from the source tree."""
    said = where.run("python", "-c", FETCH, cwd=folder)
    return json.loads(said.splitlines()[-1])


def test_the_python_3_wheel_alone_gives_the_driver(wheel3, tmp_path):
    clean = Environment.fresh(tmp_path / "environment", "3")
    clean.install(wheel3)
    module, scheme, available = fetched(clean, tmp_path)
    assert module.startswith("docker_registry.drivers.swift")
    assert (scheme, available) == ("swift", ["memory", "swift"])
    assert "docker-registry-core" not in clean.run("pip", "list")
    assert "docker-registry-swift" in {path.name for path in clean.bin.iterdir()}


def refusal(where: Environment, *command: str) -> str:
    """The one line on stderr with which a command ends; of a traceback the last."""
    program = [str(where.bin / command[0]), *command[1:]]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60, cwd=where.bin)
    assert done.returncode == 1, done
    return done.stderr.splitlines()[-1] if command[0] == "python" else done.stderr


def test_the_command_names_the_extra_that_it_lacks(wheel3, tmp_path):
    clean = Environment.fresh(tmp_path / "environment", "3")
    clean.install("--no-deps", wheel3)
    install = "pip install 'docker-registry-driver-swift[registry]'"
    lacks = "docker-registry-swift: the Python module {0} is not installed: " + install + "\n"
    for arguments in ((), ("--help",), ("serve",), ("check", "--config", "none.yml")):
        assert refusal(clean, "docker-registry-swift", *arguments) == lacks.format("click")
    clean.install("click")
    assert refusal(clean, "docker-registry-swift", "check") == lacks.format("yaml")


def test_docker_registry_core_on_python_3_is_noticed(wheel3, tmp_path):
    clean = Environment.fresh(tmp_path / "environment", "3")
    clean.install(wheel3)
    clean.install("--no-deps", "docker-registry-core==2.0.3")
    for _ in ("overwritten", "taken away"):
        for said in (refusal(clean, "docker-registry-swift", "check"), refusal(clean, "python", "-c", FETCH_IT)):
            assert "pip uninstall docker-registry-core, then pip install --force-reinstall" in said
            assert said.count("\n") < 2
        clean.run("pip", "uninstall", "--yes", "docker-registry-core")
    clean.install("--force-reinstall", "--no-deps", wheel3)
    assert fetched(clean, tmp_path)[1] == "swift"


def core_files(where: Environment) -> dict[str, str]:
    """The files of docker-registry-core as installed, and their contents' hashes."""
    listing = where.run("pip", "show", "-f", "docker-registry-core").splitlines()
    (location,) = (Path(line.split(": ")[1]) for line in listing if line.startswith("Location: "))
    names = [line.strip() for line in listing[listing.index("Files:") + 1 :]]
    paths = (location / name for name in names if not name.endswith(".pyc"))
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_the_python_2_wheel_comes_and_goes_beside_docker_registry_core(wheel2, tmp_path):
    clean = Environment.fresh(tmp_path / "environment", "2.7")
    clean.install("docker-registry-core>=2,<3")
    before = core_files(clean)
    assert any(name.endswith("docker_registry/core/driver.py") for name in before)
    clean.install(wheel2)
    assert core_files(clean) == before
    module, scheme, available = fetched(clean, tmp_path)
    assert module.startswith("docker_registry.drivers.swift")
    assert scheme == "swift"
    assert {"file", "swift"} <= set(available)
    clean.run("pip", "uninstall", "--yes", "docker-registry-driver-swift")
    assert core_files(clean) == before
    program = "from docker_registry.core import driver; driver.fetch('file'); print(driver.available())"
    said = clean.run("python", "-c", program, cwd=tmp_path)
    assert "swift" not in said.splitlines()[-1]
