"""Text of a stranger costs the registry time in proportion to its length: no pattern and no parser is worse.

Every regular expression of the package is found, and run as the code runs it;
then the whole application is asked with each header that it reads.
"""

from __future__ import annotations

import ast
import importlib
import io
import itertools
import logging
import pkgutil
import re
import time
from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

import docker_registry
from docker_registry.core.driver import fetch
from docker_registry.distribution.app import Registry
from docker_registry.distribution.model.digest import Digest
from docker_registry.serving import framing
from docker_registry.serving.logs import log_access
from docker_registry.serving.proxies import TrustedProxies
from docker_registry.settings import Settings
from tests.live.wire import MANIFEST as MANIFEST_TYPE
from tests.live.wire import digest_of, image

# What these read is written by whoever runs the registry, its Swift or its Keystone.
OWN = re.compile(r"docker_registry\.(commands|config|embedded|maintenance|cli|drivers\.swift\.(settings|login))\b")

SMALL, GROWTH = 1000, 4  # characters, and how much longer the larger text is
NEGLIGIBLE = 0.004  # s of CPU for the larger one; a quadratic pattern takes ten times as long
ALLOWED = 2.5 * GROWTH  # times the CPU for a text GROWTH times as long; a quadratic one takes GROWTH ** 2

BEGINNINGS = ["", "bytes=", "bytes=0", "/v2/", "a", "a=", "a:", '"', 'W/"', "[", "0;", "0", "for=", "(", "&digest="]
PIECES = [
    *" \t\\\"',;:=-_./&[(0aA*\r\n\xff",
    *(
        "a/",
        "a-",
        "a.",
        "__",
        "/manifests/",
        "/blobs/",
        "/blobs/uploads/",
        "/v2/",
        "bytes=",
        "0-0,",
        "0-",
        "-0",
        "a=a;",
    ),
    *(
        '"",',
        'W/"',
        "a,",
        "a;q=0.",
        "*/*,",
        "a/a;a=a,",
        " ,",
        ", ",
        ":0",
        "]:0",
        "1.",
        "digest=",
        "&",
        "&digest=",
        "%41",
    ),
    *("xn--", "%", "a\\", '"a', "((", "()", "q=1;", "::", ";a", "=;", "\r\n ", "[a", "v1"),
]
ENDS = ["", "!", "\n", "\x00", '"', "]", "/", ",a", "-"]


Recipe = tuple[str, str, str]


