"""One-time tickets, and the sessions of the dashboard: what opens the service where no header can be sent."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from time import monotonic

LIFE = 30
SESSION = 12 * 3600
_MOST = 10_000


class Tickets:
    """Random words that stand for the token for a while."""

    def __init__(self) -> None:
        self._tickets: OrderedDict[str, float] = OrderedDict()
        self._sessions: OrderedDict[str, float] = OrderedDict()

    def issue(self) -> str:
        """A ticket, good once and for `LIFE` seconds."""
        return _add(self._tickets, LIFE)

    def redeem(self, ticket: str) -> bool:
        """Whether the ticket was good; it is not any more."""
        return self._tickets.pop(ticket, 0.0) > monotonic()

    def open_session(self) -> str:
        """What a cookie holds, good for `SESSION` seconds."""
        return _add(self._sessions, SESSION)

    def is_session(self, word: str) -> bool:
        """Whether a cookie is good."""
        return self._sessions.get(word, 0.0) > monotonic()


def _add(kept: OrderedDict[str, float], life: float) -> str:
    word = secrets.token_urlsafe(24)
    now = monotonic()
    while kept and (len(kept) >= _MOST or next(iter(kept.values())) <= now):
        kept.popitem(last=False)
    kept[word] = now + life
    return word
