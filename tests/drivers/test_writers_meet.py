# -*- coding: utf-8 -*-
"""Writers, and one who removes, meet over one name: every interleaving of their requests. Runs on Python 2.7 too.

The driver's own code runs against a Swift that is a value: one name on two replicas, ordered by the time at which a PUT
was taken up. A writer is a function of the answers it got, so it is run again from its start to learn its next request,
and a state is the Swift with everybody's answers so far.
"""

from __future__ import unicode_literals

import json
from collections import namedtuple

import pytest

from docker_registry.core.exceptions import BrokenError, FileNotFoundError, UnreachableError
from docker_registry.drivers.swift.compat import Part
from docker_registry.drivers.swift.http.client import Answer
from docker_registry.drivers.swift.http.habits import OPENSTACKS_OWN, Habits
from docker_registry.drivers.swift.names import Names
from docker_registry.drivers.swift.objects import large as large_objects
from docker_registry.drivers.swift.objects import objects
from docker_registry.drivers.swift.objects.objects import Content

NAME = "f"
TRIES = 2  # sends of one request
LOST = "lost"

# replicas: what each has under the name, as (time, content or None); segments: whose are there; late: PUTs that were
# taken up and lost their answers, which land at any time; lost, missed: how many more answers may get lost, how many
# more PUTs may miss a replica; lags: whether what has lost its answer may land later than that.
Swift = namedtuple("Swift", "clock replicas segments late lost missed lags")
# answers: what it got so far; doing: its request that Swift has taken up and not answered.
Actor = namedtuple("Actor", "answers doing")


class Next(BaseException):
    """A writer is about to send a request to which it has no answer yet."""


class Replayed(object):
    """A client that answers from a list; what is behind it raises Next."""

    container = "box"

    def __init__(self, answers, keeps_conditions):
        self._answers = list(answers)
        self._keeps_conditions = keeps_conditions
        self.habits = Habits(lambda: {"swift": {OPENSTACKS_OWN: 1024}} if keeps_conditions else {})

    def _send(self, *request):
        if not self._answers:
            raise Next(request)
        return self._answers.pop(0)

    def request(self, verb, name, query="", headers=None, data=b"", accept=(), **_options):
        status, headers = self._send(verb, name, "x-newest" in keys(headers))
        if status == 400:
            raise BrokenError("refused")
        assert 200 <= status < 300 or status in accept
        return Answer(status, dict(headers))

    def get_json(self, name, query, container, headers=None):
        status, body = self._send("GET", name, "x-newest" in keys(headers))
        if status == 404:
            raise FileNotFoundError(name)
        return json.loads(body)

    def put(self, name, data, query="", headers=None, accept=(), doubt=None, etag=None):
        for _ in range(TRIES):
            answer = self._send("PUT", data, self._keeps_conditions and "if-none-match" in keys(headers))
            if answer != LOST:
                if answer == 400:
                    raise BrokenError("refused")
                return Answer(answer, {})
            settled = doubt() if doubt else None
            if settled:
                return settled
        raise UnreachableError("no answer")


def keys(headers):
    return {key.lower() for key in headers or ()}


# The programs.


def parts_of(content):
    return [Part("{0}/0".format(content), 1)]


def write(who, immutable=False, size=1):
    """One who puts a manifest of a segment of its own, and ends as a stage does."""

    def run(store):
        content = Content(who, size, "multipart-manifest=put", parts=parts_of(who), commit=who, manifest_etag=who)
        try:
            (store.settle if immutable else store.replace)(NAME, content)
        except BrokenError:
            if not content.unanswered:
                store.forget(NAME, content.parts)
        except UnreachableError:
            pass

    return run


def remove(store):
    try:
        store.remove(NAME)
    except BrokenError:
        pass


# The Swift.


def newest(swift):
    return max(swift.replicas)


def land(swift, when, content):
    """All that may come of a write reaching the replicas."""
    both = tuple(max(replica, (when, content)) for replica in swift.replicas)
    yield swift._replace(replicas=both)
    if swift.missed:
        for i in range(2):
            one = tuple(there if j == i else both[j] for j, there in enumerate(swift.replicas))
            yield swift._replace(replicas=one, missed=swift.missed - 1)


def headers_of(when, content):
    size = "2" if content.endswith("!") else "1"
    return tuple(
        sorted(
            {
                "x-static-large-object": "True",
                "x-timestamp": "{0}".format(when),
                "etag": content,
                "content-length": size,
                "x-object-meta-commit": content,
            }.items()
        )
    )


