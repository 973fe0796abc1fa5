"""Who may ask, and how every request ends: checks before it, words for what went wrong, a line in the log."""

from __future__ import annotations

import hmac
import ipaddress
import logging
import re
import socket
from collections.abc import Awaitable, Callable
from functools import lru_cache
from time import monotonic
from urllib.parse import urlsplit

from aiohttp import web

from synapse_core.errors import LeaseLostError, RunNotFoundError, StoreUnavailableError, SynapseError
from synapse_store.once import SequenceError
from synapse_store.service.answers import ALWAYS, Refusal, conflict
from synapse_store.service.core import SERVICE, Service
from synapse_store.service.ledger import lost
from synapse_store.wire.text import dumps

COOKIE = "synapse_session"
SLASH = "{slash}"
"""Ends a path that is served with and without its slash."""

RUNS = "/api/v1/runs/"
"""What the path of all that belongs to one run begins with."""

OPEN = frozenset({"/health", "/"})
_log = logging.getLogger("synapse.service")
_access = logging.getLogger("synapse.access")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let in whom the settings let in, and answer in JSON whatever happens."""
    resource = request.match_info.route.resource
    place = "unknown" if resource is None else _place(resource.canonical)
    service, start = request.app[SERVICE], monotonic()
    response = await _answered(service, request, handler)
    if not response.prepared:
        add_headers(service, request, response)
    _note(service, request, response, place, monotonic() - start)
    return response


async def _answered(service: Service, request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        check_host(service, request)
        check_origin(service, request)
        if request.method == "OPTIONS" and "Origin" in request.headers:
            return web.Response(status=204)
        check_token(service, request)
        return await handler(request)
    except Exception as error:  # noqa: BLE001  whatever it is becomes an answer, and says nothing of our insides
        return _explained(request, error)


def _explained(request: web.Request, error: Exception) -> web.Response:
    if isinstance(error, web.HTTPException):
        return _of_http(error)
    return refusal_of(error, request.method, request.path).response()


def refusal_of(error: BaseException, method: str, path: str) -> Refusal:
    """What a client is told of what came of its request."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, ConnectionError):
        return Refusal(400, "the connection broke off")
    if isinstance(error, RunNotFoundError):
        return Refusal(404, f"there is no run {_run_in(path)[:200]!r}")
    if isinstance(error, LeaseLostError):
        return lost(error)
    if isinstance(error, SequenceError):
        return conflict(error.message, expected=error.expected)
    return _failure(f"{method} {path}", error)


def _run_in(path: str) -> str:
    """The run that a path names, if it names one."""
    return path.removeprefix(RUNS).partition("/")[0] if path.startswith(RUNS) else ""


def _failure(what: str, error: BaseException) -> Refusal:
    """Not the client's fault: the log says what it is."""
    if isinstance(error, StoreUnavailableError):
        _log.warning("%s: the store does not answer: %s", what, error)
        return Refusal(503, "the store does not answer; try again", headers={"Retry-After": "1"})
    if isinstance(error, SynapseError):
        _log.error("%s failed: %s", what, error)
        return Refusal(500, "the store failed; the service's log says why")
    _log.error("%s failed", what, exc_info=error)
    return Refusal(500, "the service failed; its log says why")


_WORDS = {
    404: "there is nothing at this path; /api/v1/openapi.json lists what there is",
    405: "this path does not take that method",
    413: "the body is too large",
}


def _of_http(error: web.HTTPException) -> web.Response:
    headers = {name: error.headers[name] for name in ("Allow", "Location") if name in error.headers}
    return Refusal(error.status, _WORDS.get(error.status, error.reason), headers=headers).response()


# -- who may ask ------------------------------------------------------------------------------------------------


def check_host(service: Service, request: web.Request) -> None:
    """Refuse a name that is not ours: a page of another site that had its name point here would send its own.

    Raises:
        Refusal: the ``Host`` is none of ours.
    """
    if not _is_ours(request.headers.get("Host", ""), service.settings.hosts):
        raise Refusal(403, "this service is not known by that host; start it with --allow-host to have it so")


