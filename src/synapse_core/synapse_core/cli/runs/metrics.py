"""``synapse runs metrics``."""

from __future__ import annotations

from typing import Any

import click

from synapse_core.cli.helping import epilog
from synapse_core.cli.runs.options import action_option, of_run
from synapse_core.cli.state import State, json_option

_EPILOG = epilog("""
Examples:
  synapse runs metrics last
  synapse runs metrics last --action train --name loss
  synapse runs metrics last --name loss --points 1000 --json | jq '.series[0].points'
""")


@click.command("metrics", epilog=_EPILOG)
@action_option
@click.option("--name", metavar="NAME", help="Only metrics of this name.")
@click.option(
    "--points", type=click.IntRange(2), default=500, show_default=True, metavar="N", help="So many a series, at most."
)
@json_option
@of_run
def command(state: State, run: str, store: str | None, **said: Any) -> int:
    """Show the metrics of a run: a series for each action, category and name.

    A long series is thinned to evenly spaced points, its first and its last among them.
    """
    from synapse_core.cli.runs.finding import find_run, opened
    from synapse_core.cli.runs.series import tell_metrics

    with opened(state, store) as session:
        tell_metrics(session, find_run(session, run, store), **said)
    return 0
