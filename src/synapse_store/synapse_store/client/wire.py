"""`Wire`: requests to a service and streams from it, on one loop; tried again where that does no harm."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

import aiohttp
from attrs import define, field
from yarl import URL

from synapse_core.errors import SynapseError
from synapse_store.client.errors import ServiceError, ServiceNotFoundError, ServiceUnavailable
from synapse_store.wire.sse import Message, Parser
from synapse_store.wire.text import dumps, loads

_SILENCE = 45.0
_LONGEST = 2.0
_AWAY = (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, asyncio.TimeoutError)

Query = Sequence[tuple[str, str]]


class _Away(Exception):  # noqa: N818  a signal, never seen outside
    """The service did not answer; ``sent``: it may have heard the request."""

    def __init__(self, sent: bool) -> None:
        super().__init__()
        self.sent = sent


@define
class Pauses:
    """How long to wait before another try, longer each time, until ``patience`` seconds have passed."""

    patience: float | None
    pause: float = 0.05
    since: float = field(factory=time.monotonic)

    async def next(self) -> bool:
        """Wait; False, at once, where patience is at its end."""
        if self.patience is not None and time.monotonic() + self.pause - self.since > self.patience:
            return False
        await asyncio.sleep(self.pause)
        self.pause = min(self.pause * 2, _LONGEST)
        return True


class Wire:
    """One service, spoken to on one loop.

    Args:
        base_url: of the service.
        timeout: seconds for a request.
        token: what the service asks for; ``SYNAPSE_TOKEN`` if None.

    Raises:
        SynapseError: this is no http URL.
    """

    def __init__(self, base_url: str, timeout: float = 30.0, token: str | None = None) -> None:
        url = URL(base_url)
        if url.scheme not in {"http", "https"} or not url.host:
            raise SynapseError(f"{base_url!r} is no address of a service", hint="write http://host:8100")
        if url.user or url.password:
            raise SynapseError("a token is never part of an address", hint="set SYNAPSE_TOKEN, or give token=")
        self.base = str(url.with_query(None).with_fragment(None)).rstrip("/")
        self._timeout = timeout
        self._token = token if token is not None else os.environ.get("SYNAPSE_TOKEN") or None
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The connections, made when first needed."""
        if self._session is None:
            headers = {} if self._token is None else {"Authorization": f"Bearer {self._token}"}
            timeout = aiohttp.ClientTimeout(total=self._timeout, sock_connect=min(self._timeout, 10.0))
            connector = aiohttp.TCPConnector(limit=0)
            self._session = aiohttp.ClientSession(headers=headers, timeout=timeout, connector=connector)
        return self._session

    @property
    def is_open(self) -> bool:
        """Whether there are connections to let go of."""
        return self._session is not None

    async def close(self) -> None:
        """Let go of the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    # -- requests ---------------------------------------------------------------------------------------------

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        body: Any = None,
        again: bool | None = None,
        patience: float = 0.0,
        what: str = "",
    ) -> Any:
        """What the service answers, as JSON data; None where it says nothing.

        Args:
            method: of the request.
            path: on the service.
            query: its query.
            body: JSON data, or bytes that are JSON already.
            again: whether it may be sent again although it may have been heard; if None, as its method has it.
            patience: seconds to try for.
            what: what is asked for, for messages.

        Raises:
            ServiceUnavailable: no service answers.
            ServiceError: it refuses.
        """
        idempotent = method in {"GET", "DELETE"} if again is None else again
        pauses = Pauses(patience)
        data = body if body is None or isinstance(body, bytes) else dumps(body)
        while True:
            try:
                return await self._once(method, path, query, data, what or f"{method} {path}")
            except _Away as away:
                if (away.sent and not idempotent) or not await pauses.next():
                    raise self.unavailable() from away.__cause__

    async def _once(self, method: str, path: str, query: Query, data: bytes | None, what: str) -> Any:
        headers = {} if data is None else {"Content-Type": "application/json"}
        url = URL(self.base + path, encoded=True).with_query(list(query))
        try:
            async with self.session.request(method, url, data=data, headers=headers) as response:
                raw = await response.read()
        except aiohttp.ClientConnectorError as error:
            raise _Away(sent=False) from error
        except _AWAY as error:
            raise _Away(sent=True) from error
        if response.status == 503:
            raise _Away(sent=False)
        return answer_of(response.status, raw, what)

    def unavailable(self) -> ServiceUnavailable:
        """The error that says that nobody is there."""
        return ServiceUnavailable(f"no pipeline service at {self.base}; start one with: synapse serve")

    # -- streams ----------------------------------------------------------------------------------------------

    async def stream(
        self,
        path: str,
        *,
        query: Query = (),
        patience: float | None = None,
        first: float | None = None,
        what: str = "",
    ) -> AsyncGenerator[list[Message], None]:
        """The messages of a stream, those that came together in one list; connects again until it has ended.

        Args:
            path: of the stream.
            query: of the stream.
            patience: seconds to try to connect again for; None: for ever.
            first: seconds to try to connect for at first; as ``patience``, if None.
            what: what is asked for, for messages.

        Raises:
            ServiceUnavailable: no service answers any more.
            ServiceError: it refuses.
        """
        last_id = ""
        pauses = Pauses(patience if first is None else first)
        url = URL(self.base + path, encoded=True).with_query(list(query))
        while True:
            try:
                headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last_id} if last_id else {})}
                async with self.session.get(url, headers=headers, timeout=_ENDLESS) as response:
                    if response.status == 204:
                        return
                    if response.status not in {200, 503}:
                        answer_of(response.status, await response.read(), what or f"GET {path}")
                    elif response.status == 200:
                        parser = Parser()
                        async for chunk in response.content.iter_any():
                            pauses = Pauses(patience)
                            if messages := parser.feed(chunk):
                                last_id = messages[-1].id or last_id
                                yield messages
            except _AWAY:
                pass
            if not await pauses.next():
                raise self.unavailable()


_ENDLESS = aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=_SILENCE)


def answer_of(status: int, raw: bytes, what: str) -> Any:
    """What an answer says.

    Raises:
        ServiceError: it says no.
    """
    try:
        data = loads(raw) if raw else None
    except ValueError:
        data = {"detail": f"HTTP {status}, and what came with it is no JSON: is this a pipeline service?"}
        status = max(status, 400)
    if status < 400:
        return data
    said: Mapping[str, Any] = data if isinstance(data, dict) else {}
    raise (ServiceNotFoundError if status == 404 else ServiceError)(status, said, what)
