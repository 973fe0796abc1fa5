"""`Poll`: one call of a hook in which a plugin that fails is reported and left out, and the others are heard."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pluggy import HookImpl

from synapse_core.plugins.hooks import Hooks, guilty, note
from synapse_core.plugins.info import PluginInfo, PluginProblem, full_traceback, one_line

Report = Callable[[PluginProblem], object]


class Answer(NamedTuple):
    """What a plugin's implementation gave."""

    plugin: PluginInfo
    value: Any


class Poll:
    """A call of one hook; make one a call.

    Args:
        hooks: where the implementations are registered.
        hook: the name of the hook.
        kwargs: its arguments.
        report: is told of each plugin that failed.
        passing: exceptions that are raised all the same, with a note that names the plugin.
    """

    def __init__(
        self,
        hooks: Hooks,
        hook: str,
        kwargs: Mapping[str, Any],
        report: Report,
        passing: tuple[type[BaseException], ...] = (),
    ) -> None:
        self._hooks, self._hook, self._kwargs = hooks, hook, kwargs
        self._report, self._passing = report, passing
        self._asked = False
        self._passed: BaseException | None = None
        self._answers: list[Answer] = []
        self.problems: list[PluginProblem] = []

    def all(self) -> list[Answer]:
        """What each plugin gave, in the order of the calls; what a wrapper added is the wrapper's."""
        impls = self._hooks.implementations(self._hook)
        if any(map(_wraps, impls)):
            return self._owned(self._inside_wrappers(impls, firstresult=False), impls)
        for impl in reversed(impls):
            self._ask(impl)
        return self._answers

    def first(self) -> Any:
        """The first answer that is not None; None where no plugin has one."""
        impls = self._hooks.implementations(self._hook)
        if any(map(_wraps, impls)):
            return self._inside_wrappers(impls, firstresult=True)
        for impl in reversed(impls):
            value = self._ask(impl)
            if value is not None:
                return value
        return None

    def giver(self, value: Any) -> PluginInfo:
        """Who gave ``value``; what none of the answers is, is the outermost wrapper's."""
        owners = [answer.plugin for answer in self._answers if answer.value is value]
        return owners[0] if owners else self._info(self._hooks.implementations(self._hook)[-1])

    # -- one implementation ---------------------------------------------------------------------------------------

    def _ask(self, impl: HookImpl) -> Any:
        kwargs = self._kwargs
        given = [kwargs[name] for name in impl.argnames]
        return self._settle(impl, given, {name: kwargs[name] for name in impl.kwargnames if name in kwargs})

    def _settle(self, impl: HookImpl, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        self._asked = True
        try:
            value = _settled(impl.function(*args, **kwargs))
        except self._passing as error:
            self._passed = error
            note(error, self._hook, self._info(impl))
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001  whatever a plugin does wrong is told as its own
            self._blame(self._info(impl), error)
            return None
        if value is not None:
            self._answers.append(Answer(self._info(impl), value))
        return value

    def _info(self, impl: HookImpl) -> PluginInfo:
        return self._hooks.info_of(impl.plugin_name)

    def _blame(self, plugin: PluginInfo, error: BaseException) -> None:
        problem = PluginProblem(plugin, one_line(error), self._hook, full_traceback(error))
        self.problems.append(problem)
        self._report(problem)

    # -- wrappers -------------------------------------------------------------------------------------------------

    def _inside_wrappers(self, impls: list[HookImpl], firstresult: bool) -> Any:
        """Call through pluggy. A wrapper that raises before the others were asked is left out, and they are asked."""
        guarded = [impl if _wraps(impl) else self._guarded(impl) for impl in impls]
        wrappers = list(filter(_wraps, impls))
        while True:
            try:
                given = self._hooks.call(self._hook, guarded, self._kwargs, firstresult)
                return given if firstresult else list(given)
            except self._passing as error:
                if error is not self._passed:
                    note(error, self._hook, self._one_of(wrappers, error))
                raise
            except (Exception, SystemExit) as error:  # noqa: BLE001  as above
                self._blame(self._one_of(wrappers, error), error)
                culprit = guilty(error, wrappers)
                if self._asked or culprit is None:
                    return self._without_wrappers(firstresult)
                guarded.remove(culprit)

    def _one_of(self, wrappers: Sequence[HookImpl], error: BaseException) -> PluginInfo:
        """The wrapper that raised; any of them, where one has given what no hook may give."""
        culprit = guilty(error, wrappers)
        return self._info(culprit) if culprit else PluginInfo(" or ".join(impl.plugin_name for impl in wrappers))

    def _guarded(self, impl: HookImpl) -> HookImpl:
        # Through `wraps` pluggy sees the names of the arguments.
        @functools.wraps(impl.function)
        def ask(*args: Any, **kwargs: Any) -> Any:
            return self._settle(impl, args, kwargs)

        return HookImpl(impl.plugin, impl.plugin_name, ask, impl.opts)

    def _without_wrappers(self, firstresult: bool) -> Any:
        values = [answer.value for answer in self._answers]
        if not firstresult:
            return values
        return values[0] if values else None

    def _owned(self, values: Sequence[Any], impls: Sequence[HookImpl]) -> list[Answer]:
        outermost = self._info(impls[-1])
        unclaimed = list(self._answers)
        return [_claim(unclaimed, value) or Answer(outermost, value) for value in values]


def _wraps(impl: HookImpl) -> bool:
    return impl.wrapper or impl.hookwrapper


def _claim(unclaimed: list[Answer], value: Any) -> Answer | None:
    """The answer whose value this very object is; two plugins may give one object, so each is claimed once."""
    for index, answer in enumerate(unclaimed):
        if answer.value is value:
            return unclaimed.pop(index)
    return None


def _settled(value: Any) -> Any:
    """What a plugin gave, with nothing left to happen: iterators are read to the end here, where they are its own."""
    if isinstance(value, Iterator):
        return list(value)
    if hasattr(value, "__await__"):
        getattr(value, "close", bool)()
        raise TypeError("gave an awaitable; hooks are called and never awaited")
    return value
