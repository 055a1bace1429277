"""The command as people type it: what it says when something is wrong, and what `demo` shows."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from docker_registry.commands.group import Commands
from docker_registry.config import load
from docker_registry.embedded import EmbeddedSwift
from tests.live.faults import FaultProxy
from tests.live.images import Layout as ImageLayout
from tests.live.images import file_layer
from tests.live.ours import Ours, write_config
from tests.live.wire import Client

COMMAND = [sys.executable, "-m", "docker_registry.cli"]
DEADLINE = 60.0  # s


def fails(*arguments: str) -> str:
    """The one line on stderr with which the command ends."""
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 1, done
    assert re.fullmatch(r"docker-registry-swift: .+\n", done.stderr), done.stderr
    return done.stderr


def serve_fails(config: Path, *arguments: str) -> str:
    return fails("serve", "--host", "127.0.0.1", "--port", "0", "--config", str(config), *arguments)


@pytest.fixture
def config(swift: EmbeddedSwift, container: str, tmp_path: Path) -> Path:
    return write_config(tmp_path, swift, container)


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def change(config: Path, old: str, new: str) -> Path:
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new))
    return config


def test_swift_is_down(swift: EmbeddedSwift, config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nobody = f"http://127.0.0.1:{listener.getsockname()[1]}"
    error = serve_fails(change(config, swift.url, nobody))
    assert nobody in error
    assert "Connection refused" in error


def test_swift_is_silent(swift: EmbeddedSwift, config: Path, taken: int) -> None:
    assert "no answer" in serve_fails(change(config, swift.url, f"http://127.0.0.1:{taken}"))


def test_a_wrong_password(swift: EmbeddedSwift, config: Path) -> None:
    error = serve_fails(change(config, f'"{swift.password}"', '"not-this-one"'))
    assert "does not accept user test:tester" in error
    assert "not-this-one" not in error


def test_a_wrong_option(config: Path) -> None:
    assert "did you mean swift_container?" in serve_fails(change(config, "swift_container", "swift_contaner"))


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ('"swift_segment_size": "6G"', "the server takes objects to 5120 MiB"),
        ('"swift_storage_policy": "gold"', "swift_storage_policy is gold, which the server does not have"),
        ('"swift_container": "a/b"', "the name of a container has no slash"),
    ],
)
def test_what_no_push_could_succeed_with_is_refused_by_serve_and_by_check(
    config: Path, option: str, words: str
) -> None:
    change(config, '"registry": {}', f'"registry": {{}}, {option}')
    assert words in serve_fails(config)
    command = [*COMMAND, "check", "--config", str(config)]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
    assert checked.returncode == 1
    assert words in checked.stdout + checked.stderr


@pytest.mark.parametrize("arguments", [(), ("--no-check",)])
def test_a_token_leaves_nothing_to_derive_the_secret_from(
    swift: EmbeddedSwift, config: Path, arguments: tuple[str, ...]
) -> None:
    options = {"storage": "swift", "swift_token": "x", "swift_object_storage_url": swift.storage_url}
    config.write_text(json.dumps({"test": options}))
    assert "secret_key (http.secret) is missing" in serve_fails(config, *arguments)
    assert "secret_key (http.secret) is missing" in fails("check", "--config", str(config))


def test_a_port_in_use(config: Path, taken: int) -> None:
    error = serve_fails(config, "--port", str(taken))
    assert f"cannot listen on 127.0.0.1:{taken}: Address already in use" in error
    error = fails("demo", "--port", str(taken), "--data", str(config.parent / "demo"))
    assert f"cannot listen on 127.0.0.1:{taken}: Address already in use" in error


def test_an_address_of_no_interface_is_not_blamed_on_the_port(config: Path) -> None:
    error = serve_fails(config, "--host", "192.0.2.99")
    assert "cannot listen on 192.0.2.99:0: Cannot assign requested address; this machine has no such address" in error
    assert "--host" in error
    assert "--port" not in error


def test_what_images_are_asked_of_a_storage_that_is_away_ends_in_one_line(swift: EmbeddedSwift, config: Path) -> None:
    """With the cause, and without the tries before it."""
    options = json.loads(config.read_text())["test"]
    with FaultProxy(swift.storage_url) as faults:
        away = {**options, "swift_object_storage_url": faults.url, "swift_retries": 1}
        config.write_text(json.dumps({"test": away}))
        faults.answer(503)
        for words in (["ls"], ["rm", "--yes", "a:1"]):
            error = fails(*words, "--config", str(config))
            assert ": 503 " in error
            assert faults.url.split("/")[2] in error
        nobody = faults.url.split("/")[2]
    error = fails("cp", "--quiet", "a:1", "b:1", "--config", str(config))
    assert "Connection refused" in error
    assert nobody in error


def test_what_is_refused_is_told_once(swift: EmbeddedSwift, container: str, tmp_path: Path) -> None:
    """By the words of the registry, without a line for its audit: each command that changes something."""
    layout = ImageLayout(tmp_path / "layout")
    layout.add_image("1", [file_layer("small", 10)])
    config = str(write_config(tmp_path, swift, container))

    def typed(status: int, *words: str) -> str:
        done = CliRunner().invoke(Commands(), [*words, "--config", config])
        assert done.exit_code == status, (done.output, done.exception)
        return done.output

    digest = typed(0, "cp", "--quiet", layout.reference("1"), "archive/app:1").split()[0]
    typed(0, "retag", "archive/app:1", "2", "3")
    typed(0, "rm", "--yes", "archive/app:3")
    rules = {"retention": {"tags": [{"keep_last": 1}]}, "auth": {"read_only": ["archive/**"]}}
    write_config(tmp_path, swift, container, **rules)
    for words in (
        ["cp", "--quiet", "archive/app:1", "archive/app:4"],
        ["cp", layout.reference("1"), "archive/new:1"],
        ["retag", "archive/app:1", "4"],
        ["rm", "--yes", "archive/app:1"],
        ["rm", "--yes", f"archive/app@{digest}"],
        ["tags", "archive/app", "--restore", f"3@{digest}"],
    ):
        assert "is read-only" in typed(1, *words)
    assert "archive/app:1: kept: the repository is read-only" in typed(0, "retention", "--quiet")
    assert [json.loads(line)["tag"] for line in typed(0, "ls", "--json", "archive/app").splitlines()] == ["1", "2"]

    write_config(tmp_path, swift, container, auth={"immutable": [{"repositories": "archive/**", "tags": "1"}]})
    assert "archive/app:1 is immutable" in fails("rm", "--yes", "archive/app:1", "--config", config)


def test_a_port_in_use_is_said_before_a_silent_swift_is_asked(swift: EmbeddedSwift, config: Path, taken: int) -> None:
    change(config, swift.url, f"http://127.0.0.1:{taken}")
    assert "Address already in use" in serve_fails(config, "--port", str(taken))


def test_every_line_is_json_where_that_is_asked_for(config: Path, taken: int) -> None:
    change(config, '"registry": {}', '"registry": {"log_format": "json"}, "search_backend": "sqlalchemy"')
    with Ours(config.parent, config) as registry, Client(registry.url) as client:
        client.ask("GET", "/v2/")
        registry.signal(signal.SIGHUP)
        registry.wait_for("SIGHUP: the config file is read again")
        registry.signal(signal.SIGTERM)
        registry.process.wait(DEADLINE)
    messages = [json.loads(line)["message"] for line in registry.log.splitlines()]
    assert "search_backend" in messages[0]
    assert messages[1].startswith("Serving swift on ")
    assert sum(message.startswith("SIGTERM: ") for message in messages) == 1

    command = [*COMMAND, "serve", "--host", "127.0.0.1", "--config", str(config), "--port", str(taken)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 1
    assert "Address already in use" in json.loads(done.stderr.splitlines()[-1])["message"]


def test_no_config_file(tmp_path: Path) -> None:
    assert "none.yml: No such file or directory" in serve_fails(tmp_path / "none.yml")


def test_a_folder_that_cannot_be_written() -> None:
    assert "/proc/none" in fails("demo", "--port", "0", "--data", "/proc/none")


def test_a_registry_may_start_before_its_swift(swift: EmbeddedSwift, config: Path, taken: int) -> None:
    change(config, swift.url, f"http://127.0.0.1:{taken}")
    with Ours(config.parent, config, "--no-check") as registry, Client(registry.url) as client:
        assert client.ask("GET", "/v2/").status_code == 200


def test_warnings_are_printed_once(config: Path) -> None:
    change(config, '"registry": {}', '"search_backend": "sqlalchemy"')
    with Ours(config.parent, config) as registry:
        assert registry.log.count(" WARNING ") == 1
        assert "ignored: search_backend" in registry.log


def test_reload_reads_the_file_again(config: Path) -> None:
    with Ours(config.parent, config) as registry, Client(registry.url) as client:
        assert client.ask("POST", "/v2/a/blobs/uploads/").status_code == 202
        change(config, '"registry": {}', '"registry": {"read_only": true}')
        registry.signal(signal.SIGHUP)
        deadline = time.monotonic() + DEADLINE
        while Client(registry.url).ask("POST", "/v2/a/blobs/uploads/").status_code != 405:
            assert time.monotonic() < deadline, registry.log
            time.sleep(0.05)


@contextmanager
def demo(data: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`demo` in a terminal of its own, and the screen it shows."""
    command = [*COMMAND, "demo", "--port", "0", "--data", str(data)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    assert process.stdout
    try:
        screen = ""
        while "Ctrl-C" not in screen:
            line = process.stdout.readline()
            assert line, screen
            screen += line
        yield process, screen
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        process.stdout.close()


def test_demo_shows_what_to_type_and_finds_its_images_again(tmp_path: Path) -> None:
    for found in ("with a first image and chart", "found again"):
        with demo(tmp_path / "data") as (process, screen):
            assert found in screen
            url = re.search(r"curl (http://\S+/v2/_catalog)", screen)
            assert url
            with urllib.request.urlopen(url[1], timeout=DEADLINE) as answer:
                assert json.load(answer) == {"repositories": ["demo/charts/hello", "demo/hello"]}
            with Client(url[1].removesuffix("/v2/_catalog")) as client:
                assert (
                    len(client.pull("demo/hello", "1.0")) == 8
                )  # an index, two images, one layer of both and one of each

            os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does, to all of them
            assert process.stdout
            rest = process.stdout.read()
            assert process.wait(DEADLINE) == 0
            assert "Traceback" not in rest
            with pytest.raises(ProcessLookupError):
                os.killpg(process.pid, 0)


def test_sigterm_ends_the_demo_without_a_word(tmp_path: Path) -> None:
    with demo(tmp_path / "data") as (process, _):
        process.terminate()
        assert process.stdout
        assert process.stdout.read().strip() == ""
        assert process.wait(DEADLINE) == 0
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)