def take(swift, request):
    """What may come of a request that arrives: (swift, answer or None, what goes on inside of Swift or None)."""
    verb, name, flag = request
    if verb == "PUT":
        for outcome in put(swift, name, flag):
            yield outcome
    elif verb == "DELETE" and name != NAME:
        yield swift._replace(segments=swift.segments - {name.split("/")[1]}), (204, ()), None
    else:
        for when, content in {newest(swift)} if flag else set(swift.replicas):
            if verb == "DELETE":
                gone = swift._replace(segments=swift.segments - {content})
                yield gone, None, ("delete",)
            elif content is None:
                yield swift, (404, ()), None
            elif verb == "HEAD":
                yield swift, (200, headers_of(when, content)), None
            else:
                yield swift, (200, json.dumps([{"name": "/box/segments/{0}/0".format(content), "bytes": 1}])), None


def put(swift, content, only_new):
    if swift.lost:
        yield swift._replace(lost=swift.lost - 1), LOST, None
    if content not in swift.segments:
        yield swift, 400, None
    elif only_new and any(there for _, there in swift.replicas):
        yield swift, 412, None
    else:
        when = swift.clock
        taken = swift._replace(clock=when + 1)
        yield taken, None, ("put", when, content)
        if swift.lost and swift.lags:
            yield taken._replace(late=swift.late | {(when, content)}, lost=swift.lost - 1), LOST, None


def go_on(swift, doing):
    """What may come next of a request that was taken up, and its answer."""
    if doing[0] == "put":
        for landed in land(swift, *doing[1:]):
            yield landed, 201
            if swift.lost:
                yield landed._replace(lost=swift.lost - 1), LOST
    else:
        for landed in land(swift._replace(clock=swift.clock + 1), swift.clock, None):
            # 204: Objects reads no report of what was deleted.
            yield landed, (204, ())


class World(object):
    """All interleavings of some programs."""

    def __init__(
        self, programs, there=None, lost=0, missed=0, lags=False, allowed=lambda *state: True, keeps_conditions=True
    ):
        self._programs = programs
        self._keeps_conditions = keeps_conditions
        self._allowed = allowed
        self._nexts = {}
        writers = {who for who in programs if who != "remover"}
        segments = frozenset(writers | ({there} - {None}))
        swift = Swift(2, ((1, there),) * 2, segments, frozenset(), lost, missed, lags)
        self._start = (swift, tuple((who, Actor((), None)) for who in sorted(programs)))

    def ends(self):
        """Every state in which all have ended, and the answers of each; checks the ones in between."""
        seen, todo, ends = {self._start}, [self._start], []
        while todo:
            state = todo.pop()
            following = list(self._following(*state))
            self._check(*state)
            if not following:
                swift, actors = state
                assert all(self._next(who, actor.answers) is None for who, actor in actors), "stuck"
                ends.append((swift, {who: actor.answers for who, actor in actors}))
            for each in following:
                if each not in seen:
                    seen.add(each)
                    todo.append(each)
        assert len(ends) > 1
        return ends

    def _check(self, swift, actors):
        """The live manifest has its segments, whoever has not ended; one who removes begins with these."""
        content = newest(swift)[1]
        removing = any(who == "remover" and actor.doing for who, actor in actors)
        assert content is None or removing or content in swift.segments, "the live one lacks its segments"

    def _following(self, swift, actors):
        for when, content in swift.late:
            for landed in land(swift._replace(late=swift.late - {(when, content)}), when, content):
                yield landed, actors
        for i, (who, actor) in enumerate(actors):
            for after, changed in self._steps(swift, who, actor, actors):
                yield after, actors[:i] + ((who, changed),) + actors[i + 1 :]

    def _steps(self, swift, who, actor, actors):
        if actor.doing:
            for after, answer in go_on(swift, actor.doing):
                yield after, Actor(actor.answers + (answer,), None)
            return
        request = self._next(who, actor.answers)
        if request is None or not self._allowed(request, who, actors):
            return
        for after, answer, doing in take(swift, request):
            yield after, Actor(actor.answers if answer is None else actor.answers + (answer,), doing)

    def _next(self, who, answers):
        """The next request of an actor, None when it has ended."""
        key = (who, answers)
        if key not in self._nexts:
            client = Replayed(answers, self._keeps_conditions)
            names = Names("box", "/")
            store = objects.Objects(client, large_objects.LargeObjects(client, names, 1))
            try:
                self._nexts[key] = self._programs[who](store)
            except Next as request:
                self._nexts[key] = request.args[0]
        return self._nexts[key]


def orphans(swift):
    return swift.segments - {newest(swift)[1]}


def two(immutable=False):
    return {who: write(who, immutable) for who in "AB"}


def three():
    return {who: write(who) for who in "ABC"}


