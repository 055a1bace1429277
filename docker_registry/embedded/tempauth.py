"""Who may do what in an embedded Swift, unless its options say another way. It imports none of Swift's modules."""

from __future__ import annotations

import base64

from .options import AuthFilter, EmbeddedError, SwiftOptions

__all__ = ["tempauth"]


def tempauth(options: SwiftOptions) -> AuthFilter:
    """Swift's own small list of users and passwords; it speaks auth version 1."""
    users = [_user(options.user, options.password, ".admin")]
    users += [_user(user, password, "") for user, password in options.guests.items()]
    section = ["[filter:tempauth]", "use = egg:swift#tempauth", "token_life = 86400", *users]
    return AuthFilter("tempauth", "\n".join(section))


def _user(user: str, password: str, group: str) -> str:
    account, colon, name = user.partition(":")
    if not (account and colon and name):
        raise EmbeddedError(f"the user {user!r} must have the form ACCOUNT:USER")
    if not password or password.split() != [password]:
        raise EmbeddedError(f"the password of {user!r} must be one word, not empty")
    return f"user64_{_base64(account)}_{_base64(name)} = {_ini(password)} {group}"


def _ini(text: str) -> str:
    """A value for a file that Swift reads: it substitutes, and undoubles `%`, only where it sees `%(`."""
    return text.replace("%", "%%") if "%(" in text else text


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode().rstrip("=")
