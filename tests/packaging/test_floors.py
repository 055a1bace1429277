"""The oldest releases that setup.cfg allows are those that `tox run -e floors` tests with."""

from __future__ import annotations

import configparser
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]


def requirements(file: str, section: str, option: str) -> list[Requirement]:
    """What an option lists for this Python."""
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / file)
    lines = [line for line in config[section][option].splitlines() if line and not line.startswith("#")]
    listed = [Requirement(line) for line in lines]
    return [each for each in listed if each.marker is None or each.marker.evaluate()]


def test_each_floor_has_its_pin() -> None:
    pins = {
        each.name: Version(next(iter(each.specifier)).version)
        for each in requirements("tox.ini", "testenv:floors", "deps")
        if each.specifier
    }
    listed = requirements("setup.cfg", "options", "install_requires")
    for extra in ("registry", "redis"):  # after it: the registry wants a newer gevent than the driver
        listed += requirements("setup.cfg", "options.extras_require", extra)
    floors = {
        each.name: Version(limit.version) for each in listed for limit in each.specifier if limit.operator == ">="
    }
    assert {name: pins[name].release[: len(floor.release)] for name, floor in floors.items()} == {
        name: floor.release for name, floor in floors.items()
    }