def test_the_demo_ends_with_its_swift_and_says_so(tmp_path: Path) -> None:
    with demo(tmp_path / "data") as (process, _):
        listed = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(process.pid)], capture_output=True, text=True)
        [swift] = [line.split()[0] for line in listed.stdout.splitlines() if "docker_registry.embedded" in line]
        os.kill(int(swift), signal.SIGKILL)
        assert process.stdout
        rest = process.stdout.read()
        process.wait(DEADLINE)
        assert "the Swift of this demo has ended" in rest
        assert "Traceback" not in rest
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)


def test_a_demo_without_room_says_so_in_one_line(tmp_path: Path) -> None:
    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    command = [*COMMAND, "demo", "--port", "0", "--data", str(tmp_path / "data")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, preexec_fn=no_room)
    assert done.returncode == 1
    assert re.fullmatch(r"docker-registry-swift: cannot use .* for data: File too large\n", done.stderr)


def test_the_demo_s_config_file_serves(tmp_path: Path) -> None:
    config = tmp_path / "data" / "config.yml"
    with demo(tmp_path / "data"), Ours(tmp_path, config) as second, Client(second.url) as client:
        assert load(str(config)).settings.host == "127.0.0.1"
        assert client.tags("demo/hello") == ["0.9", "1.0"]


def test_swift_alone(tmp_path: Path) -> None:
    command = [*COMMAND, "swift", "--data", str(tmp_path / "data")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        ready = process.stdout.readline()
        url = re.search(r"(http://127\.0\.0\.1:\d+)/auth", ready)
        assert url, ready
        with urllib.request.urlopen(f"{url[1]}/info", timeout=DEADLINE) as answer:
            assert "swift" in json.load(answer)
        # What it prints next is a config file.
        config = tmp_path / "config.yml"
        config.write_text("".join(process.stdout.readline() for _ in range(10)))
        assert load(str(config)).settings.host == "127.0.0.1"
        with Ours(tmp_path, config) as registry, Client(registry.url) as client:
            client.push_image("app", "1.0", [b"layer"])
            assert client.tags("app") == ["1.0"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) == 0


@pytest.mark.parametrize("arguments", [["--help"], ["serve", "--help"], ["demo", "--help"], ["swift", "--help"]])
def test_help(arguments: list[str]) -> None:
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: docker-registry-swift")
