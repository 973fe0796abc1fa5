"""``synapse config``."""

from __future__ import annotations

import click

from synapse_core.cli.complete import complete_target
from synapse_core.cli.helping import epilog
from synapse_core.cli.state import State, debug_option


@click.group()
def config() -> None:
    """Keep a plugin's config.yaml in step with its code."""


_EPILOG = epilog("""
Examples:
  synapse config sync examples/digits
  synapse config sync my_plugin --file deploy/config.yaml
""")


@config.command(epilog=_EPILOG)
@click.argument("target", shell_complete=complete_target)
@click.option("--file", metavar="FILE", help="The config file, where it does not stand in the plugin's folder.")
@debug_option
@click.pass_obj
def sync(state: State, target: str, file: str | None) -> int:
    """Write new actions, and what has changed, into config.yaml.

    TARGET is a plugin's folder, or a module. The code is read without importing it, as far as it says all that is
    needed. Comments and order of a file that was written by hand stay as they are, and nothing is taken out of it.
    """
    from pathlib import Path

    from synapse_core.cli.target import find_plugin
    from synapse_core.discovery import PluginDiscovery

    is_folder = Path(target).is_dir()
    plugin = PluginDiscovery.from_source(target) if is_folder else find_plugin(state.manager(), target)
    for problem in plugin.problems:
        from synapse_core.cli.telling import warn

        warn(problem)
    print(plugin.sync_config_file(file or plugin.root or "."))
    return 0
