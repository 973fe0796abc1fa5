"""`ConsoleLogger`: plain lines, for a terminal, a pipe or a file."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, TextIO

from synapse_core.events import Kind
from synapse_core.loggers.base import BaseLogger
from synapse_core.loggers.progress import ProgressData
from synapse_core.models import LogLevel

_ORDER = {level.value: place for place, level in enumerate(LogLevel)}
# A program that prints binary must not be able to drive the terminal: only the tab stays.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(9), *range(11, 32), *range(127, 160))} | {10: "\n    "}


class ConsoleLogger(BaseLogger):
    """Writes a line for each event, in one piece; of progress no more than ``every`` seconds asks for.

    A stream that fails (a closed pipe) ends the output and nothing else.

    Args:
        stream: Where to; the ``sys.stderr`` of the moment if None, as standard output is for results.
        level: What is below is left out.
        every: Seconds between two lines of progress of one category. The first and the last are always written.
    """

    __slots__ = ("_every", "_lock", "_shown", "_stream", "_threshold")

    def __init__(
        self, stream: TextIO | None = None, level: LogLevel | str = LogLevel.INFO, *, every: float = 1.0
    ) -> None:
        self._stream = stream
        self._threshold = _ORDER[LogLevel(level).value]
        self._every = every
        self._shown: dict[str | None, float] = {}
        self._lock = Lock()

    def emit(self, kind: str, payload: Mapping[str, Any]) -> None:
        """Write the event's line, if it has one."""
        line = _LINES.get(kind)
        if line is not None and self._wanted(kind, payload):
            self._write(line(self, payload))

    def _wanted(self, kind: str, payload: Mapping[str, Any]) -> bool:
        if kind == Kind.ACTION_PROGRESS:
            return self._due(payload)
        return _ORDER.get(payload.get("level", ""), self._threshold) >= self._threshold

    def _due(self, payload: Mapping[str, Any]) -> bool:
        category, at = payload["category"], time.monotonic()
        last = self._shown.get(category)
        done = payload["total"] is not None and payload["current"] >= payload["total"]
        due = last is None or done or at - last >= self._every
        if due:
            self._shown[category] = at
        return due

    def _write(self, text: str) -> None:
        stream = sys.stderr if self._stream is None else self._stream
        line = f"{time.strftime('%H:%M:%S')} {text.rstrip().translate(_CONTROLS)}\n"
        encoding = getattr(stream, "encoding", None) or "utf-8"
        try:
            with self._lock:
                stream.write(line.encode(encoding, "backslashreplace").decode(encoding))
                stream.flush()
        except (OSError, ValueError, LookupError, AttributeError):  # closed, broken, odd, or none at all (pythonw)
            return

    def _log_line(self, payload: Mapping[str, Any]) -> str:
        data = dict(payload.get("data", ()))
        trace = data.pop("traceback", "")
        return f"{payload['level'].upper():8} {payload['message']}{_pairs(data)}\n{trace}"

    def _message_line(self, payload: Mapping[str, Any]) -> str:
        level = payload["level"]
        return f"{'' if level == LogLevel.INFO else level.upper() + ' '}{payload['message']}"

    def _metrics_line(self, payload: Mapping[str, Any]) -> str:
        return f"{payload['category'] or 'metrics'}{_pairs(payload['metrics'])}"

    def _progress_line(self, payload: Mapping[str, Any]) -> str:
        return f"{payload['category'] or 'progress'} {_standing(self.get_progress(payload['category']))}"


_LINES: dict[str, Callable[[ConsoleLogger, Mapping[str, Any]], str]] = {
    Kind.ACTION_LOG: ConsoleLogger._log_line,
    Kind.ACTION_MESSAGE: ConsoleLogger._message_line,
    Kind.ACTION_METRICS: ConsoleLogger._metrics_line,
    Kind.ACTION_PROGRESS: ConsoleLogger._progress_line,
}


def _pairs(data: Mapping[str, Any]) -> str:
    return "".join(f" {key}={f'{value:.6g}' if isinstance(value, float) else value}" for key, value in data.items())


def _count(number: float) -> str:
    return f"{number:.12g}"


def _standing(progress: ProgressData) -> str:
    """``50/100 50% 3.2/s 0:15 left``."""
    parts = [
        _count(progress.current) if progress.total is None else f"{_count(progress.current)}/{_count(progress.total)}"
    ]
    if progress.total:
        parts.append(f"{progress.percent:.0f}%")
    if progress.rate is not None:
        parts.append(f"{progress.rate:.3g}/s")
    if progress.time_remaining:
        minutes, seconds = divmod(round(progress.time_remaining), 60)
        parts.append(f"{minutes}:{seconds:02} left")
    return " ".join(parts)
