"""``synapse runs``: looking at runs that a store keeps, and taking them up again."""

from __future__ import annotations

import click

from synapse_core.cli.group import LazyGroup
from synapse_core.cli.helping import epilog

COMMANDS = {
    "list": "List runs, the newest first.",
    "show": "Show a run: its actions, its errors, and what to type next.",
    "watch": "Watch a run live, wherever it runs.",
    "logs": "Print what the actions of a run have said.",
    "events": "Print all that has happened in a run.",
    "metrics": "Show the metrics of a run as series.",
    "cancel": "Cancel a run, wherever it runs.",
    "resume": "Start a new run that reuses what another one has completed.",
    "rerun": "Start a new run that runs one action anew, and what follows it.",
    "recover": "Go on with a run whose engine is gone.",
    "delete": "Forget a run, and remove its files.",
}

_EPILOG = epilog("""
RUN is a run's id, its beginning as far as it is unique, or `last`.

Examples:
  synapse runs list --status failed --since 2d
  synapse runs show last
  synapse runs watch 01a1f3c49d2e
  synapse runs resume last --plan
  synapse runs recover --all
""")


@click.group(
    "runs",
    cls=LazyGroup,
    package="synapse_core.cli.runs",
    texts=COMMANDS,
    open_to_plugins=False,
    epilog=_EPILOG,
)
def runs() -> None:
    """List runs, look at them, cancel and take up again.

    Runs are kept in a store: that of --store, else of SYNAPSE_STORE, else SQLite in your data folder, where
    synapse-store is installed.
    """
