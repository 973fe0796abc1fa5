"""`Registry`: which plugins there are, in what state, and their implementations in pluggy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define

from synapse_core.errors import PluginError, unknown
from synapse_core.plugins.hooks import Hooks
from synapse_core.plugins.info import PluginInfo, PluginProblem, Status, full_traceback, one_line
from synapse_core.plugins.loading import ref_of
from synapse_core.plugins.rules import Implementation, Spec, faults, fit_faults, specs_in
from synapse_core.plugins.sources import Found, with_own_name


@define
class Record:
    """One plugin's state; ``plugin`` is the loaded object of an active one."""

    info: PluginInfo
    status: Status
    plugin: Any = None
    error: str | None = None
    traceback: str = ""


class Registry:
    """Loads plugins and registers them, each by itself: what is wrong with one is told of it and harms no other."""

    def __init__(self, report: Callable[[PluginProblem], object]) -> None:
        self.records: dict[str, Record] = {}
        self.hooks = Hooks(self.info, self._vet_specs, self._adopt)
        self._report = report
        self._specs: dict[str, list[str]] = {}
        self._children: dict[str, list[str]] = {}
        self._adding: PluginInfo | None = None
        self.hooks.hook.synapse_add_hooks.call_historic(kwargs={"pm": self.hooks})

    def info(self, name: str) -> PluginInfo:
        """What is known of the plugin of that name."""
        return self.records[name].info if name in self.records else PluginInfo(name)

    def active(self) -> list[Record]:
        """The active plugins, in the order of registration."""
        return [record for record in self.records.values() if record.status == "active"]

    def own_name(self, found: Found) -> Found:
        """The plugin under a name that no other has."""
        return with_own_name(found, set(self.records))

    def block(self, info: PluginInfo) -> None:
        """Keep a plugin out; nothing of it was loaded."""
        self.records[info.name] = Record(info, "blocked")

    def take(self, found: Found) -> None:
        """Load a plugin and register it; broken is what cannot be."""
        record = self.records[found.info.name] = Record(found.info, "active")
        try:
            record.plugin = found.load()
            self._register(record)
        except KeyboardInterrupt:
            self._forget(record)
            del self.records[found.info.name]
            raise
        except BaseException as error:  # noqa: BLE001  SystemExit, and what extension modules panic with, too
            self._break(record, one_line(error), full_traceback(error))

    def settle(self) -> None:
        """Reject the plugins that implement hooks which nobody has specified, now that all are there."""
        while unsettled := self._unspecified():
            for name, errors in unsettled.items():
                self._break(self.records[name], "; ".join(errors))

    def hooks_of(self, record: Record) -> tuple[str, ...]:
        """The names of the hooks that an active plugin implements."""
        callers = vars(self.hooks.hook).values()
        return tuple(
            caller.name
            for caller in callers
            if any(impl.plugin_name == record.info.name for impl in caller.get_hookimpls())
        )

    # -- registering and rejecting --------------------------------------------------------------------------------

    def _register(self, record: Record) -> None:
        if record.plugin is None:
            raise PluginError("it is None; a plugin is a module or an object")
        if any(each.plugin is record.plugin for each in self.records.values() if each is not record):
            # Given by hand and installed too: once is enough.
            del self.records[record.info.name]
            return
        wrong = faults(self.hooks, record.plugin)
        if wrong:
            self._break(record, "; ".join(wrong))
            return
        self._adding = record.info
        try:
            self.hooks.register(record.plugin, record.info.name)
        finally:
            self._adding = None

    def _break(self, record: Record, error: str, traceback: str = "") -> None:
        self._forget(record)
        record.status, record.error, record.traceback = "broken", error, traceback
        self._report(PluginProblem(record.info, error, traceback=traceback))

    def _forget(self, record: Record) -> None:
        """Leave nothing of a plugin registered, its hook specifications neither."""
        if self.hooks.has_plugin(record.info.name):
            self.hooks.unregister(name=record.info.name)
        record.plugin = None
        for hook in self._specs.pop(record.info.name, ()):
            if self._has_spec(hook):
                getattr(self.hooks.hook, hook).spec = None
        for child in self._children.pop(record.info.name, ()):
            self._forget(self.records.pop(child))

    def _adopt(self, name: str, plugin: object) -> None:
        """Know a plugin that another registers by itself; it comes, and goes, with that one."""
        parent = self._adding
        if name in self.records:
            return
        if parent is None:
            self.records[name] = Record(PluginInfo(name, ref=ref_of(plugin)), "active", plugin)
            return
        info = PluginInfo(name, parent.distribution, parent.version, parent.source, ref_of(plugin))
        self.records[name] = Record(info, "active", plugin)
        self._children.setdefault(parent.name, []).append(name)

    # -- specifications that plugins add ---------------------------------------------------------------------------

    def _vet_specs(self, namespace: Any) -> None:
        """Before specifications are added: reject the plugins there whose implementations do not fit them.

        pluggy would raise in the plugin that adds, which is not to blame.
        """
        specs = specs_in(self.hooks, namespace)
        for spec in specs:
            for name, errors in self._misfits(spec).items():
                if self._adding is not None and name == self._adding.name:
                    raise PluginError("; ".join(errors))
                self._break(self.records[name], "; ".join(errors))
        if self._adding is not None:
            new = [spec.hook for spec in specs if not self._has_spec(spec.hook)]
            self._specs.setdefault(self._adding.name, []).extend(new)

    def _misfits(self, spec: Spec) -> dict[str, list[str]]:
        caller = getattr(self.hooks.hook, spec.hook, None)
        if caller is None or caller.spec is not None:
            return {}
        found: dict[str, list[str]] = {}
        for impl in caller.get_hookimpls():
            wrong = fit_faults(Implementation(spec.hook, impl.function, impl.opts), spec)
            if wrong:
                found.setdefault(impl.plugin_name, []).extend(wrong)
        return found

    def _has_spec(self, hook: str) -> bool:
        caller = getattr(self.hooks.hook, hook, None)
        return caller is not None and caller.spec is not None

    def _unspecified(self) -> dict[str, list[str]]:
        callers = vars(self.hooks.hook)
        known = [name for name in callers if self._has_spec(name)]
        found: dict[str, list[str]] = {}
        for name in callers.keys() - set(known):
            for impl in callers[name].get_hookimpls():
                if not impl.optionalhook:
                    found.setdefault(impl.plugin_name, []).append(unknown("hook", name, known))
        return found
