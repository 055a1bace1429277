"""What the demos, with one registry or several, have in common: their container, config file and words."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from docker_registry.core.exceptions import ConfigError

__all__ = ["CONTAINER", "PATIENCE", "program", "write_config"]

CONTAINER = "registry"
PATIENCE = 30.0  # s for a registry to come up


def write_config(data: Path, options: dict[str, object]) -> Path:
    """A config.yml for `serve` on the Swift of this demo; JSON is YAML. Raises ConfigError."""
    path = data / "config.yml"
    text = json.dumps({"demo": {"storage": "swift", **options, "registry": {"host": "127.0.0.1"}}}, indent=2)
    try:
        path.write_text(f"# Written by `docker-registry-swift demo` at each start.\n{text}\n")
        path.chmod(0o600)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from None
    return path


def program() -> str:
    """How the user calls this command."""
    return "docker-registry-swift" if shutil.which("docker-registry-swift") else sys.argv[0]
