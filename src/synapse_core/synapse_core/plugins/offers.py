"""What plugins offer by name: one offer a name, or an error that says whom to block, or what to install."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from synapse_core.errors import NotFoundError, PluginError, unknown
from synapse_core.plugins.asking import Answer
from synapse_core.plugins.info import PluginInfo

T = TypeVar("T")

EXTRAS: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(("ray", "ray-job", "ray-jobs-api", "ray-pipeline"), ("synapse-ray", "ray")),
    **dict.fromkeys(("sqlite", "http", "https"), ("synapse-store", "store")),
}
"""Names that are known to be offered elsewhere: by which distribution, and by which extra of the workspace."""


class Offers(Generic[T]):
    """The offers of one kind.

    Args:
        kind: what they are, for messages: ``executor``, ``store``.
        answers: the offers with their plugins.
        name_of: the name that an offer is asked for by.
        absent: says of a distribution why its plugins are not active; empty where it is not installed.
    """

    def __init__(
        self, kind: str, answers: Iterable[Answer], name_of: Callable[[T], str], absent: Callable[[str], str]
    ) -> None:
        self.kind = kind
        self._absent = absent
        self._offers: dict[str, list[Answer]] = {}
        for answer in answers:
            self._offers.setdefault(name_of(answer.value), []).append(answer)

    def get(self, name: str) -> T:
        """The offer of that name.

        Raises:
            NotFoundError: nobody offers it; the message says what there is, and what brings it.
            PluginError: more than one plugin offers it; the message names them.
        """
        found = self._offers.get(name)
        if not found:
            raise NotFoundError(unknown(self.kind, name, self._offers), hint=self._hint(name))
        if len(found) > 1:
            raise self._conflict(name, [answer.plugin for answer in found])
        offer: T = found[0].value
        return offer

    def all(self) -> list[T]:
        """Every offer, by name; one that is in conflict is there as often as it is offered."""
        return [answer.value for answer in self.answers()]

    def answers(self) -> list[Answer]:
        """Every offer with its plugin, by name."""
        return [answer for name in sorted(self._offers) for answer in self._offers[name]]

    def conflicts(self, plugin: PluginInfo) -> list[str]:
        """The names that ``plugin`` offers and that are offered more than once, each with who else does."""
        return [
            f"{self.kind} {name!r} is also offered by {_listed(_others(plugin, givers))}"
            for name, givers in self._contested()
            if plugin in givers
        ]

    def _contested(self) -> list[tuple[str, list[PluginInfo]]]:
        return [(name, [a.plugin for a in found]) for name, found in self._offers.items() if len(found) > 1]

    def _conflict(self, name: str, givers: Sequence[PluginInfo]) -> PluginError:
        distinct = sorted(set(givers), key=lambda plugin: plugin.name)
        if len(distinct) == 1:
            return PluginError(f"{distinct[0]} offers the {self.kind} {name!r} {len(givers)} times")
        options = " or ".join(f"-p no:{plugin.name}" for plugin in distinct)
        return PluginError(
            f"{self.kind} {name!r} is offered by {_listed(distinct)}",
            hint=f"block all but one: {options} (or name it in SYNAPSE_BLOCK)",
        )

    def _hint(self, name: str) -> str | None:
        if name not in EXTRAS:
            return None
        distribution, extra = EXTRAS[name]
        return self._absent(distribution) or f"install {distribution} (the extra {extra!r} of synapse-workspace)"


def _others(plugin: PluginInfo, givers: Sequence[PluginInfo]) -> list[PluginInfo]:
    """Who else: the plugin itself, where it offers a name twice."""
    rest = list(givers)
    rest.remove(plugin)
    return list(dict.fromkeys(rest))


def _listed(plugins: Sequence[PluginInfo]) -> str:
    return " and ".join(map(str, plugins))


def scheme_of(url: str) -> str:
    """The scheme of a store's URL: ``sqlite`` of ``sqlite:///runs.db``.

    Raises:
        NotFoundError: it is no URL.
    """
    scheme, colon, _ = url.partition(":")
    if not colon or not scheme.isascii() or "/" in scheme or "." in scheme:
        raise NotFoundError(
            f"{url!r} names no store: it is no URL", hint="write memory:, sqlite:///runs.db or http://host:8100"
        )
    return scheme.lower()
