"""What workers put aside of results, by reference: `Held`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from synapse_core.protocols import Call
from synapse_core.worker.large import TOKEN, gone, tokens_in
from synapse_ray.attempts.tasks import load_on
from synapse_ray.worker.order import Places

_RUNS = 8
"""Of how many runs references are held: those of the others can be read from their files."""

_PATIENCE = 60.0


@frozen
class Beside:
    """What travels beside an order: references, and where in them the values of params are."""

    refs: tuple[Any, ...] = ()
    places: Places | None = None


_NOTHING = Beside()


class Held:
    """References to what was put aside, by run and name."""

    def __init__(self) -> None:
        self._runs: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def keep(self, run_id: str, name: str, ref: Any) -> None:
        """Hold what an action of the run has put aside."""
        self._runs.setdefault(run_id, {})[name] = ref
        self._runs.move_to_end(run_id)
        while len(self._runs) > _RUNS:
            self._runs.popitem(last=False)

    def known(self, call: Call) -> Beside | None:
        """What travels beside the call's order; None where something must be fetched first."""
        tokens = tokens_in(call.params)
        if not tokens:
            return _NOTHING
        refs = {token[TOKEN]: self._find(token) for token in tokens.values()}
        return None if None in refs.values() else _beside(tokens, refs)

    def fetch(self, call: Call) -> Beside:
        """As `known`; what is not held is read from the files of the nodes that have it. Blocks.

        Raises:
            LargeValueError: something is not to be had any more.
        """
        tokens = tokens_in(call.params)
        refs: dict[str, Any] = {}
        for name, token in tokens.items():
            ref = self._find(token) or _loaded(token)
            if ref is None:
                raise gone(call.action, name, token)
            self.keep(token["run"], token[TOKEN], ref)
            refs[token[TOKEN]] = ref
        return _beside(tokens, refs)

    def _find(self, token: Mapping[str, Any]) -> Any:
        return self._runs.get(token["run"], {}).get(token[TOKEN])


def _beside(tokens: Mapping[str, Mapping[str, Any]], refs: Mapping[str, Any]) -> Beside:
    order = list(refs)
    places = {name: (order.index(token[TOKEN]), token["at"]) for name, token in tokens.items()}
    return Beside(tuple(refs.values()), places)


def _loaded(token: Mapping[str, Any]) -> Any:
    """The values, read on their node; None where it, or the file, is gone."""
    import ray

    if token.get("file") is None:
        return None
    for node in _nodes(token["node"]):
        there, values = load_on(node, token["file"])
        try:
            if ray.get(there, timeout=_PATIENCE):
                return values
        except Exception:  # noqa: BLE001, S112  the node is gone: its disk may be another's, too
            continue
    return None


def _nodes(first: str) -> list[str]:
    """The nodes that live, that one first: the others may share its disk."""
    import ray

    alive = [str(node["NodeID"]) for node in ray.nodes() if node["Alive"]]
    return sorted(alive, key=lambda node: node != first)
