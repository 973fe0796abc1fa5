"""The other side of the wire: servers in processes of their own, and clients that cost little themselves."""

from __future__ import annotations

import asyncio
import http.client
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from attrs import frozen


@frozen
class Server:
    """A server that runs."""

    port: int
    path: Path
    process: subprocess.Popen[bytes]

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        data = None if body is None else json.dumps(body)
        connection.request(method, path, data, {"Content-Type": "application/json"})
        answer = connection.getresponse().read()
        connection.close()
        return json.loads(answer)

    def new_run(self) -> str:
        actions = [{"name": "train", "entrypoint": "plugin:Train"}]
        pipeline = self.ask("POST", "/api/v1/pipelines", {"name": "demo", "actions": actions})
        run_id: str = self.ask("POST", f"/api/v1/pipelines/{pipeline['id']}/runs", {})["id"]
        return run_id

    def memory(self) -> int:
        """Bytes that are the process's own."""
        lines = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text("ascii").splitlines()
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))

    def cpu(self) -> float:
        """Seconds that all of its threads have computed for, to the nanosecond."""
        told = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(each.read_text("ascii").split()[0]) for each in told) / 1e9

    def stop(self) -> None:
        """Tell it to end, and wait until it has."""
        self.process.terminate()
        self.process.wait(30)


@contextmanager
def server(kind: str, runs: int = 0) -> Iterator[Server]:
    args = [sys.executable, "-m", "benchmarks.service.server", kind, str(runs)]
    process = subprocess.Popen(args, stdout=subprocess.PIPE)
    assert process.stdout is not None
    address, path = process.stdout.readline().decode().split()
    running = Server(int(address.rpartition(":")[2]), Path(path), process)
    try:
        yield running
    finally:
        running.stop()
        process.stdout.close()


def post(path: str, body: bytes) -> bytes:
    """A POST of JSON as it goes out."""
    kind = b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\n".encode() + kind + b"\r\n" + body


async def ask_all(port: int, requests: Iterable[Sequence[bytes]]) -> float:
    """Seconds until all are answered; each sequence goes by a connection of its own, one after the other.

    It costs a fraction of what any server does: it is not the one that is measured.
    """
    loop = asyncio.get_running_loop()
    asking = [(await loop.create_connection(partial(_Asking, each), "127.0.0.1", port))[1] for each in requests]
    start = perf_counter()
    for each in asking:
        each.ask()
    await asyncio.gather(*(each.done for each in asking))
    taken = perf_counter() - start
    for each in asking:
        each.transport.abort()
    return taken


class _Asking(asyncio.Protocol):
    """A connection that sends the next request once it has the answer to the one before."""

    transport: asyncio.Transport

    def __init__(self, requests: Sequence[bytes]) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._left = iter(requests)
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def ask(self) -> None:
        request = next(self._left, None)
        if request is None:
            self.done.set_result(None)
        else:
            self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._data += data
        head = self._data.find(b"\r\n\r\n")
        place = self._data.find(b"ontent-Length: ", 0, head)
        if head < 0 or len(self._data) < head + 4 + int(self._data[place + 15 : self._data.find(b"\r", place)]):
            return
        assert b" 20" in self._data[:14], self._data
        self._data = b""
        self.ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server has closed the connection"))


class Connection:
    """A connection that is kept."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, port: int) -> Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def send(self, method: str, path: str, body: bytes = b"") -> None:
        kind = b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body) if body else b""
        self.writer.write(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n".encode() + kind + b"\r\n" + body)

    async def ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        await self.send(method, path, body)
        head = await self.reader.readuntil(b"\r\n\r\n")
        assert b" 20" in head[:14], head
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        return await self.reader.readexactly(int(length or 0))

    async def follow(self, path: str) -> None:
        """Open a stream, and read up to its first event."""
        await self.send("GET", path)
        await self.reader.readuntil(b"\r\n\r\n")
        await self.until(b"data: ")

    async def until(self, mark: bytes) -> None:
        """Read up to something."""
        tail = b""
        while mark not in tail:
            data = await self.reader.read(65536)
            assert data, "the stream has ended"
            tail = tail[-len(mark) :] + data

    def close(self) -> None:
        self.writer.transport.abort()
