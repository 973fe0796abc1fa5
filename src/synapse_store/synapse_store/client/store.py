"""`HTTPStore`: a store that is a pipeline service elsewhere."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Coroutine, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any, TypeVar

from synapse_core.errors import LeaseLostError, RunNotFoundError, StoreError, StoreUnavailableError
from synapse_core.events import Draft, Event
from synapse_core.models import Checkpoint, PipelineProgress, RunStatus
from synapse_core.protocols import Lease, RunRecord, RunSummary
from synapse_core.session.loop import LoopThread
from synapse_store.client.api import run_path
from synapse_store.client.errors import ServiceError
from synapse_store.client.lanes import Lanes, Write
from synapse_store.client.wire import Wire
from synapse_store.wire.codec import (
    checkpoint_from_data,
    checkpoint_to_data,
    draft_to_data,
    lease_from_data,
    lease_to_data,
    progress_from_data,
    record_from_data,
    record_to_data,
    summary_from_data,
)
from synapse_store.wire.text import dumps, iso, loads

T = TypeVar("T")

_RUNS = "/api/v1/runs"
_PIECE = 4 * 1024 * 1024
_MOST_RUNS = 500
_PAGE = 1_000


class HTTPStore:
    """Remembers runs by a pipeline service; safe on several threads and loops.

    A write that is tried again is taken once, whatever happened to the first try. While the service is away a write
    is tried for ``patience`` seconds, and a watch for ever.

    Args:
        url: of the service, as ``http://host:8100``.
        timeout: seconds for a request.
        token: what the service asks for; ``SYNAPSE_TOKEN`` if None.
        patience: seconds to try for while there is no service.

    Raises:
        SynapseError: this is no http URL.
    """

    def __init__(self, url: str, *, timeout: float = 30.0, token: str | None = None, patience: float = 2.0) -> None:
        self._wire = Wire(url, timeout, token)
        self._patience = patience
        self._loop = LoopThread("synapse-http-store")
        self._lanes: OrderedDict[str, Lanes] = OrderedDict()
        self._closed = False

    def __repr__(self) -> str:
        return f"HTTPStore({self._wire.base!r})"

    async def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if self._closed:
            work.close()
            raise StoreError(f"the store {self._wire.base} is closed")
        return await self._loop.run(work)

    async def _ask(
        self, method: str, run_id: str, rest: str = "", *, query: Any = (), body: Any = None, again: bool = True
    ) -> Any:
        path = run_path(run_id, rest) if run_id else _RUNS
        try:
            return await self._wire.request(method, path, query=query, body=body, again=again, patience=self._patience)
        except ServiceError as error:
            raise _as_store_error(error, run_id) from None

    # -- writing ----------------------------------------------------------------------------------------------

    async def create(self, run: RunRecord, drafts: Sequence[Draft], checkpoints: Sequence[Checkpoint] = ()) -> int:
        """See `Store.create`."""
        return await self._run(self._create(run, drafts, checkpoints))

    async def _create(self, run: RunRecord, drafts: Sequence[Draft], checkpoints: Sequence[Checkpoint]) -> int:
        body = {
            "run": record_to_data(run),
            "events": [draft_to_data(draft) for draft in drafts],
            "checkpoints": [checkpoint_to_data(each) for each in checkpoints],
        }
        data = _encoded(body, f"run {run.id!r}")
        try:
            return int((await self._wire.request("POST", _RUNS, body=data, again=False))["seq"])
        except ServiceError as error:
            raise _as_store_error(error, run.id) from None
        except StoreUnavailableError:
            # It may have been heard: a second try that finds the very run there is no error.
            return await self._create_again(run, data)

    async def _create_again(self, run: RunRecord, data: bytes) -> int:
        try:
            return int((await self._ask("POST", "", body=data))["seq"])
        except StoreUnavailableError:
            raise
        except StoreError:
            if await self._record(run.id) != run:
                raise StoreError(f"there is a run {run.id!r} already") from None
            return (await self._progress(run.id)).seq

    async def append(
        self,
        run_id: str,
        drafts: Sequence[Draft],
        *,
        checkpoints: Sequence[Checkpoint] = (),
        lease: Lease | None = None,
    ) -> int:
        """See `Store.append`."""
        return await self._run(self._append(run_id, drafts, checkpoints, lease))

    async def _append(
        self, run_id: str, drafts: Sequence[Draft], checkpoints: Sequence[Checkpoint], lease: Lease | None
    ) -> int:
        lanes = self._lanes_of(run_id)
        write = lanes.begin(drafts, checkpoints, lease)
        taken = last = 0
        try:
            for body in _pieces(write):
                last = await self._batch(run_id, write, taken + 1, body)
                taken += 1
        except StoreUnavailableError:
            lanes.failed(write)
            raise
        except BaseException as error:
            if isinstance(error, StoreError):
                lanes.done(write, taken)
            else:  # given up half-way: nobody knows what was taken
                lanes.failed(write)
            raise
        lanes.done(write, taken)
        return last

    async def _batch(self, run_id: str, write: Write, number: int, events: dict[str, Any]) -> int:
        lane = write.lane
        body = {"producer": lane.producer, "epoch": 0, "seq": lane.seq + number, **events}
        if write.lease is not None:
            body["lease"] = lease_to_data(write.lease)
        data = _encoded(body, f"an event of run {run_id}")
        return int((await self._ask("POST", run_id, "/events", body=data))["seq"])

    def _lanes_of(self, run_id: str) -> Lanes:
        lanes = self._lanes.setdefault(run_id, Lanes())
        self._lanes.move_to_end(run_id)
        while len(self._lanes) > _MOST_RUNS:
            self._lanes.popitem(last=False)
        return lanes

    async def delete(self, run_id: str) -> None:
        """See `Store.delete`."""
        await self._run(self._ask("DELETE", run_id, query=[("orphaned", "true")], again=False))

    # -- reading ----------------------------------------------------------------------------------------------

    async def record(self, run_id: str) -> RunRecord:
        """See `Store.record`."""
        return await self._run(self._record(run_id))

    async def _record(self, run_id: str) -> RunRecord:
        return record_from_data(await self._ask("GET", run_id, "/record"))

    async def read(
        self,
        run_id: str,
        *,
        after: int = 0,
        limit: int = 1000,
        kinds: Collection[str] | None = None,
        action: str | None = None,
    ) -> list[Event]:
        """See `Store.read`."""
        if kinds is not None and not kinds:
            await self.record(run_id)
            return []
        return await self._run(self._read(run_id, after, limit, kinds, action))

    async def _read(
        self, run_id: str, after: int, limit: int, kinds: Collection[str] | None, action: str | None
    ) -> list[Event]:
        found: list[Event] = []
        while len(found) < limit:
            wanted = min(limit - len(found), _PAGE)
            query = [("after", str(after)), ("limit", str(wanted)), *_chosen(kinds, action)]
            page = [Event.from_dict(each) for each in await self._ask("GET", run_id, "/events", query=query)]
            found += page
            if len(page) < wanted:
                break
            after = page[-1].seq
        return found

    async def progress(self, run_id: str) -> PipelineProgress:
        """See `Store.progress`."""
        return await self._run(self._progress(run_id))

    async def _progress(self, run_id: str) -> PipelineProgress:
        return progress_from_data(await self._ask("GET", run_id, "/progress"))

    async def list_runs(
        self,
        *,
        status: RunStatus | None = None,
        name: str | None = None,
        since: datetime | None = None,
        limit: int = 100,
        before: str | None = None,
    ) -> Sequence[RunSummary]:
        """See `Store.list_runs`."""
        chosen = {"status_filter": status, "name": name, "since": None if since is None else iso(since)}
        query = [(key, str(value)) for key, value in chosen.items() if value is not None]
        found: list[RunSummary] = []
        while len(found) < limit:
            wanted = min(limit - len(found), _PAGE)
            cursor = [] if before is None else [("cursor", before)]
            asked = [*query, *cursor, ("limit", str(wanted)), ("view", "summary")]
            page = [summary_from_data(each) for each in await self._run(self._ask("GET", "", query=asked))]
            found += page
            if len(page) < wanted:
                break
            before = page[-1].id
        return found

    async def checkpoints(self, run_id: str) -> Sequence[Checkpoint]:
        """See `Store.checkpoints`."""
        found = await self._run(self._ask("GET", run_id, "/checkpoints", query=[("raw", "true")]))
        return [checkpoint_from_data(each) for each in found]

    # -- leases -----------------------------------------------------------------------------------------------

    async def acquire(self, run_id: str, owner: str, ttl: float, *, over: Lease | None = None) -> Lease:
        """See `Store.acquire`."""
        body = {"owner": owner, "ttl": ttl, "over": None if over is None else lease_to_data(over)}
        return lease_from_data(await self._run(self._ask("POST", run_id, "/lease", body=body)))

    async def renew(self, lease: Lease, ttl: float) -> Lease:
        """See `Store.renew`."""
        body = {"owner": lease.owner, "epoch": lease.epoch, "ttl": ttl}
        return lease_from_data(await self._run(self._ask("PATCH", lease.run_id, "/lease", body=body)))

    async def lease(self, run_id: str) -> Lease | None:
        """See `Store.lease`."""
        found = await self._run(self._ask("GET", run_id, "/lease"))
        return None if found is None else lease_from_data(found)

    async def release(self, lease: Lease) -> None:
        """See `Store.release`."""
        query = [("owner", lease.owner), ("epoch", str(lease.epoch))]
        try:
            await self._run(self._ask("DELETE", lease.run_id, "/lease", query=query))
        except RunNotFoundError:
            return

    # -- watching ---------------------------------------------------------------------------------------------

    async def watch(
        self, run_id: str, *, after: int = 0, kinds: Collection[str] | None = None
    ) -> AsyncIterator[list[Event]]:
        """See `Store.watch`."""
        events: Any = self._loop.iterate_async(self._watch(run_id, after, kinds))
        async with aclosing(events):
            async for batch in events:
                yield batch

    async def _watch(self, run_id: str, after: int, kinds: Collection[str] | None) -> AsyncGenerator[list[Event], None]:
        # Of no kinds at all, only the end is told; the server takes no kind for any.
        query = [("after", str(after)), *_chosen([""] if kinds is not None and not kinds else kinds, None)]
        stream = self._wire.stream(run_path(run_id, "/events/stream"), query=query, what=f"run {run_id}")
        try:
            async for messages in stream:
                batch: list[Event] = []
                for message in messages:
                    if message.event == "message":
                        event = Event.from_dict(loads(message.data))
                        batch += [event] if event.seq > after else []
                    elif message.event == "error":
                        _raise_if_gone(message.data, run_id)
                if batch:
                    after = batch[-1].seq
                    yield batch
                if messages[-1].event in _ENDS:
                    return
        except ServiceError as error:
            raise _as_store_error(error, run_id) from None
        finally:
            await stream.aclose()

    async def aclose(self) -> None:
        """Let go of the connections; nothing waits to be written."""
        if not self._closed:
            self._closed = True
            await self._loop.run(self._wire.close())
            self._loop.close()


_ENDS = frozenset(status.value for status in RunStatus if status.is_terminal())


def _chosen(kinds: Collection[str] | None, action: str | None) -> list[tuple[str, str]]:
    return [*(("kind", str(kind)) for kind in kinds or ()), *([] if action is None else [("action", action)])]


def _encoded(body: Any, what: str) -> bytes:
    try:
        return dumps(body)
    except (TypeError, RecursionError) as error:
        raise StoreError(f"{what} cannot be stored: {error}") from error


def _pieces(write: Write) -> list[dict[str, Any]]:
    """The write as bodies of requests that a service takes; checkpoints go with the last."""
    parts: list[list[dict[str, Any]]] = [[]]
    size = 0
    for draft in write.drafts:
        data = draft_to_data(draft)
        weight = 200 + _weight(draft.payload)
        if parts[-1] and size + weight > _PIECE:
            parts.append([])
            size = 0
        parts[-1].append(data)
        size += weight
    bodies: list[dict[str, Any]] = [{"events": part} for part in parts]
    bodies[-1]["checkpoints"] = [checkpoint_to_data(each) for each in write.checkpoints]
    return bodies


def _weight(payload: Any) -> int:
    """About how many bytes it takes, at little cost: long texts count, and what is nested is asked for."""
    if isinstance(payload, str):
        return 2 + len(payload) * (1 if payload.isascii() else 3)
    if isinstance(payload, dict):
        return sum(8 + len(key) + _weight(value) for key, value in payload.items())
    if isinstance(payload, list | tuple):
        return sum(map(_weight, payload))
    return 20


def _raise_if_gone(data: str, run_id: str) -> None:
    if loads(data).get("status") == 404:
        raise RunNotFoundError(f"no run {run_id!r}: it was deleted")


def _as_store_error(error: ServiceError, run_id: str) -> StoreError | RunNotFoundError:
    said = error.data
    if error.status == 404:
        return RunNotFoundError(f"no run {run_id!r}")
    if error.status == 409 and "lease" in said:
        holder = None if said["lease"] is None else lease_from_data(said["lease"])
        held = f"{holder.owner} (epoch {holder.epoch}) has it" if holder else "another engine has had it since"
        return LeaseLostError(f"run {run_id} is not this engine's: {held}", lease=holder)
    if error.status == 409 and "cancel" in str(said.get("detail")):
        return StoreError(f"run {run_id} is being run", hint="cancel it first")
    return StoreError(error.message, hint=error.hint)
