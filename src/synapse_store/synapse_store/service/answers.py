"""How the service answers: JSON, and refusals that say why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from time import time
from typing import Any

from aiohttp import web
from aiohttp.http import SERVER_SOFTWARE

from synapse_store.wire.text import dumps


def answer(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """JSON data, or bytes that are JSON already."""
    body = data if isinstance(data, bytes) else dumps(data)
    return web.Response(body=body, status=status, headers={**_JSON, **headers} if headers else _JSON)


# As a header: aiohttp takes a type and a charset apart and puts them together again.
_JSON = {"Content-Type": "application/json; charset=utf-8"}

ALWAYS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
"""Headers of every answer that says nothing else."""


def whole(text: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> bytes:
    """JSON text as it goes out, in one piece, to a client that keeps its connection.

    It costs a fraction of a `web.Response`, and is for what is answered all the time. ``text`` is empty for a 204.
    """
    if status == 200:
        return b"%sContent-Length: %d\r\n\r\n%s" % (_head(int(time())), len(text), text)
    kind = {} if status == 204 else {**_JSON, "Content-Length": str(len(text))}
    line = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
    return _lines(line, {**kind, **(headers or {})}, int(time())) + b"\r\n" + text


@lru_cache(maxsize=1)
def _head(second: int) -> bytes:
    return _lines("HTTP/1.1 200 OK\r\n", _JSON, second)


def _lines(first: str, headers: Mapping[str, str], second: int) -> bytes:
    every = {**headers, **ALWAYS, "Date": formatdate(second, usegmt=True), "Server": SERVER_SOFTWARE}
    return "".join([first, *(f"{name}: {value}\r\n" for name, value in every.items())]).encode()


def nothing() -> web.Response:
    """It was done, and there is nothing to say."""
    return web.Response(status=204)


class Refusal(Exception):  # noqa: N818  it becomes an answer
    """A request is not done; what is given here is all that the client is told."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Iterable[tuple[str, str]] = (),
        *,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.data = {"detail": detail, "errors": [{"path": p, "message": m} for p, m in errors], **more}
        self.headers = headers

    def response(self) -> web.Response:
        """The answer."""
        return answer(self.data, self.status, self.headers)

    def whole(self) -> bytes:
        """The answer as `whole` gives it."""
        return whole(dumps(self.data), self.status, self.headers)


def invalid(path: str, message: str) -> Refusal:
    """One field is wrong."""
    return Refusal(422, "the request has a wrong field", [(path, message)])


def no_run(run_id: str) -> Refusal:
    """There is no such run."""
    return Refusal(404, f"there is no run {run_id[:200]!r}")


def conflict(detail: str, **more: Any) -> Refusal:
    """The state, or a lease, is against it."""
    return Refusal(409, detail, **more)
