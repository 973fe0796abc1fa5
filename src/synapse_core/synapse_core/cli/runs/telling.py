"""``synapse runs logs`` and ``events``: lines of what has happened."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen
from rich.text import Text

from synapse_core.builtin.console.lines import Lines
from synapse_core.builtin.console.look import look_of
from synapse_core.builtin.console.terminal import terminal
from synapse_core.builtin.console.text import visible
from synapse_core.cli import codes
from synapse_core.cli.naming import short_id
from synapse_core.cli.runs.finding import check_action
from synapse_core.cli.runs.following import Follower, read
from synapse_core.cli.runs.secrecy import Secrets
from synapse_core.cli.telling import say
from synapse_core.events import Event, Kind
from synapse_core.models import LogLevel

if TYPE_CHECKING:
    from synapse_core.session import Session

_LOGS = (Kind.ACTION_LOG, Kind.ACTION_MESSAGE)
_ORDER = {level.value: place for place, level in enumerate(LogLevel)}

Batches = Iterable[list[Event]]


def tell_logs(
    session: Session,
    run_id: str,
    *,
    action: str | None,
    level: str | None,
    since: datetime | None,
    tail: int | None,
    follow: bool,
    as_json: bool,
) -> int:
    """Print the log entries and messages of a run; the exit code.

    Raises:
        RunNotFoundError: there is no such run.
        NotFoundError: it has no such action.
    """
    record = session.call(session.store.record(run_id))
    check_action(record, action)
    lines = Lines(look_of(terminal()))
    lines.fit(node["name"] for node in record.plan.get("nodes", ()))
    lowest = _ORDER.get(level or "", 0)

    def wanted(event: Event) -> bool:
        return (
            is_of(event, action)
            and _ORDER.get(event.payload.get("level", ""), _ORDER[LogLevel.INFO]) >= lowest
            and (since is None or event.time >= since)
        )

    put = _as_json(log_json) if as_json else _as_text(lines.log)
    nothing = None if as_json else "no such entries" if action or level or since else "no entries"
    return _Telling(session, run_id, wanted, put, kinds=_LOGS, tail=tail, nothing=nothing).tell(follow=follow)


def tell_events(
    session: Session,
    run_id: str,
    *,
    kinds: Collection[str],
    action: str | None,
    after: int,
    limit: int | None,
    follow: bool,
    as_json: bool,
) -> int:
    """Print the events of a run; the exit code.

    Raises:
        RunNotFoundError: there is no such run.
        NotFoundError: it has no such action.
    """
    record = session.call(session.store.record(run_id))
    check_action(record, action)
    secrets = Secrets.of(record)

    def public(event: Event) -> Event:
        if event.kind != Kind.RUN_CREATED:
            return event
        return evolve(event, payload={**event.payload, "params": secrets.public(event.payload.get("params", {}))})

    put = _as_json(lambda event: public(event).to_dict()) if as_json else _as_text(lambda e: event_line(public(e)))
    telling = _Telling(
        session,
        run_id,
        lambda event: is_of(event, action),
        put,
        kinds=kinds or None,
        after=after,
        limit=limit,
        nothing=None if as_json else "no such events",
    )
    return telling.tell(follow=follow)


def is_of(event: Event, action: str | None) -> bool:
    """Whether the event is of the action, or of an instance of it."""
    return action is None or event.action == action or (event.action or "").startswith(f"{action}[")


# -- reading --------------------------------------------------------------------------------------------------


@frozen
class _Telling:
    """What is read of a run: which events, from where on, how many, how they are written; what is said of none."""

    session: Session
    run_id: str
    wanted: Callable[[Event], bool]
    put: Callable[[list[Event]], None]
    kinds: Collection[str] | None = None
    after: int = 0
    tail: int | None = None
    limit: int | None = None
    nothing: str | None = None

    def tell(self, *, follow: bool) -> int:
        """Write what there is, and go on with what comes; the exit code."""
        shown, after = 0, self.after
        for batch in self._there():
            self.put(batch)
            shown, after = shown + len(batch), batch[-1].seq
            if terminal().quiet:  # whoever read has gone away
                return codes.COMPLETED
        left = None if self.limit is None else self.limit - shown
        if follow and left != 0:
            return self._follow(after, left)
        if not shown and self.nothing:
            say(self.nothing)
        return codes.COMPLETED

    def _there(self) -> Batches:
        there = self._matching(read(self.session, self.run_id, after=self.after, kinds=self.kinds), self.limit)
        if self.tail is None:
            return there
        last = deque((event for batch in there for event in batch), maxlen=self.tail)
        return [list(last)] if last else []

    def _matching(self, batches: Batches, left: int | None) -> Iterator[list[Event]]:
        for batch in batches:
            found = list(islice(filter(self.wanted, batch), left))
            if found:
                yield found
            if left is not None:
                left -= len(found)
                if left <= 0:
                    return

    def _follow(self, after: int, left: int | None) -> int:
        with Follower(self.session, self.run_id, after=after, kinds=self.kinds) as follower:
            try:
                for batch in self._matching(follower, left):
                    self.put(batch)
                    if terminal().quiet:
                        break
            except KeyboardInterrupt:
                return codes.INTERRUPTED
        if not follower.orphaned:
            return codes.COMPLETED
        say(f"run {short_id(self.run_id)} has not ended, but its engine is gone")
        return codes.FAILED


# -- writing --------------------------------------------------------------------------------------------------


def _as_text(line: Callable[[Event], Text]) -> Callable[[list[Event]], None]:
    def put(events: list[Event]) -> None:
        terminal().print(Text("\n").join(map(line, events)), soft_wrap=True)

    return put


def _as_json(data: Callable[[Event], dict[str, Any]]) -> Callable[[list[Event]], None]:
    def put(events: list[Event]) -> None:
        print("\n".join(json.dumps(data(event)) for event in events), flush=True)

    return put


def log_json(event: Event) -> dict[str, Any]:
    """A log entry as JSON data, with the names of the service's API."""
    return {
        "id": f"{event.run_id}-{event.seq}",
        "run_id": event.run_id,
        "action_name": event.action,
        "level": event.payload.get("level", LogLevel.INFO.value),
        "message": event.payload.get("message", ""),
        "timestamp": event.time.isoformat(),
        "data": event.payload.get("data"),
    }


def event_line(event: Event) -> Text:
    """``  12  15:30:00.123  action.completed  train #1  {…}``."""
    look = look_of(terminal())
    text = Text().append(f"{event.seq:>5}  {event.time.astimezone():%H:%M:%S.%f}"[:-3], "dim")
    text.append(f"  {event.kind:<20}", "cyan")
    if event.action:
        text.append(f"  {visible(event.action, look.encoding)}")
        text.append(f" #{event.attempt}" if event.attempt > 1 else "", "yellow")
    payload = _short_payload(event)
    return text.append(f"  {visible(json.dumps(payload, ensure_ascii=False), look.encoding)}" if payload else "", "dim")


def _short_payload(event: Event) -> dict[str, Any]:
    """The payload; of a pipeline only the names of its nodes, of a failure what is not told twice."""
    payload = dict(event.payload)
    if event.kind == Kind.RUN_CREATED:
        payload["nodes"] = [node["name"] for node in payload.get("nodes", ())]
    failure = payload.pop("failure", None)
    return payload if failure is None or "error" in payload else {**payload, "failure": failure}
