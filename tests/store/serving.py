"""A real service on a loopback port, in a thread with a loop of its own."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from attrs import define

from synapse_core.builtin.memory import MemoryStore
from synapse_store.service.serving import serve_async
from synapse_store.service.settings import Settings


@define
class Answer:
    """What a service answered."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


@define
class Served:
    """A service that runs."""

    url: str
    store: object
    stop: Callable[[], None]

    @property
    def address(self) -> tuple[str, int]:
        split = urlsplit(self.url)
        return split.hostname or "", split.port or 0

    def ask(self, method: str, path: str, body=None, headers=()) -> Answer:
        """One request on a connection of its own; ``body`` is JSON data, or bytes that are sent as they are."""
        connection = http.client.HTTPConnection(*self.address, timeout=60)
        try:
            sent = dict(headers)
            data = None
            if body is not None:
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                sent = {"Content-Type": "application/json", **sent}
            connection.request(method, path, data, sent)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path: str, body=None, **headers: str) -> Answer:
        return self.ask("POST", path, body, {name.replace("_", "-"): value for name, value in headers.items()})

    def new_run(self, *names: str, **body) -> Any:
        """A run of a new pipeline with these actions."""
        actions = [{"name": name, "entrypoint": f"plugin:{name}"} for name in names or ("load", "train")]
        pipeline = self.post("/api/v1/pipelines/", {"name": "demo", "actions": actions}).json
        return self.post(f"/api/v1/pipelines/{pipeline['id']}/runs/", body).json


@contextmanager
def served(store=None, settings: Settings | None = None, port: int = 0) -> Iterator[Served]:
    """A service of ``store`` (in memory, if None), ended behind the block."""
    store = store if store is not None else MemoryStore()
    loop = asyncio.new_event_loop()
    stop, ready = asyncio.Event(), threading.Event()
    found: list[str] = []
    errors: list[BaseException] = []

    def listening(address: str) -> None:
        found.append(address)
        ready.set()

    def run() -> None:
        try:
            loop.run_until_complete(
                serve_async(
                    store,
                    port=port,
                    settings=settings,
                    stop=stop,
                    ready=listening,
                )
            )
            loop.run_until_complete(store.aclose())
        except BaseException as error:  # noqa: BLE001
            errors.append(error)
        finally:
            ready.set()
            loop.close()

    def end() -> None:
        if thread.is_alive():
            loop.call_soon_threadsafe(stop.set)
        thread.join(60)

    thread = threading.Thread(target=run, name="service")
    thread.start()
    ready.wait(60)
    try:
        if errors:
            raise errors[0]
        yield Served(found[0], store, end)
    finally:
        if not errors:
            end()
        assert not thread.is_alive(), "the service does not end"
        if errors:
            raise errors[0]
