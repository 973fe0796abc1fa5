"""What was said before the command, and the session that is made of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from synapse_core.plugins import PluginManager
    from synapse_core.session import Session

F = TypeVar("F", bound=Callable[..., Any])


class State:
    """The options that all commands share."""

    def __init__(self) -> None:
        self.plugins: list[str] = []
        self.blocked: list[str] = []
        self.debug = False

    def session(self, store: str | None = None) -> Session:
        """A session with the plugins that were asked for, and the store of that URL; the default one if None.

        Raises:
            PluginError: a plugin that was named is broken.
            NotFoundError: there is no such store.
        """
        from synapse_core.cli.telling import Warnings
        from synapse_core.errors import NotFoundError
        from synapse_core.session import Session

        warnings = Warnings()
        warnings.listen()
        try:
            session = Session(store=store, plugins=self.plugins, block=self.blocked)
        except NotFoundError:
            require_given(self.manager())  # a broken one may be what was to bring it
            raise
        try:
            require_given(session.pm)
        except BaseException:
            session.close()
            raise
        warnings.release()
        return session

    def manager(self) -> PluginManager:
        """The plugins, without a session; broken ones are no error."""
        from synapse_core.plugins import PluginManager

        return PluginManager(plugins=self.plugins, block=self.blocked, on_problem=lambda _: None)


def require_given(pm: PluginManager) -> None:
    """Insist that the plugins that were named on the command line work.

    Raises:
        PluginError: one is broken.
    """
    from synapse_core.errors import PluginError

    for row in pm.rows():
        if row.source == "given" and row.status == "broken":
            # Modules are not looked for in the current folder, as targets are: its plugins are not everybody's.
            hint = f"there is a file {row.name}.py here: `synapse -p {row.name}.py`"
            here = Path(f"{row.name}.py").is_file() and f"No module named {row.name!r}" in str(row.error)
            raise PluginError(f"the plugin {row.name!r} cannot be used: {row.error}", hint=hint if here else None)


def debug_option(command: F) -> F:
    """Add ``--debug``, which may stand before the command's name and after it."""

    def note(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
        state = ctx.find_object(State)
        if wanted and state is not None:
            state.debug = True

    return click.option(
        "--debug", is_flag=True, is_eager=True, expose_value=False, callback=note, help="Show tracebacks of errors."
    )(command)


store_option = click.option(
    "--store",
    metavar="URL",
    help="Where runs are kept: sqlite:///FILE, or memory: for no longer than they run.  [default: SYNAPSE_STORE, else "
    "SQLite in your data folder where synapse-store is installed, else memory:]",
)
"""``--store URL``; None where it is not given."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def kept(command: F) -> F:
    """For commands that look into a store: ``--store`` and ``--debug``; they get the `State` first."""
    passed: Any = click.pass_obj(command)
    made: F = store_option(debug_option(passed))
    return made
