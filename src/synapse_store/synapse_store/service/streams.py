"""Live streams: the state of one run or of several, and every event of one."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from time import monotonic
from typing import Any

from aiohttp import web

from synapse_core.errors import RunNotFoundError, SynapseError
from synapse_core.models import RunStatus
from synapse_store.service.answers import Refusal, no_run, nothing
from synapse_store.service.asking import Call
from synapse_store.service.core import Service
from synapse_store.service.feeds import Feed, Framed, framed
from synapse_store.service.guard import add_headers
from synapse_store.wire.sse import HEARTBEAT, frame
from synapse_store.wire.text import dumps

_PIECE = 8 * 1024
_KERNEL = 16 * 1024
_RETRY = 2000
_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no", "Content-Type": "text/event-stream"}
_MOST_EVENTS, _AT_ONCE = 1_000, 16 * 1024
_MOST_RUNS = 200
_LOOK = 0.1
_HELD = 0.5
"""Seconds that what is being sent is kept for a reader that does not take it."""


class Stream:
    """One client's stream. What a reader that does not read costs is bounded by what is in its buffers.

    Attributes:
        wrote: when anything was sent last.
    """

    def __init__(self, service: Service, response: web.StreamResponse, request: web.Request) -> None:
        self.wrote = monotonic()
        self._service = service
        self._response = response
        self._request = request
        self._draining: asyncio.Future[None] | None = None

    @property
    def alive(self) -> bool:
        """Whether to go on: the client is there, and the service stays."""
        transport = self._request.transport
        return not self._service.feeds.closing and transport is not None and not transport.is_closing()

    async def send(self, data: bytes) -> None:
        """Send frames, at the reader's pace.

        Raises:
            ConnectionError: the reader is gone, or has taken nothing for long.
        """
        for start in range(0, len(data), _PIECE):
            await self._response.write(data[start : start + _PIECE])
            await self._flow()
        self.wrote = monotonic()

    async def send_made(self, data: bytes, again: Callable[[], Awaitable[bytes]]) -> None:
        """As `send`; but while the reader takes nothing the data is let go of, and made ``again`` when it does.

        Raises:
            ConnectionError: as `send`; or what is made again is not what it was.
        """
        size = len(data)
        for start in range(0, size, _PIECE):
            if len(data) != size:
                data = await again()
                if len(data) != size:
                    raise ConnectionResetError("what was being sent is gone")
            await self._response.write(data[start : start + _PIECE])
            if not await self._flows(_HELD):
                data = b""
                await self._flow()
        self.wrote = monotonic()

    async def _flow(self) -> None:
        if not await self._flows(self._service.settings.stuck):
            self.close()
            transport = self._request.transport
            if transport is not None:
                transport.abort()
            raise ConnectionResetError("the reader takes nothing")

    async def _flows(self, seconds: float) -> bool:
        """Whether all that was written is taken, within so many seconds."""
        if self._draining is None:
            transport = self._request.transport
            if transport is None or not transport.get_write_buffer_size():
                return True
            self._draining = asyncio.ensure_future(self._request.writer.drain())
        # Not cancelled when time is up, but waited for again: what aiohttp waits for there cannot be begun anew.
        await asyncio.wait((self._draining,), timeout=seconds)
        if not self._draining.done():
            return False
        draining, self._draining = self._draining, None
        draining.result()
        return True

    def close(self) -> None:
        """Wait for the reader no more."""
        if self._draining is not None:
            self._draining.cancel()

    async def beat(self) -> None:
        """Send a comment, if nothing was sent for long."""
        if monotonic() - self.wrote >= self._service.settings.heartbeat * 2 / 3:
            await self.send(HEARTBEAT)


@asynccontextmanager
async def opened(call: Call, response: web.StreamResponse) -> AsyncIterator[Stream]:
    """Begin a stream, and count it while it is open."""
    service, request = call.service, call.request
    service.streams += 1
    try:
        _bound(request)
        add_headers(service, request, response)
        await response.prepare(request)
        stream = Stream(service, response, request)
        try:
            yield stream
        finally:
            stream.close()
    finally:
        service.streams -= 1


def _bound(request: web.Request) -> None:
    """Keep what waits to be sent small: a piece in this process, and little in the kernel."""
    transport = request.transport
    if not isinstance(transport, asyncio.WriteTransport):
        return
    transport.set_write_buffer_limits(high=0)  # a piece is taken whole before the next one is written
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family in {socket.AF_INET, socket.AF_INET6}:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL)


def _admit(call: Call) -> None:
    if call.service.feeds.closing:
        raise Refusal(503, "the service is shutting down", headers={"Retry-After": "2"})
    if call.service.streams >= call.service.settings.max_streams:
        raise Refusal(503, "too many streams are open", headers={"Retry-After": "5"})


def _last_id(call: Call) -> str:
    return call.request.headers.get("Last-Event-ID") or call.query["last_event_id"] or ""


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 17 else 0


Work = Callable[[Stream], Any]


async def _serve(call: Call, work: Work) -> web.StreamResponse:
    """Stream, until the work is done or the client gone."""
    response = web.StreamResponse(headers=_HEADERS)
    try:
        async with opened(call, response) as stream:
            await stream.send(b"retry: %d\n\n" % _RETRY)
            try:
                await work(stream)
            except SynapseError as error:
                if stream.alive:
                    await stream.send(_failure(error))
    except ConnectionError:
        pass
    return response


# -- one run ----------------------------------------------------------------------------------------------------


async def progress(call: Call) -> web.StreamResponse:
    """The progress object now, and at each change; a slow reader skips some, and gets the last."""
    _admit(call)
    async with AsyncExitStack() as stack:
        bell = await stack.enter_async_context(call.service.feeds.bell())
        feed = await stack.enter_async_context(call.service.feeds.join(call.run_id, bell))
        if feed.ended and _number(_last_id(call)) >= feed.seq:
            return nothing()

        async def work(stream: Stream) -> None:
            await _states(stream, feed, bell)

        return await _serve(call, work)


async def _states(stream: Stream, feed: Feed, bell: asyncio.Event) -> None:
    seen = -1
    while stream.alive:
        bell.clear()
        if feed.seq != seen:
            seen = feed.seq
            ended = feed.ended
            await stream.send(feed.frame())
            if ended:
                return
        elif feed.over:
            await stream.send(_failure(feed.error))
            return
        else:
            await stream.beat()
            await bell.wait()


def _failure(error: SynapseError | None, **of: str) -> bytes:
    """What is told of a stream that breaks off, or ``of`` one of its runs."""
    gone = isinstance(error, RunNotFoundError)
    detail = "the run was deleted" if gone else "the stream broke off"
    return frame(dumps({**of, "detail": detail, "status": 404 if gone else 503, "errors": []}), event="error")


async def events(call: Call) -> web.StreamResponse:
    """Every event from there on, none left out; ``kind`` and ``action`` choose some."""
    _admit(call)
    after = max(call.query["after"], _number(_last_id(call)))
    async with AsyncExitStack() as stack:
        bell = await stack.enter_async_context(call.service.feeds.bell())
        feed = await stack.enter_async_context(call.service.feeds.join(call.run_id, bell))
        if feed.ended and after >= feed.seq and _last_id(call):
            return nothing()
        reader = _Reader(call, feed, after)

        async def work(stream: Stream) -> None:
            await _events(stream, reader, bell)

        return await _serve(call, work)


class _Reader:
    """A cursor into a run's events: in the feed where they are new, in the store where they are not."""

    def __init__(self, call: Call, feed: Feed, after: int) -> None:
        self.feed = feed
        self.cursor = after
        self._call = call
        self._kinds = frozenset(call.query["kind"])
        self._action = call.query["action"]
        self._limit = 1
        self._start = after
        self._count = 0

    async def again(self) -> bytes:
        """What `take` gave last, from the store."""
        found, _ = await self._read(self._start, self._count)
        return b"".join([entry.frame for entry in found])

    async def take(self) -> bytes:
        """The next frames, some 16 KiB or the one that is larger; nothing where there are none yet."""
        self._start, top = self.cursor, self.feed.seq
        recent = self.feed.recent(self.cursor, _AT_ONCE)
        if recent is None:
            return await self._page(top)
        self.cursor = recent[-1].seq if recent else max(self.cursor, top)
        frames = [entry.frame for entry in recent if self._wanted(entry)]
        self._count = len(frames)
        return b"".join(frames)

    def _wanted(self, entry: Framed) -> bool:
        return (not self._kinds or entry.kind in self._kinds) and self._action in {None, entry.action}

    async def _page(self, top: int) -> bytes:
        found, whole = await self._read(self.cursor, self._limit)
        last = found[-1].seq if found else self.cursor
        self.cursor = max(top, last) if whole else last
        self._count, size = len(found), sum(len(entry.frame) for entry in found)
        self._limit = max(min(self._count * 2, self._count * _AT_ONCE // max(size, 1), _MOST_EVENTS), 1)
        return b"".join([entry.frame for entry in found])

    async def _read(self, after: int, limit: int) -> tuple[list[Framed], bool]:
        """Events from the store, some 16 KiB of them at most; and whether there were no more."""
        service, found, size = self._call.service, [], 0
        async with service.pages:  # not all at once: what is read takes more room than what is sent
            events = await service.store.read(
                self.feed.run_id, after=after, limit=limit, kinds=self._kinds or None, action=self._action
            )
            for event in events:
                found.append(framed(event))
                size += len(found[-1].frame)
                if size >= _AT_ONCE:  # the rest is read again later
                    break
        return found, len(found) == len(events) < limit


async def _events(stream: Stream, reader: _Reader, bell: asyncio.Event) -> None:
    feed = reader.feed
    while stream.alive:
        bell.clear()
        over = feed.over
        frames = await reader.take()
        if frames:
            sending = stream.send_made(frames, reader.again)
            del frames  # it is the sender's to let go of
            await sending
        elif over and reader.cursor >= feed.seq:
            await stream.send(feed.frame() if feed.ended else _failure(feed.error))
            return
        elif reader.cursor >= feed.seq:
            await stream.beat()
            await bell.wait()


# -- several runs -----------------------------------------------------------------------------------------------

END = "end"
"""The id of the last frame of a stream of several runs: who has seen it has seen all."""


async def several(call: Call) -> web.StreamResponse:
    """The progress objects of several runs: of those named, or of all in a status as they come into it."""
    _admit(call)
    runs: Sequence[str] = list(dict.fromkeys(call.query["run"]))
    status = call.query["status"]
    if not runs and status is None:
        raise Refusal(422, "the query has wrong fields", [("run", "name runs, or a status")])
    if len(runs) > _MOST_RUNS:
        raise Refusal(422, "the query has wrong fields", [("run", f"at most {_MOST_RUNS} at once")])
    if runs and _last_id(call) == END:
        return nothing()
    async with AsyncExitStack() as stack:
        bell = await stack.enter_async_context(call.service.feeds.bell())
        several = _Several(call.service, stack, bell)
        for run_id in runs:
            try:
                await several.add(run_id)
            except RunNotFoundError:
                raise no_run(run_id) from None

        async def work(stream: Stream) -> None:
            await several.follow(stream, None if status is None else RunStatus(status))

        return await _serve(call, work)


class _Several:
    """Several runs, followed by one client."""

    def __init__(self, service: Service, stack: AsyncExitStack, bell: asyncio.Event) -> None:
        self._service = service
        self._stack = stack
        self._bell = bell
        self._feeds: dict[str, Feed] = {}
        self._seen: dict[str, int] = {}
        self._known: set[str] = set()

    async def add(self, run_id: str) -> None:
        """Follow one more.

        Raises:
            RunNotFoundError: there is no such run.
        """
        self._known.add(run_id)
        stack = await self._stack.enter_async_context(AsyncExitStack())
        self._feeds[run_id] = await stack.enter_async_context(self._service.feeds.join(run_id, self._bell))

    async def follow(self, stream: Stream, status: RunStatus | None) -> None:
        while stream.alive:
            self._bell.clear()
            if status is not None:
                await self._look(status)
            await self._send(stream, last=status is None)
            if status is None and not self._feeds:
                return
            await stream.beat()
            await self._wait(None if status is None else _LOOK)

    async def _wait(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._bell.wait()
        except TimeoutError:
            return

    async def _look(self, status: RunStatus) -> None:
        for run in await self._service.store.list_runs(status=status, limit=_MOST_RUNS):
            if run.id not in self._known and len(self._feeds) < _MOST_RUNS:
                try:
                    await self.add(run.id)
                except RunNotFoundError:  # deleted meanwhile
                    continue

    async def _send(self, stream: Stream, *, last: bool) -> None:
        for run_id, feed in list(self._feeds.items()):
            if self._seen.get(run_id) == feed.seq and not feed.over:
                continue
            over = feed.over or feed.ended
            if over:
                del self._feeds[run_id]
            if feed.over and not feed.ended:
                await stream.send(_failure(feed.error, run_id=run_id))
                continue
            self._seen[run_id] = feed.seq
            ends = last and not self._feeds
            await stream.send(frame(feed.body(), event=feed.event, id=END if ends else f"{run_id}:{feed.seq}"))
