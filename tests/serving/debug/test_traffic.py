"""What is counted of requests, whatever clients send: the number of series has a bound."""

from __future__ import annotations

import hypothesis
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.distribution.resource import HANDLER, REPOSITORY
from docker_registry.metrics.board import HALF
from docker_registry.metrics.figures import Figures, dumps
from docker_registry.metrics.table import HANDLERS
from docker_registry.serving.debug.traffic import Traffic


def environ(handler: str = "blob", method: str = "GET", repository: str = "a/b") -> dict[str, str]:
    return {HANDLER: handler, "REQUEST_METHOD": method, REPOSITORY: repository}


def test_bytes_are_those_of_blobs_and_manifests_that_went_well() -> None:
    figures = Figures()
    traffic = Traffic(figures)
    traffic.count(environ(), 200, 0.1, 100, 0, 1000)
    traffic.count(environ(), 404, 0.1, 100, 0, 50)
    traffic.count(environ("tags"), 200, 0.1, 100, 0, 50)
    traffic.count(environ("blob_upload_chunk", "PATCH", "a/c"), 202, 0.1, 100, 700, 0)
    traffic.count(environ("manifest", "PUT", "z"), 201, 0.1, 100, 30, 0)
    traffic.count({"REQUEST_METHOD": "GET"}, 200, 0.1, 100, 0, 50)
    values = figures.snapshot().values
    assert {key: value for key, value in values.items() if "repository" in key[0]} == {
        ("registry_repository_bytes_total", "pull", "a"): 1000,
        ("registry_repository_bytes_total", "push", "a"): 700,
        ("registry_repository_bytes_total", "push", "z"): 30,
    }
    assert sum(value for key, value in values.items() if key[0] == "registry_http_requests_total") == 5


@given(st.lists(st.tuples(st.text(max_size=300), st.text(max_size=30)), min_size=150, max_size=300))
@hypothesis.settings(max_examples=10)
def test_strangers_cannot_make_series_without_end(asked: list[tuple[str, str]]) -> None:
    figures = Figures()
    traffic = Traffic(figures)
    for repository, method in asked:
        traffic.count(environ("blob", method, repository), 200, 0.1, 100, 0, 10)
        traffic.count(environ("blob", "GET", repository), 200, 0.1, 100, 0, 10)
    values = figures.snapshot().values
    assert len([key for key in values if key[0] == "registry_repository_bytes_total"]) <= 101
    assert len([key for key in values if key[0] == "registry_http_requests_total"]) <= 8


def test_a_worker_in_which_everything_happened_has_room_on_the_board() -> None:
    figures = Figures()
    traffic = Traffic(figures)
    for handler in HANDLERS:
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "?"):
            for status in (200, 201, 202, 204, 206, 304, 307, 400, 401, 403, 404, 405, 416, 429, 499, 500, 502, 503):
                for number in range(20):
                    name = f"{number * 'x':>255}/b".replace(" ", "y")
                    traffic.count(environ(handler, method, name), status, 12.3456789, 100, 10**9, 10**9)
    for number in range(200):
        traffic.count(environ("blob", "GET", f"{number:0>200}"), 200, 12.3456789, 100, 0, 10**9)
        traffic.count(environ("manifest", "PUT", f"{number:0>200}"), 201, 12.3456789, 100, 10**9, 0)
    assert len(dumps(figures.snapshot().dump())) < HALF - 10_000
