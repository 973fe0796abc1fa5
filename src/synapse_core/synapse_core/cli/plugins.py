"""``synapse plugins``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from synapse_core.cli.helping import epilog
from synapse_core.cli.state import State, debug_option, json_option

if TYPE_CHECKING:
    from synapse_core.plugins import PluginRow

_COLOURS = {"active": "green", "blocked": "yellow", "broken": "red"}


_EPILOG = epilog("""
Examples:
  synapse plugins
  synapse plugins --hook executors
  synapse -p no:jsonl plugins
  synapse --plugin my_sink.py plugins --json
""")


@click.command(epilog=_EPILOG)
@json_option
@click.option("--hook", metavar="NAME", help="Only plugins that implement this hook, in the order of calls.")
@debug_option
@click.pass_obj
def plugins(state: State, as_json: bool, hook: str | None) -> int:
    """List the plugins of Synapse itself, broken ones too.

    A plugin is active, blocked (`synapse -p no:NAME`, SYNAPSE_BLOCK), or broken: left out as a whole, with what is
    wrong. Names that two plugins offer are told as conflicts.
    """
    rows = state.manager().rows(hook)
    if as_json:
        from attrs import asdict

        from synapse_core.cli.tables import show_json

        show_json([asdict(row) for row in rows])
    else:
        _show(rows, tracebacks=state.debug)
    return 0


def _show(rows: list[PluginRow], *, tracebacks: bool) -> None:
    from synapse_core.cli.tables import show, table

    heads = ("NAME", "DISTRIBUTION", "VERSION", "STATUS", "HOOKS")
    lines = [(row.name, row.distribution or row.source, row.version or "-", row.status, _last(row)) for row in rows]
    show(table(heads, lines))
    for row in rows:
        for problem in (*([row.error] if row.error else ()), *row.conflicts, *row.problems):
            show(f"\n{click.style(row.name, fg=_COLOURS[row.status], bold=True)}: {problem}")
        if tracebacks and row.traceback:
            show(row.traceback.rstrip())


def _last(row: PluginRow) -> str:
    return ", ".join(hook.removeprefix("synapse_") for hook in row.hooks) or "-"
