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
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

PIECE = 65536  # bytes
HEAD = 65536  # bytes of a request's or an answer's head, at most


@dataclass
class Rule:
    """What to do with the requests whose method and target match.

    `target` is the path with its query, as sent; `path` is searched in it.
    """

    fault: str  # one of the methods of `faults.FaultProxy`
    method: str = ""  # a regular expression for the whole method; empty: any
    path: str = ""  # a regular expression, searched for in the target
    times: int | None = None  # matching requests to spoil; None: all
    skip: int = 0  # matching requests to leave alone first
    status: int = 503
    headers: dict[str, str | None] = field(default_factory=dict)
    seconds: float = 0.0
    size: int = 0  # bytes that still go through
    names: str = ""  # a regular expression for the names that a listing keeps secret
    done: bool = False  # whether Swift gets the request all the same
    held: dict[str, Any] = field(default_factory=dict)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

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
        self._serving: set[Any] = set()  # else the loop alone knows these tasks, and not strongly
        self._busy = 0  # requests that Swift may still get, or has

    async def command(self, name: str, argument: Any) -> Any:
        if name == "add":
            self._rules.append(Rule(**argument))
        elif name == "clear":
            for rule in self._rules:
                rule.let_go.set()
            self._rules.clear()
        elif name == "forget":
            self._seen.clear()
        elif name == "frozen":
            return await self._until(lambda: any(seen.get("frozen") for seen in self._seen), argument)
        elif name == "idle":
            return await self._until(lambda: not self._busy, argument)
        return self._seen if name == "seen" else None

    async def _until(self, condition: Callable[[], bool], seconds: float) -> bool:
        end = asyncio.get_running_loop().time() + seconds
        while not condition() and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.002)
        return condition()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of a client."""
        self._serving.add(asyncio.current_task())
        try:
            while head := await read_head(reader):
                self._busy += 1
                try:
                    await self._one(head, reader, writer)
                finally:
                    self._busy -= 1
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._serving.discard(asyncio.current_task())
            writer.close()

    async def _one(self, head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, target, _ = head.first.split(" ")
        rule = next((rule for rule in self._rules if rule.applies(method, target)), None)
        fault = rule.fault if rule else None
        seen: dict[str, Any] = {"method": method, "target": target, "status": None, "fault": fault}
        seen |= {"range": head.get("range"), "newest": head.get("x-newest") == "true"}
        self._seen.append(seen)
        if fault == "refuse":
            reset(writer)
        if fault == "close":
            raise ConnectionResetError("by rule")
        if rule and fault == "delay":
            await asyncio.sleep(rule.seconds)
        if rule and fault == "freeze" and not rule.done:
            await self._freeze(rule, seen, writer)
        if head.get("expect"):
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if rule and fault in ("status", "stall") and not rule.done:
            async for _ in read_body(head, reader, False):
                pass
            await self._answer(rule, writer, seen)
        elif rule and fault == "hold" and target in rule.held:
            async for _ in read_body(head, reader, False):
                pass
            seen["status"] = 200
            writer.write(rule.held[target])
        elif rule and fault == "stale" and method in ("GET", "HEAD") and target in rule.held and not seen["newest"]:
            await self._say_old(rule.held[target], method, writer, seen)
        else:
            if rule and fault == "stale" and method in ("PUT", "DELETE") and target not in rule.held:
                old = Head(f"GET {target} HTTP/1.1", [("Host", self._host), ("X-Auth-Token", head.get("x-auth-token"))])
                rule.held[target] = await self._ask(old, b"")
            await self._pass_on(rule, head, reader, writer, seen)
        await writer.drain()

    async def _freeze(self, rule: Rule, seen: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        seen["frozen"] = True
        await rule.let_go.wait()
        seen["frozen"] = False
        reset(writer)

    async def _answer(self, rule: Rule, writer: asyncio.StreamWriter, seen: dict[str, Any]) -> None:
        if rule.fault == "stall":
            await asyncio.sleep(rule.seconds)
            raise ConnectionResetError("by rule")
        seen["status"] = rule.status
        answer = Head(f"HTTP/1.1 {rule.status} By-Rule", [*_said(rule.headers), ("Content-Length", "0")])
        writer.write(bytes(answer))

    async def _say_old(self, old: tuple[Head, bytes], method: str, writer: Any, seen: dict[str, Any]) -> None:
        seen["status"] = int(old[0].first.split(" ")[1])
        writer.write(bytes(old[0]) + (b"" if method == "HEAD" else old[1]))

    async def _ask(self, head: Head, body: bytes) -> tuple[Head, bytes]:
        """Swift's answer to one more request, its body without chunks."""
        above, below = await asyncio.open_connection(self._host, self._port, limit=HEAD)
        try:
            below.write(bytes(Head(head.first, [*head.headers, ("Connection", "close")])) + body)
            answer = await read_head(above)
            assert answer
            return await self._whole(head, answer, self._body(head, answer, above))
        finally:
            below.close()

    async def _whole(self, request: Head, answer: Head, body: AsyncIterator[tuple[bytes, int]]) -> tuple[Head, bytes]:
        """An answer with its body, which is as long as it says."""
        pieces = [(piece, size) async for piece, size in body]
        answer = answer.without("connection")
        if "chunked" not in answer.get("transfer-encoding").lower():
            return answer, b"".join(piece for piece, _ in pieces)
        content = b"".join(piece.partition(b"\r\n")[2][:size] for piece, size in pieces if size)
        plain = answer.without("transfer-encoding")
        return Head(plain.first, [*plain.headers, ("Content-Length", str(len(content)))]), content

    async def _pass_on(self, rule: Rule | None, head: Head, reader: Any, writer: Any, seen: dict[str, Any]) -> None:
        above, below = await asyncio.open_connection(self._host, self._port, limit=HEAD)
        below.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            clean = Head(head.first, [*head.without("expect", "connection").headers, ("Connection", "close")])
            below.write(bytes(clean))
            if rule and rule.fault == "break_off":
                below.write(await reader.readexactly(min(rule.size, int(head.get("content-length") or 0))))
                await below.drain()
                reset(writer)
            if rule and rule.fault == "twice":
                content = await reader.readexactly(int(head.get("content-length") or 0))
                await self._ask(clean.without("connection"), content)
                below.write(content)
            else:
                await self._send_body(head, reader, below)
            answer = await read_head(above)
            if answer is None:
                reset(writer)
            assert answer
            seen["status"] = int(answer.first.split(" ")[1])
            if rule and rule.fault == "freeze":
                await self._freeze(rule, seen, writer)
            if rule and rule.fault in ("swallow", "status", "stall"):
                async for _ in self._body(head, answer, above):
                    pass
                if rule.fault == "swallow":
                    reset(writer)
                await self._answer(rule, writer, seen)
            else:
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
        if rule and fault in SPOILED_WHOLE:
            writer.write(self._spoil(rule, request, *await self._whole(request, answer, body)))
            if fault == "cut_head":
                await writer.drain()
                raise ConnectionResetError("by rule")
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

    def _spoil(self, rule: Rule, request: Head, answer: Head, content: bytes) -> bytes:
        """What is sent in place of a whole answer."""
        if rule.fault == "hide" and answer.get("content-type").startswith("application/json"):
            rows = [row for row in json.loads(content) if not re.search(rule.names, row.get("name", row.get("subdir")))]
            content = json.dumps(rows).encode()
        elif rule.fault == "shorten":
            content = content[: max(0, len(content) - rule.size)]
        if not request.first.startswith("HEAD ") and answer.get("content-length"):
            others = answer.without("content-length").headers
            answer = Head(answer.first, [*others, ("Content-Length", str(len(content)))])
        if rule.fault == "rewrite":
            answer = answer.without(*(name.lower() for name in rule.headers))
            answer = Head(answer.first, [*answer.headers, *_said(rule.headers)])
        whole = bytes(answer) + content
        if rule.fault == "hold":
            rule.held[request.first.split(" ")[1]] = whole
        elif rule.fault == "interim":
            whole = f"HTTP/1.1 {rule.status} By-Rule\r\nLink: </x>\r\n\r\n".encode() * rule.size + whole
        elif rule.fault == "cut_head":
            whole = bytes(answer)[: rule.size]
        elif rule.fault == "lengthen":
            whole += b"x" * rule.size
        return whole


# What is done to an answer once all of it is there.
SPOILED_WHOLE = ("hide", "hold", "shorten", "rewrite", "interim", "cut_head", "lengthen")


def _said(headers: dict[str, str | None]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers.items() if value is not None]


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
        print(json.dumps(await proxy.command(**json.loads(line))), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
