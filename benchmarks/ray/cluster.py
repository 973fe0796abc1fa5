"""The private Ray that all rows share, and what its workers run bare."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from benchmarks.suite import Unavailable
from synapse_core.events import Event, Kind

ADDRESS = "auto"
"""Of the connection that `started` has made."""

_CORES = 8
"""As many as Ray is told that there are: all actions of a row may run at once."""

for _name, _value in (("RAY_USAGE_STATS_ENABLED", "0"), ("RAY_enable_metrics_collection", "false")):
    os.environ.setdefault(_name, _value)


@cache
def started() -> Any:
    """`ray`, connected to a Ray of this process, which ends with it.

    Raises:
        Unavailable: Ray is not installed, or cannot be started here.
    """
    try:
        import ray

        ray.init("local", num_cpus=_CORES, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except (ImportError, OSError, RuntimeError) as error:
        raise Unavailable(f"no Ray: {error}") from error
    return ray


def task(function: Callable[..., Any], **options: Any) -> Any:
    """A function as a Ray task that is never tried again."""
    return started().remote(function).options(max_retries=0, **options)


def span(events: Sequence[Event]) -> float:
    """Seconds from the first action's start to the last one's end, by the run's events."""
    begun = [event.time for event in events if event.kind == Kind.ACTION_STARTED]
    ended = [event.time for event in events if event.kind == Kind.ACTION_COMPLETED]
    return (max(ended) - min(begun)).total_seconds()
