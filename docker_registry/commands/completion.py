"""`completion`: what a shell needs to complete subcommands and options; click's own."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

__all__ = ["VARIABLE", "completion"]

VARIABLE = "_DOCKER_REGISTRY_SWIFT_COMPLETE"  # by which a shell asks; click makes the name so


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that lets a shell complete subcommands and options.

    \b
    Examples:
      docker-registry-swift completion bash > /etc/bash_completion.d/docker-registry-swift
      docker-registry-swift completion zsh > ~/.zfunc/_docker-registry-swift
      docker-registry-swift completion fish > ~/.config/fish/completions/docker-registry-swift.fish
    """
    found = get_completion_class(shell)
    assert found
    click.echo(found(ctx.find_root().command, {}, "docker-registry-swift", VARIABLE).source())
