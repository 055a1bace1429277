"""Fuzz the parsers led by what their code does with the input, by atheris.

    python -m tests.fuzz            # each of them, with FUZZ_INPUTS inputs
    python -m tests.fuzz digest     # one, without end, with libFuzzer's options

Where atheris is not installed (it has wheels for some Pythons only), says so and ends well.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys

from tests.fuzz import inputs


def main() -> None:
    if importlib.util.find_spec("atheris") is None:
        print("the parsers are not fuzzed: atheris is not installed")
    elif len(sys.argv) > 1:
        one(sys.argv.pop(1))
    else:
        sys.exit(max(map(run, targets())))


def targets() -> list[str]:
    from tests.fuzz.targets import TARGETS

    return list(TARGETS)


def run(name: str) -> int:
    """Fuzz one parser in a process of its own; the process's exit status."""
    options = [f"-atheris_runs={inputs(1000)}", "-max_len=600", "-timeout=10", "-rss_limit_mb=1024"]
    command = [sys.executable, "-m", "tests.fuzz", name, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    finding = f"ended with status {done.returncode}:\n{done.stderr[-3000:]}" if done.returncode else "no finding"
    print(f"{name}: {inputs(1000)} inputs, {finding}", flush=True)
    return done.returncode


def one(name: str) -> None:
    import atheris

    with atheris.instrument_imports(include=["docker_registry"]):
        from tests.fuzz.targets import TARGETS
    parse, refusals = TARGETS[name]

    def attack(data: bytes) -> None:
        try:
            parse(data)
        except refusals:
            pass

    atheris.Setup(sys.argv, attack)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
