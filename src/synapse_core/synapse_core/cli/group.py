"""`LazyGroup`: commands that are imported when they are called; and those that plugins bring."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click

from synapse_core.cli.state import State


class ReaderIsGone(Exception):  # noqa: N818  it is no error: ``| head`` has read enough
    """Nobody reads standard output any more."""


@contextmanager
def _reader_noticed() -> Iterator[None]:
    """Keep a broken pipe from click, which makes a failure of it."""
    try:
        yield
    except BrokenPipeError as error:
        raise ReaderIsGone from error


class LazyGroup(click.Group):
    """A group whose own commands stand in modules of a package, each under the command's name or as ``command``.

    Args:
        package: where the modules are.
        texts: by command, its short help: so much can be told without importing it.
        open_to_plugins: whether plugins may add commands.
    """

    def __init__(
        self, *args: Any, package: str, texts: Mapping[str, str], open_to_plugins: bool = True, **attrs: Any
    ) -> None:
        super().__init__(*args, **attrs)
        self._package = package
        self._texts = texts
        self._asked = not open_to_plugins

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """As of every group: parsing may print, too."""
        with _reader_noticed():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command.

        Raises:
            ReaderIsGone: what it printed was not wanted any more.
        """
        with _reader_noticed():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The built-in commands in their order, then those of plugins by name."""
        self._ask_plugins(ctx)
        return [*self._texts, *sorted(set(self.commands) - set(self._texts))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; a built-in one is imported, for any other the plugins are asked."""
        if cmd_name in self._texts:
            module = importlib.import_module(f"{self._package}.{cmd_name}")
            command: click.Command = getattr(module, "command", None) or getattr(module, cmd_name)
            return command
        self._ask_plugins(ctx)
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one was probably meant."""
        name = args[0]
        if not ctx.resilient_parsing and not name.startswith("-") and self.get_command(ctx, name) is None:
            from synapse_core.errors import unknown

            raise click.UsageError(unknown("command", name, self.list_commands(ctx)), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands, importing none."""
        limit = formatter.width - 6 - max(map(len, self.list_commands(ctx)))
        rows = [(name, self._short_help(name, limit)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def _short_help(self, name: str, limit: int) -> str:
        return self._texts.get(name) or self.commands[name].get_short_help_str(limit)

    def _ask_plugins(self, ctx: click.Context) -> None:
        """Let plugins add their commands, once; they cannot replace a built-in one."""
        if self._asked:
            return
        self._asked = True
        from synapse_core.cli.foreign import plugin_commands

        found = plugin_commands(ctx.ensure_object(State))
        self.commands.update({name: command for name, command in found.items() if name not in self._texts})
