"""Lexical order out of a storage's order, and pages of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from docker_registry.distribution.model.lexical_order import lexical, page

TAGS = st.sets(st.from_regex(r"[a1_]([-._a1]|[a1])*", fullmatch=True).map(lambda tag: tag[:8]))
PART = st.from_regex(r"[a1]+((\.|_|__|-+)[a1]+)*", fullmatch=True)
NAMES = st.sets(st.lists(PART, min_size=1, max_size=3).map("/".join))
LISTS = st.one_of(st.tuples(TAGS, st.just("/")), st.tuples(NAMES, st.just("/_")))


def stored(names: set[str], delimiter: str, after: str = "") -> Iterator[str]:
    """What `list_prefixes` promises."""
    for name in sorted(names, key=lambda name: (name + delimiter).encode()):
        if name + delimiter > after:
            yield name


@given(LISTS)
@example(({"v1", "v1-rc", "v1.0", "v10"}, "/"))
@example(({"a", "a/1", "a/a", "a-b", "a-b/1"}, "/_"))
def test_names_come_in_lexical_order(case: tuple[set[str], str]) -> None:
    names, delimiter = case
    assert list(lexical(stored(names, delimiter), delimiter)) == sorted(names)


@given(LISTS, st.integers(1, 4))
@example(({"v1", "v1-rc", "v1.0", "v10"}, "/"), 1)
@example(({"a", "a/1", "a/a", "a-b", "a-b/1"}, "/_"), 2)
def test_pages_put_together_are_the_list(case: tuple[set[str], str], size: int) -> None:
    names, delimiter = case
    found: list[str] = []
    more = bool(names)
    while more:
        last = found[-1] if found else ""
        names_behind = lexical(stored(names, delimiter, last), delimiter, last)
        chunk, more = page(names_behind, size)
        assert len(chunk) == size or not more
        found += chunk
    assert found == sorted(names)


@given(LISTS, st.sampled_from(["", "a", "a-", "a.1", "a/1", "a/a-1", "b"]), st.integers(0, 3))
@example(({"a", "a-1", "a-1.0", "a-2"}, "/"), "", 1)
def test_asking_for_late_names_changes_nothing(case: tuple[set[str], str], last: str, patience: int) -> None:
    names, delimiter = case
    found = lexical(stored(names, delimiter, last), delimiter, last, names.__contains__, patience)
    assert list(found) == sorted(name for name in names if name > last)


@pytest.mark.parametrize("short_one_exists", [True, False])
def test_a_page_of_a_crowd_reads_no_more_than_it_must(short_one_exists: bool) -> None:
    """`a-0001` to `a-5000` come before `a`, which a page must begin with, if it exists."""
    crowd = {f"a-{number:04}" for number in range(5000)}
    names = crowd | {"a"} if short_one_exists else crowd
    read, asked = [], []

    def reading() -> Iterator[str]:
        for name in stored(names, "/"):
            read.append(name)
            yield name

    def exists(name: str) -> bool:
        asked.append(name)
        return name in names

    found, more = page(lexical(reading(), "/", "", exists, patience=100), 10)
    assert found == sorted(names)[:10]
    assert more
    assert len(read) <= 120
    assert asked == ["a"]


def test_a_page_inside_a_crowd_holds_nothing_back() -> None:
    read = []

    def reading() -> Iterator[str]:
        for number in range(5000):
            read.append(number)
            yield f"a-{number:04}"

    page(lexical(reading(), "/", "a-0000"), 10)
    assert len(read) <= 14


def test_a_full_last_page_has_nothing_behind_it() -> None:
    assert page(iter("ab"), 2) == (["a", "b"], False)
    assert page(iter("abc"), 2) == (["a", "b"], True)
    assert page(iter(""), 2) == ([], False)
