"""`PluginManager`: the plugins of one session, found, checked and registered."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from synapse_core.errors import PluginError
from synapse_core.plugins.catalog import Catalog
from synapse_core.plugins.info import PluginInfo, PluginProblem, PluginRow, log_problem
from synapse_core.plugins.rows import rows
from synapse_core.plugins.sources import BUILTINS, Found, blocked_names, find, from_given, is_blocked


class PluginManager(Catalog):
    """The plugins of one session.

    Plugins are found when the manager is made. One that cannot be loaded, or breaks the rules of the hooks, is left
    out as a whole, reported, and has a row that says why; the others work.

    Args:
        plugins: plugins given by hand: objects, names of modules, ``pkg.mod:obj``, or paths of a ``file.py``.
        block: names of plugins, or of the distributions they come with, to keep out; ``SYNAPSE_BLOCK`` has more.
            A blocked plugin is never imported.
        entry_points: whether to look for installed plugins (entry points in the group ``synapse``).
        builtins: the built-in plugins, by name and module.
        on_problem: is told once of each thing that goes wrong with a plugin; the default logs a warning.
    """

    def __init__(
        self,
        *,
        plugins: Iterable[object] = (),
        block: Iterable[str] = (),
        entry_points: bool = True,
        builtins: Iterable[tuple[str, str]] = BUILTINS,
        on_problem: Callable[[PluginProblem], object] = log_problem,
    ) -> None:
        super().__init__(on_problem)
        self._blocked = blocked_names(block)
        for found in find(builtins, entry_points, plugins):
            self._take(found)
        self._registry.settle()

    def register(self, plugin: object, name: str | None = None) -> PluginInfo:
        """Add a plugin to those that there are; one that is blocked stays out.

        Raises:
            PluginError: it cannot be loaded or breaks the rules of the hooks; nothing of it is registered.
        """
        found = self._registry.own_name(from_given(plugin, name))
        self._take(found)
        self._registry.settle()
        self._forget_offers()
        record = self._registry.records.get(found.info.name)
        if record is not None and record.status == "broken":
            raise PluginError(f"{record.info} is broken: {record.error}")
        return found.info

    def rows(self, hook: str | None = None) -> list[PluginRow]:
        """Every plugin found, in the order of registration; or those that implement ``hook``, in the order of calls.

        The hook's name may be written without its ``synapse_``.

        Raises:
            NotFoundError: there is no such hook.
        """
        if hook is not None:
            hook = f"synapse_{hook}" if hasattr(self.hook, f"synapse_{hook}") else hook
            self._check_hook(hook)
        kinds = (self._executors(), self._stores(), self._types())
        return rows(self._registry, kinds, self.problems, hook)

    def _take(self, found: Found) -> None:
        if is_blocked(found.info, self._blocked):
            self._registry.block(found.info)
        else:
            self._registry.take(found)
