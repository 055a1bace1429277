"""What a login by Keystone costs a pull, and how long one is refused, by what is wrong with it.

Keystone is the real one that the tests run, in the environment that they make below `.peers`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.live.identity import furnishing
from tests.live.identity.keystones import Keystone

from ..content import image
from ..measure import Row
from ..plan import KIB, Plan
from ..rig import OURS, Rig
from ..targets import Registry
from .doors import CONNECTIONS, basic, measure, refusals

__all__ = ["keystone"]

_LOGIN = ("demo@Default/web", furnishing.PASSWORD)
_IMAGE = "web/image"  # its project's
_WRONG = {
    "keystone-user": ("a user that Keystone has", _LOGIN[0]),
    "keystone-unknown": ("a user that Keystone does not have", "nobody@Default/web"),
    "keystone-project": ("a user, for a project that is not there", "demo@Default/none"),
}


def keystone(rig: Rig, plan: Plan) -> Iterator[Row]:
    row = Row("door-keystone", f"GET manifests/<digest>; {CONNECTIONS} connections, Keystone", "1/s", True)
    with ExitStack() as stack:
        try:
            door = _door(Path(tempfile.mkdtemp(dir=rig.folder, prefix="keystone-")), stack)
        except (pytest.skip.Exception, pytest.fail.Exception) as why:
            row.cell(OURS).note = str(why)
            yield row
            return
        asked = image(3, KIB)
        Registry(OURS, rig.registry(OURS).server, _IMAGE).push_image(asked, "latest")
        with rig.server(OURS, more={"registry": {"auth": door}}) as server:
            measure(rig, plan, row, OURS, server, basic(*_LOGIN), f"{_IMAGE}/manifests/{asked.manifest.digest}")
        yield row
        yield from refusals(rig, plan, door, _WRONG)


def _door(folder: Path, stack: ExitStack) -> Mapping[str, Any]:
    """The section of the config file for a Keystone that runs until `stack` is closed."""
    server = Keystone(folder)
    stack.callback(server.stop)
    names = (furnishing.SWIFT, furnishing.SWIFT_ELSEWHERE, furnishing.SECURE_SWIFT)
    server.serve(dict.fromkeys(names, "http://127.0.0.1:9"))  # nobody looks for Swift there
    return {"keystone": {"url": server.url + server.path, "prefix": "{project_name}", "domain": "Default"}}
