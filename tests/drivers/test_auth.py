# -*- coding: utf-8 -*-
"""How one token is shared: by how many requests, when it is renewed, who waits and who fails."""

import threading

import pytest

from docker_registry.core.exceptions import BrokenError, UnreachableError
from docker_registry.drivers.swift.login import identity, token
from docker_registry.drivers.swift.settings.config import read

URL = "http://swift.example.org/v1/AUTH_web"
LIFETIME = 3600.0
PATIENCE = 30  # seconds until a test gives up
OPTIONS = {
    "swift_authurl": "http://keystone.example.org:5000/v3",
    "swift_user": "demo",
    "swift_password": "of-the-user",
    "swift_tenant_name": "web",
}


class Keystone(object):
    """Stands in for `identity.log_in`: counts the logins, and answers or fails as told."""

    def __init__(self):
        self.logins = 0
        self.failure = None
        self.interruption = None  # of the next login only
        self.lifetime = LIFETIME
        self.retries = []
        self.asked = threading.Semaphore(0)
        self.answer = threading.Event()
        self.answer.set()

    def log_in(self, settings, retries):
        self.logins += 1
        self.retries.append(retries)
        self.asked.release()
        assert self.answer.wait(PATIENCE)
        interruption, self.interruption = self.interruption, None
        if interruption is not None:
            raise interruption
        if self.failure is not None:
            raise self.failure
        return URL, "token-%d" % self.logins, self.lifetime


class Clock(object):
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def keystone(monkeypatch):
    keystone = Keystone()
    monkeypatch.setattr(identity, "log_in", keystone.log_in)
    return keystone


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(token, "clock", clock)
    return clock


@pytest.fixture
def shared(keystone, clock):
    return token.Auth(read(OPTIONS, {}))


def in_threads(number, work):
    """Start threads; returns them and the list that their results and errors go to."""
    results = []

    def run():
        try:
            results.append(work())
        except (BrokenError, UnreachableError) as error:
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    return threads, results


def finish(threads):
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()


def waiting(shared, number):
    """Wait until so many threads wait for the login that is under way."""
    landed = shared._flight.landed
    condition = getattr(landed, "_cond", None) or landed._Event__cond
    waiters = getattr(condition, "_waiters", None)
    if waiters is None:
        waiters = condition._Condition__waiters
    deadline = threading.Event()
    for _ in range(PATIENCE * 100):
        if len(waiters) >= number:
            return
        deadline.wait(0.01)
    raise AssertionError("only %d threads wait" % len(waiters))


def test_one_token_for_all(shared, keystone):
    assert shared.access().token == "token-1"
    assert shared.access() is shared.access()
    assert shared.access().url == URL
    assert keystone.logins == 1


def test_many_that_need_a_token_at_once_ask_once(shared, keystone):
    keystone.answer.clear()
    threads, results = in_threads(64, shared.access)
    assert keystone.asked.acquire()
    waiting(shared, 63)
    keystone.answer.set()
    finish(threads)
    assert {access.token for access in results} == {"token-1"}
    assert len(results) == 64
    assert keystone.logins == 1


def test_many_whose_token_was_refused_ask_once(shared, keystone):
    old = shared.access()
    keystone.answer.clear()
    threads, results = in_threads(64, lambda: shared.renew(old))
    keystone.asked.acquire()
    waiting(shared, 63)
    keystone.answer.set()
    finish(threads)
    assert {access.token for access in results} == {"token-2"}
    assert shared.renew(old).token == "token-2"  # a late one
    assert keystone.logins == 2


def test_a_refused_new_token_is_renewed_again(shared, keystone):
    first = shared.access()
    second = shared.renew(first)
    assert shared.renew(second).token == "token-3"


def test_a_token_is_renewed_before_its_end(shared, keystone, clock):
    shared.access()
    clock.now += LIFETIME - token.MARGIN - 1
    assert shared.access().token == "token-1"
    clock.now += 1
    assert shared.access().token == "token-2"
    assert shared.access().token == "token-2"
    assert keystone.logins == 2


def test_a_short_lived_token_is_used_for_half_its_life(shared, keystone, clock):
    keystone.lifetime = 10.0
    shared.access()
    clock.now += 4.9
    assert shared.access().token == "token-1"
    clock.now += 0.2
    assert shared.access().token == "token-2"


