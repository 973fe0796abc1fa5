"""Help: complete, quick, and with the commands that plugins bring."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from synapse_core.cli.app import COMMANDS, app
from tests.core.cli.helpers import Here

HEAVY = ("rich", "cattrs", "ruamel", "asyncio", "attrs", "attr", "pluggy", "importlib.metadata", "logging")

COMMAND_PLUGIN = """
    import click
    from synapse_core import hookimpl

    @click.command()
    @click.argument("name")
    def greet(name):
        '''Say hello.'''
        print(f"hello {name}")

    @click.command()
    def run():
        '''Not the run you know.'''

    @hookimpl
    def synapse_cli(group):
        group.add_command(greet)
        group.add_command(run)
"""


def test_help_names_every_command(here: Here) -> None:
    """Each command with what it does; the exit codes; the same for -h."""
    done = here.synapse("--help")
    assert (done.code, done.err) == (0, "")
    for name, text in COMMANDS.items():
        assert f"  {name:<12}{text}" in done.out
    assert "130  cancelled by Ctrl-C" in done.out
    assert here.synapse("-h") == done


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_what_each_command_says_of_itself(name: str) -> None:
    """The short help that is kept beside the names, so that none is imported, is each command's own."""
    command = app.get_command(click.Context(app), name)
    assert command is not None
    assert command.name == name
    assert command.get_short_help_str(200) == COMMANDS[name]


def _commands(command: click.Command, path: str) -> list[tuple[str, click.Command]]:
    """The commands that come with the core, those of groups too."""
    if not isinstance(command, click.Group):
        return [(path, command)]
    ctx = click.Context(command)
    names = COMMANDS if command is app else command.list_commands(ctx)
    inner = [(name, command.get_command(ctx, name)) for name in names]
    return [found for name, each in inner if each is not None for found in _commands(each, f"{path} {name}")]


@pytest.mark.parametrize(("path", "command"), _commands(app, "synapse"))
def test_every_command_has_examples_and_explains_each_option(path: str, command: click.Command) -> None:
    """Help has examples that begin with the command itself, and no option without a word."""
    text = command.get_help(click.Context(command, info_name=path))
    assert f"\n  Examples:\n    {path}" in text
    for param in command.params:
        assert not isinstance(param, click.Option) or param.help


def test_help_loads_nothing_heavy() -> None:
    """Where no plugin brings commands, neither help nor the version needs more than click."""
    for args in (["--help"], ["run", "--help"], ["--version"]):
        code = (
            "import sys; before = set(sys.modules); from synapse_core.cli import foreign, main;"
            f"foreign.installed_plugins = lambda: iter(()); main({args!r});"
            f"print([m for m in {HEAVY!r} if m in set(sys.modules) - before], file=sys.stderr)"
        )
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
        assert done.stderr == "[]\n"


def test_the_version(here: Here) -> None:
    """``synapse --version`` says which one it is."""
    from synapse_core import __version__

    assert here.synapse("--version") == (0, f"synapse {__version__}\n", "")


@pytest.mark.parametrize("group", [(), ("runs",), ("config",)])
def test_a_group_without_a_command_shows_its_help(here: Here, group: tuple[str, ...]) -> None:
    """It is no error to be explained: the help stands there as ``--help`` gives it, on standard error."""
    done = here.synapse(*group)
    assert (done.code, done.out) == (2, "")
    assert done.err == here.synapse(*group, "--help").out


def test_an_unknown_command_is_guessed(here: Here) -> None:
    """Did you mean …, exit code 2."""
    done = here.synapse("grpah", "x")
    assert (done.code, done.out) == (2, "")
    assert "no command 'grpah'; did you mean 'graph'?" in done.err
    assert here.synapse("config", "sink").code == 2


def test_a_plugin_brings_a_command(here: Here) -> None:
    """A plugin's command is in the help and can be called; it cannot take a built-in one's place."""
    here.write("greeting.py", COMMAND_PLUGIN)
    done = here.synapse("--plugin", "greeting.py", "--help")
    assert "  greet       Say hello." in done.out
    assert COMMANDS["run"] in done.out
    assert here.synapse("--plugin", "greeting.py", "greet", "you") == (0, "hello you\n", "")
    assert "Not the run" not in here.synapse("--plugin", "greeting.py", "run", "--help").out


def _install(here: Here, name: str, module: str) -> dict[str, str]:
    """A distribution with a plugin, as an installer leaves it; the environment in which it is found."""
    here.write(f"site/{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    here.write(
        f"site/{name}-1.0.dist-info/entry_points.txt", f"[console_scripts]\nx = y\n\n[synapse]\n{name} = {name}\n"
    )
    here.write(f"site/{name}.py", module)
    return {"PYTHONPATH": str(here.folder / "site")}


def test_an_installed_plugin_brings_a_command(here: Here) -> None:
    """It is found without a word on the command line; blocking it takes it away."""
    env = _install(here, "greeting", COMMAND_PLUGIN)
    assert "  greet       Say hello." in here.synapse("--help", env=env).out
    assert here.synapse("greet", "you", env=env).out == "hello you\n"
    assert "greet " not in here.synapse("-p", "no:greeting", "--help", env=env).out
    assert here.synapse("-p", "no:greeting", "greet", "you", env=env).code == 2


def test_a_broken_plugin_does_not_take_the_help_away(here: Here) -> None:
    """One that cannot be imported, and one whose hook raises, leave the rest as it is."""
    env = _install(here, "broken", "synapse_cli = 1 / 0")
    done = here.synapse("--help", env=env)
    assert done.code == 0
    assert "Run a pipeline" in done.out
    env = _install(
        here, "raising", "from synapse_core import hookimpl\n@hookimpl\ndef synapse_cli(group):\n    1 / 0\n"
    )
    done = here.synapse("--help", env=env)
    assert done.code == 0
    assert "Run a pipeline" in done.out
    assert "raising" in done.err
    assert "ZeroDivisionError" in done.err


def test_a_plugin_without_commands_is_not_imported_for_help(here: Here) -> None:
    """What does not mention the hook is not loaded."""
    env = _install(here, "quiet", f"open({str(here.folder / 'loaded')!r}, 'w')")
    assert here.synapse("--help", env=env).code == 0
    assert not (here.folder / "loaded").exists()
    here.synapse("plugins", env=env)
    assert Path(here.folder / "loaded").exists()
