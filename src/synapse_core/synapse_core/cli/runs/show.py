"""``synapse runs show``."""

from __future__ import annotations

import click

from synapse_core.cli.helping import epilog
from synapse_core.cli.runs.options import of_run
from synapse_core.cli.state import State, json_option

_EPILOG = epilog("""
Examples:
  synapse runs show last
  synapse runs show 01a1f3c49d2e --json | jq '.checkpoints[].action_name'
""")


@click.command("show", epilog=_EPILOG)
@json_option
@of_run
def command(state: State, run: str, store: str | None, as_json: bool) -> int:
    """Show a run: its actions, its errors, and what to type next.

    Secret params are hidden. With --json its checkpoints are there too, with the params after each.
    """
    from synapse_core.cli.runs.finding import find_run, opened
    from synapse_core.cli.runs.look import look_at
    from synapse_core.cli.runs.page import print_page
    from synapse_core.cli.tables import show_json

    with opened(state, store) as session:
        looked = look_at(session, find_run(session, run, store), store)
        if as_json:
            show_json(looked.to_json())
        else:
            print_page(looked)
    return 0
