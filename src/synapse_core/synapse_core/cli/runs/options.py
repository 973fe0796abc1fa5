"""What the commands have in common: RUN, ``--action``, ``--since``, how a run is shown."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from synapse_core.cli.complete import complete_executor
from synapse_core.cli.pairs import key_values
from synapse_core.cli.state import State, kept

F = TypeVar("F", bound=Callable[..., Any])


def complete_run(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The newest runs, and ``last``; none where the store cannot be had."""
    found = [CompletionItem("last", help="the newest")] if "last".startswith(incomplete) else []
    with contextlib.suppress(Exception):
        state = ctx.find_object(State) or State()
        with state.session(ctx.params.get("store")) as session:
            before = f"{incomplete}~" if incomplete else None
            runs = session.call(session.store.list_runs(limit=20, before=before))
        found += [CompletionItem(r.id, help=f"{r.name} {r.status}") for r in runs if r.id.startswith(incomplete)]
    return found


def of_run(command: F) -> F:
    """As `kept`, for commands about one run: ``RUN`` is called ``run``."""
    return click.argument("run", metavar="RUN", shell_complete=complete_run)(kept(command))


json_lines_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, a line each.")
action_option = click.option("--action", metavar="ACTION", help="Only of this action, its instances included.")
follow_option = click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended.")


def _since(_ctx: click.Context, _param: click.Parameter, text: str | None) -> datetime | None:
    from synapse_core.cli.runs.times import parse_since

    if text is None:
        return None
    try:
        return parse_since(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no time; write 30m, 2h, 7d, 2026-11-20 or 2026-11-20T15:30") from None


since_option = click.option("--since", callback=_since, metavar="TIME", help="No older than 2h, or 2026-11-20.")


def showing(command: F) -> F:
    """For commands that run something: how it is shown."""
    for option in (
        click.option("-q", "--quiet", is_flag=True, help="Show nothing but the result, as JSON."),
        click.option("--json", "as_json", is_flag=True, help="Write each event as a line of JSON, and nothing else."),
        click.option("--watch/--no-watch", default=None, help="Redraw the run's picture, or write lines."),
    ):
        command = option(command)
    return command


def taking_up(command: F) -> F:
    """For commands that make a new run of an old one: with what, where, and how it is shown."""
    for option in (
        showing,
        click.option(
            "--plan", "plan_only", is_flag=True, help="Say what would be reused or run, and why; run nothing."
        ),
        click.option(
            "-o", "options", multiple=True, callback=key_values, metavar="KEY=VALUE", help="An option for it."
        ),
        click.option(
            "-e", "--executor", shell_complete=complete_executor, metavar="NAME", help="Where actions run; as before."
        ),
        click.option("--target", metavar="TARGET", help="Where to load the pipeline from, if it has moved."),
        click.option("--params", "file", metavar="FILE", help="Params from a JSON, YAML or TOML file; - is stdin."),
        click.option(
            "-p",
            "--param",
            "pairs",
            multiple=True,
            callback=key_values,
            metavar="KEY=VALUE",
            help="A param. Repeatable.",
        ),
    ):
        command = option(command)
    return command
