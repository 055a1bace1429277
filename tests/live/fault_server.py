"""The process behind `faults.FaultProxy`: an HTTP proxy that misbehaves as it is told.

Commands come as lines of JSON on stdin, each is answered by one line on stdout;
the process ends with its stdin. It imports nothing but the standard library,
so whatever the process of the tests has patched does not matter here.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

PIECE = 65536  # bytes
HEAD = 65536  # bytes of a request's or an answer's head, at most


@dataclass
class Rule:
    """What to do with the requests whose method and target match.

    `target` is the path with its query, as sent; `path` is searched in it.
    """

    fault: str  # status, delay, refuse, swallow, cut, hang, corrupt, hide or hold
    method: str = ""  # a regular expression for the whole method; empty: any
    path: str = ""  # a regular expression, searched for in the target
    times: int | None = None  # matching requests to spoil; None: all
    skip: int = 0  # matching requests to leave alone first
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    size: int = 0  # bytes of the body that still go through
    names: str = ""  # a regular expression for the names that a listing keeps secret
    held: dict[str, Any] = field(default_factory=dict)

    def applies(self, method: str, target: str) -> bool:
        if not re.fullmatch(self.method or ".*", method) or not re.search(self.path, target):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
            return self.times >= 0
        return True


@dataclass
class Head:
    """The first line and the headers of a request or an answer."""

    first: str
    headers: list[tuple[str, str]]

    def get(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name), "")

    def without(self, *names: str) -> Head:
        return Head(self.first, [(key, value) for key, value in self.headers if key.lower() not in names])

    def __bytes__(self) -> bytes:
        lines = [self.first, *(f"{key}: {value}" for key, value in self.headers), "", ""]
        return "\r\n".join(lines).encode("latin1")


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = raw[:-4].decode("latin1").split("\r\n")
    pairs = [line.partition(":") for line in lines]
    return Head(first, [(key, value.strip()) for key, _, value in pairs])


async def read_body(head: Head, reader: asyncio.StreamReader, to_the_end: bool) -> AsyncIterator[tuple[bytes, int]]:
    """Pieces as they are framed on the wire, each with how many bytes of it are the body's."""
    if "chunked" in head.get("transfer-encoding").lower():
        async for piece in _read_chunks(reader):
            yield piece
        return
    length = head.get("content-length")
    left = int(length) if length else (sys.maxsize if to_the_end else 0)
    while left and (piece := await reader.read(min(left, PIECE))):
        left -= len(piece)
        yield piece, len(piece)
    if left and length:
        raise ConnectionResetError("the body ended early")


async def _read_chunks(reader: asyncio.StreamReader) -> AsyncIterator[tuple[bytes, int]]:
    while True:
        line = await reader.readline()
        size = int(line.split(b";")[0], 16)
        if not size:
            yield line + await reader.readuntil(b"\r\n"), 0
            return
        yield line + await reader.readexactly(size + 2), size


