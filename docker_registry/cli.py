"""The command docker-registry-swift: first of all whether what it needs is installed."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command. Packages that are missing, or in each other's way, are told in one line.

    Ctrl-C while modules are imported ends it as click ends it later.
    """
    try:
        from docker_registry.own_core import check_core

        check_core()
        from docker_registry.commands.group import run

        run()
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if module == "docker_registry":
            raise
        sys.exit(
            f"docker-registry-swift: the Python module {module} is not installed:"
            " pip install 'docker-registry-driver-swift[registry]'"
        )
    except ImportError as error:
        sys.exit(f"docker-registry-swift: {error}")
    except KeyboardInterrupt:
        print("\nAborted!", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
