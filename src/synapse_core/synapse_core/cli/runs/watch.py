"""``synapse runs watch``."""

from __future__ import annotations

import click

from synapse_core.cli.helping import epilog
from synapse_core.cli.runs.options import json_lines_option, of_run
from synapse_core.cli.state import State

_EPILOG = epilog("""
Examples:
  synapse runs watch last
  synapse runs watch 01a1f3c49d2e && notify-send "it is done"

Exit codes: 0 the run has completed, 1 it failed or was cancelled, 130 you stopped watching.
""")


@click.command("watch", epilog=_EPILOG)
@json_lines_option
@of_run
def command(state: State, run: str, store: str | None, as_json: bool) -> int:
    """Watch a run live, wherever it runs; one that has ended is shown as it ended.

    Ctrl-C stops the watching and nothing else. With --json each line is the run's state.
    """
    from synapse_core.cli.runs.finding import find_run, opened
    from synapse_core.cli.runs.watching import watch

    with opened(state, store) as session:
        return watch(session, find_run(session, run, store), as_json=as_json, store=store)
