"""The rows of ``synapse plugins``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from synapse_core.plugins.info import PluginProblem, PluginRow
from synapse_core.plugins.offers import Offers
from synapse_core.plugins.registry import Record, Registry


def rows(
    registry: Registry, kinds: Sequence[Offers[Any]], problems: Iterable[PluginProblem], hook: str | None
) -> list[PluginRow]:
    """A row for each plugin, or for each that implements ``hook``, the one that is called first first."""
    failed = [(each.plugin.name, str(each)) for each in problems if each.hook is not None]
    return [_row(registry, record, kinds, failed) for record in _records(registry, hook)]


def _records(registry: Registry, hook: str | None) -> list[Record]:
    if hook is None:
        return list(registry.records.values())
    called = dict.fromkeys(impl.plugin_name for impl in reversed(registry.hooks.implementations(hook)))
    return [registry.records[name] for name in called if name in registry.records]


def _row(
    registry: Registry, record: Record, kinds: Sequence[Offers[Any]], failed: Sequence[tuple[str, str]]
) -> PluginRow:
    info = record.info
    return PluginRow(
        name=info.name,
        distribution=info.distribution,
        version=info.version,
        status=record.status,
        error=record.error,
        hooks=registry.hooks_of(record),
        builtin=info.source == "builtin",
        conflicts=tuple(conflict for kind in kinds for conflict in kind.conflicts(info)),
        source=info.source,
        problems=tuple(problem for name, problem in failed if name == info.name),
        traceback=record.traceback,
    )
