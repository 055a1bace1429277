"""Names and passwords: the htpasswd file, what is remembered, what is slowed down."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from docker_registry.core.exceptions import ConfigError
from docker_registry.distribution.auth import basic
from docker_registry.distribution.auth.basic import AT_ONCE, REMEMBERED, WINDOW, WRONG, WRONG_NAMES, Basic
from docker_registry.distribution.auth.caller import ANONYMOUS, Caller, Kind
from docker_registry.distribution.auth.gate import RefusedError
from docker_registry.distribution.auth.htpasswd import Htpasswd
from docker_registry.distribution.errors import Code, RegistryError
from tests.peers import need


def line(name: str, password: str) -> str:
    return f"{name}:{bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()}"


def credentials(name: str, password: str) -> str:
    return base64.b64encode(f"{name}:{password}".encode()).decode()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "htpasswd"
    path.write_text("\n".join(["# users", line("alice", "secret"), "bob:$apr1$x$y", line("zoë", "pässword"), ""]))
    return path


class TestHtpasswd:
    def test_right_and_wrong(self, file: Path) -> None:
        known = Htpasswd(str(file))
        assert known.check("alice", "secret") == Caller(Kind.USER, "alice")
        assert known.check("zoë", "pässword") == Caller(Kind.USER, "zoë")
        for name, password in (("alice", "Secret"), ("alice", ""), ("carol", "secret"), ("bob", "x"), ("", "")):
            assert known.check(name, password) is None
        assert known.check("alice", "secret\0") is None

    def test_a_line_without_bcrypt_is_named_without_its_hash(
        self, file: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        Htpasswd(str(file))
        assert "line 3: no bcrypt hash" in caplog.text
        assert "apr1" not in caplog.text

    @pytest.mark.parametrize("cost", ["00", "03", "32", "99"])
    def test_a_cost_that_bcrypt_does_not_have_is_no_hash(
        self, tmp_path: Path, cost: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = tmp_path / "odd"
        path.write_text(f"bob:$2y${cost}${'a' * 53}\n{line('alice', 'secret')}\n")
        known = Htpasswd(str(path))
        assert known.check("alice", "secret")
        assert known.check("bob", "x") is None
        assert "line 1: no bcrypt hash" in caplog.text

    def test_nothing_is_worked_out_when_the_file_is_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "dear"
        path.write_text(f"bob:$2y$31${'a' * 53}\n")
        monkeypatch.delattr(bcrypt, "hashpw")
        assert Htpasswd(str(path)).knows_anybody

    def test_a_name_that_is_not_there_is_checked_at_the_highest_cost(
        self, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        known, costs = Htpasswd(str(file)), []
        genuine = bcrypt.checkpw

        def check(given: bytes, hashed: bytes) -> bool:
            costs.append(hashed[4:6])
            return genuine(given, hashed)

        monkeypatch.setattr(bcrypt, "checkpw", check)
        for name in ("alice", "nobody"):
            assert known.check(name, "x") is None
        assert costs == [b"04", b"04"]

    def test_a_file_without_a_hash_is_a_warning(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        (tmp_path / "empty").write_text("")
        assert not Htpasswd(str(tmp_path / "empty")).knows_anybody
        assert "empty has no bcrypt hash: nobody can log in by it" in caplog.text

    def test_as_apache_writes_it(self, tmp_path: Path) -> None:
        program, path = need("htpasswd"), tmp_path / "apache"
        subprocess.run([program, "-cbB", "-C", "4", path, "carol", "x" * 80], check=True, capture_output=True)
        known = Htpasswd(str(path))
        assert known.check("carol", "x" * 80)
        assert known.check("carol", "x" * 71) is None

    def test_a_file_that_is_not_there_is_one_line(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"htpasswd: cannot read .*gone: No such file"):
            Htpasswd(str(tmp_path / "gone"))

    def test_a_file_that_vanishes_leaves_who_was_in_it(self, file: Path) -> None:
        known = Htpasswd(str(file))
        before = known.version
        file.unlink()
        assert known.version == before
        assert known.check("alice", "secret")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Counting(Htpasswd):
    checks = 0

    def check(self, name: str, password: str) -> Caller | None:
        self.checks += 1
        return super().check(name, password)


class Elsewhere:
    """Who takes the longer, the more of a login is right."""

    version = None
    pace = 1.0

    def __init__(self, clock: Clock):
        self._clock = clock

    def check(self, name: str, password: str) -> Caller | None:
        self._clock.now += {"alice": 0.4, "carol": 1.3}.get(name, 0.05)
        return Caller(Kind.USER, name) if password == "secret" else None


def test_a_refusal_comes_at_a_multiple_of_what_hides_who_is_known() -> None:
    clock, slept = Clock(), []
    door = Basic("here", [Elsewhere(clock)], clock, slept.append)
    for name in ("alice", "bob", "carol"):
        with pytest.raises(RefusedError):
            door.enter(credentials(name, "wrong"), "10.0.0.1")
    assert slept == pytest.approx([0.6, 0.95, 0.7])
    door.enter(credentials("alice", "secret"), "10.0.0.1")  # nobody waits who is let in
    with pytest.raises(RefusedError):
        door.enter(credentials("alice", "wrong"), "10.0.0.1")  # nor for what is remembered
    assert len(slept) == 3


class TestBasic:
    @pytest.fixture(autouse=True)
    def door(self, file: Path) -> None:
        self.clock, self.known = Clock(), Counting(str(file))
        self.door = Basic("here", [self.known], self.clock)

    def enter(self, name: str, password: str, client: str = "10.0.0.1") -> Caller:
        return self.door.enter(credentials(name, password), client)

    def test_a_checked_password_is_remembered_for_a_minute(self) -> None:
        for _ in range(3):
            assert self.enter("alice", "secret").name == "alice"
        assert self.known.checks == 1
        self.clock.now += REMEMBERED + 1
        self.enter("alice", "secret")
        assert self.known.checks == 2

    @pytest.mark.usefixtures("files_looked_at_each_time")
    def test_a_changed_file_counts(self, file: Path) -> None:
        self.enter("alice", "secret")
        file.write_text(line("alice", "other"))
        os.utime(file, ns=(1, 1))
        with pytest.raises(RefusedError):
            self.enter("alice", "secret")
        assert self.enter("alice", "other").name == "alice"

    def test_neither_name_nor_password_is_nobody(self) -> None:
        assert self.enter("", "") is ANONYMOUS
        with pytest.raises(RefusedError):
            self.enter("", "x")

    @pytest.mark.parametrize(
        "malformed", ["", "%%%", base64.b64encode(b"nocolon").decode(), base64.b64encode(b"\xff:x").decode()]
    )
    def test_malformed_credentials_are_refused(self, malformed: str) -> None:
        with pytest.raises(RefusedError, match="malformed"):
            self.door.enter(malformed, "10.0.0.1")

    def test_who_guesses_must_wait_and_nobody_else(self) -> None:
        self.enter("alice", "secret", "10.0.0.2")
        for number in range(WRONG):
            with pytest.raises(RefusedError):
                self.enter("alice", f"guess {number}")
        checks = self.known.checks
        with pytest.raises(RegistryError, match="too many wrong passwords for this name"):
            self.enter("alice", "secret")
        assert self.known.checks == checks  # a right guess is not told from a wrong one
        assert self.enter("alice", "secret", "10.0.0.2").name == "alice"
        assert self.enter("zoë", "pässword").name == "zoë"
        self.clock.now += WINDOW + 1
        assert self.enter("alice", "secret").name == "alice"

    def test_who_is_stopped_for_guessing_any_name_cannot_guess_on_at_one_that_is_logged_in(self) -> None:
        self.enter("alice", "secret", "10.0.0.2")
        for number in range(WRONG_NAMES):
            with pytest.raises(RefusedError):
                self.enter(f"name {number}", "x")
        assert self.enter("alice", "secret").name == "alice"  # others behind the same address go on
        for number in range(WRONG):
            with pytest.raises(RegistryError, match="too many wrong passwords from this address"):
                self.enter("alice", f"guess {number}")
        with pytest.raises(RegistryError, match="too many wrong passwords for this name"):
            self.enter("alice", "secret")
        assert self.enter("alice", "secret", "10.0.0.2").name == "alice"
        self.clock.now += WINDOW + 1
        assert self.enter("alice", "secret").name == "alice"

    def test_each_worker_counts_alone(self, file: Path) -> None:
        workers = [self.door, Basic("here", [Counting(str(file))], self.clock)]
        guesses = [f"guess {number}" for number in range(3 * WRONG)]
        refused = 0
        for worker in workers:
            for guess in guesses:
                try:
                    worker.enter(credentials("alice", guess), "10.0.0.1")
                except RefusedError:
                    refused += 1  # it was looked at
                except RegistryError:
                    break
        assert refused == WRONG * len(workers)  # what docs/logins.md says of them

    def test_a_client_that_repeats_an_old_password_is_told_so_without_a_check(self) -> None:
        for _ in range(3 * WRONG):
            with pytest.raises(RefusedError):
                self.enter("alice", "old")
        assert self.known.checks == 1
        assert self.enter("alice", "secret").name == "alice"

    def test_checks_under_way_are_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(basic, "AT_ONCE", 0)
        with pytest.raises(RegistryError, match="too many logins at once"):
            self.enter("alice", "secret")
        assert AT_ONCE > 0

    def test_nothing_that_is_kept_has_a_password(self) -> None:
        self.enter("alice", "secret")
        with pytest.raises(RefusedError) as refused:
            self.enter("alice", "other secret")
        kept = [*vars(self.door).values(), *vars(self.door._checked).values()]
        assert "secret" not in repr(kept) + str(refused.value)
        assert "alice" in repr(kept)  # which is looked at, then

    def test_nothing_that_is_kept_is_as_long_as_a_stranger_s_text(self) -> None:
        with pytest.raises(RefusedError):
            self.enter("x" * 40_000, "y" * 40_000)
        assert {len(key) for key in [*self.door._checked._entries, *self.door._wrong]} <= {len("10.0.0.1"), 32}


class _Asking:
    """Knows nobody; while it checks a name, others come in."""

    version = None
    pace = 0.0

    def __init__(self) -> None:
        self.door = Basic("here", [self])
        self.heard: list[str] = []

    def check(self, name: str, password: str) -> None:
        if name == "first":
            for client in ("10.0.0.1", "10.0.0.2"):
                try:
                    self.door.enter(credentials("second", client), client)
                except (RefusedError, RegistryError) as error:
                    self.heard.append(str(error))


def test_one_address_leaves_others_room_for_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(basic, "EACH", 1)
    asking = _Asking()
    with pytest.raises(RefusedError):
        asking.door.enter(credentials("first", "x"), "10.0.0.1")
    assert asking.heard == ["too many logins at once, try again later", "wrong name or password, given as 'second'"]


class _Slow:
    """Answers when it is told to, by what `answer` says of a name."""

    version = None
    pace = 0.0

    def __init__(self, answer: Callable[[str], Caller | None]) -> None:
        self.asked: list[str] = []
        self.go = threading.Event()
        self._answer = answer

    def check(self, name: str, password: str) -> Caller | None:
        self.asked.append(name)
        assert self.go.wait(60)
        return self._answer(name)


def _away(_: str) -> Caller | None:
    raise RegistryError(Code.LOGIN_UNCHECKED)


def heard(door: Basic, name: str, client: str = "10.0.0.1") -> str:
    try:
        return str(door.enter(credentials(name, "x"), client))
    except (RefusedError, RegistryError) as error:
        return str(error)


def at_once(door: Basic, slow: _Slow, names: list[str]) -> list[str]:
    """What each hears who comes before anybody's question is answered."""
    came = threading.Semaphore(0)
    look = door._questions._look

    def noted(*arguments: Any) -> Any:
        came.release()  # with the lock held, until it is settled whom this one waits for
        return look(*arguments)

    door._questions._look = noted  # type: ignore[method-assign]
    with ThreadPoolExecutor(len(names)) as pool:
        answers = [pool.submit(heard, door, name, f"10.0.0.{number}") for number, name in enumerate(names)]
        for _ in names:
            assert came.acquire(timeout=60)
        slow.go.set()
        return [answer.result(60) for answer in answers]


@pytest.mark.parametrize(
    ("answer", "expected", "again"),
    [
        (lambda name: Caller(Kind.USER, name), "user alice", 1),
        (lambda _: None, "wrong name or password, given as 'alice'", 1),
        (_away, "the login cannot be checked now, try again", 2),  # what is no answer is not remembered
    ],
)
def test_who_comes_with_one_password_at_once_shares_one_question(
    answer: Callable[[str], Caller | None], expected: str, again: int
) -> None:
    slow = _Slow(answer)
    door = Basic("here", [slow])
    assert at_once(door, slow, ["alice"] * 40) == [expected] * 40  # more than may be asked for one address, or for all
    assert slow.asked == ["alice"]
    assert heard(door, "alice") == expected
    assert slow.asked == ["alice"] * again


def test_another_name_is_another_question() -> None:
    slow = _Slow(lambda name: Caller(Kind.USER, name))
    names = ["alice", "bob", "alice"]
    assert at_once(Basic("here", [slow]), slow, names) == [f"user {name}" for name in names]
    assert sorted(slow.asked) == ["alice", "bob"]
