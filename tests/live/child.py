"""A server as a child process: started, waited for until its log says where it serves, stopped."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

Self = TypeVar("Self", bound="Child")


class Child:
    """Use it as a context manager; `url` is where it serves meanwhile.

    `serving` finds its address, as the first group, in what the child logs to
    the file `log`. It has `patience` seconds to start, and as many to stop.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        serving: re.Pattern[str],
        patience: float,
        environ: dict[str, str] | None = None,
    ):
        self._command = command
        self._log = log
        self._serving = serving
        self._patience = patience
        self.environ = environ  # None for that of the test
        self._child: subprocess.Popen[bytes] | None = None
        self.url = ""

    def __enter__(self: Self) -> Self:
        with self._log.open("wb") as log:
            self._child = subprocess.Popen(self._command, stdout=log, stderr=log, env=self.environ)
        try:
            self.url = self._where(self._child)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _where(self, child: subprocess.Popen[bytes]) -> str:
        deadline = time.monotonic() + self._patience
        while time.monotonic() < deadline and child.poll() is None:
            if found := self._serving.search(self.log):
                return f"http://{found[1]}"
            time.sleep(0.02)
        raise AssertionError(f"{' '.join(self._command)} did not start:\n{self.log}")

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._child is not None
        return self._child

    def __exit__(self, *exc_info: object) -> None:
        if self._child is not None:
            self._child.terminate()
            try:
                self._child.wait(self._patience)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
            self._child = None
