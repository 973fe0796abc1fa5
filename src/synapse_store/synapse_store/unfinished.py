"""The unfinished runs of a store that is served, and why none is taken up; told when the service starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from synapse_core.cli.naming import runs_command, short_id
from synapse_core.cli.tables import columns
from synapse_core.cli.telling import warn
from synapse_core.cli.unfinished import Left, and_more, how_many, unfinished
from synapse_core.errors import SynapseError
from synapse_core.protocols import Store
from synapse_store.runner import Runner
from synapse_store.runner.orders import Order

_MOST_TOLD = 10


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
    left = await unfinished(store)
    if not left:
        return ""
    told = sorted(left, key=lambda each: each.engine.lives)[:_MOST_TOLD]
    reasons = await _reasons(runner, [each.run.id for each in told if not each.engine.lives])
    rows = [(short_id(each.run.id), each.run.name, _reason(each, url, runner, reasons)) for each in told]
    more = [f"{text}: `synapse runs recover --store {url}`" for text in and_more(left, told)]
    return "\n".join([f"{how_many(left)} not taken up", columns(rows), *more])


async def _reasons(runner: Runner | None, run_ids: Sequence[str]) -> Mapping[str, str]:
    """By run, why the runner cannot go on with it; those that it can go on with are left out."""
    if runner is None or not run_ids:
        return {}
    try:
        return dict((await runner.ask(Order("look", runs=run_ids))).errors)
    except SynapseError:
        return {}


def _reason(left: Left, url: str, runner: Runner | None, reasons: Mapping[str, str]) -> str:
    if left.engine.lives:
        return f"it is run by {left.engine.where}"
    if left.run.id in reasons:
        return f"{reasons[left.run.id]}; `{runs_command('resume', left.run.id, url, '--plan')}` says more"
    command = f"`{runs_command('recover', left.run.id, url)}`"
    return f"its engine is gone; {command if runner is None else f'its page, or {command},'} goes on with it"
