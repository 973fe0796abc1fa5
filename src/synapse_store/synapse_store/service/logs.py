"""Log entries, and the series of metrics."""

from __future__ import annotations

from array import array
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

from aiohttp import web
from attrs import define, field

from synapse_core.events import Draft, Event, Kind, now, stamp
from synapse_store.service.answers import answer
from synapse_store.service.asking import Call
from synapse_store.wire.asked import NewLog
from synapse_store.wire.codec import Data
from synapse_store.wire.text import iso

_PAGE = 1_000
_LOGS = (Kind.ACTION_LOG, Kind.ACTION_MESSAGE)
_LEVELS = frozenset({"debug", "info", "warning", "error", "critical"})
_MOST_SERIES = 1_000


async def append(call: Call) -> web.Response:
    """Add entries."""
    drafts = [_draft(entry) for entry in call.body.entries]
    last = await call.service.store.append(call.run_id, drafts)
    return answer([to_data(event) for event in stamp(call.run_id, last - len(drafts), drafts)], 201)


def _draft(entry: NewLog) -> Draft:
    payload = {"level": entry.level, "message": entry.message}
    more = {} if entry.data is None else {"data": entry.data}
    return Draft(Kind.ACTION_LOG, entry.timestamp or now(), entry.action_name, 0, {**payload, **more})


async def listed(call: Call) -> web.Response:
    """Entries, oldest first."""
    query = call.query
    found: list[Data] = []
    async for events in _pages(call, _LOGS, query["action_name"], query["after"]):
        found += [to_data(event) for event in events if _wanted(event, query["level"], query["since"])]
        if len(found) >= query["limit"]:
            break
    return answer(found[: query["limit"]])


def _wanted(event: Event, level: str | None, since: datetime | None) -> bool:
    return (level is None or _level(event) == level) and (since is None or _aware(event.time) >= since)


def _aware(time: datetime) -> datetime:
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def _level(event: Event) -> str:
    level = event.payload.get("level")
    return level if level in _LEVELS else "info"


def to_data(event: Event) -> Data:
    """A log entry."""
    message = event.payload.get("message")
    return {
        "id": f"{event.run_id}.{event.seq:010d}",
        "run_id": event.run_id,
        "action_name": event.action,
        "level": _level(event),
        "message": message if isinstance(message, str) else str(message),
        "timestamp": iso(event.time),
        "data": event.payload.get("data"),
    }


async def _pages(
    call: Call, kinds: Sequence[str], action: str | None, after: int = 0
) -> AsyncIterator[Sequence[Event]]:
    run_id, store = call.run_id, call.service.store
    while events := await store.read(run_id, after=after, limit=_PAGE, kinds=kinds, action=action):
        yield events
        after = events[-1].seq


# -- metrics ----------------------------------------------------------------------------------------------------


@define(eq=False)
class _Line:
    times: array[float] = field(factory=lambda: array("d"))
    values: array[float] = field(factory=lambda: array("d"))

    def thinned(self, points: int) -> list[int]:
        """The places to show: of each stretch its least and its greatest value, and the two ends."""
        count = len(self.values)
        if count <= points:
            return list(range(count))
        stretches = max((points - 2) // 2, 1)
        found = {0, count - 1}
        for index in range(stretches):
            part = range(count * index // stretches, count * (index + 1) // stretches)
            found |= {min(part, key=self.values.__getitem__), max(part, key=self.values.__getitem__)}
        return sorted(found)[:points] if points < 4 else sorted(found)


async def series(call: Call) -> web.Response:
    """What was measured, by action, category and name; each line thinned to so many points."""
    lines: dict[tuple[str | None, str | None, str], _Line] = {}
    async for events in _pages(call, [Kind.ACTION_METRICS], call.query["action"]):
        for event in events:
            _collect(lines, event, call.query["name"])
    return answer([_line_to_data(key, line, call.query["points"]) for key, line in lines.items()])


def _collect(lines: dict[tuple[str | None, str | None, str], _Line], event: Event, name: str | None) -> None:
    metrics, category = event.payload.get("metrics"), event.payload.get("category")
    if not isinstance(metrics, dict):
        return
    for key, value in metrics.items():
        if type(value) not in {int, float} or (name is not None and key != name):
            continue
        place = event.action, category if isinstance(category, str) else None, key
        if place in lines or len(lines) < _MOST_SERIES:
            line = lines.setdefault(place, _Line())
            line.times.append(_aware(event.time).timestamp())
            line.values.append(_as_float(value))


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def _line_to_data(key: tuple[str | None, str | None, str], line: _Line, points: int) -> Data:
    action, category, name = key
    shown = [[iso(datetime.fromtimestamp(line.times[i], UTC)), line.values[i]] for i in line.thinned(points)]
    return {"action": action, "category": category, "name": name, "points": shown, "count": len(line.values)}
