"""The names drivers import to run on Python 2 and 3 alike; plain aliases here."""

from __future__ import annotations

import builtins
import json
from io import BytesIO as StringIO
from urllib.parse import quote_plus

__all__ = ["StringIO", "basestring", "builtin_str", "bytes", "is_py2", "is_py3", "is_py26", "json", "quote_plus", "str"]

is_py2 = False
is_py26 = False
is_py3 = True

builtin_str = builtins.str
str = builtins.str
bytes = builtins.bytes
basestring = (builtins.str, builtins.bytes)
