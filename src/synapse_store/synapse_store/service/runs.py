"""Runs: lists of them, one of them, and what becomes of it by those who report on it or cancel it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from aiohttp import web
from attrs import evolve

from synapse_core.errors import LeaseLostError, RunNotFoundError, StoreError, StoreUnavailableError
from synapse_core.events import Draft, Kind, now
from synapse_core.models import RunStatus
from synapse_core.protocols import RunSummary
from synapse_core.session.orphans import cancel_orphan, cancelled, is_reported
from synapse_store.service.answers import answer, conflict, no_run, nothing
from synapse_store.service.asking import Call
from synapse_store.service.core import Service
from synapse_store.service.reports import GIVEN, of_change, of_report
from synapse_store.service.states import Tracked
from synapse_store.wire.asked import Report, RunChange
from synapse_store.wire.codec import progress_to_data, run_to_data, summary_to_data
from synapse_store.wire.text import dumps

_PAGE = 1_000
_KEPT = 2_000
_MOST_SEARCHED = 10_000
_AT_ONCE = 8
_OF_RUNS = frozenset({GIVEN, *(kind for kind in Kind if kind.startswith("run."))})


# -- lists ------------------------------------------------------------------------------------------------------


async def listed(call: Call) -> web.Response:
    """Runs, newest first, by page."""
    runs, cursor = await (_page(call) if call.query["search"] is None else _searched(call, call.query["search"]))
    headers = {}
    if cursor is not None:
        rest = {key: value for key, value in call.request.query.items() if key not in {"skip", "cursor", "ticket"}}
        headers["Link"] = f'<{call.request.rel_url.with_query({**rest, "cursor": cursor})}>; rel="next"'
    if call.query["view"] == "summary":
        return answer([summary_to_data(run) for run in runs], headers=headers)
    return answer(await _encoded(call.service, runs), headers=headers)


async def _page(call: Call) -> tuple[list[RunSummary], str | None]:
    """The runs of a page, and what the next one begins behind; None where this one is not full."""
    skip, limit = call.query["skip"], call.query["limit"]
    found: list[RunSummary] = []
    before = call.query["cursor"]
    while len(found) < skip + limit:
        wanted = min(skip + limit - len(found), _PAGE)
        page = await _lines(call, wanted, before)
        found += page
        if len(page) < wanted:
            break
        before = page[-1].id
    return found[skip:], found[-1].id if len(found) == skip + limit else None


async def _searched(call: Call, text: str) -> tuple[list[RunSummary], str | None]:
    """As `_page`: the runs with the text in their name or id. One request looks through so many runs at most."""
    wanted = call.query["skip"] + call.query["limit"]
    text, before, looked = text.casefold(), call.query["cursor"], 0
    found: list[RunSummary] = []
    while looked < _MOST_SEARCHED:
        page = await _lines(call, _PAGE, before)
        looked += len(page)
        for run in page:
            if text in run.name.casefold() or text in run.id.casefold():
                found.append(run)
                if len(found) == wanted:
                    return found[call.query["skip"] :], run.id
        if len(page) < _PAGE:
            return found[call.query["skip"] :], None
        before = page[-1].id
    return found[call.query["skip"] :], before


async def _lines(call: Call, limit: int, before: str | None) -> Sequence[RunSummary]:
    query = call.query
    status = None if query["status_filter"] is None else RunStatus(query["status_filter"])
    if query["pipeline_id"] is not None:
        return await call.service.pipelines.pipeline_runs(
            query["pipeline_id"], status=status, limit=limit, before=before
        )
    return await call.service.store.list_runs(
        status=status, name=query["name"], since=query["since"], limit=limit, before=before
    )


async def _encoded(service: Service, runs: Sequence[RunSummary]) -> bytes:
    """The runs as JSON; those that have ended are encoded once."""
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(run: RunSummary) -> bytes | None:
        known = service.ended.get(run.id)
        if known is not None:
            return known
        async with turns:
            with contextlib.suppress(RunNotFoundError):  # deleted meanwhile
                state = await service.store.progress(run.id)
                text = dumps(run_to_data(await service.record(run.id), state))
                if state.status.is_terminal():
                    _keep(service, run.id, text)
                return text
        return None

    found = await asyncio.gather(*map(one, runs))
    return b"[" + b",".join(each for each in found if each is not None) + b"]"


def _keep(service: Service, run_id: str, text: bytes) -> None:
    if len(text) < 100_000:
        service.ended[run_id] = text
        while len(service.ended) > _KEPT:
            service.ended.popitem(last=False)


# -- one run ----------------------------------------------------------------------------------------------------


async def show(call: Call) -> web.Response:
    """A run."""
    return answer(await data_of(call.service, call.run_id))


async def data_of(service: Service, run_id: str) -> bytes:
    """The run as it is told, now."""
    state = await service.store.progress(run_id)
    return dumps(run_to_data(await service.record(run_id), state))


async def progress(call: Call) -> web.Response:
    """The progress object."""
    return answer(progress_to_data(await call.service.store.progress(call.run_id)))


async def change(call: Call) -> web.Response:
    """Say what has become of a run."""
    async with call.service.states.hold(call.run_id) as run:
        said: RunChange = await _with_given(run, call.body)
        drafts = of_change(run.state(), call.body, said)
        await _fence(call.service, run, drafts)
        await run.write(drafts)
        data = run_to_data(run.record, run.state())
        if not run.state().status.is_terminal():  # the rest is told with the end
            data.update(result=said.result, error=said.error)
        return answer(data)


async def _with_given(run: Tracked, asked: RunChange) -> RunChange:
    """The change, with the result and the error that were given before it."""
    if asked.result is not None and asked.error is not None:
        return asked
    result, error = asked.result, asked.error
    for event in await run.store.read(run.record.id, kinds=[GIVEN], limit=_PAGE):
        if asked.result is None:
            result = event.payload.get("result", result)
        if asked.error is None:
            error = event.payload.get("error", error)
    return evolve(asked, result=result, error=error)


async def report(call: Call) -> web.Response | bytes:
    """Say where a run stands."""
    asked: Report = call.body
    async with call.service.states.hold(call.run_id, fresh=asked.status is not None) as run:
        ends = asked.status is not None and RunStatus(asked.status).is_terminal()
        said = await _with_given(run, RunChange(asked.status, None, asked.error)) if ends else None
        drafts = of_report(run.state(), asked, said)
        await _fence(call.service, run, drafts)
        await run.write(drafts)
        if call.request.headers.get("Prefer", "") == "return=minimal":
            return nothing()
        return run.text()


async def _fence(service: Service, run: Tracked, drafts: Sequence[Draft]) -> None:
    if not is_unopposed(run, drafts):
        await refuse_if_held(service, run)


async def refuse_if_held(service: Service, run: Tracked) -> None:
    """An engine that holds the run is the only one who says what becomes of it.

    Raises:
        Refusal: there is one.
    """
    lease = await service.store.lease(run.record.id)
    if lease is not None and lease.expires_at > now():
        raise conflict("an engine holds this run, and reports on it itself")


def is_unopposed(run: Tracked, drafts: Sequence[Draft]) -> bool:
    """Whether nobody but its reporters can be against it: they run the run, and its own status is left as it is."""
    made_here = is_reported(run.record)
    return not drafts or (made_here and _OF_RUNS.isdisjoint([draft.kind for draft in drafts]))


async def cancel(call: Call) -> web.Response:
    """Ask for a run to be cancelled; one that nobody runs is cancelled at once."""
    service, run_id = call.service, call.run_id
    async with service.states.hold(run_id) as run:
        state = run.state()
        if state.status.is_terminal():
            raise conflict(f"the run has ended: it is {state.status.value}")
        lease = await service.store.lease(run_id)
        reason, force = call.body.reason, call.body.force
        if lease is None and is_reported(run.record):
            await run.write(cancelled(state, reason))
        else:
            asked = Draft(Kind.RUN_CANCEL_REQUESTED, now(), None, 0, {"reason": reason, "force": force})
            await run.write([asked])
            with contextlib.suppress(LeaseLostError):
                await cancel_orphan(service.store, run_id, reason)
            await run.refresh()
        return answer(run_to_data(run.record, run.state()), 202)


async def delete(call: Call) -> web.Response:
    """Forget a run; ``orphaned``: also one that is running as far as anybody knows, if no engine holds it."""
    service, run_id = call.service, call.run_id
    state = await service.store.progress(run_id)
    if state.status is RunStatus.RUNNING and not call.query["orphaned"]:
        raise conflict("the run is running: cancel it first")
    try:
        await service.store.delete(run_id)
    except (RunNotFoundError, StoreUnavailableError):
        raise
    except StoreError:
        raise conflict("the run is running: cancel it first") from None
    service.forget(run_id)
    return nothing()


async def check(service: Service, run_id: str) -> None:
    """See that there is such a run.

    Raises:
        Refusal: there is not.
    """
    try:
        await service.record(run_id)
    except RunNotFoundError:
        raise no_run(run_id) from None
