"""fsck and gc agree about what is garbage, in containers of which some files are missing, spoiled or left over."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest

from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.drivers.memory import Storage
from docker_registry.maintenance.fsck.findings import Finding, Kind, Severity
from docker_registry.maintenance.fsck.options import DAY, FsckOptions
from docker_registry.maintenance.gc.garbage import Item
from docker_registry.maintenance.gc.gc import Collector
from docker_registry.maintenance.progress import Quiet
from tests.maintenance.planting import Plant, descriptor, fsck, image, images

NOW = 1_700_000_000.0


def plant(seed: int) -> Storage:
    """Images and indexes that share layers, then some files gone and some that nobody needs."""
    chance, driver = random.Random(seed), Storage("/")
    driver.clock = lambda: NOW - 10 * DAY
    planted, layers = Plant(driver), [b"layer %d" % number for number in range(6)]
    for number in range(chance.randint(1, 6)):
        name, some = chance.choice("abc"), chance.sample(layers, chance.randint(1, 3))
        planted.image(name, chance.choice(("", f"v{number}")), some)
        if chance.random() < 0.3:
            child = descriptor(json.dumps(image(some)).encode(), "application/vnd.oci.image.manifest.v1+json")
            index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [child]}
            planted.manifest(name, index, f"index{number}")
    for content in chance.sample(layers, 2):
        planted.blob(chance.choice("abcd"), content)
    planted.data(b"of nobody")
    files = sorted(driver._files)
    for path in chance.sample(files, min(len(files), chance.randint(0, 4))):
        if chance.random() < 0.7 or not path.endswith("/data"):
            del driver._files[path]
        else:
            driver.put_content(path, b"spoiled")
    return driver


def would(driver: Storage) -> list[Item]:
    with Collector(driver, FsckOptions(), Quiet(), wall=lambda: NOW) as job:
        return list(job.would())


def unlinked_blobs(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.path, finding.digest) for finding in findings if finding.kind is Kind.UNLINKED_BLOB]


def damage(findings: list[Finding]) -> Counter[tuple[str, str, str]]:
    """Empty and spoiled blobs apart: that they are gone is no worse."""
    kinds = [finding for finding in findings if finding.kind.severity is Severity.DAMAGE]
    return Counter((finding.kind.code, finding.path, finding.target or finding.digest) for finding in kinds)


@pytest.mark.parametrize("seed", range(60))
def test_what_gc_takes_leaves_nothing_worse_and_no_waste(seed: int) -> None:
    driver = plant(seed)
    before, broken = fsck(driver), images(driver)
    items = would(driver)
    # What a manifest of some repository names stays, though that lacks the link: fsck calls it both.
    named = {finding.digest for finding in before if finding.kind is Kind.UNLINKED_REFERENCE}
    unlinked = {path for path, digest in unlinked_blobs(before) if digest not in named}
    data = {item.path for item in items if not item.is_link}
    assert unlinked <= data
    for path in data - unlinked:  # linked by what goes too, and by nothing else
        digest = next(item.digest for item in items if item.path == path)
        links = {each for each in driver._files if "/_layers/" in each and Digest.parse(digest).hex in each}
        assert links
        assert links <= {item.path for item in items}
    for item in items:
        driver.remove(item.path)
    after = fsck(driver)
    assert not damage(after) - damage(before)
    assert images(driver).keys() <= broken.keys()
    assert {digest for _, digest in unlinked_blobs(after)} <= named
    assert would(driver) == []


def test_the_containers_differ() -> None:
    found = [would(plant(seed)) for seed in range(60)]
    assert len({tuple(item.path for item in items) for items in found}) > 20
    assert {item.what for items in found for item in items} == {"data", "layer"}
    assert any(layout.blob_data(Digest.of(b"of nobody")) in [item.path for item in items] for items in found)
