"""``synapse runs resume``."""

from __future__ import annotations

from typing import Any

import click

from synapse_core.cli.flags import WithFlags
from synapse_core.cli.helping import epilog
from synapse_core.cli.runs.options import of_run, taking_up
from synapse_core.cli.state import State

_EPILOG = epilog("""
Examples:
  synapse runs resume last --plan
  synapse runs resume last
  synapse runs resume 01a1f3c49d2e -p epochs=80
  synapse runs resume last --force

Exit codes: as of `synapse run`; 2 where a changed pipeline is refused.
""")


@click.command("resume", cls=WithFlags, epilog=_EPILOG)
@click.option("--force", is_flag=True, help="Run what has changed since it was completed, and all that follows it.")
@click.option("--missing-ok", is_flag=True, help="Start afresh where there is nothing to resume from.")
@taking_up
@of_run
def command(state: State, run: str, **said: Any) -> int:
    """Start a new run that reuses what another one has completed.

    The pipeline is loaded as it is now: what was completed is compared before it is reused, and a change is refused
    with what was and what is. Params go over those of the run; one that a completed action has consumed is such a
    change. An action that was interrupted goes on from the state it saved.
    """
    from synapse_core.cli.runs.again import Order, take_up

    return take_up(state, Order.of(run=run, **said))
