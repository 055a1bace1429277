"""Input that nobody in his right mind sends: to the server over sockets, and to each parser by itself.

In the tests a few hundred of each; `make fuzz` sends some ten thousand, and says how many.
"""

from __future__ import annotations

import os

__all__ = ["inputs"]


def inputs(few: int) -> int:
    """How many inputs a fuzzer sends: FUZZ_INPUTS, where it is set, else `few`."""
    return int(os.environ.get("FUZZ_INPUTS", few))
