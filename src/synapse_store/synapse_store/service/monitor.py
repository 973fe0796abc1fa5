"""What operators look at: health, and metrics as Prometheus reads them."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

from aiohttp import web

from synapse_core.errors import StoreError
from synapse_store.service.answers import Refusal, answer
from synapse_store.service.asking import Call
from synapse_store.service.core import Service


async def health(call: Call) -> web.Response:
    """Whether the store answers."""
    from synapse_store import __version__

    try:
        await call.service.store.list_runs(limit=1)
    except StoreError:
        raise Refusal(503, "the store does not answer", headers={"Retry-After": "1"}) from None
    return answer({"status": "ok", "version": __version__})


async def metrics(call: Call) -> web.Response:
    """Counts since the service was started."""
    text = "\n".join([*_lines(call.service), ""])
    return web.Response(text=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


def _lines(service: Service) -> Iterator[str]:
    yield from ("# HELP synapse_requests_total Requests that were answered.", "# TYPE synapse_requests_total counter")
    for (method, path, status), count in sorted(service.counts.items()):
        yield f'synapse_requests_total{{method="{method}",path="{path}",status="{status}"}} {count}'
    usage = resource.getrusage(resource.RUSAGE_SELF)
    gathered, groups = (0, 0) if service.gathering is None else (service.gathering.reports, service.gathering.groups)
    values = {
        "synapse_events_total counter Events taken in batches": service.taken,
        "synapse_gathered_total counter Reports that were written together with those that came with them": gathered,
        "synapse_groups_total counter Groups that they were written in": groups,
        "synapse_streams gauge Streams that are open": service.streams,
        "synapse_feeds gauge Runs that are followed": service.feeds.count,
        "synapse_uptime_seconds gauge Seconds since the start": round(monotonic() - service.started, 3),
        "process_cpu_seconds_total counter CPU seconds": round(usage.ru_utime + usage.ru_stime, 3),
        "process_resident_memory_bytes gauge Memory that is resident": _resident(),
    }
    for text, value in values.items():
        name, kind, about = text.split(" ", 2)
        yield from (f"# HELP {name} {about}.", f"# TYPE {name} {kind}", f"{name} {value}")


def _resident() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * resource.getpagesize()
