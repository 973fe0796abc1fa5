"""``synapse`` itself: what stands before the command, and the way out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from synapse_core.cli.codes import MEANINGS
from synapse_core.cli.group import LazyGroup
from synapse_core.cli.helping import epilog
from synapse_core.cli.state import State, debug_option

# By command: the module that defines it under that name (``-`` is ``_`` there), and what `synapse --help` says of it.
COMMANDS = {
    "run": "Run a pipeline or one action, and watch it.",
    "runs": "List runs, look at them, cancel and take up again.",
    "actions": "List the actions of a plugin, or show one.",
    "graph": "Draw a pipeline.",
    "plugins": "List the plugins of Synapse itself, broken ones too.",
    "config": "Keep a plugin's config.yaml in step with its code.",
    "clean": "Remove the folders of old runs.",
    "completion": "Print what makes a shell complete this command.",
}

_EXAMPLES = """
Examples:
  synapse run examples/digits                  run a plugin's pipeline and watch it
  synapse run my_plugin train -p epochs=5      run one action
  synapse run flow.py:pipeline --json          a pipeline of a file, its events as JSON lines
  synapse actions my_plugin                    what it has, and which params they take
  synapse COMMAND --help                       all about a command, with examples

Exit codes:
"""

EPILOG = epilog(_EXAMPLES + "\n".join(f"  {code:>3}  {meaning}" for code, meaning in MEANINGS.items()))


def _version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted:
        from synapse_core import __version__

        click.echo(f"synapse {__version__}")
        ctx.exit()


def _plugin_words(ctx: click.Context, _param: click.Parameter, words: Sequence[str]) -> None:
    state = ctx.ensure_object(State)
    state.blocked += [word.removeprefix("no:") for word in words if word.startswith("no:")]
    state.plugins += [word for word in words if not word.startswith("no:")]


@click.group(
    "synapse",
    cls=LazyGroup,
    package="synapse_core.cli",
    texts=COMMANDS,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "-p",
    "--plugin",
    "plugins",
    multiple=True,
    is_eager=True,
    expose_value=False,
    callback=_plugin_words,
    metavar="NAME",
    help="Load a plugin: a module or a file.py. no:NAME blocks an installed one. Repeatable.",
)
@debug_option
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version and exit."
)
def app() -> None:
    """Typed actions in plugins, chained in pipelines, run here or on a cluster."""


def run_app(args: Sequence[str] | None, state: State | None = None) -> int:
    """See `synapse_core.cli.main`; ``state`` is what is said beside ``args``."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # what the terminal's encoding lacks must not end the program
            stream.reconfigure(errors="backslashreplace")
    state = state or State()
    try:
        code: Any = app.main(args, prog_name="synapse", standalone_mode=False, obj=state)
    except BaseException as error:  # noqa: BLE001  the way out: whatever it is becomes words and an exit code
        from synapse_core.cli.failing import explain

        return explain(error, debug=state.debug)
    return code if isinstance(code, int) else 0
