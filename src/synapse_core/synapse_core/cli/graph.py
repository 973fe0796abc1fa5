"""``synapse graph``."""

from __future__ import annotations

import click

from synapse_core.cli.complete import complete_action, complete_target
from synapse_core.cli.helping import epilog
from synapse_core.cli.state import State, debug_option

_EPILOG = epilog("""
Examples:
  synapse graph examples/digits
  synapse graph flow.py:pipeline --format mermaid > flow.mmd
""")


@click.command(epilog=_EPILOG)
@click.argument("target", shell_complete=complete_target)
@click.argument("pipeline", required=False, shell_complete=complete_action)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "mermaid"]),
    default="text",
    show_default=True,
    help="How to draw it.",
)
@debug_option
@click.pass_obj
def graph(state: State, target: str, pipeline: str | None, form: str) -> int:
    """Draw a pipeline.

    TARGET is as for `synapse run`; PIPELINE is one of its pipelines. Mermaid text can be put into Markdown as it is.
    """
    import shutil

    from synapse_core.builtin.console.output import kept_apart
    from synapse_core.cli.state import require_given
    from synapse_core.cli.target import find_target

    with kept_apart():
        pm = state.manager()
        require_given(pm)
        found = find_target(pm, target, pipeline).graph
    drawn = (
        found.graph("mermaid") if form == "mermaid" else found.graph(width=shutil.get_terminal_size((100, 24)).columns)
    )
    print(drawn)
    return 0
