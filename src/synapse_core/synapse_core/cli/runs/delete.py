"""``synapse runs delete``."""

from __future__ import annotations

from typing import Any

import click

from synapse_core.cli.helping import epilog
from synapse_core.cli.runs.options import of_run
from synapse_core.cli.state import State, json_option

_EPILOG = epilog("""
Examples:
  synapse runs delete 01a1f3c49d2e
  synapse runs delete last --yes --keep-files
""")


@click.command("delete", epilog=_EPILOG)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--keep-files", is_flag=True, help="Leave its folder where it is.")
@json_option
@of_run
def command(state: State, run: str, store: str | None, **said: Any) -> int:
    """Forget a run, and remove its folder with all that is in it.

    It must have ended. Runs that were resumed from it may use files in its folder.
    """
    from synapse_core.cli.runs.ending import delete
    from synapse_core.cli.runs.finding import find_run, opened

    with opened(state, store) as session:
        return delete(session, find_run(session, run, store), store=store, **said)