class Proxy:
    """Rules, and the requests seen so far."""

    def __init__(self, host: str, port: int):
        self._host, self._port = host, port
        self._rules: list[Rule] = []
        self._seen: list[dict[str, Any]] = []

    def command(self, name: str, argument: Any) -> Any:
        if name == "add":
            self._rules.append(Rule(**argument))
        elif name == "clear":
            self._rules.clear()
        elif name == "forget":
            self._seen.clear()
        return self._seen if name == "seen" else None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of a client."""
        try:
            while head := await read_head(reader):
                await self._one(head, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _one(self, head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, target, _ = head.first.split(" ")
        rule = next((rule for rule in self._rules if rule.applies(method, target)), None)
        fault = rule.fault if rule else None
        seen: dict[str, Any] = {"method": method, "target": target, "status": None, "fault": fault}
        seen |= {"range": head.get("range"), "newest": head.get("x-newest") == "true"}
        self._seen.append(seen)
        if rule and rule.fault == "refuse":
            reset(writer)
        if rule and rule.fault == "delay":
            await asyncio.sleep(rule.seconds)
        if head.get("expect"):
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if rule and rule.fault == "status":
            await self._answer(rule, head, reader, writer, seen)
        elif rule and rule.fault == "hold" and target in rule.held:
            async for _ in read_body(head, reader, False):
                pass
            seen["status"] = 200
            writer.write(rule.held[target])
        else:
            await self._pass_on(rule, head, reader, writer, seen)
        await writer.drain()

    async def _answer(self, rule: Rule, head: Head, reader: Any, writer: asyncio.StreamWriter, seen: Any) -> None:
        async for _ in read_body(head, reader, False):
            pass
        seen["status"] = rule.status
        answer = Head(f"HTTP/1.1 {rule.status} By-Rule", [*rule.headers.items(), ("Content-Length", "0")])
        writer.write(bytes(answer))

    async def _pass_on(self, rule: Rule | None, head: Head, reader: Any, writer: Any, seen: dict[str, Any]) -> None:
        above, below = await asyncio.open_connection(self._host, self._port, limit=HEAD)
        below.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            below.write(
                bytes(Head(head.first, [*head.without("expect", "connection").headers, ("Connection", "close")]))
            )
            await self._send_body(head, reader, below)
            answer = await read_head(above)
            if answer is None:
                reset(writer)
            assert answer
            seen["status"] = int(answer.first.split(" ")[1])
            if rule and rule.fault == "swallow":
                async for _ in self._body(head, answer, above):
                    pass
                reset(writer)
            await self._relay(rule, head, answer.without("connection"), above, writer)
        finally:
            below.close()

    async def _send_body(self, head: Head, reader: asyncio.StreamReader, below: asyncio.StreamWriter) -> None:
        refused = False
        async for piece, _ in read_body(head, reader, False):
            try:
                if not refused:
                    below.write(piece)
                    await below.drain()
            except ConnectionError:
                refused = True  # an early answer, which is still to be read

    def _body(self, request: Head, answer: Head, above: asyncio.StreamReader) -> AsyncIterator[tuple[bytes, int]]:
        bodiless = request.first.startswith("HEAD ") or answer.first.split(" ")[1] in ("204", "304")
        return read_body(Head("", []) if bodiless else answer, above, not bodiless)

    async def _relay(self, rule: Rule | None, request: Head, answer: Head, above: Any, writer: Any) -> None:
        body = self._body(request, answer, above)
        fault = rule.fault if rule else ""
        if rule and fault in ("hide", "hold"):
            writer.write(await self._falsify(rule, request, answer, body))
            return
        writer.write(bytes(answer))
        sent = 0
        async for piece, size in body:
            if rule and fault in ("cut", "hang") and sent + size > rule.size:
                writer.write(piece[: rule.size - sent])
                await writer.drain()
                if fault == "hang":
                    await asyncio.sleep(rule.seconds)
                raise ConnectionResetError("by rule")  # closes in good order: what was written does arrive
            if fault == "corrupt" and size and not sent:
                piece = bytes([piece[0] ^ 1]) + piece[1:]
            writer.write(piece)
            await writer.drain()
            sent += size

    async def _falsify(self, rule: Rule, request: Head, answer: Head, body: AsyncIterator[tuple[bytes, int]]) -> bytes:
        content = b"".join([piece async for piece, _ in body])
        if rule.fault == "hide" and answer.get("content-type").startswith("application/json"):
            rows = [row for row in json.loads(content) if not re.search(rule.names, row.get("name", row.get("subdir")))]
            content = json.dumps(rows).encode()
            answer = Head(
                answer.first, [*answer.without("content-length").headers, ("Content-Length", str(len(content)))]
            )
        whole = bytes(answer) + content
        rule.held[request.first.split(" ")[1]] = whole
        return whole


def reset(writer: asyncio.StreamWriter) -> None:
    """Break the connection as a crashed server's kernel would."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()
    raise ConnectionResetError("by rule")


async def main(host: str, port: int) -> None:
    proxy = Proxy(host, port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, limit=HEAD)
    server.sockets[0].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    print(server.sockets[0].getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(proxy.command(**json.loads(line))), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
