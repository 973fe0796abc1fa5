"""`Node`: an action's place in a pipeline, with how it is retried and what it needs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import field, frozen
from attrs.validators import optional

from synapse_core.errors import PipelineError

Check = Callable[[Any, Any, Any], None]


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise PipelineError(f"{name} must be a finite number, got {value!r}")
    return value


def _positive(_instance: Any, attribute: Any, value: Any) -> None:
    if not _number(attribute.name, value) > 0:
        raise PipelineError(f"{attribute.name} must be above 0, got {value!r}")


def _not_negative(_instance: Any, attribute: Any, value: Any) -> None:
    if not _number(attribute.name, value) >= 0:
        raise PipelineError(f"{attribute.name} must be 0 or above, got {value!r}")


def _whole(_instance: Any, attribute: Any, value: Any) -> None:
    if type(value) is not int or value < 1:
        raise PipelineError(f"{attribute.name} must be a whole number of 1 or above, got {value!r}")


def _one_of(kind: type) -> Check:
    def check(_instance: Any, attribute: Any, value: Any) -> None:
        if not isinstance(value, kind):
            raise PipelineError(f"{attribute.name} must be a {kind.__name__}, got {value!r}")

    return check


def _mapping(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise PipelineError(f"{name} must be a mapping with text for keys, got {value!r}")
    return dict(value)


def _custom(value: Any) -> dict[str, float]:
    return _mapping("custom", value)


def _inputs(value: Any) -> dict[str, str]:
    return _mapping("inputs", value)


def _several(value: Any) -> tuple[Any, ...]:
    """Many given as a collection, or one as it is."""
    return tuple(value) if isinstance(value, Iterable) and not isinstance(value, str | type) else (value,)


def _needs(value: Any) -> tuple[str, ...] | None:
    return None if value is None else _several(value)


def _type_names(value: Any) -> tuple[str, ...]:
    names = tuple(kind.__name__ if isinstance(kind, type) else kind for kind in _several(value))
    if not all(isinstance(name, str) for name in names):
        raise PipelineError(f"on must be exception types or their names, got {value!r}")
    return names


@frozen
class Resources:
    """What one attempt takes: enforced by Ray; locally it bounds how many attempts run at once.

    Attributes:
        num_cpus, num_gpus: cores and GPUs, fractions allowed.
        memory: bytes.
        custom: further resources by name.
    """

    num_cpus: float | None = field(default=None, validator=optional(_not_negative))
    num_gpus: float | None = field(default=None, validator=optional(_not_negative))
    memory: float | None = field(default=None, validator=optional(_not_negative))
    custom: Mapping[str, float] = field(factory=dict, converter=_custom)

    @custom.validator
    def _amounts_only(self, _attribute: Any, value: Mapping[str, Any]) -> None:
        for name, amount in value.items():
            if _number(name, amount) < 0:
                raise PipelineError(f"{name} must be 0 or above, got {amount!r}")

    def amounts(self) -> dict[str, float]:
        """What is asked for, by resource name."""
        named = {"num_cpus": self.num_cpus, "num_gpus": self.num_gpus, "memory": self.memory, **self.custom}
        return {name: amount for name, amount in named.items() if amount}


@frozen
class Retry:
    """How an action that failed is tried again. Wrong params or results never are.

    Attributes:
        max_attempts: attempts in all, the first included.
        delay: seconds before the second attempt; each further one waits ``backoff`` times longer, ``max_delay`` at
            most. ``jitter`` (0 to 1) takes up to that part off at random, so that many do not come back at once.
        on: names of exception types that are retried (``("TimeoutError",)``), or the types, with what is a subclass
            of them; all if empty.
    """

    max_attempts: int = field(default=3, validator=_whole)
    delay: float = field(default=1.0, validator=_not_negative)
    backoff: float = field(default=2.0, validator=_positive)
    max_delay: float = field(default=60.0, validator=_not_negative)
    jitter: float = field(default=0.1)
    on: tuple[str, ...] = field(default=(), converter=_type_names)

    @jitter.validator
    def _a_part(self, _attribute: Any, value: Any) -> None:
        if not 0 <= _number("jitter", value) <= 1:
            raise PipelineError(f"jitter must be from 0 to 1, got {value!r}")

    def wants(self, error_type: str) -> bool:
        """Whether a failure of that type is tried again."""
        return not self.on or error_type.rpartition(".")[2] in self.on or error_type in self.on

    def pause(self, attempt: int, chance: Callable[[], float] | None = None) -> float:
        """Seconds to wait after ``attempt`` (1, 2 …) has failed."""
        try:
            full = min(self.delay * self.backoff ** (attempt - 1), self.max_delay)
        except OverflowError:
            full = self.max_delay if self.delay else 0.0
        from random import random

        return full * (1 - self.jitter * (chance or random)())


When = str | Callable[[Mapping[str, Any]], bool]


@frozen
class Node:
    """An action's place in a pipeline.

    Attributes:
        action: a `BaseAction` class, a decorated function, a spec, or an entry point string.
        name: unique in the pipeline; the action's name (``train``, then ``train-2``) if None.
        needs: names of the nodes that come before; None leaves it to the place in the list.
        inputs: params bound to results: ``{"weights": "train_a.weights_path"}``; ``"train_a"`` is the whole result,
            ``"train_a.layers.0"`` an item of a list in it, and ``"params.seed"`` an initial param.
        resources, retry, timeout: of each attempt; ``timeout`` in seconds.
        each: run one instance an item of this list in the params: ``"files"`` gives each instance its item as
            ``files``; ``"file in files"`` gives it as ``file``, without the list. The results come back as a list, in
            item order.
        max_parallel: how many instances run at once.
        when: run only if so, else skip: a key of the params (dotted, ``"not key"`` too), or a function of them, itself
            or as ``"pkg.mod:function"``. A param that is not there counts as false.
    """

    action: Any
    name: str | None = None
    needs: tuple[str, ...] | None = field(default=None, converter=_needs)
    inputs: Mapping[str, str] = field(factory=dict, converter=_inputs)
    resources: Resources | None = field(default=None, validator=optional(_one_of(Resources)))
    retry: Retry | None = field(default=None, validator=optional(_one_of(Retry)))
    timeout: float | None = field(default=None, validator=optional(_positive))
    each: str | None = None
    max_parallel: int | None = field(default=None, validator=optional(_whole))
    when: When | None = None
