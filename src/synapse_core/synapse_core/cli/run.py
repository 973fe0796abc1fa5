"""``synapse run``."""

from __future__ import annotations

from typing import Any

import click

from synapse_core.cli.complete import complete_action, complete_executor, complete_target
from synapse_core.cli.flags import WithFlags
from synapse_core.cli.helping import epilog
from synapse_core.cli.pairs import key_values
from synapse_core.cli.state import State, debug_option, store_option

_EPILOG = epilog("""
Examples:
  synapse run examples/digits
  synapse run examples/digits -p epochs=10 -p seed=1
  synapse run flow.py:pipeline --params params.yaml -p model.depth=3
  synapse run my_plugin train -p 'layers=[64, 32]' --executor process -o workers=2
  synapse run my_plugin train -q | jq .accuracy
  synapse run my_plugin --json | grep action.failed

Exit codes: 0 completed, 1 failed, 2 wrong command, target or params, 3 store trouble,
130 Ctrl-C, 143 SIGTERM.
""")


@click.command(cls=WithFlags, epilog=_EPILOG)
@click.argument("target", shell_complete=complete_target)
@click.argument("action", required=False, shell_complete=complete_action)
@click.option(
    "-p",
    "--param",
    "pairs",
    multiple=True,
    callback=key_values,
    metavar="KEY=VALUE",
    help="A param, read as the type that the action wants; model.depth=3 reaches inside. Repeatable.",
)
@click.option("--params", "file", metavar="FILE", help="Params from a JSON, YAML or TOML file; - is standard input.")
@click.option(
    "-e",
    "--executor",
    default="local",
    show_default=True,
    shell_complete=complete_executor,
    metavar="NAME",
    help="Where actions run: local (threads), process (a process each), or what a plugin brings.",
)
@click.option(
    "-o", "options", multiple=True, callback=key_values, metavar="KEY=VALUE", help="An option for the executor."
)
@click.option(
    "--watch/--no-watch",
    default=None,
    help="Redraw the run's picture, or write lines. By default redraw where there is a terminal.",
)
@click.option("--json", "as_json", is_flag=True, help="Write each event as a line of JSON, and nothing else.")
@click.option("-q", "--quiet", is_flag=True, help="Show nothing but the result, as JSON.")
@store_option
@click.option("--name", metavar="NAME", help="What the run is called; as its pipeline, by default.")
@click.option("--strict", is_flag=True, help="A result that does not fit its model, or types that do not, are errors.")
@click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="Cancel the run after that time."
)
@click.option(
    "--detach", is_flag=True, help="Print the run's id and go; for executors that run the whole pipeline elsewhere."
)
@debug_option
@click.pass_obj
def run(state: State, /, **said: Any) -> int:
    """Run a pipeline or one action, and watch it.

    TARGET is a plugin's folder, a module, a file.py, an installed plugin, or a pipeline in one of them: FILE.py:NAME,
    MODULE:NAME, FOLDER:NAME. ACTION is an action or a pipeline in it; without one its pipeline is run, or its only
    action.

    The result is printed at the end, as JSON. Ctrl-C cancels the run, and gives its actions five seconds to clean up;
    once more ends them at once.
    """
    from synapse_core.cli.running import Order, carry_out

    return carry_out(state, Order.of(**said))
