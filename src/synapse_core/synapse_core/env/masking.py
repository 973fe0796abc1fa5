"""Which values are secrets, and how they are kept out of what is shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MASK = "***"

_HIDDEN_NAMES = (  # compiled when first needed
    r"(?i)token(?!i[sz])|secret|passw|passphrase|pwd|credential|private|keys?(?![a-z])|"
    r"(?<![a-z])auth(orization)?(?![a-z])"
)
_URL_LOGIN = r"(?<=://)[^/\s@]+(?=@)"
_SHORTEST_HIDDEN = 6  # a shorter secret that stands inside another value is not looked for: it would blank out text


def is_secret(key: str, named: frozenset[str]) -> bool:
    """Whether the value of ``key`` is hidden: by its look, or as it or a part of it is ``named`` (in lower case)."""
    lower = key.lower()
    return bool(re.search(_HIDDEN_NAMES, key)) or not named.isdisjoint((lower, *lower.split(".")))


def hide(value: Any, named: frozenset[str]) -> Any:
    """JSON data without the secrets in it: what is ``named``, at any depth, and text whose name looks secret."""
    if isinstance(value, Mapping):
        return {name: MASK if _hides(name, inner, named) else hide(inner, named) for name, inner in value.items()}
    return [hide(inner, named) for inner in value] if isinstance(value, list | tuple) else value


def _hides(name: str, value: Any, named: frozenset[str]) -> bool:
    if value in (None, ""):
        return False
    return name in named or (not isinstance(value, bool | int | float) and is_secret(name, frozenset()))


class Mask:
    """Hides the secrets of one set of values."""

    def __init__(self, values: Mapping[str, Any], named: frozenset[str]) -> None:
        self._named = named
        secrets = (v for k, v in values.items() if isinstance(v, str) and is_secret(k, named))
        hidden = [re.escape(s) for s in sorted(secrets, key=len, reverse=True) if len(s) >= _SHORTEST_HIDDEN]
        self._pattern = re.compile("|".join([*hidden, _URL_LOGIN]))

    def public(self, key: str, value: Any) -> Any:
        """``value`` with all that is secret in it replaced: itself, tables in it, secrets and logins in its text."""
        if is_secret(key, self._named):
            return MASK
        if isinstance(value, Mapping):
            return {str(name): self.public(f"{key}.{name}", inner) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.public(key, inner) for inner in value]
        return value if isinstance(value, bool | int | float | None) else self._pattern.sub(MASK, str(value))
