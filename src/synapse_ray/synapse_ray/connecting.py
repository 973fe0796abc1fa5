"""Ray's own connecting, made quick to give up and clear about why: `init`."""

from __future__ import annotations

import atexit
import contextlib
import importlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any

from synapse_ray.config import ADDRESS_VARIABLE
from synapse_ray.errors import (
    AUTH_HINT,
    ClusterAuthError,
    ClusterUnreachableError,
    ClusterVersionError,
    RayClusterError,
)
from synapse_ray.probing import Endpoint, last_started, probe

_TRIES = ("RAY_NUM_REDIS_GET_RETRIES", "4")
"""How often Ray asks a head that refuses it, once a second, which it reads when it is first imported: 20 by default."""

_PASSING = ("ZombieProcess", "Starting Ray client server failed")
"""What Ray Client's server says where a process of its own ended as it was started, which the next one need not."""


def imported() -> Any:
    """`ray`, which gives up early on a head that has been seen to answer, and is left quickly."""
    if "ray" in sys.modules:
        return importlib.import_module("ray")
    with _few_tries():
        ray = importlib.import_module("ray")
    # Before Ray's own at the program's end, which first waits half a second for what workers print: we show none of it.
    atexit.register(ray.shutdown)
    return ray


@contextlib.contextmanager
def _few_tries() -> Iterator[None]:
    name, tries = _TRIES
    if name in os.environ:
        yield
        return
    os.environ[name] = tries
    try:
        yield
    finally:
        del os.environ[name]


def init(address: str) -> None:
    """`ray.init`, with nothing printed and nothing of the program's own changed.

    Raises:
        ClusterUnreachableError, ClusterVersionError, ClusterAuthError: see `synapse_ray.cluster.connect`.
    """
    _probe(address)
    own: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}
    options = {"log_to_driver": False, "logging_level": logging.ERROR, **own}
    elsewhere = address == "local" and threading.current_thread() is not threading.main_thread()
    try:
        with _undisturbed():
            if elsewhere:
                _in_lasting_thread(lambda: _begin(address, options))
            else:
                _begin(address, options)
    except Exception as error:
        raise _explained(address, error) from error


def _begin(address: str, options: Mapping[str, Any]) -> None:
    import ray

    try:
        ray.init(address, **options)
    except ConnectionError as error:
        if not any(part in str(error) for part in _PASSING):
            raise
        ray.init(address, **options)


def _in_lasting_thread(work: Callable[[], None]) -> None:
    """Call ``work`` in a thread that lasts as long as the program does.

    Linux ends what Ray has started together with the thread that has started it (``PR_SET_PDEATHSIG``), be that the
    program's last or not; Ray, which is ended later, then waits in vain for what is gone: a quarter of a minute.
    """
    begun: Future[None] = Future()

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  raised to the one who waits
            begun.set_exception(error)
        else:
            begun.set_result(None)
            threading.Event().wait()

    threading.Thread(target=run, name="synapse-ray", daemon=True).start()
    begun.result()


def _probe(address: str) -> None:
    """See that something answers at the address, where we know it; other schemes are those of plugins of Ray."""
    if address == "auto":
        address = os.environ.get("RAY_ADDRESS") or "auto"  # Ray's own variable, which `ray.init` goes by
    if address == "auto":
        if (found := last_started()) is not None:
            probe(found)
    elif address.startswith(("http://", "https://")):
        hint = "that is a dashboard's, which the executor ray-jobs-api takes; give host:6379, or ray://host:10001"
        raise ClusterUnreachableError(f"{address!r} is no address of a Ray cluster", hint=hint)
    elif address != "local" and ("://" not in address or address.startswith("ray://")):
        probe(Endpoint.of(address))


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """`ray.init` takes the handler of SIGTERM away from the program; it is given back."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if handler is not None:
            signal.signal(signal.SIGTERM, handler)


def _explained(address: str, error: Exception) -> RayClusterError:
    from ray.exceptions import AuthenticationError

    text = "\n".join(str(found) for found in _causes(error))
    where = "on this machine" if address == "auto" else f"at {address}"
    if isinstance(error, AuthenticationError) or "InvalidAuthToken" in text or "Unauthenticated" in text:
        why = _first_line(text) if isinstance(error, AuthenticationError) else "its token is another, or there is none"
        return ClusterAuthError(f"the Ray cluster {where} refused this process: {why}", hint=AUTH_HINT)
    if "ersion mismatch" in text or "was started with" in text:
        hint = "install the cluster's versions of Ray and Python here, or run this from a machine that has them"
        return ClusterVersionError(f"the Ray cluster {where} runs other versions than this process:\n{text}", hint=hint)
    why = str(error).strip()
    if why.startswith("Initialization failure"):  # a Ray Client server's traceback
        why = f"its Ray Client server failed: {why.splitlines()[-1]}"
    return ClusterUnreachableError(f"no Ray cluster {where}: {_first_line(why)}", hint=_hint(address, why))


def _hint(address: str, why: str) -> str | None:
    if "pip install" in why:  # Ray says itself what is missing
        return None
    if address == "auto":
        named = f"start one (`ray start --head`), or name one by ray_address or {ADDRESS_VARIABLE}"
        return f"{named}; 'local' starts a private Ray in this process"
    wanted = "see that what listens there is Ray, of this version, and wants no other token"
    port = "" if "://" in address or address == "local" else f"; {Endpoint.of(address).usual}"
    return f"{wanted} (RAY_AUTH_MODE=token and RAY_AUTH_TOKEN say which){port}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]
