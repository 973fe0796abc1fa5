"""Heads of requests that were read before: `Heads` tells reports by them, without reading a head again."""

from __future__ import annotations

import re
from typing import NamedTuple

from aiohttp import web
from aiohttp.http import HttpVersion11

from synapse_store.service.answers import Refusal
from synapse_store.service.asking import is_json
from synapse_store.service.core import Service
from synapse_store.service.guard import RUNS, check_host, check_token
from synapse_store.wire.asked import RUN_ID

_PATH = re.compile(f"{RUNS}({RUN_ID})(/events|/progress)/?")
_LENGTH = b"\r\nContent-Length: "
_END = b"\r\n\r\n"
_NOT_PLAIN = ("Origin", "Cookie", "Expect", "Transfer-Encoding", "Content-Encoding", "Upgrade")
_MOST = 2_000
_LONGEST = 2_000
_LARGEST = 64 * 1024


class Head(NamedTuple):
    """What the head of a report says; whoever sends it may.

    Attributes:
        run_id: the run that is reported on.
        end: ``/events`` or ``/progress``.
        path: as it was sent.
        place: the route's path.
        minimal: no answer is wanted.
    """

    run_id: str
    end: str
    path: str
    place: str
    minimal: bool


class Heads:
    """Heads of reports, which differ by no byte but those of the body's length from one that aiohttp has read.

    Nothing is parsed here, so nothing can be understood in another way than aiohttp does.

    Args:
        service: says who may ask.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._most = min(service.settings.max_body, _LARGEST)
        self._known: dict[bytes, Head] = {}

    def find(self, data: bytes, end: int) -> tuple[Head, int] | None:
        """What the head up to ``end`` says, and the body's length; None where it is not known, or the body large."""
        start, stop = _length_in(data, end)
        if start < 0:
            return None
        head, digits = self._known.get(data[:start] + data[stop:end]), data[start:stop]
        if head is None or not digits.isdigit() or len(digits) > len(str(_LARGEST)) or int(digits) > self._most:
            return None
        return head, int(digits)

    def learn(self, data: bytes, request: web.Request) -> None:
        """Keep a head, which aiohttp made ``request`` of, if it is a report's and asks for nothing else."""
        start, stop = _length_in(data, len(data))
        found = _PATH.fullmatch(request.rel_url.raw_path)
        if start < 0 or found is None or len(data) > _LONGEST or not self._is_plain(request):
            return
        if request.headers.getall("Content-Length") != [data[start:stop].decode("ascii", "replace")]:
            return
        while len(self._known) >= _MOST:
            del self._known[next(iter(self._known))]
        minimal = request.headers.get("Prefer", "") == "return=minimal"
        place = f"{RUNS}{{run_id}}{found[2]}"
        self._known[data[:start] + data[stop:]] = Head(found[1], found[2], request.path, place, minimal)

    def _is_plain(self, request: web.Request) -> bool:
        headers = request.headers
        if request.method != "POST" or request.version != HttpVersion11 or not request.keep_alive:
            return False
        if any(name in headers for name in _NOT_PLAIN) or not is_json(request):
            return False
        try:  # these two look at nothing but the head and what never changes; a cookie's life does
            check_host(self._service, request)
            check_token(self._service, request)
        except Refusal:
            return False
        return True


def _length_in(data: bytes, end: int) -> tuple[int, int]:
    """Where the body's length stands in a head; -1 where it does not say so as everybody does."""
    start = data.find(_LENGTH, 0, end)
    if start < 0:
        return -1, -1
    start += len(_LENGTH)
    return start, data.find(b"\r\n", start, end)
