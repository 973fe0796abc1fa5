"""What a service says to its runner, and what that answers: a line of JSON each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from attrs import asdict, field, frozen

Do = Literal["resume", "rerun", "recover", "look"]
Why = Literal["changed", "missing", "wrong", "refused", "failed"]


@frozen
class Setup:
    """What a runner is: the folder that its code is in, the URL of its store, the plugins it loads."""

    folder: str
    store: str
    plugins: Sequence[str] = ()
    block: Sequence[str] = ()


@frozen
class Order:
    """A run to be taken up: ``resume`` and ``rerun`` (from ``action``) make a new one, ``recover`` goes on with it.

    To ``look`` is to find out which of the ``runs`` could not be recovered, and why.

    ``params`` go over those of the run; with ``force`` what has changed is run again.
    """

    do: Do
    run: str = ""
    params: Mapping[str, Any] = field(factory=dict, repr=False)
    action: str | None = None
    force: bool = False
    runs: Sequence[str] = ()


@frozen
class Reply:
    """The ``run`` that is run now; or why none is, in ``detail``, with the wrong fields (or the runs) as ``errors``."""

    run: str | None = None
    why: Why | None = None
    detail: str = ""
    errors: Sequence[tuple[str, str]] = ()


def to_line(value: Setup | Order | Reply) -> bytes:
    """The value as it is sent."""
    return json.dumps(asdict(value)).encode() + b"\n"


def setup_of(line: bytes) -> Setup:
    """The setup that `to_line` gave ``line`` for."""
    return Setup(**json.loads(line))


def order_of(line: bytes) -> Order:
    """The order that `to_line` gave ``line`` for."""
    return Order(**json.loads(line))


def reply_of(line: bytes) -> Reply:
    """The reply that `to_line` gave ``line`` for."""
    data = json.loads(line)
    return Reply(**{**data, "errors": [tuple(each) for each in data["errors"]]})
