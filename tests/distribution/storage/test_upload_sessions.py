"""Session tokens: what is sealed is read back, and nothing else is."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.core.driver import Base, fetch
from docker_registry.core.types import Part
from docker_registry.distribution.errors import Code, RegistryError
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.storage import upload_sessions as module
from docker_registry.distribution.storage.upload_sessions import TOKEN_LIMIT, Session, Sessions

HOUR = 3600.0


def memory() -> Base:
    return fetch("memory")("/", None)


def make(secret: bytes = b"secret", ttl: float = HOUR, driver: Base | None = None) -> Sessions:
    return Sessions(driver or memory(), [secret], ttl)


def is_refused(call: Callable[[], Session]) -> bool:
    try:
        call()
    except RegistryError as error:
        return error.code is Code.BLOB_UPLOAD_UNKNOWN
    return False


PARTS = st.lists(st.builds(Part, st.text(min_size=1, max_size=80), st.integers(1, 2**40)), max_size=60)


@given(PARTS)
def test_a_session_is_read_back_as_it_was_sealed(parts: list[Part]) -> None:
    sessions = make()
    session = sessions.start("a/b", "sha512").with_parts(parts)
    token = sessions.seal(sessions.record(session))
    again = sessions.open("a/b", session.id, token)
    assert len(token) <= TOKEN_LIMIT
    assert sessions.parts(again) == parts
    assert (again.offset, again.algorithm, again.expires) == (session.offset, "sha512", session.expires)
    assert again.has_parts == bool(parts)


def test_a_blob_that_was_stored_early_is_named() -> None:
    sessions = make()
    session = sessions.start("a").with_blob(Digest.of(b"abc"), 3, 1_700_000_000.9)
    assert sessions.open("a", session.id, sessions.seal(session)) == session


def test_many_chunks_stay_short_and_cost_a_file_now_and_then() -> None:
    driver = memory()
    sessions = make(driver=driver)
    session = sessions.start("a")
    names: list[Part] = []
    for index in range(300):
        names.append(Part(f"segments/{Digest.of(str(index).encode()).hex}/00000001", 16 * 2**20))
        token = sessions.seal(sessions.record(session.with_parts(names)))
        session = sessions.open("a", session.id, token)
        assert len(token) <= TOKEN_LIMIT
        assert sessions.parts(session) == names
        assert session.offset == len(names) * 16 * 2**20
    assert 2 < len(list(driver.walk(layout.SESSIONS))) < 60


def test_an_older_url_still_means_what_it_meant() -> None:
    sessions = make()
    session = sessions.start("a")
    tokens = []
    parts = [Part(Digest.of(str(index).encode()).hex, 1) for index in range(100)]
    for count in range(1, 101):
        tokens.append(sessions.seal(sessions.record(session.with_parts(parts[:count]))))
        session = sessions.open("a", session.id, tokens[-1])
    for count, token in enumerate(tokens, 1):
        older = sessions.open("a", session.id, token)
        assert sessions.parts(older) == parts[:count]
        assert sessions.parts(sessions.newest(older)) == parts


def test_the_newest_state_is_the_longest_that_a_request_recorded() -> None:
    driver = memory()
    sessions = make(driver=driver)
    start = sessions.start("a")
    assert sessions.newest(start) == start
    short, long = (start.with_parts([Part(name, size)]) for name, size in (("x", 1), ("y", 2)))
    sessions.record(long)
    assert [make(driver=driver).newest(each) for each in (start, short, long)] == [long] * 3
    sessions.record(short)  # a request that was slow
    assert [sessions.newest(each) for each in (start, short, long)] == [short, short, long]
    assert sessions.newest(start.with_parts([Part("z", 1)])).parts == (Part("z", 1),)


def test_what_is_recorded_for_another_session_is_refused() -> None:
    driver = memory()
    sessions = make(driver=driver)
    mine, other = sessions.start("a"), sessions.start("a")
    sessions.record(other.with_parts([Part("x", 1)]))
    token = driver.get_content(layout.session_file(other.id, "newest"))
    driver.put_content(layout.session_file(mine.id, "newest"), token)
    assert is_refused(lambda: sessions.newest(mine))


@pytest.fixture(scope="module")
def sealed() -> tuple[Sessions, Session, str]:
    sessions = make()
    session = sessions.start("a/b").with_parts([Part("segments/one", 5)])
    return sessions, session, sessions.seal(session)


def flipped(token: str) -> Iterator[str]:
    """Every token that differs in one character's lowest or highest bit of value."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for index, character in enumerate(token):
        for bit in range(6):
            other = alphabet[alphabet.index(character) ^ (1 << bit)]
            yield token[:index] + other + token[index + 1 :]


def test_no_bit_can_be_flipped(sealed: tuple[Sessions, Session, str]) -> None:
    sessions, session, token = sealed
    assert sessions.open("a/b", session.id, token) == session
    for other in flipped(token):
        assert is_refused(lambda other=other: sessions.open("a/b", session.id, other)), other  # type: ignore[misc]


@given(st.one_of(st.text(), st.binary().map(lambda data: base64.urlsafe_b64encode(data).decode())))
def test_no_other_text_is_a_token(text: str) -> None:
    assert is_refused(lambda: make().open("a", "b", text))


@pytest.mark.parametrize("change", ["=", "\n", " ", "A", "é"])
def test_nothing_can_be_appended(sealed: tuple[Sessions, Session, str], change: str) -> None:
    sessions, session, token = sealed
    assert is_refused(lambda: sessions.open("a/b", session.id, token + change))


def test_a_token_is_good_for_its_own_url_only(sealed: tuple[Sessions, Session, str]) -> None:
    sessions, session, token = sealed
    assert is_refused(lambda: sessions.open("a/c", session.id, token))
    assert is_refused(lambda: sessions.open("a/b", sessions.start("a/b").id, token))
    assert is_refused(lambda: sessions.open("a", f"b\0{session.id}", token))


def test_replicas_share_a_secret_or_do_not_understand_each_other(sealed: tuple[Sessions, Session, str]) -> None:
    _, session, token = sealed
    assert make().open("a/b", session.id, token) == session
    assert is_refused(lambda: make(secret=b"another").open("a/b", session.id, token))


def test_no_url_outlives_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = make(ttl=100.0)
    clock = [1_000_000.0]
    monkeypatch.setattr(module.time, "time", lambda: clock[0])
    session = sessions.start("a")
    clock[0] += 99
    later = sessions.open("a", session.id, sessions.seal(session)).with_parts([Part("x", 1)])
    token = sessions.seal(later)
    assert sessions.open("a", session.id, token).expires == 1_000_100
    clock[0] += 2
    assert is_refused(lambda: sessions.open("a", session.id, token))


def test_a_token_says_nothing_of_the_secret(sealed: tuple[Sessions, Session, str]) -> None:
    sessions, session, _ = sealed
    assert b"secret" not in repr((session, vars(sessions))).encode()
