"""What `check` says of a Swift's `/info`: OpenStack's own, Ceph's, and ones that lack something."""

from __future__ import annotations

from typing import Any

import pytest

from docker_registry.maintenance.check.abilities import abilities
from docker_registry.maintenance.check.lines import Level

MIB = 1 << 20
OPENSTACK: dict[str, Any] = {
    "swift": {
        "version": "2.38.3",
        "max_file_size": 5368709122,
        "container_listing_limit": 10000,
        "max_object_name_length": 1024,
    },
    "slo": {"max_manifest_segments": 1000, "max_manifest_size": 8388608},
    "bulk_delete": {"max_deletes_per_request": 10000},
    "tempurl": {"methods": ["GET"], "allowed_digests": ["sha1", "sha256", "sha512"]},
}
# As Ceph's RADOS Gateway answers.
CEPH: dict[str, Any] = {
    "swift": {
        "max_file_size": 5368709120,
        "container_listing_limit": 10000,
        "version": "16.2.15",
        "max_object_name_size": 1024,
    },
    "slo": {"max_manifest_segments": 1000},
    "bulk_delete": {},
    "container_quotas": {},
    "tempurl": {"methods": ["GET", "HEAD", "PUT", "POST", "DELETE"]},
}


def levels(info: dict[str, Any], segment_size: int = 32 * MIB) -> dict[str, Level]:
    return {line.subject: line.level for line in abilities(info, segment_size)}


@pytest.mark.parametrize("info", [OPENSTACK, CEPH])
def test_what_suffices_is_ok(info: dict[str, Any]) -> None:
    found = levels(info)
    assert set(found) == {"/info", "large objects", "conditions", "bulk delete", "tags that expire", "TempURL"}
    assert set(found.values()) == {Level.OK}


def test_the_server_is_named_with_what_it_cannot_do() -> None:
    openstack, ceph = ({line.subject: line.text for line in abilities(info, 32 * MIB)} for info in (OPENSTACK, CEPH))
    assert openstack["/info"].startswith("OpenStack Swift 2.38.3, ")
    assert "10000 rows a listing," in openstack["/info"]
    assert ceph["/info"].startswith("Ceph's gateway 16.2.15, ")
    assert ceph["/info"].endswith("10000 rows a listing, or fewer")
    assert "gets several" in openstack["large objects"]
    assert "a list of them is stored" in ceph["large objects"]
    assert "from 31 GiB on" in ceph["large objects"]
    assert "not known to keep them" in ceph["conditions"]
    assert (openstack["bulk delete"], ceph["bulk delete"]) == ("500 names a request", "500 names a request")
    assert "a key of the account" in ceph["TempURL"]


def test_only_servers_that_were_seen_to_do_it_let_tags_expire() -> None:
    unknown = {**OPENSTACK, "swift": {"version": "1"}}
    told = [
        line.text
        for info in (OPENSTACK, CEPH, unknown)
        for line in abilities(info, MIB)
        if line.subject == "tags that expire"
    ]
    assert ["not known" in text for text in told] == [False, False, True]


def test_a_server_that_tells_nothing_is_a_warning() -> None:
    assert levels({}) == {"/info": Level.WARNING}


@pytest.mark.parametrize(
    ("lacking", "subject", "level"),
    [
        ("slo", "large objects", Level.ERROR),
        ("bulk_delete", "bulk delete", Level.WARNING),
        ("tempurl", "TempURL", Level.WARNING),
        ("swift", "/info", Level.OK),
    ],
)
def test_what_is_lacking(lacking: str, subject: str, level: Level) -> None:
    assert levels({key: value for key, value in OPENSTACK.items() if key != lacking})[subject] is level


def test_segments_that_the_server_does_not_take() -> None:
    info = {**OPENSTACK, "swift": {"max_file_size": 10 * MIB}}
    assert levels(info)["segments"] is Level.ERROR
    assert "segments" not in levels(info, 10 * MIB)


def test_only_a_weak_digest() -> None:
    info = {**OPENSTACK, "tempurl": {"allowed_digests": ["sha1"]}}
    assert levels(info)["TempURL"] is Level.WARNING
