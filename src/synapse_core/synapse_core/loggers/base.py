"""`BaseLogger`: every way an action has to say what it does, over the one primitive ``emit``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from threading import Lock
from time import monotonic
from typing import Any

from synapse_core.events import Kind
from synapse_core.loggers.progress import Pace, ProgressData
from synapse_core.loggers.safe import as_number, as_text, json_safe, shown
from synapse_core.models import LogLevel

_making = Lock()
_LEVELS = {
    **{level.value: level for level in LogLevel},
    "warn": LogLevel.WARNING,
    "fatal": LogLevel.CRITICAL,
    **dict(zip(("10", "20", "30", "40", "50"), LogLevel, strict=True)),  # as the standard library counts them
}


class BaseLogger(ABC):
    """Says what an action does; a subclass says in `emit` where that goes.

    No method raises because of what it is given, be it a bad format string, a foreign object or ``nan``: a report
    that makes no sense is told as a warning in the log.
    """

    __slots__ = ("_paces",)  # filled when first needed: a subclass need not call __init__, nor pay for it
    _paces: dict[str | None, Pace]

    @abstractmethod
    def emit(self, kind: str, payload: Mapping[str, Any]) -> None:
        """Take one event.

        Args:
            kind: A `Kind`; one that is of no interest is ignored.
            payload: JSON data, this logger's to keep; `synapse_core.loggers` says what it holds.
        """

    # -- log --------------------------------------------------------------------------------------------------

    def log(self, event: str, data: Mapping[str, Any] | None = None, level: LogLevel | str = LogLevel.INFO) -> None:
        """Log a structured event: what happened, and data that belongs to it."""
        payload: dict[str, Any] = {"level": _level(level).value, "message": as_text(event)}
        if data is not None:
            payload["data"] = _safe_data(data)
        self.emit(Kind.ACTION_LOG, payload)

    def debug(self, message: object, /, *args: object, **data: object) -> None:
        """Log at debug level: ``%``-arguments go into the message, named ones into the data."""
        self._say(LogLevel.DEBUG, message, args, data)

    def info(self, message: object, /, *args: object, **data: object) -> None:
        """Log at info level, as `debug`."""
        self._say(LogLevel.INFO, message, args, data)

    def warning(self, message: object, /, *args: object, **data: object) -> None:
        """Log at warning level, as `debug`."""
        self._say(LogLevel.WARNING, message, args, data)

    def error(self, message: object, /, *args: object, **data: object) -> None:
        """Log at error level, as `debug`."""
        self._say(LogLevel.ERROR, message, args, data)

    def critical(self, message: object, /, *args: object, **data: object) -> None:
        """Log at critical level, as `debug`."""
        self._say(LogLevel.CRITICAL, message, args, data)

    def exception(self, message: object, /, *args: object, **data: object) -> None:
        """Log at error level, with the traceback of the exception that is being handled."""
        self._say(LogLevel.ERROR, message, args, {"exc_info": True, **data})

    def log_message(self, message: str, level: LogLevel | str = LogLevel.INFO) -> None:
        """Show a message to the user of the run."""
        self.emit(Kind.ACTION_MESSAGE, {"level": _level(level).value, "message": as_text(message)})

    def log_dev_event(self, event: str, data: Mapping[str, Any] | None = None) -> None:
        """Log an event for the developers of the action: at debug level, the event's name in the data too."""
        self.log(event, {"event": event, **_safe_data({} if data is None else data)}, LogLevel.DEBUG)

    def end_log(self, message: str | None = None) -> None:
        """The action has no more to say, but this."""
        if message is not None:
            self.log_message(message)

    # -- progress and metrics ---------------------------------------------------------------------------------

    def set_progress(self, current: float, total: float | None = None, category: str | None = None) -> None:
        """Say how far the action is: ``current`` of ``total`` units.

        Args:
            current: Units done; what is no finite number is told in the log and else ignored.
            total: Units in all; None, or what is no finite number, where that is not known.
            category: For an action that has several things to count. Rate and time left are counted for each.
        """
        done, known = as_number(current), as_number(total)
        if done is None:
            self.warning("set_progress: current is %s, which is no finite number", shown(current))
            return
        name = None if category is None else as_text(category)
        self._advance(name, done, known)
        self.emit(Kind.ACTION_PROGRESS, {"category": name, "current": done, "total": known})

    def set_metrics(self, metrics: Mapping[str, Any], category: str | None = None) -> None:
        """Record metrics: numbers by name. ``nan`` and the infinities are kept as strings, as JSON has none."""
        values = json_safe(metrics)
        if not isinstance(values, dict):
            self.warning("set_metrics: %s does not map names to numbers", shown(metrics))
            return
        name = None if category is None else as_text(category)
        self.emit(Kind.ACTION_METRICS, {"category": name, "metrics": values})

    def get_progress(self, category: str | None = None) -> ProgressData:
        """Where a category stands; without one, the progress without a category, else what was reported last."""
        paces: dict[str | None, Pace] = getattr(self, "_paces", {})
        pace = paces.get(category)
        if pace is None and category is None and paces:
            pace = max(list(paces.values()), key=lambda each: each.at)
        return ProgressData() if pace is None else pace.data()

    # -- within -----------------------------------------------------------------------------------------------

    def _advance(self, category: str | None, current: float, total: float | None) -> None:
        try:
            paces = self._paces
        except AttributeError:
            with _making:
                self._paces = paces = getattr(self, "_paces", {})
        before, at = paces.get(category), monotonic()
        paces[category] = before.then(current, total, at) if before else Pace.first(current, total, at)

    def _say(self, level: LogLevel, message: object, args: tuple[object, ...], data: dict[str, object]) -> None:
        if data.get("exc_info"):
            data["traceback"] = _traceback(data.pop("exc_info"))
        self.log(_formatted(message, args), data or None, level)


class NoOpLogger(BaseLogger):
    """Says nothing to anybody; `get_progress` still answers."""

    __slots__ = ()

    def emit(self, kind: str, payload: Mapping[str, Any]) -> None:
        """Let it pass."""


def _level(level: LogLevel | str) -> LogLevel:
    return level if type(level) is LogLevel else _LEVELS.get(as_text(level).lower(), LogLevel.INFO)


def _safe_data(data: Any) -> dict[str, Any]:
    safe = json_safe(data)
    return safe if isinstance(safe, dict) else {"value": safe}


def _formatted(message: object, args: tuple[object, ...]) -> str:
    """``message % args`` as `logging` does it; what does not fit is put behind the message."""
    text = as_text(message)
    if not args:
        return text
    try:
        return text % (args[0] if len(args) == 1 and isinstance(args[0], Mapping) and args[0] else args)
    except Exception:  # noqa: BLE001  a format string may call anything of a foreign object
        return " ".join([text, *map(shown, args)])


def _traceback(given: object) -> str:
    import sys
    import traceback

    error = given if isinstance(given, BaseException) else sys.exc_info()[1]
    return "".join(traceback.format_exception(error)) if error else ""
