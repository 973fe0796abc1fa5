"""`Catalog`: what the rest of Synapse asks for, and gets from whichever plugins bring it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synapse_core.errors import DiscoveryError, PluginError, SynapseError
from synapse_core.plugins import fits
from synapse_core.plugins.asking import Poll
from synapse_core.plugins.calling import Calling
from synapse_core.plugins.info import PluginProblem, one_line
from synapse_core.plugins.offers import Offers, scheme_of
from synapse_core.plugins.registry import Record
from synapse_core.protocols import ExecutorOffer, RunInfo, Sink, StoreOffer

if TYPE_CHECKING:
    import cattrs

    from synapse_core.actiondef import ActionSpec
    from synapse_core.discovery import PluginDiscovery
    from synapse_core.schema import ModelAdapter
    from synapse_core.types import DataType, TypeRegistry

WORKER_HOOKS = frozenset({"synapse_run_action", "synapse_autolog", "synapse_converter", "synapse_model_adapters"})
"""The hooks that act where an action runs."""

_OF_MODELS = ("synapse_model_adapters", "synapse_converter")


class Catalog(Calling):
    """Executors, stores, actions, types, models and sinks, as plugins offer them.

    Offers are asked for once and kept. One that is not what it should be is reported and left out.
    """

    def __init__(self, on_problem: Callable[[PluginProblem], object]) -> None:
        super().__init__(on_problem)
        self._offers: dict[str, Offers[Any]] = {}
        self._in_workers: list[Record] | None = None

    # -- executors and stores ---------------------------------------------------------------------------------------

    def executor(self, name: str) -> ExecutorOffer:
        """The executor of that name.

        Raises:
            NotFoundError: no plugin offers it; the message says what there is, and what brings it.
            PluginError: two plugins offer it; the message names both.
        """
        return self._executors().get(name)

    def executors(self) -> list[ExecutorOffer]:
        """Every executor that is offered, by name."""
        return self._executors().all()

    def store(self, url: str) -> StoreOffer:
        """The store for that URL, by its scheme.

        Raises:
            NotFoundError: no plugin offers it, or it is no URL; the message says what there is, and what brings it.
            PluginError: two plugins offer it; the message names both.
        """
        return self._stores().get(scheme_of(url))

    def stores(self) -> list[StoreOffer]:
        """Every store that is offered, by scheme."""
        return self._stores().all()

    # -- actions ----------------------------------------------------------------------------------------------------

    def actions(self) -> list[ActionSpec]:
        """The actions that plugins bring; ``spec.plugin`` says which plugin."""
        from attrs import evolve

        found = self._items("synapse_actions", fits.action)
        return [spec if spec.plugin else evolve(spec, plugin=plugin.name) for plugin, spec in found]

    def discover(self, source: str | Path) -> PluginDiscovery:
        """Have a plugin read the actions in ``source``.

        Raises:
            DiscoveryError: no plugin can; or the one that can says what is wrong with it.
            PluginError: what it gave is no plugin of actions.
        """
        poll = self._poll("synapse_discover", {"source": str(source)}, passing=(SynapseError,))
        found = self._discovered(poll)
        if found is None:
            raise _not_discovered(str(source), poll.problems)
        return found

    def find(self, source: str) -> PluginDiscovery | None:
        """As `discover`; None where no plugin can."""
        return self._discovered(self._poll("synapse_discover", {"source": source}, passing=(SynapseError,)))

    def _discovered(self, poll: Poll) -> PluginDiscovery | None:
        given = poll.first()
        if given is None:
            return None
        try:
            return self._equip(fits.plugin(given))
        except PluginError as error:
            problem = PluginProblem(poll.giver(given), one_line(error), "synapse_discover")
            raise PluginError(str(problem)) from None

    def _equip(self, plugin: PluginDiscovery) -> PluginDiscovery:
        """Tell a plugin that was discovered of the semantic types and the kinds of models that others bring."""
        from synapse_core.discovery import PluginDiscovery
        from synapse_core.schema import Schema

        if isinstance(plugin, PluginDiscovery):  # a hook may have found something of its own make
            if plugin.types is None and self.implements("synapse_data_types"):
                plugin.types = self.data_types()
            if plugin.schema is None and any(map(self.implements, _OF_MODELS)):
                plugin.schema = Schema(self.adapters(), self.converters())
        return plugin

    # -- types and models -------------------------------------------------------------------------------------------

    def data_types(self) -> TypeRegistry:
        """The standard semantic types and those of plugins; one whose name is taken is reported and left out."""
        from synapse_core.types import TypeRegistry

        registry = TypeRegistry()
        for plugin, data_type in self._types().answers():
            try:
                registry.add(data_type, plugin.name)
            except PluginError as error:
                self.report(plugin, error, "synapse_data_types")
        return registry

    def adapters(self) -> list[ModelAdapter]:
        """How plugins have their kinds of params and result classes validated, in the order of the calls."""
        return [adapter for _, adapter in self._items("synapse_model_adapters", fits.adapter)]

    def converters(self) -> list[Callable[[cattrs.Converter], object]]:
        """What to call with a new converter, so that plugins can register their types; empty where none wants to."""
        if not self.implements("synapse_converter"):
            return []
        return [lambda converter: self.each("synapse_converter", converter=converter)]

    # -- runs -------------------------------------------------------------------------------------------------------

    def sinks(self, run: RunInfo) -> list[tuple[str, Sink]]:
        """The sinks for a run, each with its plugin's name."""
        return [(plugin.name, sink) for plugin, sink in self._items("synapse_sinks", fits.sink, run=run)]

    def worker_hooks(self) -> tuple[str, ...]:
        """Import strings of the plugins that act where an action runs, in the order of registration."""
        return tuple(each.info.ref for each in self._acting_in_workers() if each.info.ref is not None)

    def worker_plugins(self) -> tuple[Any, ...]:
        """The plugins that act where an action runs, themselves: for actions that run in this process."""
        return tuple(each.plugin for each in self._acting_in_workers())

    # -- how --------------------------------------------------------------------------------------------------------

    def _forget_offers(self) -> None:
        self._offers.clear()
        self._in_workers = None

    def _acting_in_workers(self) -> list[Record]:
        if self._in_workers is None:
            hooks_of = self._registry.hooks_of
            self._in_workers = [r for r in self._registry.active() if not WORKER_HOOKS.isdisjoint(hooks_of(r))]
        return self._in_workers

    def _executors(self) -> Offers[ExecutorOffer]:
        return self._offered("executor", "synapse_executors", fits.executor, lambda offer: offer.name)

    def _stores(self) -> Offers[StoreOffer]:
        return self._offered("store", "synapse_stores", fits.store, lambda offer: offer.scheme.lower())

    def _types(self) -> Offers[type[DataType]]:
        return self._offered("data type", "synapse_data_types", fits.data_type, lambda data_type: data_type.name)

    def _offered(self, kind: str, hook: str, fit: Callable[[Any], Any], name_of: Callable[[Any], str]) -> Offers[Any]:
        if kind not in self._offers:
            self._offers[kind] = Offers(kind, self._items(hook, fit), name_of, self._why_absent)
        return self._offers[kind]

    def _why_absent(self, distribution: str) -> str:
        """What is wrong with the plugins of a distribution that is installed; empty where it is not."""
        return "; ".join(self._inactive(distribution))

    def _inactive(self, distribution: str) -> Iterator[str]:
        for record in self._registry.records.values():
            if record.info.distribution == distribution and record.status != "active":
                yield f"{record.info} is {record.status}" + (f": {record.error}" if record.error else "")


def _not_discovered(source: str, problems: Iterable[PluginProblem]) -> DiscoveryError:
    from synapse_core.discovery import unknown_source

    error = unknown_source(source)
    failed = "; ".join(map(str, problems))
    return DiscoveryError(error.message + (f" ({failed})" if failed else ""), hint=error.hint)
