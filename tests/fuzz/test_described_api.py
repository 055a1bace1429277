"""What docs/openapi.yaml describes, asked by schemathesis: no answer that is not described, and no 5xx."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import inputs
from tests.live.ours import Ours

DESCRIPTION = Path(__file__).parents[2] / "docs" / "openapi.yaml"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.mark.skipif(
    importlib.util.find_spec("schemathesis") is None or "FUZZ_INPUTS" not in os.environ, reason="for make fuzz"
)
def test_the_described_api(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "config.yml"
    config.write_text(json.dumps({"test": {"storage": "memory", "secret_key": "fuzz"}}))
    each = str(max(inputs(0) // 200, 2))  # for each operation, and in some more phases
    with Ours(tmp_path, config) as ours:
        command = [sys.executable, "-m", "schemathesis.cli", "run", str(DESCRIPTION), "--url", ours.url]
        done = subprocess.run(
            [*command, "--checks", CHECKS, "--max-examples", each], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout
        assert "Traceback" not in ours.log
    found = re.search(r"\d+ generated.*", done.stdout)
    with capsys.disabled():
        print(f"\nthe described API: {found[0] if found else done.stdout}", flush=True)