@lru_cache(maxsize=256)
def _is_ours(text: str, hosts: frozenset[str]) -> bool:
    host = host_of(text)
    return host in {"localhost", socket.gethostname().lower(), *hosts} or _is_address(host)


def host_of(text: str) -> str:
    """The name in a ``Host``, without the port."""
    if text.startswith("["):
        return text.partition("]")[0].strip("[")
    return text.partition(":")[0].lower().rstrip(".")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def check_origin(service: Service, request: web.Request) -> None:
    """Refuse the pages of other sites.

    Raises:
        Refusal: the ``Origin`` is neither this service nor one that was named.
    """
    origin = request.headers.get("Origin")
    if origin is None or origin in service.settings.origins:
        return
    same = re.fullmatch(r"https?://.+", origin) and urlsplit(origin).netloc == request.headers.get("Host")
    if not same:
        raise Refusal(403, "pages of this origin may not ask; start the service with --allow-origin to have it so")


def check_token(service: Service, request: web.Request) -> None:
    """See that the client has the token, or something that stands for it.

    Raises:
        Refusal: it has not.
    """
    token = service.settings.token
    if token is None or request.path in OPEN or request.path.startswith("/static/"):
        return
    kind, _, word = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer" and hmac.compare_digest(word.strip().encode(), token.encode()):
        return
    if service.tickets.is_session(request.cookies.get(COOKIE, "")):
        return
    ticket = request.query.get("ticket", "")
    if ticket and request.method == "GET" and request.path.rstrip("/").endswith("/stream"):
        if service.tickets.redeem(ticket):
            return
        raise Refusal(401, "this ticket is not good any more")
    raise Refusal(401, "send the token: Authorization: Bearer …", headers={"WWW-Authenticate": "Bearer"})


# -- how it ends ------------------------------------------------------------------------------------------------


def add_headers(service: Service, request: web.Request, response: web.StreamResponse) -> None:
    """Say what every answer says; streams do so before they begin."""
    for name, value in ALWAYS.items():
        response.headers.setdefault(name, value)
    add_cors(service, request, response)


def add_cors(service: Service, request: web.Request, response: web.StreamResponse) -> None:
    """Say what pages of a named origin may do."""
    origin = request.headers.get("Origin")
    if origin is None or origin not in service.settings.origins:
        return
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Vary"] = "Origin"
    response.headers["Access-Control-Expose-Headers"] = "Link, Retry-After"
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = "GET, POST, PATCH, DELETE"
        response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, Last-Event-ID, Prefer"
        response.headers["Access-Control-Max-Age"] = "600"


def _note(service: Service, request: web.Request, response: web.StreamResponse, place: str, seconds: float) -> None:
    method = request.method if request.method in _METHODS else "other"
    service.counts[method, place, response.status] += 1
    if is_logged():
        size = response.body_length if response.prepared else response.content_length
        log(request.method, request.path, response.status, seconds, size, request.remote)


def is_logged() -> bool:
    """Whether requests are told in the log."""
    return _access.isEnabledFor(logging.INFO)


def log(method: str, path: str, status: int, seconds: float, size: int | None, remote: str | None) -> None:  # noqa: PLR0917  a line has so many
    """Tell a request in the log: its answer was of ``size`` bytes, and took ``seconds``."""
    line = {
        "method": method[:20],
        "path": path[:500],
        "status": status,
        "ms": round(seconds * 1000, 2),
        "bytes": size,
        "remote": remote,
    }
    _access.info("%s", dumps(line).decode())


@lru_cache(maxsize=256)
def _place(path: str) -> str:
    """A route's path without what says that it has two forms."""
    return path.removesuffix(SLASH).rstrip("/") or "/"


_METHODS = _SAFE | {"POST", "PATCH", "DELETE", "PUT"}
