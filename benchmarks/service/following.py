"""How soon those who follow a run see what happens, and what one costs who does not read."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from time import perf_counter, sleep

from benchmarks.service.wire import Connection, Server, server
from benchmarks.suite import Theme, Work
from synapse_core.events import Draft, Kind, now
from synapse_store import SQLiteStore

theme = Theme()

_BARE = "a loop of aiohttp writes, nothing stored"
_SECONDS = 3


@theme.measures("a report seen by all of 100 subscribers, p50", bare=_BARE, target=10e-3, most=5)
def hundred() -> Iterator[Work]:
    """From sending the POST to the last of 100 readers having the new state, one report at a time."""
    with server("ours") as ours, server("bare") as bare:
        yield Work(lambda: _seen(_Ours(ours), 100, 40, 0.0, 0.5), lambda: _seen(_Bare(bare), 100, 40, 0.0, 0.5))


@theme.measures("1,000 subscribers, 20 reports a second, p99", bare=_BARE, target=0.25, most=3)
def thousand() -> Iterator[Work]:
    """From sending the POST to the last of 1,000 readers having that state or a later one."""
    with server("ours") as ours, server("bare") as bare:
        yield Work(
            lambda: _seen(_Ours(ours), 1000, 20 * _SECONDS, 0.05, 0.99),
            lambda: _seen(_Bare(bare), 1000, 20 * _SECONDS, 0.05, 0.99),
        )


class _Ours:
    def __init__(self, asked: Server) -> None:
        self.asked = asked
        self.run = asked.new_run()
        self.stream = f"/api/v1/runs/{self.run}/progress/stream"
        self.post = f"/api/v1/runs/{self.run}/progress"

    def body(self, number: int) -> bytes:
        progress = {"name": "train", "status": "running", "message": f"mark{number:06d}"}
        return json.dumps({"action_progress": progress}).encode()


class _Bare:
    def __init__(self, asked: Server) -> None:
        self.asked = asked
        self.stream, self.post = "/stream", "/publish"

    def body(self, number: int) -> bytes:
        return b'{"message": "mark%06d", "rest": "%s"}' % (number, b"x" * 600)


def _seen(side: _Ours | _Bare, readers: int, reports: int, pause: float, quantile: float) -> float:
    """Seconds until all readers have seen a report; of all reports, that quantile."""

    async def read(connection: Connection, left: dict[int, int], times: dict[int, float]) -> None:
        tail, last = b"", -1
        while last < reports - 1:
            data = tail + await connection.reader.read(65536)
            place = data.rfind(b"mark", 0, len(data) - 6)
            if place >= 0:
                newest = int(data[place + 4 : place + 10])
                for number in range(last + 1, newest + 1):
                    left[number] -= 1
                    if not left[number]:
                        times[number] = perf_counter()
                last = max(last, newest)
            tail = data[-16:]

    async def all_of_them() -> float:
        port = side.asked.port
        followers = [await Connection.open(port) for _ in range(readers)]
        await asyncio.gather(*(follower.follow(side.stream) for follower in followers))
        left = dict.fromkeys(range(reports), readers)
        times: dict[int, float] = {}
        sent: dict[int, float] = {}
        reading = asyncio.gather(*(read(follower, left, times) for follower in followers))
        poster = await Connection.open(port)
        for number in range(reports):
            sent[number] = perf_counter()
            await poster.ask("POST", side.post, side.body(number))
            while not pause and number not in times:  # noqa: ASYNC110  an event a report would cost the readers more
                await asyncio.sleep(0.0002)
            await asyncio.sleep(max(pause - (perf_counter() - sent[number]), 0))
        await asyncio.wait_for(reading, 60)
        for connection in (*followers, poster):
            connection.close()
        waits = sorted(times[number] - sent[number] for number in sent)
        return waits[min(int(len(waits) * quantile), len(waits) - 1)]

    return asyncio.run(all_of_them())


@theme.measures("an event of another process seen in a stream, p50", bare=_BARE, target=0.1, most=3)
def elsewhere() -> Iterator[Work]:
    """From the commit of a process that shares the file, as a Ray actor does, to a reader having the event."""
    with server("ours") as ours, server("bare") as bare:
        yield Work(lambda: _seen_elsewhere(ours), lambda: _seen(_Bare(bare), 1, 20, 0.0, 0.5))


def _seen_elsewhere(asked: Server) -> float:
    run = asked.new_run()

    async def all_of_them() -> float:
        store, waits = SQLiteStore(asked.path), []
        reader = await Connection.open(asked.port)
        await reader.follow(f"/api/v1/runs/{run}/events/stream")
        for number in range(20):
            mark = f"mark{number:06d}"
            await store.append(run, [Draft(Kind.ACTION_LOG, now(), "train", 1, {"level": "info", "message": mark})])
            start = perf_counter()
            await reader.until(mark.encode())
            waits.append(perf_counter() - start)
        reader.close()
        await store.aclose()
        return sorted(waits)[len(waits) // 2]

    return asyncio.run(all_of_them())


# -- readers that do not read -----------------------------------------------------------------------------------

_STUCK = 200


@theme.measures("memory a reader that does not read", bare="one that reads", target=64 * 1024, unit="B", most=3)
def stuck() -> Iterator[Work]:
    """What it grows by for each of 400 readers of all events, 8 MB of them; what it grows by anyway is left out."""
    yield Work(lambda: _growth(reads=False), lambda: _growth(reads=True))


def _growth(*, reads: bool) -> float:
    """Bytes a reader, each time of a new service: what was let go of before would hide them."""
    return (_grown(2 * _STUCK, reads=reads) - _grown(0, reads=reads)) / (2 * _STUCK)


def _grown(readers: int, *, reads: bool) -> int:
    with server("ours") as asked:
        run = asked.new_run()
        _write(asked, run, 1)
        before = asked.memory()
        socks = [_reader(asked.port, run) for _ in range(readers)]
        for number in range(2, 6):
            _write(asked, run, number)
            for sock in socks if reads else ():
                _drain(sock)
        grown = _settled(asked) - before
        for sock in socks:
            sock.close()
        return grown


def _settled(asked: Server) -> int:
    """The service's memory, once it has come to rest."""
    before, now = -1, asked.memory()
    while now != before:
        sleep(1)
        before, now = now, asked.memory()
    return now


