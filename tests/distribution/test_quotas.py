"""Quotas: refused in time, by what was counted and what a worker took; never while there is room; no request more."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from werkzeug.test import Client

from docker_registry.core.driver import Base, fetch
from docker_registry.core.exceptions import UnreachableError, UsageError
from docker_registry.distribution import quotas
from docker_registry.distribution.app import Registry
from docker_registry.distribution.errors import RegistryError
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.model.grammar import Tag
from docker_registry.distribution.quotas import BELIEVED, Quotas
from docker_registry.distribution.storage import quota_book
from docker_registry.distribution.storage.quota_book import Count, Used
from docker_registry.images.inside import Inside
from docker_registry.images.places import Repository
from docker_registry.maintenance.quotas import count_in
from docker_registry.settings import Quota, Settings
from docker_registry.settings import Quotas as Rules
from tests.distribution.contents import image, push, push_blob
from tests.distribution.pushing import Push
from tests.maintenance.planting import Plant

BYTES = Quota(("team/**",), bytes=100)
TAGS = Quota(("team/**",), tags=3)
EVERYTHING = Quota(("**",), bytes=10_000)
COUNT = f"{layout.QUOTAS}/count"


@pytest.fixture
def memory() -> Base:
    """For what does not depend on the storage."""
    storage: Base = fetch("memory")("/", None)
    return storage


def registry_with(driver: Base, *rules: Quota) -> Client:
    return Client(Registry(driver, Settings(secret=b"of the tests", quotas=Rules(rules))))


def put_blob(client: Client, name: str, content: bytes, expected: int = 201) -> str:
    digest = Digest.of(content)
    answer = client.post(f"/v2/{name}/blobs/uploads/?digest={digest}", data=content)
    assert answer.status_code == expected, answer.text
    return answer.text


def put_image(client: Client, name: str, *tags: str, expected: int = 201) -> str:
    """The same image each time, of an empty config and no layer."""
    push_blob(client, name, b"{}")
    answers = [push(client, name, tag, image()) for tag in tags]
    assert {answer.status_code for answer in answers} == {expected}, answers[-1].text
    return answers[-1].text


def test_what_was_counted_and_what_was_taken_since_count_together(
    driver: Base, caplog: pytest.LogCaptureFixture
) -> None:
    put_blob(registry_with(driver), "team/a", b"x" * 60)
    put_blob(registry_with(driver), "other", b"y" * 600)
    count_in([driver], [BYTES])
    client = registry_with(driver, BYTES)
    put_blob(client, "team/b", b"z" * 40)
    told = put_blob(client, "team/a", b"!", 403)
    assert json.loads(told)["errors"][0]["code"] == "DENIED"
    assert "the quota of team/** would be exceeded: 100 of 100 bytes are used, 1 more do not fit; delete what" in told
    assert client.post("/v2/team/a/blobs/uploads/").status_code == 403  # of any size
    assert "(rule: quotas) (POST /v2/team/a/blobs/uploads/)" in caplog.text
    put_blob(client, "other", b"!" * 600)


def test_each_way_to_send_is_refused_before_the_body(memory: Base) -> None:
    count_in([memory], [BYTES])
    client = registry_with(memory, BYTES)
    streamed, chunked, closed = (Push(client, "team/a") for _ in range(3))
    streamed.stream(b"x" * 101, 403)
    chunked.chunk(b"x" * 60)
    chunked.chunk(b"x" * 41, 403)
    closed.close(Digest.of(b"x" * 101), b"x" * 101, 403)
    chunked.close(Digest.of(b"x" * 60))  # what came before fits
    put_blob(client, "elsewhere", b"m" * 41)
    mount = f"/v2/team/b/blobs/uploads/?mount={Digest.of(b'm' * 41)}&from=elsewhere"
    assert client.post(mount).status_code == 201  # its size is not asked for
    assert client.post(mount).status_code == 403


def test_uploads_count_before_they_are_ended(memory: Base) -> None:
    count_in([memory], [BYTES])
    client = registry_with(memory, BYTES)
    streamed, chunked, third = (Push(client, "team/a") for _ in range(3))
    streamed.stream(b"x" * 60)
    chunked.chunk(b"y" * 30)
    third.stream(b"z" * 20, 403)
    chunked.chunk(b"y" * 10)  # what it sent before counts once
    streamed.close(Digest.of(b"x" * 60))
    chunked.close(Digest.of(b"y" * 40))
    put_blob(client, "team/b", b"!", 403)
    told = count_in([memory], [BYTES])
    assert told.used == {"team/**": Used(100, 0)}


def test_what_is_on_its_way_counts(memory: Base) -> None:
    worker = Quotas(Rules((BYTES,)), memory)
    with worker.sending("team/a", "one", 0, 60):
        with pytest.raises(RegistryError), worker.sending("team/b", "other", 0, 41):
            pass
        with worker.sending("team/b", "other", 0, 40) as has:
            has(10)
    worker.admit_bytes("team/a", 90)  # the first was broken off
    with pytest.raises(RegistryError):
        worker.admit_bytes("team/a", 91)


def test_every_rule_that_fits_counts(memory: Base) -> None:
    count_in([memory], [EVERYTHING, BYTES])
    client = registry_with(memory, EVERYTHING, BYTES)
    assert "quota of team/**" in put_blob(client, "team/a", b"x" * 101, 403)
    assert "quota of **" in put_blob(client, "team/a", b"x" * 10_001, 403)


def test_a_blob_counts_once_for_all_repositories_of_a_rule(driver: Base) -> None:
    for name in ("team/a", "team/b", "other"):
        put_image(registry_with(driver), name, "1", "2")
        put_blob(registry_with(driver), name, b"shared")
    size = len(b"shared") + len(b"{}") + len(image())
    found = count_in([driver], [BYTES, TAGS._replace(repositories=("*",)), EVERYTHING])
    assert found.used == {"team/**": Used(size, 4), "*": Used(size, 2), "**": Used(size, 6)}
    assert quota_book.load(driver) == found


def test_tags_that_are_there_may_be_moved_and_new_ones_may_not(driver: Base) -> None:
    put_image(registry_with(driver), "team/a", "1", "2")
    count_in([driver], [TAGS])
    client = registry_with(driver, TAGS)
    put_image(client, "team/a", "1", "2", "1", "3")
    told = put_image(client, "team/a", "4", expected=403)
    assert "the quota of team/** would be exceeded: 3 of 3 tags are used, 1 more do not fit" in told
    put_image(client, "team/a", "1", "2", "3")
    put_image(client, "team", "1", expected=403)
    put_image(client, "other", "1")


def test_one_manifest_with_more_tags_than_fit(memory: Base) -> None:
    client = registry_with(memory, TAGS)
    push_blob(client, "team/a", b"{}")
    reference = f"{Digest.of(image())}?tag=1&tag=2&tag=3"
    assert push(client, "team/a", f"{reference}&tag=4", image()).status_code == 403
    assert push(client, "team/a", reference, image()).status_code == 201


def test_one_worker_is_exact_about_tags_that_nobody_counted(memory: Base) -> None:
    client = registry_with(memory, TAGS)
    for tag in "112233":
        put_image(client, "team/a", tag)
    told = put_image(client, "team/a", "4", expected=403)
    assert (
        "3 of 3 tags are used, 1 more do not fit; delete what is not needed, which counts after the next count" in told
    )
    assert count_in([memory], [TAGS]).used["team/**"].tags == 3


def tags_of(limit: int) -> Quotas:
    return Quotas(Rules((Quota(("team/**",), tags=limit),)), fetch("memory")("/", None))


def test_pushes_at_the_same_time_know_of_each_other() -> None:
    team, ours = tags_of(2), [Tag("1")]
    with team.tagging("team/a", ours, lambda _: False), team.tagging("team/a", ours, lambda _: False):
        with team.tagging("team/b", ours, lambda _: False):  # two of them set one tag
            pass
        with pytest.raises(RegistryError, match="2 of 2 tags are used"), team.tagging("team/c", ours, lambda _: False):
            pass


def test_a_push_that_fails_leaves_its_room(memory: Base) -> None:
    client = registry_with(memory, TAGS)
    for tag in "abcdef":
        assert push(client, "team/a", tag, image()).status_code == 400  # its config is missing
    put_image(client, "team/a", "1", "2", "3")


def test_no_tag_is_looked_for_while_there_is_plenty_of_room() -> None:
    team, looked = tags_of(2000), Counter[str]()

    def is_there(tag: Tag) -> bool:
        looked[tag] += 1
        return False

    taken = [f"{number}" for number in range(2000)]
    for tag in taken:
        with team.tagging("team/a", [Tag(tag)], is_there):
            pass
    assert looked == Counter(taken[-200:])  # a tenth of the limit, and 100 at least
    with pytest.raises(RegistryError, match="2000 of 2000 tags are used"), team.tagging("team/a", [Tag("x")], is_there):
        pass


def test_what_is_deleted_counts_until_it_was_counted_again(memory: Base) -> None:
    put_image(registry_with(memory), "team/a", "1", "2", "3")
    count_in([memory], [TAGS])
    client = registry_with(memory, TAGS)
    put_image(client, "team/a", "4", expected=403)
    assert client.delete("/v2/team/a/manifests/2").status_code == 202
    put_image(client, "team/a", "4", expected=403)
    count_in([memory], [TAGS])
    put_image(registry_with(memory, TAGS), "team/a", "4")


class Asked:
    """A storage that says how often its count was read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: Callable[[], Count]):
        self.times = 0
        self._answer = answer
        monkeypatch.setattr(quotas.quota_book, "load", self._load)

    def _load(self, _driver: Base) -> Count:
        self.times += 1
        return self._answer()


