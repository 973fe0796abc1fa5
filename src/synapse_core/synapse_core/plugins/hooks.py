"""`Hooks`: pluggy's manager, which also says whose implementation raised."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import CodeType, FrameType
from typing import Any

import pluggy
from pluggy import HookImpl

from synapse_core import hookspecs
from synapse_core.errors import SynapseError
from synapse_core.hookspecs import PROJECT
from synapse_core.plugins.info import PluginInfo


class Hooks(pluggy.PluginManager):
    """The hooks of the core and of plugins, with their implementations: what plugins see as ``pm``.

    An exception that leaves a hook call has a note that names the hook and the plugin.

    Args:
        info_of: what is known of the plugin that is registered under a name.
        vet_specs: is shown each module or class of specifications before it is added.
        adopt: is shown the name and object of each plugin once it is registered.
    """

    def __init__(
        self,
        info_of: Callable[[str], PluginInfo],
        vet_specs: Callable[[Any], None],
        adopt: Callable[[str, object], None],
    ) -> None:
        super().__init__(PROJECT)
        super().add_hookspecs(hookspecs)
        self.info_of = info_of
        self._vet_specs = vet_specs
        self._adopt = adopt

    def register(self, plugin: object, name: str | None = None) -> str | None:
        """Register a plugin; return its name.

        Raises:
            ValueError: it is registered already, or its name is taken.
            pluggy.PluginValidationError: it does not implement its hooks as they are specified.
        """
        registered = super().register(plugin, name)
        if registered is not None:
            self._adopt(registered, plugin)
        return registered

    def add_hookspecs(self, module_or_class: Any) -> None:
        """Add the hook specifications in a module or class.

        Raises:
            ValueError: it has none, or one of them is there already.
        """
        self._vet_specs(module_or_class)
        super().add_hookspecs(module_or_class)

    def implementations(self, hook: str) -> list[HookImpl]:
        """The implementations of a hook in the order in which pluggy keeps them: the last is called first."""
        impls: list[HookImpl] = getattr(self.hook, hook).get_hookimpls()
        return impls

    def call(self, hook: str, impls: Sequence[HookImpl], kwargs: Mapping[str, Any], firstresult: bool) -> Any:
        """Call ``impls`` as pluggy calls the implementations of a hook."""
        return super()._hookexec(hook, impls, kwargs, firstresult)

    def _hookexec(
        self, hook_name: str, methods: Sequence[HookImpl], kwargs: Mapping[str, object], firstresult: bool
    ) -> Any:
        try:
            return super()._hookexec(hook_name, methods, kwargs, firstresult)
        except Exception as error:
            culprit = guilty(error, methods)
            if culprit is not None:
                note(error, hook_name, self.info_of(culprit.plugin_name))
            raise


def note(error: BaseException, hook: str, plugin: PluginInfo) -> None:
    """Have the exception say whose it is, once; what a built-in plugin raises on purpose says it all by itself."""
    text = f"in hook {hook!r} of {plugin}"
    if plugin.source == "builtin" and isinstance(error, SynapseError):
        return
    if text not in getattr(error, "__notes__", ()):
        error.add_note(text)


def guilty(error: BaseException, impls: Sequence[HookImpl]) -> HookImpl | None:
    """The implementation that raised: the innermost in the traceback, since wrappers stand around the others."""
    found, trace = None, error.__traceback__
    while trace is not None:
        found = _running(trace.tb_frame, impls) or found
        trace = trace.tb_next
    return found


def _running(frame: FrameType, impls: Sequence[HookImpl]) -> HookImpl | None:
    codes = {frame.f_code, _stopped_wrapper(frame)}
    found = [impl for impl in impls if getattr(impl.function, "__code__", None) in codes]
    if len(found) > 1:
        # Instances of one class share their code; they differ in self.
        own = [impl for impl in found if getattr(impl.function, "__self__", None) is _first_argument(frame)]
        found = own or found
    return found[0] if found else None


def _stopped_wrapper(frame: FrameType) -> CodeType | None:
    """The code of the wrapper that pluggy is complaining of (no yield, or two): it is not in the traceback itself."""
    if frame.f_globals.get("__name__", "").partition(".")[0] != "pluggy":
        return None
    code: CodeType | None = getattr(frame.f_locals.get("wrap_controller"), "gi_code", None)
    return code


def _first_argument(frame: FrameType) -> Any:
    names = frame.f_code.co_varnames
    return frame.f_locals.get(names[0]) if names else None
