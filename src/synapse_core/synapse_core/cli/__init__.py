"""The command ``synapse``. What a command needs is imported when it runs, so that ``synapse --help`` is quick."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["main"]


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code is one of `synapse_core.cli.codes`.

    Args:
        args: what follows ``synapse``; those of this process if None.
    """
    from synapse_core.cli.app import run_app

    return run_app(args)
