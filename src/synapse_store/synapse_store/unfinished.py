"""The unfinished runs of a store that is served, and why none is taken up; told when the service starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import frozen

from synapse_core.cli.engines import Engine, engine_of
from synapse_core.cli.naming import runs_command, short_id
from synapse_core.cli.tables import columns
from synapse_core.cli.telling import warn
from synapse_core.errors import SynapseError
from synapse_core.models import RunStatus
from synapse_core.protocols import RunSummary, Store
from synapse_store.runner import Runner
from synapse_store.runner.orders import Order
from synapse_store.service.pipelines import ORIGIN

_MOST_TOLD = 10
_MOST_LOOKED_AT = 100


@frozen
class _Left:
    run: RunSummary
    engine: Engine


async def tell_unfinished(store: Store, url: str, runner: Runner | None = None) -> None:
    """Warn of the runs that nobody takes up, and of those that others run: a line each, on standard error.

    Args:
        store: which is served.
        url: of the store, for the commands to type.
        runner: looks at the code of the runs that nobody runs; None: that is left to the commands.
    """
    try:
        text = await _text(store, url, runner)
    except SynapseError as error:
        text = f"the unfinished runs cannot be listed: {error.message}"
    if text:
        warn(text)


async def _text(store: Store, url: str, runner: Runner | None) -> str:
    found = await _left(store)
    if not found:
        return ""
    told = sorted(found, key=lambda left: left.engine.lives)[:_MOST_TOLD]
    reasons = await _reasons(runner, [left.run.id for left in told if not left.engine.lives])
    rows = [(short_id(left.run.id), left.run.name, _reason(left, url, runner, reasons)) for left in told]
    many = "1 unfinished run is" if len(found) == 1 else f"{len(found)} unfinished runs are"
    more = (
        [f"and {len(found) - len(told)} more: `synapse runs recover --store {url}`"] if len(found) > len(told) else []
    )
    return "\n".join([f"{many} not taken up", columns(rows), *more])


async def _left(store: Store) -> list[_Left]:
    """The newest runs that have not ended, but for those that clients report on."""
    pages = [await store.list_runs(status=s, limit=_MOST_LOOKED_AT) for s in (RunStatus.RUNNING, RunStatus.PENDING)]
    found = [_Left(run, await engine_of(store, run)) for page in pages for run in page]
    return [left for left in found if left.engine.owner is not None or not await _is_reported(store, left.run.id)]


async def _is_reported(store: Store, run_id: str) -> bool:
    return (await store.record(run_id)).options.get("origin") == ORIGIN


async def _reasons(runner: Runner | None, run_ids: Sequence[str]) -> Mapping[str, str]:
    """By run, why the runner cannot go on with it; those that it can go on with are left out."""
    if runner is None or not run_ids:
        return {}
    try:
        return dict((await runner.ask(Order("look", runs=run_ids))).errors)
    except SynapseError:
        return {}


def _reason(left: _Left, url: str, runner: Runner | None, reasons: Mapping[str, str]) -> str:
    if left.engine.lives:
        return f"it is run by {left.engine.where}"
    if left.run.id in reasons:
        return f"{reasons[left.run.id]}; `{runs_command('resume', left.run.id, url, '--plan')}` says more"
    command = f"`{runs_command('recover', left.run.id, url)}`"
    return f"its engine is gone; {command if runner is None else f'its page, or {command},'} goes on with it"
