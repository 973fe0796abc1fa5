"""`Calling`: the ways to call a hook, and what becomes of a plugin's failure in each."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from synapse_core.errors import NotFoundError, PluginError, SynapseError, unknown
from synapse_core.plugins.asking import Answer, Poll
from synapse_core.plugins.hooks import guilty
from synapse_core.plugins.info import PluginInfo, PluginProblem, full_traceback, one_line
from synapse_core.plugins.registry import Registry

MOST_PROBLEMS = 100
"""How many problems a manager remembers: a session may run for weeks beside a plugin that fails each time."""


class Calling:
    """Calls hooks and remembers which plugins failed.

    Args:
        on_problem: is told once of each problem.
    """

    def __init__(self, on_problem: Callable[[PluginProblem], object]) -> None:
        self._on_problem = on_problem
        # Sinks are reported from threads of their own.
        self._lock = threading.Lock()
        self._problems: deque[PluginProblem] = deque(maxlen=MOST_PROBLEMS)
        self._registry = Registry(self._tell)

    @property
    def hook(self) -> Any:
        """As in pluggy: ``pm.hook.synapse_sinks(run=run)``. The first exception ends the call and notes its plugin."""
        return self._registry.hooks.hook

    def each(self, hook: str, /, **kwargs: Any) -> list[Answer]:
        """Ask every plugin: who gave what, in the order of the calls.

        A plugin that raises, or gives an iterator that does, is reported and left out. Iterators come as lists.

        Raises:
            NotFoundError: there is no such hook.
        """
        return self._poll(hook, kwargs).all()

    def first(self, hook: str, /, **kwargs: Any) -> Any:
        """The first answer that is not None, or None.

        A `SynapseError` is an answer too: it is raised, with a note that names the plugin. A plugin that raises
        anything else is reported, and the next one asked.

        Raises:
            NotFoundError: there is no such hook.
        """
        return self._poll(hook, kwargs, passing=(SynapseError,)).first()

    def call(self, hook: str, /, **kwargs: Any) -> Any:
        """Call a hook as pluggy does: what it gives is what pluggy gives.

        Raises:
            NotFoundError: there is no such hook.
            PluginError: an implementation raised; the message names the plugin. A `SynapseError` stays what it is,
                with a note.
        """
        self._check_hook(hook)
        try:
            return getattr(self.hook, hook)(**kwargs)
        except SynapseError:
            raise
        except Exception as error:
            culprit = guilty(error, self._registry.hooks.implementations(hook))
            if culprit is None:
                raise
            plugin = self._registry.info(culprit.plugin_name)
            raise PluginError(str(PluginProblem(plugin, one_line(error), hook))) from error

    def implements(self, hook: str) -> bool:
        """Whether any plugin implements the hook."""
        caller = getattr(self.hook, hook, None)
        return caller is not None and bool(caller.get_hookimpls())

    @property
    def problems(self) -> tuple[PluginProblem, ...]:
        """What went wrong with plugins so far, each problem once, the oldest forgotten where there are many."""
        with self._lock:
            return tuple(self._problems)

    def report(self, plugin: str | PluginInfo, error: BaseException, hook: str | None = None) -> None:
        """Report that an object of a plugin failed, as a sink may long after the hook that handed it out."""
        info = plugin if isinstance(plugin, PluginInfo) else self._registry.info(plugin)
        self._tell(PluginProblem(info, one_line(error), hook, full_traceback(error)))

    # -- how -------------------------------------------------------------------------------------------------------

    def _poll(self, hook: str, kwargs: dict[str, Any], passing: tuple[type[BaseException], ...] = ()) -> Poll:
        self._check_hook(hook)
        spec = getattr(self.hook, hook).spec
        missing = [name for name in spec.argnames if name not in kwargs] if spec else None
        if missing:
            raise TypeError(f"hook {hook!r} is called without {', '.join(missing)}")
        return Poll(self._registry.hooks, hook, kwargs, self._tell, passing)

    def _check_hook(self, hook: str) -> None:
        if not hasattr(self.hook, hook):
            raise NotFoundError(unknown("hook", hook, vars(self.hook)))

    def _items(self, hook: str, fit: Callable[[Any], Any], **kwargs: Any) -> list[Answer]:
        """The single objects that plugins hand out; one that does not ``fit`` is reported and left out."""
        found = []
        for plugin, given in self.each(hook, **kwargs):
            for item in self._listed(hook, plugin, given):
                try:
                    found.append(Answer(plugin, fit(item)))
                except (Exception, SystemExit) as error:  # noqa: BLE001  looking at it runs the plugin's code
                    self.report(plugin, error, hook)
        return found

    def _listed(self, hook: str, plugin: PluginInfo, given: Any) -> list[Any]:
        try:
            return list(given)
        except (Exception, SystemExit) as error:  # noqa: BLE001  as above
            self.report(plugin, error, hook)
            return []

    def _tell(self, problem: PluginProblem) -> None:
        with self._lock:
            known = {(each.plugin.name, each.hook, each.error) for each in self._problems}
            if (problem.plugin.name, problem.hook, problem.error) in known:
                return
            self._problems.append(problem)
        self._on_problem(problem)
