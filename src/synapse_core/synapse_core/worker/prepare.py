"""What is worked out once for an action, so that each run of it costs microseconds: `Prepared`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import GenericAlias
from typing import Any, Literal, is_typeddict

from attrs import frozen

from synapse_core.actiondef import ActionSpec
from synapse_core.errors import FieldIssue, ValidationError
from synapse_core.schema import Schema, type_name

Extra = Literal["ignore", "forbid"]


@frozen
class Prepared:
    """An action ready to be run.

    Attributes:
        structure: makes the params model's instance of JSON data; raises ValidationError.
        invoke: runs the action with params and context; gives the result, or an awaitable of it.
        is_async: whether ``invoke`` gives an awaitable.
        check: what is wrong with the result by the ``result_model``; None where there is none.
    """

    structure: Callable[[Mapping[str, Any]], Any]
    invoke: Callable[[Any, Any], Any]
    is_async: bool
    check: Callable[[Any], ValidationError | None] | None


def prepare(spec: ActionSpec, schema: Schema, extra: Extra = "ignore") -> Prepared:
    """Work out what running an action takes; keep it, as it is not cheap.

    Raises:
        DiscoveryError: the action cannot be loaded.
    """
    import inspect

    target = spec.load()
    body = target.execute if spec.is_class else target
    return Prepared(
        structure=_structurer(spec, schema, extra),
        invoke=_invoker(target) if spec.is_class else _function_invoker(target),
        is_async=inspect.iscoroutinefunction(inspect.unwrap(body)),
        check=_checker(spec, schema) if spec.result_model is not None else None,
    )


def _structurer(spec: ActionSpec, schema: Schema, extra: Extra) -> Callable[[Mapping[str, Any]], Any]:
    if spec.params_model is None:
        return _untyped(spec.name)
    read = schema.structurer(spec.params_model, extra=extra)

    def structure(data: Mapping[str, Any]) -> Any:
        try:
            return read(own_copy(data) if _has_containers(data) else data)
        except ValidationError as error:
            raise ValidationError(f"the params of {spec.name!r}", error.issues, hint=error.hint) from None

    return structure


def _untyped(name: str) -> Callable[[Any], dict[str, Any]]:
    """The params of an action that takes a plain dict."""

    def structure(data: Any) -> dict[str, Any]:
        if not isinstance(data, dict | Mapping):
            found = type(data).__name__
            issue = FieldIssue("", f"expected a mapping of params, got {found}", found, "dict")
            raise ValidationError(f"the params of {name!r}", [issue])
        return own_copy(data)

    return structure


_CONTAINERS = frozenset({dict, list})


def _has_containers(data: Any) -> bool:
    """Whether there is anything in params that could be changed; what is no mapping is left to the model to refuse."""
    return isinstance(data, dict) and not _CONTAINERS.isdisjoint(map(type, data.values()))


def own_copy(data: Mapping[str, Any]) -> dict[str, Any]:
    """Params that the action may do with what it likes: no list or dict in them is anybody else's."""
    return {key: _copy(value) if type(value) in _CONTAINERS else value for key, value in data.items()}


def _copy(value: Any) -> Any:
    if type(value) is dict:
        return own_copy(value)
    return [_copy(item) if type(item) in _CONTAINERS else item for item in value]


def _invoker(cls: Any) -> Callable[[Any, Any], Any]:
    def invoke(params: Any, ctx: Any) -> Any:
        return cls(params, ctx).execute()

    return invoke


def _function_invoker(func: Any) -> Callable[[Any, Any], Any]:
    count = arity(func)
    if count >= 2:
        return func  # type: ignore[no-any-return]
    if count == 1:
        return lambda params, _ctx: func(params)
    return lambda _params, _ctx: func()


def arity(func: Any) -> int:
    """How many positional arguments a function takes."""
    import inspect

    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(parameter.kind in kinds for parameter in inspect.signature(func).parameters.values())


def _checker(spec: ActionSpec, schema: Schema) -> Callable[[Any], ValidationError | None]:
    """A result of the model's own class has been checked when it was made; anything else is, here, as JSON data."""
    model = spec.result_model
    own = model if type(model) is not GenericAlias and isinstance(model, type) and not is_typeddict(model) else ()
    subject = f"the result of {spec.name!r} does not fit its result model {type_name(model)}"

    def check(result: Any) -> ValidationError | None:
        if isinstance(result, own):
            return None
        try:
            schema.structure(schema.unstructure(result), model, subject=subject)
        except ValidationError as error:
            return ValidationError(subject, error.issues)
        return None

    return check
