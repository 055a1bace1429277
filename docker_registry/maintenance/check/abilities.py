"""What a Swift can do, read off its `/info`: pure.

Ceph's RADOS Gateway tells less, and does less than it tells; what it lacks, and
what that costs, is told and is no error. docs/ceph.md has the measurements.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from docker_registry.drivers.swift.http.habits import Habits

from .lines import Line, error, ok, warning

__all__ = ["abilities"]

_STRONG = ("sha256", "sha512")  # sha1 is deprecated in Swift
_MIB = 1024 * 1024
_KINDS = {"max_object_name_length", "max_object_name_size"}  # a word that only OpenStack's uses, and only Ceph's


def abilities(
    info: Mapping[str, Any], segment_size: int, policy: str | None = None, habits: Habits | None = None
) -> Iterator[Line]:
    """`info` is empty where the server tells nothing; `segment_size` is in bytes, `policy` that of a new container.

    `habits` are what is known of it by trial too.
    """
    habits = habits or Habits(lambda: info)  # type: ignore[no-untyped-call]
    if not info:
        yield warning(
            "/info",
            "the server does not tell what it can do, as behind some proxies",
            "Swift's limits are taken to hold (1000 segments, objects of at most 5 GiB), and none of its habits: "
            "more requests for each file. Let /info through",
        )
        return
    yield _server(info, habits)
    yield from _policy(info, policy)
    yield from _large_objects(info, segment_size, habits)
    yield _conditions(habits)
    yield _bulk_delete(habits)
    yield _expiry(info)
    yield _tempurl(info)


def _server(info: Mapping[str, Any], habits: Habits) -> Line:
    swift = info.get("swift") or {}
    limits = [_name(swift)]
    if swift.get("max_file_size"):
        limits.append(f"objects to {swift['max_file_size'] // _MIB} MiB")
    if swift.get("container_listing_limit"):
        limits.append(f"{swift['container_listing_limit']} rows a listing{'' if habits.fills_pages else ', or fewer'}")
    if swift.get("max_object_name_length"):
        limits.append(f"names to {swift['max_object_name_length']} bytes")
    return ok("/info", ", ".join(limits))


def _name(swift: Mapping[str, Any]) -> str:
    """The program behind the API, by a word that only it uses, and its version."""
    version = f" {swift['version']}" if swift.get("version") else ""
    if "max_object_name_length" in swift:
        return f"OpenStack Swift{version}"
    return f"Ceph's gateway{version}" if "max_object_name_size" in swift else f"a Swift of unknown make{version}"


def _policy(info: Mapping[str, Any], wanted: str | None) -> Iterator[Line]:
    told = (info.get("swift") or {}).get("policies")
    if not wanted or not told:
        return
    names = [name.strip() for policy in told for name in [policy["name"], *policy.get("aliases", "").split(",")]]
    if wanted.lower() not in (name.lower() for name in names):
        there = ", ".join(sorted({name for name in names if name}))
        yield error(
            "storage policy", f"swift_storage_policy is {wanted}, which the server does not have", f"Use {there}"
        )


def _large_objects(info: Mapping[str, Any], segment_size: int, habits: Habits) -> Iterator[Line]:
    largest = (info.get("swift") or {}).get("max_file_size")
    if largest and segment_size > largest:
        yield error(
            "segments",
            f"swift_segment_size is {segment_size // _MIB} MiB, the server takes objects to {largest // _MIB} MiB",
            f"Set swift_segment_size to {largest // _MIB} MiB or less",
        )
    if "slo" not in info:
        yield error(
            "large objects",
            "the server has no static large objects (slo), in which blobs of more than one segment are kept",
            "Ask its operator to put slo into the proxy's pipeline",
        )
        return
    segments = habits.segments
    if habits.gives_manifests:
        yield ok("large objects", f"static (slo), {segments} segments a manifest; what has more gets several")
        return
    doubt = _doubt(habits.gives_manifests, "give them back")
    yield ok(
        "large objects",
        f"static (slo), {segments} segments a manifest, and the server {doubt}: a list of them is stored beside them, "
        f"one request more for each large blob; from {segments * segment_size // (1024 * _MIB)} GiB on some segments "
        "are read and sent again as larger ones",
    )


def _conditions(habits: Habits) -> Line:
    if habits.keeps_conditions:
        return ok("conditions", "a new file never replaces another")
    return ok(
        "conditions",
        f"the server {_doubt(habits.keeps_conditions, 'keep them')}: one request more for each new file, to look "
        "first. Pushes of one large blob at once may leave segments of no use, which fsck removes",
    )


def _doubt(habit: bool | None, what: str) -> str:
    """A habit that is not relied on."""
    return f"is not known to {what}" if habit is None else f"does not {what}"


def _bulk_delete(habits: Habits) -> Line:
    if not habits.names_at_once:
        return warning("bulk delete", "the server has none: files are deleted one by one, which only takes longer")
    return ok("bulk delete", f"{habits.names_at_once} names a request")


def _expiry(info: Mapping[str, Any]) -> Line:
    """Neither server tells; both kinds were seen to do it."""
    if _KINDS & (info.get("swift") or {}).keys():
        return ok("tags that expire", "objects vanish at their time (X-Delete-At); its expirer takes them off listings")
    return ok(
        "tags that expire", "a server of this make is not known to let objects vanish at their time (X-Delete-At)"
    )


def _tempurl(info: Mapping[str, Any]) -> Line:
    if "tempurl" not in info:
        return warning("TempURL", "the server has none", "Pulls go through the registry instead of being redirected")
    digests = (info["tempurl"] or {}).get("allowed_digests")
    if not digests:
        return ok("TempURL", "there, its digests are not told: SHA-1, with a key of the account")
    if not set(digests) & set(_STRONG):
        return warning("TempURL", f"only the digest {', '.join(digests)}, which is weak", "Ask for sha256 or sha512")
    return ok("TempURL", f"with {', '.join(digests)}")
