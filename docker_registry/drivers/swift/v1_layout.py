"""Which paths are files by docker-registry's own (v1) layout.

Such a path is never a folder, so nobody needs to look for one where no file
is. All but the layers are small: they are written whole by `put_content`, so
they have no segments that somebody would have to look for.
"""

from __future__ import unicode_literals

import re

__all__ = ["is_file", "is_small_file"]

_SMALL = re.compile(
    r"(images/[^/]+/(json|ancestry|_inprogress|_checksum|_files|_diff)"
    r"|repositories/[^/]+/[^/]+/(json|_index_images|_images_list|_private|tag_[^/]+|tag[^/]+_json))\Z"
)
_LAYER = re.compile(r"images/[^/]+/layer\Z")


def is_file(path):
    return is_small_file(path) or _LAYER.match(path) is not None


def is_small_file(path):
    return _SMALL.match(path) is not None
