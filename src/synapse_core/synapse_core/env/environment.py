"""A plugin's settings: an immutable mapping with typed getters, whose secrets are never printed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import NOTHING, evolve, field, frozen

from synapse_core.env.convert import as_bool, as_float, as_int, as_list, as_path, as_str
from synapse_core.env.masking import Mask
from synapse_core.env.toml import read_toml
from synapse_core.errors import EnvironmentValueError, nearest

if TYPE_CHECKING:
    from pathlib import Path

    StrPath = str | os.PathLike[str]

D = TypeVar("D")
T = TypeVar("T")

MISSING: Any = NOTHING
"""The default that is none: a getter without a default raises where the key is absent."""

_LONGEST_SHOWN = 80


class MissingEnvironmentValueError(EnvironmentValueError, KeyError):
    """The environment has no such key (and a `KeyError`, as a mapping owes it)."""


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """``{"db": {"url": 1}}`` as ``{"db.url": 1}``."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        key = f"{prefix}{name}"
        flat.update(_flat(value, f"{key}.") if isinstance(value, Mapping) else {key: value})
    return flat


def _lowered(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.lower() for name in names)


@frozen(eq=False, repr=False)
class PluginEnvironment(Mapping[str, Any]):
    """A plugin's settings, by name.

    A value in a table is reached as ``section.key``; ``env["section"]`` is the table as a dict. Iteration gives the
    single values' keys. Keys that look like a token, secret, password, key or credential, and those named in
    ``secrets``, are shown as ``***`` wherever the environment, or an error of it, is printed; so is a secret that
    stands inside another value, and the login in a URL.
    """

    _values: Mapping[str, Any] = field(factory=dict, converter=_flat)
    _secrets: frozenset[str] = field(default=frozenset(), kw_only=True, converter=_lowered)
    _prefix: str = field(default="", kw_only=True)
    _origin: str = field(default="the plugin environment", kw_only=True)

    # -- where it comes from ----------------------------------------------------------------------------------

    @classmethod
    def from_environ(
        cls, prefix: str = "", *, secrets: Iterable[str] = (), environ: Mapping[str, str] | None = None
    ) -> PluginEnvironment:
        """The environment variables that start with ``prefix``, which is taken off their names.

        Args:
            prefix: Such as ``PLUGIN_``; empty takes all variables.
            secrets: More names, with or without the prefix, whose values are never printed.
            environ: Read in place of ``os.environ``.
        """
        found = os.environ if environ is None else environ
        values = {name[len(prefix) :]: value for name, value in found.items() if name.startswith(prefix)}
        values.pop("", None)
        origin = f"the environment variables {prefix}*" if prefix else "the environment variables"
        named = [name.removeprefix(prefix) for name in secrets]
        return cls(values, secrets=named, prefix=prefix, origin=origin)

    @classmethod
    def from_file(cls, path: StrPath, *, secrets: Iterable[str] = ()) -> PluginEnvironment:
        """The values of a TOML file; those of a table under ``table.key``.

        Raises:
            EnvironmentValueError: The file cannot be read or is no TOML; says which, and the line.
        """
        return cls(read_toml(path), secrets=secrets, origin=str(path))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], *, secrets: Iterable[str] = ()) -> PluginEnvironment:
        """The values of a mapping, which is copied; nested mappings count as tables."""
        return cls(values, secrets=secrets)

    def merge(self, other: Mapping[str, Any]) -> PluginEnvironment:
        """A new environment with the values of both, key by key; where both have one, that of ``other``."""
        if not isinstance(other, PluginEnvironment):
            other = PluginEnvironment(other)
        return evolve(
            self,
            values={**self._values, **other._values},
            secrets=self._secrets | other._secrets,
            origin=f"{self._origin} with {other._origin}",
        )

    # -- as a mapping -----------------------------------------------------------------------------------------

    def __getitem__(self, key: str) -> Any:
        found = self._find(key)
        if found is MISSING:
            raise self._missing(key)
        return found

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._find(key) is not MISSING

    def get(self, key: str, default: Any = None) -> Any:
        """The value as it is, or ``default``."""
        found = self._find(key)
        return default if found is MISSING else found

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        shown = ", ".join(f"{key!r}: {value!r}" for key, value in self.redacted().items())
        return f"PluginEnvironment({{{shown}}})"

    def redacted(self) -> dict[str, Any]:
        """The values by full key, fit to be logged: secrets are ``***``."""
        mask = Mask(self._values, self._secrets)
        return {key: mask.public(key, value) for key, value in self._values.items()}

    # -- typed getters ----------------------------------------------------------------------------------------

    def get_str(self, key: str, default: D = MISSING) -> str | D:
        """The value as text; a TOML number or boolean as it is written there.

        Raises:
            EnvironmentValueError: The key is absent and there is no default, or the value is a list or table.
        """
        return self._typed(key, default, as_str, "a string")

    def get_int(self, key: str, default: D = MISSING) -> int | D:
        """The value as a whole number.

        Raises:
            EnvironmentValueError: The key is absent and there is no default, or the value is no whole number.
        """
        return self._typed(key, default, as_int, "an int")

    def get_float(self, key: str, default: D = MISSING) -> float | D:
        """The value as a number.

        Raises:
            EnvironmentValueError: The key is absent and there is no default, or the value is no number.
        """
        return self._typed(key, default, as_float, "a float")

    def get_bool(self, key: str, default: D = MISSING) -> bool | D:
        """The value as yes or no: ``true yes on 1`` or ``false no off 0``, in upper or lower case.

        Raises:
            EnvironmentValueError: The key is absent and there is no default, or the value is none of these.
        """
        return self._typed(key, default, as_bool, "a bool (true, yes, on, 1 or false, no, off, 0)")

    def get_list(self, key: str, default: D = MISSING) -> list[Any] | D:
        """The value as a list: a TOML list, a JSON list as text, or text parted by commas (empty parts left out).

        Raises:
            EnvironmentValueError: The key is absent and there is no default, or the value is no list.
        """
        return self._typed(key, default, as_list, "a list (comma separated, JSON or TOML)")

    def get_path(self, key: str, default: D = MISSING) -> Path | D:
        """The value as a path, a leading ``~`` resolved; a relative one stays relative.

        Raises:
            EnvironmentValueError: The key is absent and there is no default, or the value is no text.
        """
        return self._typed(key, default, as_path, "a path")

    def _typed(self, key: str, default: D, convert: Callable[[Any], T | None], wanted: str) -> T | D:
        found = self._find(key)
        if found is MISSING or found is None:
            if default is MISSING:
                raise self._missing(key)
            return default
        converted = convert(found)
        if converted is None:
            # Raised here, outside of any except clause: the inner error would print the value, secret or not.
            raise EnvironmentValueError(
                f"{key!r} in {self._origin} is {self._shown(key)} ({type(found).__name__}), not {wanted}",
                hint=f"set {self._prefix}{key} to {wanted}",
            )
        return converted

    # -- how it is looked up and shown ------------------------------------------------------------------------

    def _find(self, key: str) -> Any:
        if key in self._values:
            return self._values[key]
        return self._table(f"{key}.") or MISSING

    def _table(self, prefix: str) -> dict[str, Any]:
        table: dict[str, Any] = {}
        for key, value in self._values.items():
            if key.startswith(prefix):
                *sections, name = key[len(prefix) :].split(".")
                inner = table
                for section in sections:
                    if not isinstance(inner.get(section), dict):
                        inner[section] = {}
                    inner = inner[section]
                inner.setdefault(name, value)
        return table

    def _missing(self, key: str) -> MissingEnvironmentValueError:
        known = {name.lower(): name for name in self._values}
        close = nearest(str(key).lower(), known)
        guess = f"; did you mean {known[close]!r}?" if close else ""
        hint = f"set {self._prefix}{key}, or give the getter a default"
        return MissingEnvironmentValueError(f"no value {key!r} in {self._origin}{guess}", hint=hint)

    def _shown(self, key: str) -> str:
        text = repr(Mask(self._values, self._secrets).public(key, self._find(key)))
        return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