def test_a_token_of_unknown_lifetime_is_used_until_it_is_refused(shared, keystone, clock):
    keystone.lifetime = None
    access = shared.access()
    clock.now += 1e9
    assert shared.access() is access


def test_nobody_waits_for_an_early_renewal_but_the_one_who_makes_it(shared, keystone, clock):
    old = shared.access()
    keystone.asked.acquire()
    clock.now += LIFETIME - token.MARGIN
    keystone.answer.clear()
    threads, results = in_threads(1, shared.access)
    keystone.asked.acquire()
    assert shared.access() is old
    keystone.answer.set()
    finish(threads)
    assert [access.token for access in results] == ["token-2"]


def test_while_a_token_is_good_an_outage_of_keystone_is_not_noticed(shared, keystone, clock):
    old = shared.access()
    clock.now += LIFETIME - token.MARGIN
    keystone.failure = UnreachableError("down")
    assert shared.access() is old
    assert shared.access() is old
    assert keystone.retries == [4, 0]  # one try only, then a pause
    clock.now += token.PAUSE
    assert shared.access() is old
    assert keystone.logins == 3
    clock.now += token.MARGIN
    with pytest.raises(UnreachableError, match="down"):
        shared.access()
    keystone.failure = None
    assert shared.access().token == "token-5"


def test_all_who_wait_share_a_failure_and_the_next_tries_again(shared, keystone):
    keystone.failure = BrokenError("wrong password")
    keystone.answer.clear()
    threads, results = in_threads(10, shared.access)
    keystone.asked.acquire()
    waiting(shared, 9)
    keystone.answer.set()
    finish(threads)
    assert [str(error) for error in results] == ["wrong password"] * 10
    assert len({id(error) for error in results}) == 10  # each has a traceback of its own
    assert keystone.logins == 1
    keystone.failure = None
    assert shared.access().token == "token-2"


def test_when_the_one_who_asks_is_killed_another_takes_over(shared, keystone):
    class Killed(BaseException):
        pass

    keystone.interruption = Killed()
    keystone.answer.clear()

    def killed():
        with pytest.raises(Killed):
            shared.access()

    victim = threading.Thread(target=killed)
    victim.start()
    keystone.asked.acquire()
    threads, results = in_threads(5, shared.access)
    waiting(shared, 5)
    keystone.answer.set()
    finish([victim])
    finish(threads)
    assert [access.token for access in results] == ["token-2"] * 5
    assert keystone.logins == 2


@pytest.fixture
def failing(monkeypatch):
    """Make `identity` fail with these errors in turn, then succeed; returns the list of what is left."""
    errors = []

    def attempt(settings):
        if errors:
            raise errors.pop(0)
        return URL, "token", LIFETIME

    monkeypatch.setattr(identity, "_try", attempt)
    monkeypatch.setattr(identity.time, "sleep", lambda seconds: None)
    return errors


def test_an_outage_is_tried_again(failing):
    failing += [UnreachableError("1"), UnreachableError("2")]
    assert identity.log_in(None, 2)[1] == "token"


def test_tries_come_to_an_end(failing):
    failing += [UnreachableError("1"), UnreachableError("2"), UnreachableError("3")]
    with pytest.raises(UnreachableError, match="3"):
        identity.log_in(None, 2)


def test_a_refusal_is_final(failing):
    failing += [BrokenError("1"), BrokenError("2")]
    with pytest.raises(BrokenError, match="1"):
        identity.log_in(None, 2)


def test_a_bare_token_is_used_without_keystone_and_cannot_be_renewed():
    shared = token.Auth(read({"swift_object_storage_url": URL, "swift_token": "of-a-login"}, {}))
    access = shared.access()
    assert (access.url, access.token) == (URL, "of-a-login")
    with pytest.raises(BrokenError, match="swift_token") as info:
        shared.renew(access)
    assert "of-" not in str(info.value)


def test_what_is_shown_holds_no_secret(shared):
    assert shared.describe() == "user demo of project web at http://keystone.example.org:5000/v3"
    assert "token-1" not in repr(shared.access())