def text_of(recipe: Recipe, size: int) -> str:
    beginning, piece, end = recipe
    return beginning + piece * (size // len(piece)) + end


def cpu(call: Callable[[str], object], text: str) -> float:
    began = time.process_time()
    try:
        call(text)
    except (ValueError, OSError):
        pass
    return time.process_time() - began


def is_linear(call: Callable[[str], object], recipe: Recipe) -> bool:
    """Whether the larger text costs in proportion; measured again where it seems not to."""
    if cpu(call, text_of(recipe, SMALL // GROWTH)) > NEGLIGIBLE:
        return False  # and the larger texts would take minutes
    for _ in range(4):
        large = cpu(call, text_of(recipe, SMALL * GROWTH))
        if large < NEGLIGIBLE or large < ALLOWED * cpu(call, text_of(recipe, SMALL)):
            return True
    return False


def worst(
    call: Callable[[str], object], beginnings: Sequence[str] = BEGINNINGS, ends: Sequence[str] = ENDS
) -> list[Recipe]:
    """Some recipes of texts that cost more than in proportion to their length."""
    found = (
        recipe
        for recipe in itertools.product(beginnings, PIECES, ends)
        # The cheap look first: where this length costs nothing, four times as long does no harm.
        if cpu(call, text_of(recipe, SMALL)) > NEGLIGIBLE / GROWTH**2 and not is_linear(call, recipe)
    )
    return list(itertools.islice(found, 3))


def modules() -> Iterator[Any]:
    for info in pkgutil.walk_packages(docker_registry.__path__, "docker_registry."):
        if not OWN.match(info.name) and not info.name.endswith("__main__"):
            try:
                yield importlib.import_module(info.name)
            except ModuleNotFoundError as error:
                if (error.name or "").startswith("docker_registry"):
                    raise
                # Otherwise it is of an extra that is not installed here.


def patterns_in(value: Any) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        yield from patterns_in([*value, *value.values()])
    elif isinstance(value, list | tuple | set):
        for item in value:
            yield from patterns_in(item)


def found_patterns() -> dict[str, tuple[re.Pattern[Any], str]]:
    """Every pattern that strangers' text may meet, and the method by which it does."""
    found = {}
    for module in modules():
        tree = ast.parse(Path(module.__file__).read_text("utf-8"))
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
        methods: dict[str, set[str]] = {}
        for call in calls:
            owner = call.func.value  # type: ignore[attr-defined]
            owner = owner.value if isinstance(owner, ast.Subscript) else owner
            if isinstance(owner, ast.Name):
                methods.setdefault(owner.id, set()).add(call.func.attr)  # type: ignore[attr-defined]
                if owner.id == "re" and call.args and isinstance(call.args[0], ast.Constant):
                    pattern = re.compile(call.args[0].value)
                    if call.func.attr != "compile":  # type: ignore[attr-defined]
                        name = f"{module.__name__}:{call.lineno}"
                        found[name] = pattern, call.func.attr  # type: ignore[attr-defined]
        for name, value in vars(module).items():
            for number, pattern in enumerate(patterns_in(value)):
                for method in methods.get(name, set()) & {"search", "sub", "findall", "finditer", "split"} or {
                    "fullmatch"
                }:
                    found[f"{module.__name__}.{name}[{number}].{method}"] = pattern, method
    return found


FOUND = dict(sorted(found_patterns().items()))  # in one order in every worker


def test_the_patterns_are_found() -> None:
    names = " ".join(FOUND)
    for known in ("routes._TABLE", "digest._HEX", "grammar._NAME", "framing._REQUEST", "logs._SHOWN", "proxies:"):
        assert known in names
    assert len(FOUND) > 25


@pytest.mark.parametrize(("pattern", "method"), FOUND.values(), ids=FOUND)
def test_patterns(pattern: re.Pattern[Any], method: str) -> None:
    def run(text: str) -> None:
        subject = text.encode("latin-1") if isinstance(pattern.pattern, bytes) else text
        if method == "sub":
            pattern.sub(subject[:0], subject)
        else:
            getattr(pattern, method)(subject)

    assert worst(run) == []


# The parsers around them, ours and werkzeug's.

SOME_BEGINNINGS = ["", "bytes=", 'W/"', "a", "for="]
SOME_ENDS = ["", "!"]
DIGEST = Digest.of(b"x")
BLOB, MANIFEST, TAGS = f"/v2/a/blobs/{DIGEST}", "/v2/a/manifests/latest", "/v2/a/tags/list"
UPLOADS = "/v2/a/blobs/uploads/"
ASKED = [
    ("HTTP_ACCEPT", "GET", MANIFEST),
    ("HTTP_IF_NONE_MATCH", "GET", MANIFEST),
    ("HTTP_IF_NONE_MATCH", "GET", BLOB),
    ("HTTP_IF_NONE_MATCH", "HEAD", BLOB),
    ("HTTP_RANGE", "GET", BLOB),
    ("HTTP_IF_RANGE", "GET", BLOB),
    ("HTTP_AUTHORIZATION", "GET", BLOB),
    ("HTTP_CONTENT_RANGE", "PATCH", UPLOADS),
    ("CONTENT_TYPE", "PUT", MANIFEST),
    ("HTTP_COOKIE", "GET", "/v2/"),
    ("HTTP_FORWARDED", "GET", "/v2/"),
    ("HTTP_X_FORWARDED_FOR", "GET", "/v2/"),
    ("HTTP_X_FORWARDED_HOST", "POST", UPLOADS),
    ("HTTP_X_FORWARDED_PREFIX", "POST", UPLOADS),
    ("HTTP_X_FORWARDED_PROTO", "GET", "/v2/"),
    ("QUERY_STRING", "GET", TAGS),
    ("QUERY_STRING", "POST", UPLOADS),
    ("PATH_INFO", "GET", ""),
]


def ask(app: Any, method: str, path: str, body: bytes = b"", **environ: str) -> dict[str, str]:
    """One request; the headers of its answer."""
    headers: dict[str, str] = {}
    full = {
        **{
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "SCRIPT_NAME": "",
            "QUERY_STRING": "",
            "REMOTE_ADDR": "10.0.0.1",
        },
        **{"SERVER_NAME": "a", "SERVER_PORT": "80", "HTTP_HOST": "a", "wsgi.url_scheme": "http"},
        **{"CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True},
        **environ,
    }
    answer = app(full, lambda _status, pairs, *_: headers.update(pairs))
    b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    return headers


@pytest.fixture(scope="module")
def app() -> Any:
    """A registry that trusts the proxy which asks, with a blob and an image in it."""
    settings = Settings(storage="memory", secret=b"of the tests", trusted_proxies=(ip_network("10.0.0.0/8"),))
    app = TrustedProxies(Registry(fetch("memory")("/", None), settings), settings.trusted_proxies)
    ask(app, "POST", UPLOADS, b"x", QUERY_STRING=f"digest={DIGEST}")
    manifest = image([b"x"], b"x")
    ask(app, "PUT", MANIFEST, manifest, CONTENT_TYPE=MANIFEST_TYPE)
    assert ask(app, "GET", MANIFEST)["Docker-Content-Digest"] == digest_of(manifest)
    return app


@pytest.mark.parametrize(("variable", "method", "path"), ASKED)
def test_the_application(app: Any, variable: str, method: str, path: str) -> None:
    if method == "PATCH":
        path, _, query = ask(app, "POST", path)["Location"].partition("?")
        more = {"QUERY_STRING": query}
    else:
        more = {"HTTP_RANGE": "bytes=0-0"} if variable == "HTTP_IF_RANGE" else {}
    assert worst(lambda text: ask(app, method, path, **{**more, variable: text}), SOME_BEGINNINGS, SOME_ENDS) == []


def test_the_head_of_a_request() -> None:
    line = framing.RequestLine("GET", "/", "HTTP/1.1", None)

    def read(text: str) -> None:
        framing.read_request_line(io.BytesIO(f"GET /{text} HTTP/1.1\r\n".encode("latin-1")))

    def read_fields(text: str) -> None:
        framing.check(line, framing.read_fields(io.BytesIO(f"Host: {text}\r\n\r\n".encode("latin-1"))))

    def read_many(text: str) -> None:
        framing.read_fields(io.BytesIO(f"{text}\r\n\r\n".encode("latin-1")))

    def read_chunk(text: str) -> None:
        framing.read_chunk_size(io.BytesIO(f"{text}\r\n\r\n".encode("latin-1")))

    for call in (read, read_fields, read_many, read_chunk):
        assert worst(call, SOME_BEGINNINGS, SOME_ENDS) == []


def test_the_access_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "docker_registry.access")

    def write(text: str) -> None:
        log_access(text, text, text, 200, 0, 0, 0.0, text)
        caplog.clear()

    assert worst(write, SOME_BEGINNINGS, SOME_ENDS) == []
