"""What goes wrong on the way, by plan.

Belongs here: faults that any HTTP service can have. Does not belong here: the errors of one CRM in its own
words (its module), such as a budget that is used up.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass
class Fault:
    """`kind` befalls the questions whose `METHOD /path` matches, at these occurrences (1 is the first).

    - a number: that status, with `Retry-After` where `after` is given (seconds), and with these `headers`
    - drop: the connection breaks off in the middle of the body
    - truncate: the body ends early, and its length says that this is all
    - slow: `after` seconds pass before the answer
    - meanwhile: `act` is called before the answer, such as an edit between two pages
    """

    matches: str
    kind: int | str
    at: tuple[int, ...] = (1,)
    after: float | None = None
    body: bytes = b'{"status":"error","message":"made to fail"}'
    act: Callable[[], None] = lambda: None
    met: int = 0
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Plan:
    """The faults, and every question that came: `METHOD /path?query`."""

    faults: list[Fault] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self, method: str, path: str, query: str) -> list[Fault]:
        with self.lock:
            self.asked.append(f"{method} {path}{f'?{query}' if query else ''}")
            due = []
            for fault in self.faults:
                if re.search(fault.matches, f"{method} {path}"):
                    fault.met += 1
                    if fault.met in fault.at:
                        due.append(fault)
            return due

    def count(self, matches: str) -> int:
        with self.lock:
            return sum(bool(re.search(matches, asked)) for asked in self.asked)


class Faulty:
    """Middleware that lets the plan befall an application."""

    def __init__(self, app: ASGIApp, plan: Plan) -> None:
        self._app, self._plan = app, plan

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        due = self._plan.next(scope["method"], scope["path"], scope["query_string"].decode())
        for fault in due:
            if fault.kind == "meanwhile":
                await asyncio.to_thread(fault.act)
            elif fault.kind == "slow":
                await asyncio.sleep(fault.after or 0)
        for fault in due:
            if isinstance(fault.kind, int):
                await _fail(send, fault)
                return
            if fault.kind in ("drop", "truncate"):
                await self._cut(scope, receive, send, drop=fault.kind == "drop")
                return
        await self._app(scope, receive, send)

    async def _cut(self, scope: Scope, receive: Receive, send: Send, *, drop: bool) -> None:
        start: Message = {}
        body = bytearray()

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                body.extend(message.get("body", b""))

        await self._app(scope, receive, collect)
        half = bytes(body[: len(body) // 2])
        told = len(body) if drop else len(half)
        headers = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
        await send({**start, "headers": [*headers, (b"content-length", str(told).encode())]})
        await send({"type": "http.response.body", "body": half, "more_body": drop})
        if drop:
            raise ConnectionResetError("dropped by plan")


async def _fail(send: Send, fault: Fault) -> None:
    headers: list[Any] = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(fault.body)).encode()),
    ]
    if fault.after is not None:
        headers.append((b"retry-after", f"{fault.after:g}".encode()))
    headers += [(name.lower().encode(), value.encode()) for name, value in fault.headers.items()]
    await send({"type": "http.response.start", "status": fault.kind, "headers": headers})
    await send({"type": "http.response.body", "body": fault.body})
