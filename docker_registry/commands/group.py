"""The subcommands of docker-registry-swift.

A subcommand's module is imported when it is called for, and not before: `serve`
must fork its workers before anything imports what gevent is to patch.
"""

from __future__ import annotations

import errno
import importlib
import logging
import os
import sys
from typing import Any

import click
from click.shell_completion import CompletionItem

from docker_registry.core.exceptions import UnspecifiedError
from docker_registry.maintenance.printable import printable

__all__ = ["Commands", "run"]

INTERRUPTED = 130  # exit status after Ctrl-C, as of a shell: 1 would be the finding of some command
UNWRITTEN = 2  # that of a command whose output has no room
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
COMMANDS = {
    "serve": ("docker_registry.commands.serve:serve", "Run the registry on a Swift, as a config file says."),
    "demo": ("docker_registry.commands.demo:demo", "Run a registry and its own Swift on this machine, to try things."),
    "swift": ("docker_registry.commands.demo:swift", "Run only the small OpenStack Swift of `demo`."),
    "check": ("docker_registry.commands.check:check", "Look at a Swift and say what a registry will find there."),
    "ls": ("docker_registry.commands.ls:ls", "List repositories, or the tags of one."),
    "inspect": ("docker_registry.commands.inspect:inspect", "Say what an image consists of."),
    "history": ("docker_registry.commands.history:history", "Say how an image was built."),
    "diff": ("docker_registry.commands.diff:diff", "Say in what two images differ."),
    "du": ("docker_registry.commands.du:du", "Say what holds the bytes, and what deleting would free."),
    "cp": ("docker_registry.commands.cp:cp", "Copy images, also from other registries and files."),
    "retag": ("docker_registry.commands.retag:retag", "Give an image further tags."),
    "rm": ("docker_registry.commands.rm:rm", "Delete tags and manifests."),
    "export": ("docker_registry.commands.export:export", "Write all images into OCI layouts."),
    "robot": ("docker_registry.commands.robot:robot", "Make, list and revoke passwords for machines."),
    "secrets": ("docker_registry.commands.secrets:secrets", "Say which keys sign, and which only verify."),
    "fsck": ("docker_registry.commands.fsck:fsck", "Look for damage in a container, and repair what is safe."),
    "registryctl": (
        "docker_registry.commands.registryctl:registryctl",
        "Delete for Harbor's collector, in the place of Harbor's registryctl.",
    ),
    "tags": ("docker_registry.commands.tags:tags", "List tags, what they meant before, and bring them back."),
    "retention": (
        "docker_registry.commands.retention:retention",
        "Remove the tags that the config's rules do not keep.",
    ),
    "quotas": ("docker_registry.commands.quotas:quotas", "Count what the repositories of each quota hold."),
    "gc": ("docker_registry.commands.gc:gc", "Remove what nobody uses any more, while registries serve."),
    "completion": ("docker_registry.commands.completion:completion", "Let a shell complete subcommands and options."),
}


class Commands(click.Group):
    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """What a driver, a config file or a place of images has to complain about becomes one line."""
        try:
            return super().invoke(ctx)
        except UnspecifiedError as error:
            # Another registry, or an archive, may have had a part in the text.
            click.echo(printable(f"docker-registry-swift: {str(error) or error.message}"), err=True)
            ctx.exit(1)
        except KeyboardInterrupt:
            click.echo("\nAborted!", err=True)
            ctx.exit(INTERRUPTED)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Without importing every subcommand for its help."""
        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        found = [CompletionItem(name, help=about) for name, (_, about) in COMMANDS.items()]
        return [item for item in found if item.value.startswith(incomplete)]

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="docker-registry-driver-swift", prog_name="docker-registry-swift")
def _group() -> None:
    """Container images on OpenStack Swift."""


def run() -> None:
    """Run the command.

    What is only a warning, such as that the storage is asked again, stays out of what a person reads: the command's
    own words say what came of it. Programs that serve send their log elsewhere (`serving.logs`).
    """
    logging.basicConfig(format="docker-registry-swift: %(message)s", level=logging.ERROR)
    try:
        _group(prog_name="docker-registry-swift")
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        click.echo(f"docker-registry-swift: the output cannot be written: {error.strerror}", err=True)
        # Else Python tries to write the rest when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(UNWRITTEN)