def test_the_count_is_read_once_in_a_while_and_for_no_pull(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, driver = Asked(monkeypatch, Count), fetch("memory")("/", None)
    put_image(registry_with(driver), "team/a", "1")
    client = registry_with(driver, BYTES._replace(bytes=10_000), TAGS)
    for url in ("manifests/1", f"blobs/{Digest.of(b'{}')}", "tags/list"):
        assert client.get(f"/v2/team/a/{url}").status_code == 200
    assert asked.times == 0
    put_blob(client, "other", b"x")
    assert asked.times == 0
    put_image(client, "team/a", "1", "2")
    assert asked.times == 1


def test_a_count_by_other_rules_changes_nothing() -> None:
    driver: Base = fetch("memory")("/", None)
    Plant(driver).blob("team/a", b"x" * 90)
    worker = Worker(driver)
    count_in([driver], [BYTES])
    worker.quotas.admit_bytes("team/a", 10)
    count_in([driver], [EVERYTHING])
    worker.now += BELIEVED
    with pytest.raises(RegistryError):
        worker.quotas.admit_bytes("team/a", 11)


@pytest.mark.parametrize("error", [UnreachableError("no answer"), quota_book.CountError("nonsense")])
def test_a_count_that_cannot_be_read_stops_no_push(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail() -> Count:
        raise error

    Asked(monkeypatch, fail)
    client = registry_with(fetch("memory")("/", None), BYTES)
    put_blob(client, "team/a", b"x" * 100)
    put_blob(client, "team/a", b"y", 403)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"[1, 2]", b'[1, {"a": 3}]', b'["x", {}]', b'{"a": 1}', b"\xff", b"[1e999, {}]x"]
)
def test_a_count_that_lies_is_none(content: bytes) -> None:
    driver = fetch("memory")("/", None)
    driver.put_content(COUNT, content)
    with pytest.raises(quota_book.CountError, match="_quotas/count holds no count"):
        quota_book.load(driver)
    put_blob(registry_with(driver, BYTES), "team/a", b"x" * 100)


