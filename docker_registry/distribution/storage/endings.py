"""How an upload session ends: all requests that end it agree on one outcome, however often they ask.

Closing a session makes its parts segments of a blob; from then on they must be
neither removed nor made part of another blob. But every URL of a session stays
valid, so it can be told more than once how to end: closed again by a client
that lost the answer or was told 503 halfway, cancelled late, closed from two
URLs with two digests. Storage such as Swift has no compare-and-set (two
overlapping conditional writes may both succeed), but a read sees what was
written before, and on that requests can agree. They go through rounds; each
has three small files:

    write mine to `turn`; take over the outcome of the round before, if it has one;
    unless `door` is there: write `door`, and if `turn` is still mine, write `outcome`;
    if this round has an outcome and the next one no `turn`: that is the outcome. Else the next round.

1. At most one request writes a round's outcome (Lamport's splitter). Had two,
   take the one whose `turn` was written first: it saw its own `turn` at the
   end, so the other's write, and after it the other's look at `door`, came
   after `door` was written; the other did not go on.
2. Who sees an outcome in a round, and then that the next one has no `turn`,
   may believe it: everybody who enters the next round writes `turn` first and
   looks for that outcome after it, so nobody goes on with another one, and by
   1 no other is seen in this round.

A request alone always gets through the first round that nobody has entered, so
one that was broken off anywhere can be repeated; it leaves at most one round
without an outcome. When requests overlap they may need some rounds. The files
must outlive the session's URLs; after that they are garbage.

Reads ask for the newest of all replicas. What is left is a write that Swift
carries out a second time after it has confirmed it, and another request has
written the same file in between.
"""

from __future__ import annotations

import uuid

from docker_registry.core.driver import Base
from docker_registry.core.exceptions import FileNotFoundError

from ..errors import Code, RegistryError
from ..model import layout

__all__ = ["Ending"]

_ROUNDS = 20  # each is spoilt by a request that was broken off, or by two that overlap


class Ending:
    """The end of one session. Outcomes are text that is not empty."""

    def __init__(self, driver: Base, session: str):
        self._driver = driver
        self._session = session

    def agree(self, outcome: str) -> str:
        """How the session ends, the same for whoever asks: like this, if nobody else has said how.

        Costs 6 small requests when nobody has asked before, 4 when somebody has.
        """
        for number in range(_ROUNDS):
            mine = uuid.uuid4().hex
            self._write("turn", number, mine)
            if number:
                outcome = self._read("outcome", number - 1) or outcome
            if self._passes(number, mine):
                self._write("outcome", number, outcome)
                reached: str | None = outcome
            else:
                reached = self._read("outcome", number)
            if reached and self._read("turn", number + 1) is None:
                return reached
        raise RegistryError(Code.UNAVAILABLE, "too many requests end this upload at the same time, try again")

    def known(self) -> str | None:
        """What was agreed on, or None where that is nothing so far; 2 requests."""
        for number in range(_ROUNDS):
            reached = self._read("outcome", number)
            if self._read("turn", number + 1) is None:
                return reached
        return None

    def _passes(self, number: int, mine: str) -> bool:
        if self._read("door", number) is not None:
            return False
        self._write("door", number, mine)
        turn = self._read("turn", number)
        if turn is None:
            # Going on would spoil every round that is left, and with them the session for good.
            raise RegistryError(Code.UNAVAILABLE, "the storage does not show what it has just confirmed, try again")
        return turn == mine

    def _read(self, name: str, number: int) -> str | None:
        try:
            return self._driver.get_newest(self._path(name, number)).decode()
        except FileNotFoundError:
            return None

    def _write(self, name: str, number: int, text: str) -> None:
        self._driver.overwrite(self._path(name, number), text.encode())

    def _path(self, name: str, number: int) -> str:
        return layout.session_file(self._session, f"{name}-{number}")
