"""`serve`: the service on an address, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import signal
from collections.abc import Callable
from typing import Any

from aiohttp import web

from synapse_core.errors import StoreError, StoreUnavailableError, SynapseError
from synapse_core.protocols import Store
from synapse_store.runner import Runner
from synapse_store.service.app import create_app
from synapse_store.service.core import SERVICE
from synapse_store.service.front import Told, fronts
from synapse_store.service.settings import Settings
from synapse_store.service.tuning import tune

DEFAULT_PORT = 8100
_log = logging.getLogger("synapse.service")
_STOP = 1.0
_BACKLOG = 1024


def serve(
    store: Store,
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    settings: Settings | None = None,
    runner: Runner | None = None,
    ready: Callable[[str], object] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; blocks, and closes the store.

    Args:
        store: any store.
        host: where to listen.
        port: where to listen; 0 takes one that is free.
        settings: the token and more.
        runner: takes up the runs that clients ask for; None: nobody does.
        ready: called with the service's address once it listens.

    Raises:
        SynapseError: the address is not loopback and there is no token, or it is in use; or the store cannot be used.
    """
    tune()
    asyncio.run(_until_told(store, host=host, port=port, settings=settings, runner=runner, ready=ready))


async def _until_told(store: Store, **options: Any) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    try:
        await serve_async(store, stop=stop, **options)
    finally:
        with contextlib.suppress(StoreError):
            await store.aclose()


async def serve_async(
    store: Store,
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    settings: Settings | None = None,
    runner: Runner | None = None,
    ready: Callable[[str], object] | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """As `serve`, on a running loop, until ``stop`` is set or this is cancelled; the store stays open.

    Raises:
        SynapseError: the address is not loopback and there is no token, or it is in use; or the store cannot be used.
    """
    settings = settings or Settings()
    check_address(host, settings.token)
    await _open(store)
    app = create_app(store, settings=settings, runner=runner)
    served = web.AppRunner(app, access_log_class=Told, access_log=_log, handle_signals=False, shutdown_timeout=_STOP)
    await served.setup()
    assert served.server is not None  # there is one once it is set up
    listener: asyncio.Server | None = None
    try:
        listener = await _listen(fronts(app[SERVICE], served.server), host, port)
        address = _address(listener)
        _log.info("serving on %s", address)
        if ready is not None:
            ready(address)
        await (stop or asyncio.Event()).wait()
    finally:
        if listener is not None:
            listener.close()
        await served.cleanup()


async def _open(store: Store) -> None:
    """See that the store can be used; one that is only away for now may come back while it is served.

    Raises:
        StoreError: it cannot.
    """
    with contextlib.suppress(StoreUnavailableError):
        await store.list_runs(limit=1)


async def _listen(front: Callable[[], asyncio.Protocol], host: str, port: int) -> asyncio.Server:
    try:
        return await asyncio.get_running_loop().create_server(front, host, port, backlog=_BACKLOG)
    except OSError as error:
        raise SynapseError(
            f"cannot listen on {host}:{port}: {error.strerror or error}",
            hint="choose another --port, or stop what listens there",
        ) from error


def _address(listener: asyncio.Server) -> str:
    name, bound = listener.sockets[0].getsockname()[:2]
    return f"http://[{name}]:{bound}" if ":" in name else f"http://{name}:{bound}"


def check_address(host: str, token: str | None) -> None:
    """See that what anybody can reach asks for a token.

    Raises:
        SynapseError: it does not.
    """
    if not token and not is_loopback(host):
        raise SynapseError(
            f"{host} can be reached by others: without a token the service does not start there",
            hint="give one by --token or SYNAPSE_TOKEN, or listen on 127.0.0.1",
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
