"""``KEY=VALUE``, as it is typed."""

from __future__ import annotations

from collections.abc import Sequence

import click


def key_values(ctx: click.Context, param: click.Parameter, words: Sequence[str]) -> Sequence[str]:
    """See that each of the words is a pair; for options."""
    for word in words:
        if not word.partition("=")[1] or word.startswith("="):
            command = ctx.command_path.split()[1:2]
            hint = f" (to choose plugins, put -p before `{command[0]}`)" if word.startswith("no:") and command else ""
            raise click.BadParameter(f"{word!r} is not key=value{hint}", param=param)
    return words
