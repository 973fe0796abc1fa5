"""``synapse runs list``."""

from __future__ import annotations

from typing import Any

import click

from synapse_core.cli.helping import epilog
from synapse_core.cli.runs.options import since_option
from synapse_core.cli.state import State, json_option, kept
from synapse_core.models import RunStatus

_EPILOG = epilog("""
Examples:
  synapse runs list
  synapse runs list --status failed --since 2h
  synapse runs list --pipeline digits --limit 100
  synapse runs list --json | jq -r '.runs[].id'
""")


@click.command("list", epilog=_EPILOG)
@click.option("--status", type=click.Choice([status.value for status in RunStatus]), help="Only runs in this state.")
@click.option("--pipeline", metavar="NAME", help="Only runs of that name: the pipeline's, unless --name said another.")
@since_option
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many at most.")
@click.option("--before", metavar="ID", help="Only runs that are older than this one: the next page.")
@json_option
@kept
def command(state: State, store: str | None, **said: Any) -> int:
    """List runs, the newest first.

    `running?` is a run whose engine is gone: `synapse runs recover` goes on with it.
    """
    from synapse_core.cli.runs.finding import opened
    from synapse_core.cli.runs.listing import list_runs

    with opened(state, store) as session:
        list_runs(session, store=store, **said)
    return 0
