"""What a Swift can do, read off its `/info`: pure.

Ceph's RADOS Gateway answers elsewhere or not at all, tells less, and offers
less; what it lacks is told and is no error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .lines import Line, error, ok, warning

__all__ = ["abilities"]

_STRONG = ("sha256", "sha512")  # sha1 is deprecated in Swift
_MIB = 1024 * 1024


def abilities(info: Mapping[str, Any], segment_size: int, policy: str | None = None) -> Iterator[Line]:
    """`info` is empty where the server tells nothing; `segment_size` is in bytes, `policy` that of a new container."""
    if not info:
        yield warning(
            "/info",
            "the server does not tell what it can do, as Ceph's gateway and some proxies do not",
            "Swift's defaults are taken to hold: static large objects of 1000 segments, objects of at most 5 GiB",
        )
        return
    yield _server(info)
    yield from _policy(info, policy)
    yield from _large_objects(info, segment_size)
    yield _bulk_delete(info)
    yield _tempurl(info)


def _server(info: Mapping[str, Any]) -> Line:
    swift = info.get("swift") or {}
    limits = [f"version {swift['version']}"] if swift.get("version") else []
    if swift.get("max_file_size"):
        limits.append(f"objects to {swift['max_file_size'] // _MIB} MiB")
    if swift.get("container_listing_limit"):
        limits.append(f"{swift['container_listing_limit']} rows a listing")
    if swift.get("max_object_name_length"):
        limits.append(f"names to {swift['max_object_name_length']} bytes")
    return ok("/info", ", ".join(limits) or "no limits told")


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


def _large_objects(info: Mapping[str, Any], segment_size: int) -> Iterator[Line]:
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
    segments = info["slo"].get("max_manifest_segments") or 1000
    yield ok("large objects", f"static (slo), {segments} segments a manifest; what has more gets several")


def _bulk_delete(info: Mapping[str, Any]) -> Line:
    if "bulk_delete" not in info:
        return warning("bulk delete", "the server has none: files are deleted one by one, which only takes longer")
    most = (info["bulk_delete"] or {}).get("max_deletes_per_request")
    return ok("bulk delete", f"{most} names a request" if most else "there, its limit is not told")


def _tempurl(info: Mapping[str, Any]) -> Line:
    if "tempurl" not in info:
        return warning("TempURL", "the server has none", "Pulls go through the registry instead of being redirected")
    digests = (info["tempurl"] or {}).get("allowed_digests")
    if not digests:
        return ok("TempURL", "there, its digests are not told")
    if not set(digests) & set(_STRONG):
        return warning("TempURL", f"only the digest {', '.join(digests)}, which is weak", "Ask for sha256 or sha512")
    return ok("TempURL", f"with {', '.join(digests)}")
