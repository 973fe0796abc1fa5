"""Options of executors that the command line has as flags of their own: ``--ray-address``."""

from __future__ import annotations

from typing import Any

import click

from synapse_core.cli.state import State

_FLAGS = "synapse.flags"
_SAID = "synapse.flags.said"


class WithFlags(click.Command):
    """A command with ``-o KEY=VALUE``, called ``options``, that knows the flags of executors too.

    The plugins are asked for them only when something is typed that the command itself does not know, and for help.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse, with the plugins' flags where they are wanted."""
        if not ctx.resilient_parsing and self._wanted(args):
            known = {param.name for param in self.params}
            ctx.meta[_FLAGS] = [flag for flag in _flags(ctx) if flag.name not in known]
        return super().parse_args(ctx, args)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's own, and the flags behind ``-o``."""
        own = super().get_params(ctx)
        behind = next(index for index, param in enumerate(own, 1) if param.name == "options")
        return [*own[:behind], *ctx.meta.get(_FLAGS, ()), *own[behind:]]

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; what the flags said stands among the options."""
        if "options" in ctx.params:
            ctx.params["options"] = (*ctx.params["options"], *ctx.meta.get(_SAID, ()))
        return super().invoke(ctx)

    def _wanted(self, args: list[str]) -> bool:
        known = {name for param in self.params for name in (*param.opts, *param.secondary_opts)}
        typed = {arg.partition("=")[0] for arg in args if arg.startswith("--") and arg != "--"}
        return bool(typed - known)


def _flags(ctx: click.Context) -> list[click.Option]:
    from synapse_core.cli.foreign import speaking_of

    pm = speaking_of(b"flags=", ctx.find_object(State) or State())
    found: dict[str, click.Option] = {}
    for offer in pm.executors() if pm is not None else ():
        for option, text in offer.flags.items():
            found.setdefault(option, _flag(option, text))
    return list(found.values())


def _flag(option: str, text: str) -> click.Option:
    def note(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
        if value is not None:
            ctx.meta.setdefault(_SAID, []).append(f"{option}={value}")

    name = f"--{option.replace('_', '-')}"
    return click.Option(
        [name], metavar="VALUE", expose_value=False, callback=note, help=f"As -o {option}=VALUE: {text}."
    )
