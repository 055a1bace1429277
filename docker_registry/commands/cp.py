"""`cp`: copy images between repositories, from other registries and archives, from and to OCI layouts."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

import click

from docker_registry.config import load
from docker_registry.core.exceptions import UsageError
from docker_registry.distribution.model.digest import Digest
from docker_registry.images.copying import Attached, Begin, copy
from docker_registry.images.inside import Inside
from docker_registry.images.making import Unmade
from docker_registry.images.places import Place, Repository, Source
from docker_registry.images.remote import Address, Remote
from docker_registry.images.remote_login import Password, find_password, parse_password
from docker_registry.images.saving import save
from docker_registry.maintenance.progress import Quiet, for_terminal

from .naming import parse_archive, parse_old, parse_place, parse_source
from .options import config_options, json_option, platform_option, quiet_option
from .rows import show

__all__ = ["cp"]


class _Login(click.ParamType[Password]):
    name = "USER:PASSWORD"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> Password:
        try:
            return parse_password(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@config_options
@click.option("--all-tags", is_flag=True, help="All tags of SOURCE, under their names.")
@click.option("--attached", is_flag=True, help="Also what is attached: signatures, SBOMs and the like.")
@click.option("--from-v1", is_flag=True, help="SOURCE is an image of docker-registry 0.9.1, in the same storage.")
@click.option("--src-creds", type=_Login(), envvar="SRC_CREDS", help="Login for docker://. [$SRC_CREDS]")
@click.option(
    "--src-authfile",
    metavar="FILE",
    help="Where logins are kept. [$REGISTRY_AUTH_FILE, else podman's and docker's own]",
)
@click.option("--src-plain-http", is_flag=True, help="Speak to docker:// without TLS.")
@click.option("--src-cacert", metavar="FILE", default="", help="Certificates that sign that of docker://.")
@platform_option
@json_option
@quiet_option
@click.argument("source")
@click.argument("target")
def cp(
    config: str | None,
    flavor: str | None,
    all_tags: bool,
    attached: bool,
    from_v1: bool,
    src_creds: Password | None,
    src_authfile: str | None,
    src_plain_http: bool,
    src_cacert: str,
    platform: str | None,
    as_json: bool,
    quiet: bool,
    source: str,
    target: str,
) -> None:
    """Copy an image, for all of its platforms, without a server.

    \b
    SOURCE and TARGET are
      team/app:1.0                     in a repository of the registry,
      oci:FOLDER:1.0                   in an OCI image layout,
      docker-archive:FILE:app:1.0      in a file of docker save or podman save, for
                                       one platform; and SOURCE may be
      docker://HOST/team/app:1.0       in another registry.

    Between two repositories no byte is moved. What TARGET has already is not
    fetched again, so a copy that was interrupted goes on when it is repeated.
    All bytes are checked against their digests. Without --attached signatures
    and SBOMs stay behind, as with skopeo and oras.

    \b
    Examples:
      docker-registry-swift cp team/app:1.0 archive/app:1.0
      docker-registry-swift cp oci:/srv/seed:1.0 team/app:1.0
      docker-registry-swift cp --attached docker://quay.io/team/app:1.0 team/app:1.0
      docker-registry-swift cp --all-tags docker://quay.io/team/app team/app
      docker-registry-swift cp docker-archive:app.tar.gz team/app:1.0
      docker-registry-swift cp --platform linux/arm64 team/app:1.0 docker-archive:app.tar:app:1.0
      docker-registry-swift cp --from-v1 --all-tags team/app team/app
    """

    def remote(address: Address) -> Remote:
        password = src_creds or find_password(address.host, address.repository, src_authfile, os.environ)
        return Remote(address, password, src_plain_http, src_cacert)

    with Inside(load(config, flavor).settings) as registry:
        default = "" if all_tags else "latest"
        opened = parse_old(registry, source, default) if from_v1 else parse_source(registry, source, remote, default)
        progress = Quiet() if quiet else for_terminal()
        saved = parse_archive(target)
        if saved:
            if all_tags or isinstance(opened.place, Unmade):
                raise click.UsageError("one image is written into an archive, from a repository, a layout or docker://")
            begin = partial(progress.step, f"blobs of {source}")
            digest = save(opened.place, opened.reference, saved.path, saved.name, platform or "", begin)
            show({"digest": str(digest), "tag": None}, as_json, str(digest))
            return
        if platform:
            raise click.UsageError("--platform is for docker-archive: any other copy is for all platforms")
        to_place, tag = parse_place(registry, target, default="")
        if all_tags and (opened.reference or tag):
            raise click.UsageError("with --all-tags, name neither a tag of the source nor one of the target")
        if ":" in tag:
            raise click.UsageError(f"{target}: a copy is stored under its own digest; name a tag, or none")
        wanted = opened.place.tags() if all_tags else [opened.reference]
        if not wanted:
            raise UsageError(f"{source} has no tags")
        copy_one = _copier(opened.place, to_place, attached)
        for each in wanted:
            new = each if all_tags else tag or opened.tag
            if not new and not (":" in each and isinstance(to_place, Repository)):
                raise click.UsageError(f"{target}: name the tag of the copy, as in {target}:1.0")
            digest = copy_one(each, [new] if new else [], partial(progress.step, f"blobs of {each or source}"))
            show({"digest": str(digest), "tag": new or None}, as_json, f"{digest} {new}".rstrip())


def _copier(source: Source | Unmade, target: Place, attached: bool) -> Callable[[str, list[str], Begin], Digest]:
    """What copies one image: a reference of the source, and the tags that it gets."""
    if isinstance(source, Unmade):
        return partial(source.make, target)
    along = Attached(source) if attached else None
    return lambda reference, tags, begin: copy(source, target, reference, tags, begin, along)
