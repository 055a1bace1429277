"""Keystone's door from outside, with clients that nobody here wrote: right, wrong, another project's, ended, away."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.live.engines import ENGINES, Engine
from tests.live.identity import furnishing
from tests.live.identity.cloud import Cloud
from tests.live.identity.tls import TlsFront
from tests.live.images import Layout, file_layer
from tests.live.ours import Ours
from tests.peers import need, need_module

DEMO = ("demo@Default/web", furnishing.PASSWORD)
SALES = ("demo@sales/web", furnishing.SALES_PASSWORD)


class Door:
    """A registry whose way to Keystone can be cut."""

    def __init__(self, folder: Path, cloud: Cloud, ours: Ours, ways: ExitStack):
        self.folder, self.cloud, self.ours, self.ways = folder, cloud, ours, ways
        self.layout = Layout(folder / "image")
        self.layout.add_image("1.0", [file_layer("doors", 1000)])

    def engine(self, name: str) -> Engine:
        need_module("oras") if name == "oras" else need(name)
        return Engine(name, self.folder, self.ours.url)


@pytest.fixture(scope="module")
def door(v3: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("doors")
    with ExitStack() as ways:
        way = ways.enter_context(TlsFront(v3.keystone.url, v3.certificate))
        keystone = {"url": way.url + v3.keystone.path, "cacert": v3.certificate.cert}
        section = {"auth": {"keystone": {**keystone, "prefix": "{domain_name}/{project_name}"}}}
        options = v3.options(swift_container="doors", swift_domain_name="Default")
        config = folder / "config.yml"
        config.write_text(json.dumps({"test": {"storage": "swift", **options, "registry": section}}, default=str))
        with Ours(folder, config) as ours:
            yield Door(folder, v3, ours, ways)


@pytest.mark.parametrize("name", ENGINES)
def test_each_client_comes_in_where_it_may(door: Door, name: str) -> None:
    engine, image, layout = door.engine(name), f"sales/web/{name}:1.0", door.layout.reference("1.0")
    try:
        if name != "oras":
            assert engine.log_in(*SALES) == ""
            assert engine.log_in(SALES[0], "wrong")
        assert engine.push(layout, image, *SALES) == ""
        assert engine.pull(image, *SALES) == ""
        for who in (DEMO, (SALES[0], "wrong")):
            assert engine.pull(image, *who), who
            assert engine.push(layout, image, *who), who
    finally:
        engine.close()
    assert SALES[1] not in door.ours.log
    assert "Traceback" not in door.ours.log


def test_a_credential_that_was_taken_away_and_a_keystone_that_is_away(door: Door) -> None:
    engine, image = door.engine("skopeo"), "sales/web/ended:1.0"
    engine.push(door.layout.reference("1.0"), image, *SALES)
    gone = door.cloud.application_credential()
    door.cloud.demo().application_credentials.delete(gone.id)
    assert "unauthorized" in engine.pull(image, f"applicationcredential-{gone.id}", gone.secret)
    door.ways.close()
    assert engine.pull(image, *SALES) == ""  # who was let in stays in for a minute
    assert re.search(
        "503|unavailable|cannot be checked now", engine.pull(image, "applicationcredential-other", "secret")
    )
    engine.close()
