"""What to type to get something out of the registry: each command works as it is pasted, or is left out."""

from __future__ import annotations

import re
from typing import NamedTuple

from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.views.kinds import Kind

__all__ = ["LOOPBACK", "Command", "Host", "pull_commands"]

LOOPBACK = re.compile(r"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?", re.ASCII)


class Command(NamedTuple):
    program: str
    text: str


class Host(NamedTuple):
    """The registry as its clients reach it; `encrypted` by TLS."""

    name: str
    encrypted: bool

    @property
    def suits_docker(self) -> bool:
        """Docker wants TLS of all hosts but its own."""
        return self.encrypted or LOOPBACK.fullmatch(self.name) is not None


def pull_commands(host: Host, name: str, tag: str, digest: Digest | None, kind: Kind) -> list[Command]:
    """The commands for one tag; by digest where `tag` is ""."""
    reference = f"{host.name}/{name}:{tag}" if tag else f"{host.name}/{name}@{digest}"
    if not kind.tool:
        return list(_for_image(host, reference, name, tag))
    commands = []
    if kind.tool == "helm" and tag:
        plain = "" if host.encrypted else " --plain-http"
        commands.append(Command("helm", f"helm pull oci://{host.name}/{name} --version {tag.replace('_', '+')}{plain}"))
    plain = "" if host.encrypted else "--plain-http "
    return [*commands, Command("oras", f"oras pull {plain}{reference}"), _skopeo(host, reference, name, tag)]


def _for_image(host: Host, reference: str, name: str, tag: str) -> list[Command]:
    insecure = "" if host.encrypted else "--tls-verify=false "
    commands = [Command("docker", f"docker pull {reference}")] if host.suits_docker else []
    return [*commands, Command("podman", f"podman pull {insecure}{reference}"), _skopeo(host, reference, name, tag)]


def _skopeo(host: Host, reference: str, name: str, tag: str) -> Command:
    insecure = "" if host.encrypted else "--src-tls-verify=false "
    target = f"oci:{name.rpartition('/')[2]}:{tag or 'copy'}"
    return Command("skopeo", f"skopeo copy --all {insecure}docker://{reference} {target}")
