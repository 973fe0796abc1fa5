"""Connections: reports whose heads are known are taken at once, and all else is aiohttp's (`Front`).

The way of a request through aiohttp costs more than what a report asks for. aiohttp is not touched for it: it is given
the other bytes of a connection, and knows nothing of those that it is not given, which are always whole requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from synapse_store.once import ManyStore
from synapse_store.service.core import Service
from synapse_store.service.gathering import Gathering
from synapse_store.service.groups import Coming
from synapse_store.service.heads import Heads

_END = b"\r\n\r\n"
_SOON = 1.0
"""Seconds that the rest of a body is waited for; then aiohttp waits, which says when it has been too long."""


def fronts(service: Service, server: web.Server) -> Callable[[], asyncio.Protocol]:
    """What makes a connection's protocol; on the running loop."""
    if not isinstance(service.store, ManyStore):
        return server
    service.gathering = gathering = Gathering(service, service.store)
    heads = Heads(service)
    return lambda: Front(server(), gathering, heads)


class Front(asyncio.Protocol):
    """A connection.

    It is at one of four: nothing (``idle``), waiting for the rest of a report (``_held``), waiting for a report's
    answer (``_asked``), or aiohttp has it (``_given``): until that has answered one request, all of whose bytes it was
    given and no others; where that cannot be told, for good.

    Args:
        behind: aiohttp's protocol, for this connection.
        gathering: takes reports.
        heads: tells them.
    """

    __slots__ = (
        "_asked", "_behind", "_fed", "_gathering", "_given", "_head", "_heads", "_held", "_loop", "_rest", "_since",
        "_timer", "_transport",
    )  # fmt: skip

    def __init__(self, behind: web.RequestHandler, gathering: Gathering, heads: Heads) -> None:
        self._behind = behind
        self._gathering = gathering
        self._heads = heads
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._given = False
        self._head = b""
        self._fed = 0
        self._since = self._loop.time()
        self._held = b""
        self._timer: asyncio.TimerHandle | None = None
        self._asked = b""
        self._rest = b""

    # -- what the connection does -----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.BaseProtocol`."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._behind.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.BaseProtocol`; a report that was taken is written all the same."""
        self._transport = None
        self._let_go()
        self._behind.connection_lost(exc)

    def eof_received(self) -> bool | None:
        """See `asyncio.Protocol`."""
        self._behind.eof_received()
        return None

    def pause_writing(self) -> None:
        """See `asyncio.BaseProtocol`."""
        self._behind.pause_writing()

    def resume_writing(self) -> None:
        """See `asyncio.BaseProtocol`."""
        self._behind.resume_writing()

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if self._given:
            self._fed += len(data)
            self._behind.data_received(data)
        elif self._asked:
            self._keep(data)
        else:
            if self._held:
                data = self._let_go() + data
            if not self._take(data):
                self._give(data)

    # -- reports ----------------------------------------------------------------------------------------------

    def _take(self, data: bytes) -> bool:
        """Take a request, if it is a report that is known by its head; whether it was."""
        end = data.find(_END) + len(_END)
        found = self._heads.find(data, end) if end >= len(_END) else None
        if found is None or not self._is_quiet():
            return False
        head, length = found
        if len(data) < end + length:
            self._hold(data)
            return True
        said = self._gathering.read(head, data[end:]) if len(data) == end + length else None
        if said is None:
            return False
        self._asked = data
        self._gathering.add(Coming(head, said, self._loop.time(), self._answer, self._remote))
        return True

    def _is_quiet(self) -> bool:
        """Whether the client takes its answers, and aiohttp does not take the connection for idle for too long."""
        assert self._transport is not None
        since, idle = self._loop.time() - self._since, self._behind.keepalive_timeout / 2
        return since < idle and not self._gathering.closing and not self._transport.get_write_buffer_size()

    def _answer(self, text: bytes | None) -> None:
        """Send a report's answer; None: it goes the ordinary way."""
        data, self._asked = self._asked, b""
        rest, self._rest = self._rest, b""
        if self._transport is None:
            return
        if rest:
            self._transport.resume_reading()
        if text is None:
            self._give(data + rest)
            return
        self._transport.write(text)
        if rest:
            self.data_received(rest)

    def _keep(self, data: bytes) -> None:
        """Keep what comes before the answer to what came before; no more than one piece of it."""
        assert self._transport is not None
        self._rest += data
        self._transport.pause_reading()

    def _hold(self, data: bytes) -> None:
        self._held = data
        self._timer = self._loop.call_later(_SOON, self._give_held)

    def _let_go(self) -> bytes:
        """What was held; it is held no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        data, self._held = self._held, b""
        return data

    def _give_held(self) -> None:
        self._give(self._let_go())

    def _remote(self) -> str | None:
        peer = None if self._transport is None else self._transport.get_extra_info("peername")
        return None if peer is None else str(peer[0])

    # -- all else ---------------------------------------------------------------------------------------------

    def _give(self, data: bytes) -> None:
        """Give a request to aiohttp."""
        self._given = True
        self._head = data[: data.find(_END) + len(_END)] if _END in data else b""
        self._fed = len(data)
        self._behind.data_received(data)

    def answered(self, request: web.BaseRequest, response: web.StreamResponse) -> None:
        """Aiohttp has answered a request."""
        head, self._head = self._head, b""
        if not head or not response.keep_alive or not isinstance(request, web.Request):
            return
        headers, length = request.headers, request.content_length or 0
        if self._fed == len(head) + length and "Transfer-Encoding" not in headers and "Upgrade" not in headers:
            self._given = False
            self._since = self._loop.time()
            if response.status < 300:
                self._heads.learn(head, request)


class Told(AbstractAccessLogger):
    """Tells a `Front` of aiohttp's answers, which is all that aiohttp's access log is used for."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """See `AbstractAccessLogger`."""
        transport = request.transport
        front = None if transport is None else transport.get_protocol()
        if isinstance(front, Front):
            front.answered(request, response)
