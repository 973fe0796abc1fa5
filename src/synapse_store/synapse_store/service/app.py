"""`create_app`: the service as an aiohttp application."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from aiohttp import web

from synapse_core.protocols import Store
from synapse_store.runner import Runner
from synapse_store.service.asking import Route
from synapse_store.service.core import SERVICE, Service
from synapse_store.service.guard import SLASH, guard
from synapse_store.service.routes import ROUTES, STATIC
from synapse_store.service.settings import Settings


def create_app(
    store: Store,
    *,
    token: str | None = None,
    origins: Iterable[str] = (),
    hosts: Iterable[str] = (),
    settings: Settings | None = None,
    runner: Runner | None = None,
) -> web.Application:
    """An application that serves ``store``; the store stays the caller's, to be closed when the app is done.

    Args:
        store: any store.
        token: what clients must send as ``Authorization: Bearer``; None: nothing.
        origins: other sites whose pages may ask, as ``https://host``.
        hosts: names, beside localhost and addresses, that clients may call the service by.
        settings: all of this and more; the arguments before are then not looked at.
        runner: takes up the runs that clients ask for; it is started and stopped with the application.

    Raises:
        SynapseError: an origin or a host is none.
    """
    if settings is None:
        settings = Settings(token, origins, hosts)
    app = web.Application(middlewares=[guard], client_max_size=settings.max_body)
    app[SERVICE] = Service(store, settings, runner)
    for route in sorted((*ROUTES, STATIC), key=_is_busy, reverse=True):
        _add(app, route)
    app.on_startup.append(_start)
    app.on_shutdown.append(_say_goodbye)
    app.on_cleanup.append(_close)
    return app


def _add(app: web.Application, route: Route) -> None:
    """Serve a path with and without its trailing slash, mostly by one pattern: the router tries them one by one."""
    handler = _handler(route)
    methods = ["GET", "HEAD"] if route.method == "GET" and route.kind != "sse" else [route.method]
    for path in _paths(route):
        for method in methods:
            app.router.add_route(method, path, handler)


def _paths(route: Route) -> Sequence[str]:
    if route.path == "/" or "{file" in route.path:
        return [route.path]
    if _is_busy(route):
        return [route.path, route.path + "/"]
    return [route.path + SLASH.replace("}", ":/?}")]


def _is_busy(route: Route) -> bool:
    """Whether engines and reporters ask it all the time: it comes first, and by the pattern that is tried soonest."""
    return route.path.endswith(("/events", "/progress"))


def _handler(route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await route.call(request.app[SERVICE], request)

    return handle


async def _start(app: web.Application) -> None:
    runner = app[SERVICE].runner
    if runner is not None:
        runner.start()


async def _say_goodbye(app: web.Application) -> None:
    service = app[SERVICE]
    service.feeds.say_goodbye()
    if service.runner is not None:  # beside all else that ends: together that takes three seconds at most
        service.stopping = asyncio.ensure_future(service.runner.stop())
    if service.gathering is not None:
        await service.gathering.close()


async def _close(app: web.Application) -> None:
    service = app[SERVICE]
    if service.stopping is not None:
        await service.stopping
    await service.close()
