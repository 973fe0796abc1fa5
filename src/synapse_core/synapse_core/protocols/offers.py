"""What plugins hand out by name: `ExecutorOffer`, `StoreOffer`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from attrs import field, frozen

from synapse_core.protocols.stores import Store


@frozen
class ExecutorOffer:
    """An executor by name. ``factory`` takes the options given for it and imports what it needs.

    ``runs`` is what the factory's object is: an `Executor` of ``attempts`` for the engine of this process, or a
    `PipelineHost` that runs the whole ``pipeline`` elsewhere. ``forces`` says whether cancel can end an action that
    does not listen. ``flags`` are options that are so usual that the command line has them as ``--ray-address VALUE``
    (for ``ray_address``) beside ``-o ray_address=VALUE``; by option, their help. ``store_option`` is the option by
    which a `PipelineHost` is told the URL of the store that is to keep its runs, if it can be told.
    """

    name: str
    factory: Callable[..., Any]
    help: str = ""
    runs: Literal["attempts", "pipeline"] = "attempts"
    forces: bool = False
    flags: Mapping[str, str] = field(factory=dict)
    store_option: str | None = None


@frozen
class StoreOffer:
    """A store by URL scheme; ``factory`` takes the URL."""

    scheme: str
    factory: Callable[[str], Store]
    help: str = ""