CASES = {
    "two writers": {"programs": two(), "lost": 2, "missed": 1},
    "two writers, a former file": {"programs": two(), "there": "P", "lost": 1, "missed": 1},
    "three writers": {"programs": three(), "there": "P"},
    "two writers of one digest": {"programs": two(True), "lost": 2, "missed": 1, "lags": True},
    "two writers of one digest, damaged before": {"programs": two(True), "there": "P!", "lost": 1, "missed": 1},
    "two writers and a remover": {"programs": dict(two(), remover=remove), "there": "P", "missed": 1},
    "two writers of one digest and a remover": {
        "programs": dict(two(True), remover=remove),
        "lost": 1,
        "missed": 1,
        "lags": True,
    },
    "two writers of one digest, conditions ignored": {"programs": two(True), "lost": 1, "keeps_conditions": False},
    "two writers of one digest, damaged before, conditions ignored": {
        "programs": two(True),
        "there": "P!",
        "lost": 1,
        "keeps_conditions": False,
    },
    "two writers of one digest and a remover, conditions ignored": {
        "programs": dict(two(True), remover=remove),
        "there": "P!",
        "keeps_conditions": False,
    },
}


@pytest.mark.parametrize("case", sorted(CASES))
def test_no_interleaving_harms_what_is_live(case):
    for swift, _ in ends(case):
        assert newest(swift)[1] is None or newest(swift)[1] in swift.segments


def looked_and_saw_itself(who, answers):
    looks = [answer for answer in answers if isinstance(answer, tuple) and len(answer) == 2 and answer[1]]
    return bool(looks) and dict(looks[-1][1]).get("x-object-meta-commit") == who


@pytest.mark.parametrize("programs", [two(), three()], ids=["two", "three"])
@pytest.mark.parametrize("there", [None, "P"])
def test_segments_are_left_only_by_who_was_live_when_it_looked(programs, there):
    for swift, answers in World(programs, there).ends():
        for who in orphans(swift):
            assert looked_and_saw_itself(who, answers[who]), (swift, answers)


def after_all_have_put(request, who, actors):
    """Nobody looks back before everybody's PUT has landed."""
    landed = {each for each, actor in actors if 201 in actor.answers}
    return request[0] != "HEAD" or who not in landed or len(landed) == len(actors)


@pytest.mark.parametrize("programs", [two(), three()], ids=["two", "three"])
@pytest.mark.parametrize("there", [None, "P"])
def test_who_looks_back_after_all_have_put_leaves_nothing(programs, there):
    for swift, _ in World(programs, there, allowed=after_all_have_put).ends():
        assert not orphans(swift)


def one_at_a_time(request, who, actors):
    return request[0] != "PUT" or not any(actor.doing for _, actor in actors)


def test_writers_of_one_digest_leave_segments_only_where_their_puts_overlap():
    for swift, _ in World(two(True), allowed=one_at_a_time).ends():
        assert not orphans(swift)
    assert any(orphans(swift) for swift, _ in World(two(True)).ends())


# The same, with one rule broken.


def harm():
    """What some interleaving has to raise, which leaves the live manifest without its segments."""
    return pytest.raises(AssertionError, match="lacks its segments")


def ends(case):
    return World(**CASES[case]).ends()


def test_reads_from_any_replica_would_harm(monkeypatch):
    monkeypatch.setattr(objects, "NEWEST", {})
    monkeypatch.setattr(large_objects, "NEWEST", {})
    for case in (
        "two writers",
        "two writers, a former file",
        "two writers of one digest, damaged before",
        "two writers and a remover",
    ):
        with harm():
            ends(case)


def test_removing_own_segments_after_a_lost_answer_would_harm(monkeypatch):
    monkeypatch.setattr(Content, "doubtless_parts", lambda content: list(content.parts))
    with harm():
        ends("two writers of one digest")


def test_sending_a_manifest_again_that_may_have_been_replaced_would_harm(monkeypatch):
    monkeypatch.setattr(objects, "DONE", None)
    with harm():
        ends("two writers")


def test_a_put_that_takes_effect_after_a_look_that_followed_its_lost_answer_can_harm():
    # What nobody can tell from a request that never arrived: the docs name it.
    with harm():
        World(two(), lost=1, lags=True).ends()


def test_removing_the_former_segments_without_a_look_would_harm(monkeypatch):
    def blindly(store, name, content, former, old):
        store._large.sweep(name, list(content.parts), None)

    monkeypatch.setattr(objects.Objects, "_look_back", blindly)
    with harm():
        ends("two writers")


def test_without_looking_back_segments_would_be_left(monkeypatch):
    def unless_something_was_there(store, name, content, former, old):
        if old:
            look_back(store, name, content, former, old)

    look_back = objects.Objects._look_back
    monkeypatch.setattr(objects.Objects, "_look_back", unless_something_was_there)
    assert any(orphans(swift) for swift, _ in World(two(), allowed=after_all_have_put).ends())
