"""Any call of a session, at any time, with any URL that it ever handed out: no blob is ever harmed."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule
from werkzeug.test import Client

from docker_registry.distribution.app import Registry
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.storage import resumable_sha256
from docker_registry.settings import Settings
from tests.distribution.linked import Linked
from tests.distribution.pushing import blob_url

NAME = "some/repo"
BODIES = st.binary(max_size=3)


class Replays(RuleBasedStateMachine):
    """One session; `urls` are all that it handed out, each with the bytes that it stands for."""

    urls = Bundle("urls")

    def __init__(self) -> None:
        super().__init__()
        self.driver = Linked()
        self.client = Client(Registry(self.driver, Settings(secret=b"secret")))
        self.start = self.client.post(f"/v2/{NAME}/blobs/uploads/").headers["Location"]
        self.promised: dict[Digest, bytes] = {}

    @rule(target=urls)
    def first_url(self) -> tuple[str, bytes]:
        return self.start, b""

    @rule(target=urls, url=urls, body=BODIES, is_chunk=st.booleans())
    def patch(self, url: tuple[str, bytes], body: bytes, is_chunk: bool) -> tuple[str, bytes]:
        location, sent = url
        headers = {"Content-Range": f"{len(sent)}-{len(sent) + len(body) - 1}"} if is_chunk and body else {}
        response = self.client.patch(location, data=body, headers=headers)
        assert response.status_code in (202, 404)
        return (response.headers["Location"], sent + body) if response.status_code == 202 else url

    @rule(url=urls, body=BODIES, algorithm=st.sampled_from(["sha256", "sha512"]))
    def close(self, url: tuple[str, bytes], body: bytes, algorithm: str) -> None:
        location, sent = url
        digest = Digest.of(sent + body, algorithm)
        status = self.client.put(f"{location}&digest={digest}", data=body).status_code
        assert status in (201, 404)
        if status == 201:
            self.promised[digest] = sent + body

    @rule(url=urls)
    def close_wrongly(self, url: tuple[str, bytes]) -> None:
        assert self.client.put(f"{url[0]}&digest={Digest.of(b'another')}").status_code in (400, 404)

    @rule(url=urls)
    def cancel(self, url: tuple[str, bytes]) -> None:
        assert self.client.delete(url[0]).status_code in (204, 404)

    @rule(url=urls)
    def status(self, url: tuple[str, bytes]) -> None:
        response = self.client.get(url[0])
        assert response.headers["Range"] == f"0-{max(len(url[1]) - 1, 0)}"

    @invariant()
    def every_promised_blob_is_whole(self) -> None:
        for digest, data in self.promised.items():
            assert self.client.get(blob_url(NAME, digest)).data == data

    @invariant()
    def no_two_blobs_share_a_segment(self) -> None:
        assert self.driver.shared() == set()


class ReplaysReadingAgain(Replays):
    """The same where a hash cannot be resumed."""

    def __init__(self) -> None:
        super().__init__()
        self.patch_library = pytest.MonkeyPatch()
        self.patch_library.setattr(resumable_sha256, "is_available", lambda: False)

    def teardown(self) -> None:
        self.patch_library.undo()


TestReplays = Replays.TestCase
TestReplaysReadingAgain = ReplaysReadingAgain.TestCase
TestReplays.settings = TestReplaysReadingAgain.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None
)
