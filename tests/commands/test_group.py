"""What all subcommands have in common: help with an example, exit statuses, errors in a line, completion."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from inspect import cleandoc
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from docker_registry.commands.completion import VARIABLE
from docker_registry.commands.group import COMMANDS, Commands

CLI = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_has_an_example_that_is_right(name: str) -> None:
    command = Commands().get_command(click.Context(Commands()), name)
    assert command
    text = cleandoc(command.help or "")
    examples = [line.split() for line in text.splitlines() if line.startswith("  docker-registry-swift ")]
    assert examples
    for _, called, *words in examples:
        assert called == name
        inner: click.Command | None = command
        while isinstance(inner, click.Group):
            inner = inner.get_command(click.Context(inner), words.pop(0))
        assert inner
        known = {option for parameter in inner.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_says_what_a_command_is_for(name: str) -> None:
    assert re.search(rf"(?m)^\| (`\w+`, )?`{name}[` ]", CLI)


# These run until they are ended, print a script, or are groups; `inspect` prints nothing but JSON.
WITHOUT_JSON = {"serve", "demo", "swift", "registryctl", "completion", "robot", "inspect"}


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - WITHOUT_JSON))
def test_what_a_command_says_is_there_as_json(name: str) -> None:
    command = Commands().get_command(click.Context(Commands()), name)
    assert command
    assert [parameter.name for parameter in command.params if "--json" in parameter.opts] == ["as_json"]


def complete(shell: str, *words: str) -> list[str]:
    environ = {
        **os.environ,
        VARIABLE: f"{shell}_complete",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    environ["COMP_CWORD"] = words[-1] if shell == "fish" else environ["COMP_CWORD"]
    script = Path(sys.executable).with_name("docker-registry-swift")
    done = subprocess.run([script], env=environ, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("shell", "told"), [("bash", "plain,retention"), ("zsh", "retention"), ("fish", "plain,retention")]
)
def test_a_shell_is_told_what_fits(shell: str, told: str) -> None:
    assert any(line.startswith(told) for line in complete(shell, "docker-registry-swift", "ret"))
    assert any("--history" in line for line in complete(shell, "docker-registry-swift", "tags", "--h"))
    assert CliRunner().invoke(Commands(), ["completion", shell]).stdout.count(VARIABLE) >= 1


def test_bash_completes() -> None:
    script = f"""
        PATH={Path(sys.executable).parent}:$PATH
        eval "$(docker-registry-swift completion bash)"
        COMP_WORDS=(docker-registry-swift dif) COMP_CWORD=1
        _docker_registry_swift_completion docker-registry-swift
        echo "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "diff\n"


def test_subcommands_are_completed_without_their_modules() -> None:
    code = """
import click, sys
from docker_registry.commands.group import Commands
assert len(Commands().shell_complete(click.Context(Commands()), "")) > 20
assert [name for name in sys.modules if name.startswith("docker_registry.commands.")] == [Commands.__module__]
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_ctrl_c_while_modules_are_imported_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "docker_registry.cli", "ls"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "\nAborted!\n")


@click.command()
def interrupted() -> None:
    raise KeyboardInterrupt


def test_ctrl_c_is_told_from_what_a_command_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "fsck", (f"{__name__}:interrupted", ""))
    done = CliRunner().invoke(Commands(), ["fsck"])
    assert (done.exit_code, done.output) == (130, "\nAborted!\n")


def test_output_that_has_no_room_is_one_line() -> None:
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "docker_registry.cli", "completion", "bash"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    complaint = "docker-registry-swift: the output cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (2, complaint)
