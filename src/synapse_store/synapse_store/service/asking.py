"""What a request asks for: `Route` describes it, `Call` is one request, checked."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from aiohttp import web
from attrs import define, frozen

from synapse_core.errors import ValidationError
from synapse_core.schema import default_schema
from synapse_core.schema.schema import Structurer
from synapse_store.service.answers import Refusal, answer, no_run
from synapse_store.wire.asked import RUN_ID
from synapse_store.wire.text import loads, moment

if TYPE_CHECKING:
    from synapse_store.service.core import Service

_RUN_ID = re.compile(RUN_ID)
_BODY_TIMEOUT = 60.0
_LARGEST = 2**53
_NOTHING: Mapping[str, Any] = {}


@frozen
class Param:
    """A query parameter: ``kind`` is ``int``, ``str``, ``bool`` or `datetime`; of numbers, the least and the most."""

    name: str
    kind: type = str
    default: Any = None
    help: str = ""
    least: int = 0
    most: int = _LARGEST
    choices: tuple[str, ...] = ()
    many: bool = False

    def read(self, texts: list[str]) -> Any:
        """The value that was given, or the default.

        Raises:
            ValueError: it is none of this kind; the message says what is wanted.
        """
        if self.many:
            return [self._one(text) for text in texts]
        return self._one(texts[-1]) if texts and texts[-1] != "" else self.default

    def _one(self, text: str) -> Any:
        if self.choices and text not in self.choices:
            raise ValueError(f"must be one of {', '.join(self.choices)}")
        if self.kind is int:
            return self._number(text)
        if self.kind is bool:
            return text.lower() in {"1", "true", "yes"}
        return _time(text) if self.kind is datetime else text

    def _number(self, text: str) -> int:
        # Written out: int() takes more than digits, and any number of them.
        if not re.fullmatch(r"[0-9]{1,16}", text, re.ASCII) or not self.least <= int(text) <= self.most:
            raise ValueError(f"must be a whole number from {self.least} to {self.most}")
        return int(text)


def _time(text: str) -> datetime:
    try:
        return moment(text.replace(" ", "+"))
    except ValueError:
        raise ValueError("must be an ISO 8601 time") from None


@define
class Call:
    """One request: its query and body are checked.

    Attributes:
        sent: the JSON that the body was made of.
    """

    service: Service
    request: web.Request
    query: Mapping[str, Any]
    body: Any = None
    sent: Any = None

    @property
    def run_id(self) -> str:
        """The run that the path names.

        Raises:
            Refusal: that is no run's id.
        """
        run_id = self.request.match_info["run_id"]
        if not _RUN_ID.fullmatch(run_id):
            raise no_run(run_id)
        return run_id


Handler = Callable[[Call], Awaitable[web.StreamResponse | bytes]]
"""Handles a request, and answers it; bytes are JSON text that goes with the route's status."""


@frozen
class Route:
    """A path and method: who handles it, what it takes, and what it gives.

    Attributes:
        body, gives: the attrs classes of the request's and the response's body; ``many``: a list of these.
        optional: the body may be left out.
        status: of the response, if all goes well.
        kind: ``json``, ``sse`` or ``text``.
        refuses: the statuses that it may refuse with, beside those that any path has.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    body: Any = None
    gives: Any = None
    many: bool = False
    optional: bool = False
    status: int = 200
    query: tuple[Param, ...] = ()
    kind: str = "json"
    refuses: tuple[int, ...] = ()

    async def call(self, service: Service, request: web.Request) -> web.StreamResponse:
        """Check a request, handle it and answer it.

        Raises:
            Refusal: something is wrong with it.
        """
        query = self._query(request) if self.query else _NOTHING
        if self.body is None:
            found = await self.handler(Call(service, request, query))
        else:
            sent = await _read_json(request, optional=self.optional)
            found = await self.handler(Call(service, request, query, self._checked(sent), sent))
        return answer(found, self.status) if isinstance(found, bytes) else found

    def _query(self, request: web.Request) -> dict[str, Any]:
        found, wrong = {}, []
        for param in self.query:
            try:
                found[param.name] = param.read(request.query.getall(param.name, []))
            except ValueError as error:
                wrong.append((param.name, str(error)))
        if wrong:
            raise Refusal(422, "the query has wrong fields", wrong)
        return found

    def _checked(self, data: Any) -> Any:
        try:
            return reader(self.body)(data)
        except ValidationError as error:
            issues = [(issue.path, issue.message) for issue in error.issues]
            raise Refusal(422, "the request has wrong fields", issues) from None


@cache
def reader(body: Any) -> Structurer:
    """What makes the attrs object of a request's body of its JSON."""
    return default_schema().structurer(body, subject="the request")


async def _read_json(request: web.Request, *, optional: bool) -> Any:
    """The JSON value that a request brings.

    Raises:
        Refusal: it brings none.
    """
    raw = await _read(request)
    if not raw and optional:
        return {}
    if not is_json(request):
        raise Refusal(415, f"send application/json, not {request.content_type[:100]}")
    try:
        return loads(raw)
    except ValueError as error:
        raise Refusal(400, f"the body is no JSON: {str(error)[:200]}") from None


def is_json(request: web.Request) -> bool:
    """Whether a request says that it brings JSON."""
    if request.headers.get("Content-Type") == "application/json":
        return True
    return request.content_type == "application/json" or request.content_type.endswith("+json")


async def _read(request: web.Request) -> bytes:
    if request.content.is_eof():  # it is all here
        raw = request.content.read_nowait()
        if len(raw) > request.client_max_size:
            raise web.HTTPRequestEntityTooLarge(request.client_max_size)
        return raw
    try:
        async with asyncio.timeout(_BODY_TIMEOUT):
            return await request.read()
    except TimeoutError:
        raise Refusal(408, "the body did not come in time") from None
    except web.RequestPayloadError:
        raise Refusal(400, "the body is not encoded as its headers say") from None
