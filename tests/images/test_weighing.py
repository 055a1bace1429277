"""What `du` says that deleting would free, against a model: sets of what is needed before and after."""

from __future__ import annotations

from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from docker_registry.core.driver import fetch
from docker_registry.images.inside import Inside
from docker_registry.images.places import Repository
from docker_registry.images.weighing import weigh
from docker_registry.settings import Settings
from tests.distribution.contents import index
from tests.images.test_copying import digest_of, push, put
from tests.live.images import INDEX

POOL = [bytes([number]) * (number * 10) for number in range(1, 7)]  # layers
IMAGE = st.lists(st.sampled_from(POOL), min_size=1, max_size=3, unique=True)


def blobs_of(place: Repository, digest: str) -> dict[str, int]:
    """All that a manifest needs, by the bytes that are stored."""
    stored = place.manifest(digest)
    found = {str(stored.digest): len(stored.manifest.body)}
    for named in stored.manifest.references:
        if named.manifest:
            found |= blobs_of(place, str(named.digest))
        else:
            with place.blob(named.digest) as (_, size):
                found[str(named.digest)] = size
    return found


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(IMAGE, min_size=1, max_size=2), min_size=1, max_size=4), st.lists(IMAGE, max_size=2))
def test_so_much_is_needed_by_nothing_else(here: list[list[list[bytes]]], there: list[list[bytes]]) -> None:
    registry = Inside(Settings(storage="memory"), [fetch("memory")("/registry", None)])
    place = Repository(registry, "team/app")
    tags = (f"t{number}" for number in count())
    for images in here:
        if len(images) == 1:
            push(registry, "team/app", next(tags), *images[0])
        else:
            bodies = [push(registry, "team/app", f"single-{next(tags)}", *layers) for layers in images]
            for tag in [tag for tag in place.tags() if tag.startswith("single")]:
                registry.call("DELETE", f"/v2/team/app/manifests/{tag}", 202)
            put(registry, "team/app", next(tags), index(*bodies), INDEX)
    for number, layers in enumerate(there):
        push(registry, "other", str(number), *layers)
    roots = {str(place.manifest(tag).digest) for tag in place.tags()}
    needed = {root: blobs_of(place, root) for root in roots}
    outside = {str(digest_of(blob)) for layers in there for blob in (b"{}", *layers)}
    outside |= {blob for number in range(len(there)) for blob in blobs_of(Repository(registry, "other"), str(number))}
    usage = registry.looker.usage().value
    weights, rest = weigh(registry, "team/app", usage)
    (held,) = [used.size for used in usage.repositories if used.name == "team/app"]
    assert rest == held - sum({blob: size for blobs in needed.values() for blob, size in blobs.items()}.values())
    assert {str(weight.digest) for weight in weights} == roots
    assert sorted(tag for weight in weights for tag in weight.tags) == place.tags()
    for weight in weights:
        own = needed[str(weight.digest)]
        others = outside.union(*(blobs for root, blobs in needed.items() if root != str(weight.digest)))
        assert weight.size == sum(own.values())
        assert weight.frees == sum(size for blob, size in own.items() if blob not in others)
