"""``synapse runs events``."""

from __future__ import annotations

from typing import Any

import click

from synapse_core.cli.helping import epilog
from synapse_core.cli.runs.options import action_option, follow_option, json_lines_option, of_run
from synapse_core.cli.state import State
from synapse_core.events import Kind

_EPILOG = epilog("""
Examples:
  synapse runs events last
  synapse runs events last --kind action.failed --kind action.retrying
  synapse runs events last --after 120 --follow --json
""")


@click.command("events", epilog=_EPILOG)
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice([kind.value for kind in Kind]),
    metavar="KIND",
    help="Only of this kind: run.started, action.failed … Repeatable.",
)
@action_option
@click.option("--after", type=click.IntRange(0), default=0, metavar="SEQ", help="Only behind this number.")
@click.option("-n", "--limit", type=click.IntRange(1), metavar="N", help="No more than N.")
@follow_option
@json_lines_option
@of_run
def command(state: State, run: str, store: str | None, **said: Any) -> int:
    """Print all that has happened in a run, in order.

    With --json each line is an event, as `synapse run --json` writes them.
    """
    from synapse_core.cli.runs.finding import find_run, opened
    from synapse_core.cli.runs.telling import tell_events

    with opened(state, store) as session:
        return tell_events(session, find_run(session, run, store), **said)
