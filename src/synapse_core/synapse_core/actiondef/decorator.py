"""`action`: makes an action of a function."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeVar, overload

from synapse_core.actiondef.base import PluginCategory, StopMode
from synapse_core.actiondef.spec import MARK, ActionSpec, summary
from synapse_core.actiondef.target import entrypoint_of

if TYPE_CHECKING:
    from synapse_core.types import DataType

F = TypeVar("F", bound=Callable[..., Any])


@overload
def action(func: F, /) -> F: ...
@overload
def action(
    name: str | None = None,
    *,
    description: str = "",
    params: type | None = None,
    result: type | None = None,
    category: PluginCategory | str = PluginCategory.CUSTOM,
    version: str = "",
    input_type: type[DataType] | None = None,
    output_type: type[DataType] | None = None,
    stop: StopMode = "cooperative",
) -> Callable[[F], F]: ...
def action(
    name: Any = None,
    *,
    description: str = "",
    params: type | None = None,
    result: type | None = None,
    category: PluginCategory | str = PluginCategory.CUSTOM,
    version: str = "",
    input_type: type[DataType] | None = None,
    output_type: type[DataType] | None = None,
    stop: StopMode = "cooperative",
) -> Any:
    """Make an action of a function ``(params, context) -> result``; the function stays directly callable.

    ``params`` and ``result`` are read from the annotations where they are not given. A function may leave out the
    context, and be ``async``. With ``stop="hard"`` it is run in a child process of its own, wherever it runs, so that a
    cancel or a timeout ends it and all that it has started.

    Raises:
        TypeError: it is no function, or one that wants other arguments.
    """
    if callable(name):
        return action()(name)

    def mark(func: F) -> F:
        _check(func)
        models = {"params_model": params, "result_model": result}
        said = {**models, "input_type": input_type, "output_type": output_type, "stop": stop}
        entrypoint, root = entrypoint_of(func)
        spec = ActionSpec(
            name=name or func.__name__,
            entrypoint=entrypoint,
            target=func,
            root=root,
            description=description or summary(func),
            category=str(category),
            version=version,
            overrides={key: value for key, value in said.items() if value is not None},
        )
        setattr(func, MARK, spec)
        return func

    return mark


def _check(func: Any) -> None:
    if isinstance(func, type):
        raise TypeError(f"@action is for functions; make {func.__qualname__!r} a subclass of BaseAction instead")
    # inspect.signature would cost more than all the rest of a decoration.
    if not isinstance(func, FunctionType) or hasattr(func, "__wrapped__"):
        return
    code, count = func.__code__, func.__code__.co_argcount
    required = code.co_varnames[: count - len(func.__defaults__ or ())]
    named = code.co_varnames[count : count + code.co_kwonlyargcount]
    missing = [*required[2:], *(name for name in named if name not in (func.__kwdefaults__ or ()))]
    if missing:
        raise TypeError(
            f"@action: {func.__qualname__}() is called with params and context, but needs {', '.join(missing)} too"
        )
