"""`python -m tests.mutants [TEXT]`: all mutants, or those whose file, code or tests have TEXT in them."""

from __future__ import annotations

import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.breakages import BREAKAGES, Breakage
from tests.mutants.running import Copy


def main(text: str = "") -> int:
    chosen = [breakage for breakage in BREAKAGES if text in " ".join([*breakage[:3], *breakage.tests])]
    workers = os.cpu_count() or 1
    with tempfile.TemporaryDirectory(prefix="mutants-") as scratch, ThreadPoolExecutor(workers) as pool:
        copies: SimpleQueue[Copy] = SimpleQueue()
        for number in range(workers):
            copies.put(Copy(Path(scratch, str(number))))
        survivors = sum(pool.map(lambda breakage: _survives(copies, breakage), chosen))
    print(f"{len(chosen)} mutants, {survivors} survive")
    return 1 if survivors else 0


def _survives(copies: SimpleQueue[Copy], breakage: Breakage) -> bool:
    copy = copies.get()
    try:
        why = copy.survives(breakage)
    finally:
        copies.put(copy)
    name = f"{breakage.file}: {breakage.before.strip()[:60]!r} -> {breakage.after.strip()[:60]!r}"
    print(f"{'SURVIVES' if why else 'noticed '} {name}" + (f"\n    {why}" if why else ""), flush=True)
    return why is not None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
