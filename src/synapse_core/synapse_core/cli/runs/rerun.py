"""``synapse runs rerun``."""

from __future__ import annotations

from typing import Any

import click

from synapse_core.cli.flags import WithFlags
from synapse_core.cli.helping import epilog
from synapse_core.cli.runs.options import of_run, taking_up
from synapse_core.cli.state import State

_EPILOG = epilog("""
Examples:
  synapse runs rerun last --from train
  synapse runs rerun 01a1f3c49d2e --from train -p learning_rate=0.01
  synapse runs rerun last --from evaluate --plan

Exit codes: as of `synapse run`; 2 where a changed pipeline is refused.
""")


@click.command("rerun", cls=WithFlags, epilog=_EPILOG)
@click.option("--from", "rerun_from", required=True, metavar="ACTION", help="Run this one, and all that follow it.")
@click.option("--force", is_flag=True, help="Run what has changed since it was completed, and all that follows it.")
@taking_up
@of_run
def command(state: State, run: str, **said: Any) -> int:
    """Start a new run that runs one action anew, and what follows it; what came before is reused.

    As resume does, it compares what is to be reused with what it was.
    """
    from synapse_core.cli.runs.again import Order, take_up

    return take_up(state, Order.of(run=run, **said))
