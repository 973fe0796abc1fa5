"""``synapse actions``."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import click

from synapse_core.cli.complete import complete_action, complete_target
from synapse_core.cli.helping import epilog
from synapse_core.cli.state import State, debug_option, json_option

_EPILOG = epilog("""
Examples:
  synapse actions examples/digits
  synapse actions examples/digits train-wide
  synapse actions my_plugin train --schema > train.schema.json
  synapse actions my_plugin --json | jq '.actions[].name'
""")


@click.command(epilog=_EPILOG)
@click.argument("target", required=False, shell_complete=complete_target)
@click.argument("action", required=False, shell_complete=complete_action)
@json_option
@click.option("--schema", is_flag=True, help="Print the JSON Schema of ACTION's params.")
@click.option("--ui", is_flag=True, help="Print the form (FormKit nodes) for ACTION's params.")
@debug_option
@click.pass_obj
def actions(state: State, /, target: str | None, action: str | None, **how: Any) -> int:
    """List the actions of a plugin, or show one.

    TARGET is a plugin's folder, a file.py, a module or an installed plugin; without one the actions of all installed
    plugins are listed. Actions that cannot be loaded are listed with what is wrong.
    """
    from synapse_core.builtin.console.output import kept_apart
    from synapse_core.cli.listing import list_actions

    if action is None and (how["schema"] or how["ui"]):
        raise click.UsageError("--schema and --ui are for one action: name it")
    with kept_apart() if any(how.values()) else nullcontext():
        return list_actions(state, target, action, **how)
