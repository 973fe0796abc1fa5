"""``synapse runs recover``."""

from __future__ import annotations

from typing import Any

import click

from synapse_core.cli.helping import epilog
from synapse_core.cli.runs.options import complete_run, showing
from synapse_core.cli.state import State, kept

_EPILOG = epilog("""
Examples:
  synapse runs recover                    which runs could be taken up, and which not, and why
  synapse runs recover 01a1f3c49d2e
  synapse runs recover --all

Exit codes: as of `synapse run`; 3 where another engine has the run, or it has changed.
""")


@click.command("recover", epilog=_EPILOG)
@click.argument("run", required=False, shell_complete=complete_run)
@click.option("--all", "everything", is_flag=True, help="Go on with all that can be.")
@showing
@kept
def command(state: State, run: str | None, everything: bool, **said: Any) -> int:
    """Go on with a run whose engine is gone: the same run, here.

    What it has completed stays; an action that was running is attempted again, from the state it saved. Without RUN
    the unfinished runs are listed, with why one cannot be taken up.
    """
    from synapse_core.cli.runs.recovery import list_unfinished, recover

    if run is not None and everything:
        raise click.UsageError("name a run, or say --all")
    if run is None and not everything:
        return list_unfinished(state, said["store"], as_json=said["as_json"])
    return recover(state, run, **said)
