from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.core.driver import resolve_range
from docker_registry.core.exceptions import WrongArgumentsError
from docker_registry.distribution.model.ranges import UnsatisfiableError, content_range, parse_chunk_range, parse_range

NUMBERS = st.integers(0, 60)


@given(st.binary(max_size=40), st.one_of(st.none(), NUMBERS), st.one_of(st.none(), NUMBERS))
def test_a_range_means_what_a_slice_means(data: bytes, first: int | None, last: int | None) -> None:
    header = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    if first is None:
        expected = data if last is None else data[max(len(data) - last, 0) :]
    else:
        expected = data[first:] if last is None else data[first : last + 1]
    try:
        wanted = parse_range(header)
        low, high = (0, len(data) - 1) if wanted is None else resolve_range(wanted, len(data))
        assert data[low : high + 1] == expected
    except (UnsatisfiableError, WrongArgumentsError):
        assert expected == b""


@pytest.mark.parametrize(
    "header",
    [None, "", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=0-1,3-4", "items=0-5", "bytes=0-5-", "bytes 0-5"],
)
def test_what_is_not_one_range_of_bytes_asks_for_the_whole(header: str | None) -> None:
    assert parse_range(header) is None


@pytest.mark.parametrize("header", ["bytes=0-99", "Bytes=0-99", " bytes = 0 - 99 "])
def test_the_unit_has_no_case_and_spaces_mean_nothing(header: str) -> None:
    assert parse_range(header) == (0, 99)


@pytest.mark.parametrize("header", ["bytes=500-0", "bytes=-0"])
def test_no_file_has_a_byte_of_an_empty_range(header: str) -> None:
    with pytest.raises(UnsatisfiableError):
        parse_range(header)


def test_a_number_of_any_length_is_only_a_large_one() -> None:
    assert parse_range(f"bytes=5-{'9' * 10_000}") == (5, 10**18)


def test_content_range() -> None:
    assert content_range(5, 10, 100) == "bytes 5-14/100"


@pytest.mark.parametrize(("header", "expected"), [("0-99", (0, 99)), ("bytes 5-5/*", (5, 5)), ("bytes=7-8/10", (7, 8))])
def test_the_range_of_a_chunk(header: str, expected: tuple[int, int]) -> None:
    assert parse_chunk_range(header) == expected


@pytest.mark.parametrize(
    "header",
    ["", "0", "0-", "-5", "9-0", "a-b", "0-1,2-3", "0-99x", "bytes */5", "\u0660-\u0669", "1" * 20 + "-" + "1" * 20],
)
def test_what_is_no_chunk_range_is_refused(header: str) -> None:
    with pytest.raises(ValueError, match="Content-Range"):
        parse_chunk_range(header)


@given(st.text())
def test_no_text_breaks_either_grammar(text: str) -> None:
    try:
        parse_range(text)
    except UnsatisfiableError:
        pass
    try:
        parse_chunk_range(text)
    except ValueError:
        pass