@theme.measures("the same run followed beside 200 who do not read, p99", bare="with nobody else", target=0.25, most=3)
def delayed() -> Iterator[Work]:
    """From sending a report to the last of 20 readers having it, while others take nothing."""
    with server("ours") as ours, server("ours") as other:

        def sample() -> float:
            side = _Ours(ours)
            socks = [_reader(ours.port, side.run) for _ in range(_STUCK)]
            try:
                return _seen(side, 20, 60, 0.02, 0.99)
            finally:
                for sock in socks:
                    sock.close()

        yield Work(sample, lambda: _seen(_Ours(other), 20, 60, 0.02, 0.99))


@theme.measures("SIGTERM to the end, 200 streams open", bare="with none", target=3.0, most=3)
def shutdown() -> Iterator[Work]:
    """Half of the readers take nothing, with more waiting for them than the kernel holds."""
    yield Work(lambda: _stopped(_STUCK), lambda: _stopped(0))


def _stopped(readers: int) -> float:
    with server("ours") as asked:
        run = asked.new_run()
        socks = [_reader(asked.port, run) for _ in range(readers)]
        for number in range(1, 3):
            _write(asked, run, number)
        for sock in socks[::2]:
            _drain(sock)
        start = perf_counter()
        asked.stop()
        taken = perf_counter() - start
        for sock in socks:
            sock.close()
        return taken


def _write(asked: Server, run: str, number: int) -> None:
    event = {"kind": "action.log", "action": "train", "payload": {"level": "info", "message": "x" * 20_000}}
    batch = {"producer": "p", "epoch": 1, "seq": number, "events": [event] * 100}
    asked.ask("POST", f"/api/v1/runs/{run}/events", batch)


def _reader(port: int, run: str) -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", port))
    sock.sendall(f"GET /api/v1/runs/{run}/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return sock


def _drain(sock: socket.socket) -> None:
    sock.settimeout(0.01)
    try:
        while sock.recv(1 << 20):
            pass
    except TimeoutError:
        return
