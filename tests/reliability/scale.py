"""How much of it runs: a part with a fixed seed, or all of it with RELIABILITY=whole (`make reliability`)."""

from __future__ import annotations

import os

__all__ = ["SEED", "WHOLE"]

WHOLE = os.environ.get("RELIABILITY") == "whole"
SEED = int(os.environ.get("RELIABILITY_SEED", "14"))
