"""``synapse completion``."""

from __future__ import annotations

import click

from synapse_core.cli.helping import epilog
from synapse_core.cli.state import debug_option

_SHELLS = ("bash", "zsh", "fish")


_EPILOG = epilog("""
Examples:
  synapse completion bash > ~/.local/share/bash-completion/completions/synapse
  synapse completion zsh > ~/.zfunc/_synapse          # a folder that is in $fpath
  synapse completion fish > ~/.config/fish/completions/synapse.fish
""")


@click.command(epilog=_EPILOG)
@click.argument("shell", type=click.Choice(_SHELLS))
@debug_option
def completion(shell: str) -> int:
    """Print what makes a shell complete this command.

    Commands, options, targets, their actions, and executors are completed.
    """
    from click.shell_completion import get_completion_class

    from synapse_core.cli.app import app

    kind = get_completion_class(shell)
    assert kind is not None  # the choice above are those that click knows
    print(kind(app, {}, "synapse", "_SYNAPSE_COMPLETE").source())
    return 0