def test_the_command_line_heeds_them(memory: Base) -> None:
    settings = Settings(secret=b"of the tests", quotas=Rules((BYTES,)))
    content = b"x" * 101
    with Inside(settings, [memory]) as registry, pytest.raises(UsageError, match="would be exceeded: 0 of 100"):
        Repository(registry, "team/a").put_blob(Digest.of(content), io.BytesIO(content), len(content))


class Worker:
    def __init__(self, driver: Base):
        self.now = 0.0
        self.quotas = Quotas(Rules((BYTES, TAGS._replace(repositories=("team/*",)))), driver, lambda: self.now)
        self.counted: tuple[int, int] = (0, 0)
        self.taken: list[int] = []  # bytes since the count that it knows
        self.new: set[str] = set()  # tags since then
        self.moved: set[str] = set()


class Team(RuleBasedStateMachine):
    """Two workers and a count, against dictionaries: how far off a worker may be is what the docs say."""

    blobs = st.binary(min_size=1, max_size=30)

    def __init__(self) -> None:
        super().__init__()
        self.driver: Base = fetch("memory")("/", None)
        self.plant = Plant(self.driver)
        self.sizes: dict[Digest, int] = {}
        self.tags: set[str] = set()
        self.looks_from = quotas._FEW_TAGS
        self.workers = [Worker(self.driver) for _ in range(2)]
        for number in (0, 1):
            self.time_passes(number)

    @initialize(room=st.sampled_from([1, 100]))
    def look_for_tags_with_less(self, room: int) -> None:
        quotas._FEW_TAGS = room

    def teardown(self) -> None:
        quotas._FEW_TAGS = self.looks_from

    @rule(number=st.sampled_from([0, 1]), content=blobs, repository=st.sampled_from(["team/a", "team/b"]))
    def push(self, number: int, content: bytes, repository: str) -> None:
        worker, digest = self.workers[number], Digest.of(content)
        if digest in self.sizes:
            return  # a client asks first
        try:
            worker.quotas.admit_bytes(repository, len(content))
        except RegistryError:
            assert sum(self.sizes.values()) + len(content) > 100, "refused though there was room"
            return
        assert worker.counted[0] + sum(worker.taken) + len(content) <= 100, "let in though it knew better"
        self.plant.blob(repository, content)
        worker.quotas.took(repository, digest, len(content))
        worker.taken.append(len(content))
        self.sizes[digest] = len(content)

    @rule(number=st.sampled_from([0, 1]), tag=st.sampled_from("abcdef"))
    def tag(self, number: int, tag: str) -> None:
        worker = self.workers[number]
        try:
            with worker.quotas.tagging("team/a", [tag], self.tags.__contains__):  # type: ignore[list-item]
                self.plant.link(layout.tag_current("team/a", tag), Digest.of(b""))
        except RegistryError:
            assert tag not in self.tags, "refused though it was moved"
            unseen = len(worker.moved) if quotas._FEW_TAGS == 1 else 0  # where it need not look they count twice
            assert len(self.tags) + unseen >= 3, "refused though there was room"
            return
        assert tag in self.tags or worker.counted[1] + len(worker.new) < 3, "let in though it knew better"
        (worker.moved if tag in self.tags else worker.new).add(tag)
        self.tags.add(tag)

    @rule()
    def count(self) -> None:
        found = count_in([self.driver], [BYTES, TAGS._replace(repositories=("team/*",))])
        assert found.used["team/**"].bytes == sum(self.sizes.values())
        assert found.used["team/*"].tags == len(self.tags)

    @rule(number=st.sampled_from([0, 1]))
    def time_passes(self, number: int) -> None:
        """So that a worker reads the count, here one that was made just before."""
        self.count()
        worker = self.workers[number]
        worker.now += BELIEVED
        worker.counted, worker.taken = (sum(self.sizes.values()), len(self.tags)), []
        worker.new, worker.moved = set(), set()
        with worker.quotas.tagging("team/a", (), bool):
            pass


TestTeam = Team.TestCase
TestTeam.settings = hypothesis_settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_no_more_is_remembered_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotas, "_ENTRIES", 10)
    since = quotas._Since()
    for number in range(25):
        since.note(number, float(number), 2)
    assert (len(since), since.amount) == (10, 20)
    since.note(24, 30.0, 2)  # the same again
    assert since.amount == 20
    since.forget_until(20.0)
    assert (len(since), since.amount) == (5, 10)
