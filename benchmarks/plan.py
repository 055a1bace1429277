"""How much work the rows do: the full measurement, and a short one that only shows that everything works."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FULL", "KIB", "MIB", "SHORT", "Plan", "sized"]

KIB, MIB = 1024, 1024 * 1024


def sized(count: int) -> str:
    """So many bytes, in words."""
    return f"{count // MIB} MiB" if count >= MIB else f"{count // KIB} KiB"


@dataclass(frozen=True)
class Plan:
    rounds: int  # of turns, for work of a second
    few_rounds: int  # for longer work
    layer: int  # bytes of a large layer
    segment: int | None  # bytes of a segment of our registry; None: what it does by itself
    images: tuple[tuple[int, int], ...]  # layers, and bytes of each
    seconds: float  # for which small requests are sent
    connections: tuple[int, ...]  # that send them
    crowds: tuple[tuple[int, int], ...]  # pushes at once, and bytes of each, while memory is watched
    nodes: int  # that pull at once
    refusals: int  # of wrong passwords
    tags: int
    repositories: int
    stream: int  # bytes of one long stream_write of the driver
    seed: tuple[int, int]  # layers of an image that is copied from a folder, and bytes of each
    v1: tuple[tuple[int, int], ...]  # layers, and bytes of each, of docker-registry's images


FULL = Plan(
    rounds=5,
    few_rounds=2,
    layer=256 * MIB,
    segment=None,
    images=((10, MIB), (60, 64 * KIB)),
    seconds=0.6,
    connections=(1, 16, 64),
    crowds=((16, 256 * MIB), (64, 64 * MIB)),
    nodes=32,
    refusals=100,
    tags=10_000,
    repositories=10_000,
    stream=2048 * MIB,
    seed=(8, 256 * MIB),
    v1=((1, 64 * MIB), (10, MIB), (1, 256 * MIB)),
)

SHORT = Plan(
    rounds=1,
    few_rounds=1,
    layer=3 * MIB,
    segment=MIB,
    images=((10, 64 * KIB),),
    seconds=0.2,
    connections=(4,),
    crowds=((4, 2 * MIB),),
    nodes=4,
    refusals=3,
    tags=50,
    repositories=50,
    stream=16 * MIB,
    seed=(2, 2 * MIB),
    v1=((1, MIB), (3, 64 * KIB), (1, 3 * MIB)),
)
