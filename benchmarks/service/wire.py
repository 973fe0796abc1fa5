"""The other side of the wire: servers in processes of their own, and clients that cost little themselves."""

from __future__ import annotations

import asyncio
import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
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
