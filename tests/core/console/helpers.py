"""A run's events made by hand, and rendering of what is shown of them."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console, RenderableType

from synapse_core.events import Event
from synapse_core.fold import fold
from synapse_core.models import PipelineProgress

START = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


class Story:
    """Events of one run; ``at`` is seconds after its start."""

    def __init__(self, needs: Mapping[str, Sequence[str]], name: str = "digits", run_id: str = "run-1") -> None:
        self.run_id = run_id
        self.events: list[Event] = []
        nodes = [{"name": node, "needs": list(above)} for node, above in needs.items()]
        self.add("run.created", payload={"name": name, "nodes": nodes})

    def add(self, kind: str, action: str | None = None, at: float = 0, attempt: int = 1, payload: Any = None) -> Event:
        """One more event."""
        time = START + timedelta(seconds=at)
        event = Event(self.run_id, len(self.events) + 1, time, kind, action, attempt if action else 0, payload or {})
        self.events.append(event)
        return event

    def start(self, *actions: str, at: float = 0) -> None:
        self.add("run.started", at=at)
        for action in actions:
            self.add("action.started", action, at)

    def log(self, message: str, level: str = "info", action: str = "train", at: float = 0, **more: Any) -> Event:
        return self.add("action.log", action, at, payload={"level": level, "message": message, **more})

    def state(self) -> PipelineProgress:
        return fold(self.events)


def console_on(stream: io.TextIOBase, width: int = 100, **options: Any) -> Console:
    """A console like the one of standard output, but on ``stream``."""
    return Console(
        file=stream,  # type: ignore[arg-type]
        width=width,
        height=options.pop("height", 40),
        markup=False,
        highlight=False,
        emoji=False,
        legacy_windows=False,
        **options,
    )


def rendered(what: RenderableType, width: int = 100, encoding: str = "utf-8", **options: Any) -> list[str]:
    """The lines that a console writes."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")
    console_on(stream, width, **options).print(what)
    stream.seek(0)
    return stream.read().splitlines()


def without_codes(text: str) -> str:
    """``text`` without the escape sequences of a terminal."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
