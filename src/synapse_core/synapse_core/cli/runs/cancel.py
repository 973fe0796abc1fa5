"""``synapse runs cancel``."""

from __future__ import annotations

from typing import Any

import click

from synapse_core.cli.helping import epilog
from synapse_core.cli.runs.options import of_run
from synapse_core.cli.state import State, json_option

_EPILOG = epilog("""
Examples:
  synapse runs cancel last
  synapse runs cancel 01a1f3c49d2e --wait --reason "wrong data"
  synapse runs cancel last --force
""")


@click.command("cancel", epilog=_EPILOG)
@click.option("--force", is_flag=True, help="Leave its actions no time to clean up.")
@click.option("--wait", is_flag=True, help="Wait until nothing of it is left.")
@click.option("--reason", default="cancelled", metavar="TEXT", help="Why, for those who read of it later.")
@json_option
@of_run
def command(state: State, run: str, store: str | None, **said: Any) -> int:
    """Cancel a run, wherever it runs.

    Whoever runs it acts within a second: its actions are asked to stop, and have five seconds to clean up before they
    are ended, where the executor can. A run that nobody runs any more is cancelled at once; one that has ended stays
    as it is.
    """
    from synapse_core.cli.runs.ending import cancel
    from synapse_core.cli.runs.finding import find_run, opened

    with opened(state, store) as session:
        return cancel(session, find_run(session, run, store), **said)
