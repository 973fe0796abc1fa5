"""``synapse runs logs``."""

from __future__ import annotations

from typing import Any

import click

from synapse_core.cli.helping import epilog
from synapse_core.cli.runs.options import action_option, follow_option, json_lines_option, of_run, since_option
from synapse_core.cli.state import State
from synapse_core.models import LogLevel

_EPILOG = epilog("""
Examples:
  synapse runs logs last
  synapse runs logs last --action train --level warning
  synapse runs logs last --follow
  synapse runs logs last --json | jq -r .message
""")


@click.command("logs", epilog=_EPILOG)
@action_option
@click.option("--level", type=click.Choice([level.value for level in LogLevel]), help="Only of this level, or worse.")
@since_option
@click.option("-n", "--tail", type=click.IntRange(1), metavar="N", help="Only the last N that there are.")
@follow_option
@json_lines_option
@of_run
def command(state: State, run: str, store: str | None, **said: Any) -> int:
    """Print what the actions of a run have said: log entries, messages and printed lines."""
    from synapse_core.cli.runs.finding import find_run, opened
    from synapse_core.cli.runs.telling import tell_logs

    with opened(state, store) as session:
        return tell_logs(session, find_run(session, run, store), **said)
