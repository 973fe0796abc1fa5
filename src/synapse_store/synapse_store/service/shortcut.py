"""What reporters and engines ask all the time, past the router and the middlewares: `shortcut`.

The way through them costs more than what is asked. It is the same `Route` and the same guard that are used here, so
that nothing is decided twice; a request that is not quite plain goes the ordinary way.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import partial

from aiohttp import web
from aiohttp.http import HttpVersion11

from synapse_store.service.answers import Ready
from synapse_store.service.asking import Route
from synapse_store.service.core import Service
from synapse_store.service.guard import RUNS, guarded
from synapse_store.service.routes import ROUTES
from synapse_store.wire.asked import RUN_ID

Ordinary = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

_PATH = re.compile(f"{RUNS}({RUN_ID})(/events|/progress)/?")
_ROUTES = {
    end: next(route for route in ROUTES if route.method == "POST" and route.path == RUNS + "{run_id}" + end)
    for end in ("/events", "/progress")
}


def shortcut(service: Service, ordinary: Ordinary) -> Ordinary:
    """A handler for a `web.Server` that takes reports itself and leaves all else to ``ordinary``."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        found = _PATH.fullmatch(request.rel_url.raw_path) if _is_plain(request) else None
        if found is None or not isinstance(request, web.Request):
            return await ordinary(request)
        route = _ROUTES[found[2]]
        return await guarded(service, request, partial(_call, route, service, found[1]), route.path)

    return handle


def _is_plain(request: web.BaseRequest) -> bool:
    """Whether a request asks for nothing that only the ordinary way knows of."""
    headers = request.headers
    return (
        request.method == "POST"
        and request.keep_alive
        and request.version == HttpVersion11
        and "Origin" not in headers
        and "Expect" not in headers
    )


async def _call(route: Route, service: Service, run_id: str, request: web.Request) -> web.StreamResponse:
    found = await route.handled(service, request, run_id)
    return Ready(found) if isinstance(found, bytes) else found
