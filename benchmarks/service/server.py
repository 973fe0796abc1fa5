"""A program: serves ``ours`` (the service on a new SQLite file) or ``bare`` (aiohttp handlers), and prints where.

    python -m benchmarks.service.server ours [RUNS]

RUNS is how many ended runs the file has from the start. The first line it prints is the address and the file; SIGTERM
ends it.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from pathlib import Path

from aiohttp import web

from synapse_core.events import Draft, Kind, now
from synapse_core.ids import new_run_id
from synapse_core.protocols import RunRecord
from synapse_store import SQLiteStore, serve

_BATCH = 2_000


def _bare() -> web.Application:
    """A POST that is read and answered, a page that is sent, and a stream that whoever posts is passed on to."""
    app = web.Application()
    readers: set[web.StreamResponse] = set()

    async def post(request: web.Request) -> web.Response:
        data = await request.json()
        return web.json_response({"seq": data.get("seq")})

    async def publish(request: web.Request) -> web.Response:
        data = b"data: " + await request.read() + b"\n\n"
        for reader in list(readers):
            try:
                await reader.write(data)
            except ConnectionError:
                readers.discard(reader)
        return web.json_response({})

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"data: {}\n\n")
        readers.add(response)
        await asyncio.Event().wait()
        return response

    page = b"[" + b"x" * 60_000 + b"]"
    app.router.add_post("/post", post)
    app.router.add_post("/publish", publish)
    app.router.add_get("/stream", stream)
    app.router.add_get("/page", lambda _: _page(page))
    return app


async def _page(data: bytes) -> web.Response:
    return web.Response(body=data)


async def _serve_bare() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    runner = web.AppRunner(_bare(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=2048).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]} -", flush=True)
    await stop.wait()
    await runner.cleanup()


async def _filled(path: Path, runs: int) -> None:
    store = SQLiteStore(path)
    for _ in range(0, runs, _BATCH):
        await asyncio.gather(*(_ended(store) for _ in range(_BATCH)))
    await store.aclose()


async def _ended(store: SQLiteStore) -> None:
    plan = {"name": "demo", "nodes": [{"name": "load", "needs": []}, {"name": "train", "needs": ["load"]}]}
    record = RunRecord(new_run_id(), "demo", {"epochs": 3}, plan, now())
    kinds = Kind.RUN_CREATED, Kind.RUN_STARTED, Kind.RUN_COMPLETED
    drafts = [Draft(kind, now(), None, 0, plan if kind is Kind.RUN_CREATED else {}) for kind in kinds]
    await store.create(record, drafts)


def main(kind: str, runs: int) -> None:
    if kind == "bare":
        asyncio.run(_serve_bare())
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "runs.db")
        asyncio.run(_filled(path, runs))
        serve(SQLiteStore(path), port=0, ready=lambda address: print(address, path, flush=True))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0)
