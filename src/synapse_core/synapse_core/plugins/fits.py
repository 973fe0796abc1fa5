"""What plugins hand out, looked at before it is used: each function gives the object back, or says what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from synapse_core.errors import PluginError
from synapse_core.protocols import ExecutorOffer, Sink, StoreOffer

if TYPE_CHECKING:
    from synapse_core.actiondef import ActionSpec
    from synapse_core.discovery import PluginDiscovery
    from synapse_core.schema import ModelAdapter
    from synapse_core.types import DataType


def action(item: Any) -> ActionSpec:
    """An action's spec; an action class or function counts as its own."""
    from synapse_core.actiondef import spec_of

    return spec_of(item)


def executor(item: Any) -> ExecutorOffer:
    """An `ExecutorOffer`."""
    if not isinstance(item, ExecutorOffer):
        raise PluginError(f"gave {_kind_of(item)} where an ExecutorOffer is wanted")
    return item


def store(item: Any) -> StoreOffer:
    """A `StoreOffer`."""
    if not isinstance(item, StoreOffer):
        raise PluginError(f"gave {_kind_of(item)} where a StoreOffer is wanted")
    return item


def data_type(item: Any) -> type[DataType]:
    """A subclass of `DataType`."""
    from synapse_core.types import DataType

    if not (isinstance(item, type) and issubclass(item, DataType)):
        raise PluginError(f"gave {_kind_of(item)} where a subclass of DataType is wanted")
    return item


def adapter(item: Any) -> ModelAdapter:
    """A `ModelAdapter`."""
    found: ModelAdapter = _with_methods(item, "model adapter", "handles", "structure", "unstructure")
    return found


def sink(item: Any) -> Sink:
    """A `Sink`."""
    found: Sink = _with_methods(item, "sink", "write", "close")
    return found


def plugin(item: Any) -> PluginDiscovery:
    """A plugin of actions; what has the methods of one will do."""
    found: PluginDiscovery = _with_methods(item, "plugin of actions", "list_actions", "list_pipelines", "spec")
    return found


def _with_methods(item: Any, kind: str, *methods: str) -> Any:
    # isinstance with a protocol takes longer than the rest of a hook call.
    missing = [f"{name}()" for name in methods if not callable(getattr(item, name, None))]
    if isinstance(item, type) or missing:
        lacks = f": it has no {' and no '.join(missing)}" if missing else "; give an instance"
        raise PluginError(f"gave {_kind_of(item)}, which is no {kind}{lacks}")
    return item


def _kind_of(item: Any) -> str:
    return f"the class {item.__name__}" if isinstance(item, type) else f"an object of type {type(item).__name__}"
