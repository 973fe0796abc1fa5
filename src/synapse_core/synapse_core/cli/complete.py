"""What the shell offers for the words of a command line. A completion that cannot be had is none, never an error."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

import click
from click.shell_completion import CompletionItem

from synapse_core.cli.state import State


def complete_target(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Files and folders, and installed plugins that bring actions."""
    names: Iterable[str] = ()
    with contextlib.suppress(Exception):
        names = {spec.plugin for spec in _state(ctx).manager().actions()}
    return [CompletionItem(incomplete, type="file"), *_beginning(names, incomplete)]


def complete_action(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The actions and pipelines of the target that stands before."""
    with contextlib.suppress(Exception):
        from synapse_core.cli.target import find_plugin

        plugin = find_plugin(_state(ctx).manager(), ctx.params["target"])
        return _beginning([*plugin.list_actions(), *plugin.list_pipelines()], incomplete)
    return []


def complete_executor(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The executors that there are."""
    with contextlib.suppress(Exception):
        offers = _state(ctx).manager().executors()
        return [CompletionItem(o.name, help=o.help) for o in offers if o.name.startswith(incomplete)]
    return []


def _beginning(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete)]


def _state(ctx: click.Context) -> State:
    return ctx.find_object(State) or State()
