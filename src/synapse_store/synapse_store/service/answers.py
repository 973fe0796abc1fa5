"""How the service answers: JSON, and refusals that say why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from email.utils import formatdate
from functools import lru_cache
from time import time
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
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


class Ready(web.StreamResponse):
    """JSON as it goes out with 200 to a client that keeps its connection: one piece, whose head is made once a second.

    It costs a fraction of a `web.Response`, and is for what is answered all the time.
    """

    def __init__(self, text: bytes) -> None:
        super().__init__()
        self._text = text

    @property
    def prepared(self) -> bool:
        """True: nothing can be added to its headers."""
        return True

    @property
    def keep_alive(self) -> bool:
        """True."""
        return True

    @property
    def body_length(self) -> int:
        """Bytes of the text."""
        return len(self._text)

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter:
        """Send it."""
        await request.writer.write(
            b"%sContent-Length: %d\r\n\r\n%s" % (_head(int(time())), len(self._text), self._text)
        )
        return request.writer

    async def write_eof(self, data: bytes = b"") -> None:
        """It is sent already."""


@lru_cache(maxsize=1)
def _head(second: int) -> bytes:
    headers = {**_JSON, **ALWAYS, "Date": formatdate(second, usegmt=True), "Server": SERVER_SOFTWARE}
    return "".join(["HTTP/1.1 200 OK\r\n", *(f"{name}: {value}\r\n" for name, value in headers.items())]).encode()


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


def invalid(path: str, message: str) -> Refusal:
    """One field is wrong."""
    return Refusal(422, "the request has a wrong field", [(path, message)])


def no_run(run_id: str) -> Refusal:
    """There is no such run."""
    return Refusal(404, f"there is no run {run_id[:200]!r}")


def conflict(detail: str, **more: Any) -> Refusal:
    """The state, or a lease, is against it."""
    return Refusal(409, detail, **more)
