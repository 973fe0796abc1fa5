"""What an action is: classes and decorated functions, the models they name, and their specs."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import attrs
import pytest

from synapse_core import (
    ActionSpec,
    BaseAction,
    LocalExecutor,
    NoResult,
    PluginCategory,
    RuntimeContext,
    action,
    spec_of,
)
from synapse_core.actiondef import is_action
from synapse_core.errors import DiscoveryError
from synapse_core.types import DataType

if TYPE_CHECKING:
    from decimal import Decimal


@attrs.define
class Params:
    epochs: int = 1


@attrs.define
class Other:
    name: str = ""


@attrs.define
class Result:
    loss: float


P = TypeVar("P")
Q = TypeVar("Q")


class Weights(DataType):
    """Semantic."""


# -- the params model of a class ----------------------------------------------------------------------------------


class Direct(BaseAction[Params]):
    def execute(self) -> None: ...


class Inherited(Direct):
    def execute(self) -> None: ...


class Passing(BaseAction[P], Generic[P]):
    def execute(self) -> None: ...


class Bound(Passing[Other]):
    def execute(self) -> None: ...


class Two(Passing[P], Generic[Q, P]):
    def execute(self) -> None: ...


class BoundTwo(Two[int, Params]):
    def execute(self) -> None: ...


class Mixin:
    pass


class Mixed(Mixin, Passing[Params]):
    def execute(self) -> None: ...


class Bare(BaseAction):  # type: ignore[type-arg]
    def execute(self) -> None: ...


class AsDict(BaseAction[dict]):  # type: ignore[type-arg]
    def execute(self) -> None: ...


class AsTypedDict(BaseAction[dict[str, int]]):
    def execute(self) -> None: ...


class AsMapping(BaseAction[Mapping[str, Any]]):
    def execute(self) -> None: ...


class Said(BaseAction[Params]):
    params_model = Other

    def execute(self) -> None: ...


class InQuotes(BaseAction["Params"]):
    def execute(self) -> None: ...


@pytest.mark.parametrize(
    ("cls", "model"),
    [
        (Direct, Params),
        (Inherited, Params),
        (Bound, Other),
        (BoundTwo, Params),
        (Mixed, Params),
        (Said, Other),
        (InQuotes, Params),
        *((cls, None) for cls in (Passing, Two, Bare, AsDict, AsTypedDict, AsMapping)),
    ],
)
def test_the_params_model_comes_from_the_generic_parameter(cls: Any, model: Any):
    """Through bases, further generics and mixins; what names no model takes a plain dict."""
    assert spec_of(cls).params_model is model
    params = {} if model else {"any": 1}
    assert LocalExecutor().execute(cls, params) is None


# -- the models of a function -------------------------------------------------------------------------------------


def test_a_functions_models_come_from_its_annotations():
    """Strings, as this module's, too."""

    @action
    def train(params: Params, context: RuntimeContext) -> Result:
        return Result(1 / params.epochs)

    spec = spec_of(train)
    assert (spec.name, spec.params_model, spec.result_model) == ("train", Params, Result)


def test_what_is_said_wins_over_annotations():
    """Name, description, models, types, category and version."""

    @action(
        "fit",
        description="Fits.",
        params=Other,
        result=Params,
        category=PluginCategory.NEURAL_NET,
        version="2",
        input_type=Weights,
        output_type=Weights,
    )
    def train(params: Params, context: RuntimeContext) -> Result: ...  # type: ignore[empty-body]

    spec = spec_of(train)
    assert (spec.name, spec.description, spec.category, spec.version) == ("fit", "Fits.", "neural_net", "2")
    assert (spec.params_model, spec.result_model) == (Other, Params)
    assert (spec.input_type, spec.output_type) == (Weights, Weights)


def test_annotations_that_tell_nothing_are_no_models():
    """None, plain dicts, Any, NoResult, and names that only type checkers see."""

    @action
    def plain(params: dict[str, Any]) -> None: ...
    @action
    def anything(params: Any) -> Any: ...
    @action
    def bare(params, context): ...
    @action
    def unseen(params: Decimal) -> Decimal: ...  # type: ignore[empty-body]
    @action(result=NoResult)
    def silent(params: dict[str, Any]) -> Result: ...  # type: ignore[empty-body]
    @action
    def nothing() -> dict[str, Any]: ...  # type: ignore[empty-body]

    for function in (plain, anything, bare, unseen, silent, nothing):
        spec = spec_of(function)
        assert (spec.params_model, spec.result_model) == (None, None), function.__name__


def test_a_function_may_leave_arguments_out():
    """The context, or all of them."""

    @action
    def both(params, context):
        return "both", context.action

    @action
    def one(params: Params):
        return params.epochs

    @action
    def none():
        return "none"

    @action
    def defaulted(params, context=None):
        return context is not None

    executor = LocalExecutor()
    assert executor.execute(one, {"epochs": 3}) == 3
    assert executor.execute(none) == "none"
    assert executor.execute(defaulted) is True


def test_what_cannot_be_called_with_params_and_context_is_no_action():
    """It is refused where it is decorated, with what it wants in vain."""

    def three(params, context, model): ...
    def named(params, *, model): ...
    def free(params, *more, model=None, **others): ...

    for function in (three, named):
        with pytest.raises(TypeError, match=r"\(\) is called with params and context, but needs model too"):
            action(function)
    assert action(free) is free
    with pytest.raises(TypeError, match="@action is for functions; make 'Params' a subclass of BaseAction"):
        action(Params)


def test_a_wrapped_function_is_what_it_wraps():
    """A decorator between that keeps its name keeps its models, and its being async."""

    def loud(function):
        @functools.wraps(function)
        def wrapped(*args):
            return function(*args)

        return wrapped

    @action
    @loud
    def sync(params: Params, context: RuntimeContext) -> Result:
        return Result(params.epochs)

    @action
    @loud
    async def later(params: Params, context: RuntimeContext) -> Result:
        return Result(params.epochs)

    for function in (sync, later):
        assert spec_of(function).params_model is Params
        assert LocalExecutor().execute(function, {"epochs": 2}) == Result(2)


def test_a_decorated_function_stays_what_it_was():
    """Callable, named, documented; with or without brackets."""

    @action
    def one(params: Params) -> int:
        """One."""
        return params.epochs

    @action()
    def two(params: Params) -> int:
        """Two.

        More.
        """
        return params.epochs

    assert (one(Params(3)), one.__name__, spec_of(one).description) == (3, "one", "One.")
    assert (two(Params(4)), spec_of(two).description) == (4, "Two.")


# -- specs --------------------------------------------------------------------------------------------------------


class TrainModelAction(BaseAction[Params]):
    """Trains.

    At length.
    """

    category = "mine"
    version = "3"
    input_type = Weights
    result_model = Result

    def execute(self) -> Result:
        return Result(0.5)


def test_a_class_says_what_its_spec_says():
    """Its name from the class where none is given, its description from the docstring."""
    spec = spec_of(TrainModelAction)
    assert (spec.name, spec.description, spec.category, spec.version) == ("train_model", "Trains.", "mine", "3")
    assert (spec.input_type, spec.output_type, spec.result_model) == (Weights, None, Result)
    assert spec.entrypoint == f"{__name__}:TrainModelAction"
    assert spec.is_class
    assert spec.load() is TrainModelAction
    assert spec_of(spec) is spec
    assert spec_of(TrainModelAction) is spec


def test_a_subclass_has_a_spec_of_its_own():
    """Not its base's."""

    class Fine(TrainModelAction):
        action_name = "fine_tune"

    assert spec_of(Fine).name == "fine_tune"
    assert spec_of(TrainModelAction).name == "train_model"
    assert spec_of(Fine).input_type is Weights


@pytest.mark.parametrize(
    ("cls", "name"),
    [
        ("Train", "train"),
        ("TrainAction", "train"),
        ("HTTPServerAction", "http_server"),
        ("Action", "action"),
        ("Train2Action", "train2"),
        ("toONNX", "to_onnx"),
    ],
)
def test_names_are_made_of_class_names(cls: str, name: str):
    """In the way of Python's own names."""
    made = type(cls, (BaseAction,), {"execute": lambda self: None})
    assert spec_of(made).name == name


@pytest.mark.parametrize("target", [len, object(), 3, dict, lambda params: None, None])
def test_what_is_no_action_is_refused_with_what_to_do(target: Any):
    """Subclass, decorate, or name one."""
    with pytest.raises(DiscoveryError, match=r"is no action(.|\n)*@action"):
        spec_of(target)
    assert not is_action(target)


def test_an_action_is_one_that_can_be_run():
    """A class with `execute`, or a decorated function; not an abstract base."""

    class Abstract(BaseAction[Params]):
        pass

    @action
    def function(params): ...

    assert is_action(TrainModelAction)
    assert is_action(function)
    assert not is_action(Abstract)
    assert not is_action(BaseAction)


def test_a_spec_loads_when_it_is_asked_to():
    """By its entry point, or its own loader; what it is given by a config wins."""
    spec = ActionSpec("echo", "synapse_core.testing.actions:echo", overrides={"input_type": Weights})
    assert spec.target is None
    assert spec.input_type is Weights
    assert spec.load().__name__ == "echo"
    asked: list[ActionSpec] = []

    def loader(spec: ActionSpec) -> Any:
        asked.append(spec)
        return TrainModelAction

    lazy = ActionSpec("x", "nowhere:x", loader=loader)
    assert lazy.params_model is Params
    assert lazy.result_model is Result
    assert asked == [lazy]


def test_importing_an_action_is_cheap():
    """Neither asyncio, inspect, logging, rich nor YAML come with it."""
    code = (
        "import sys; from synapse_core import BaseAction, action, ActionPipeline, LocalExecutor; "
        "print(*sorted({'asyncio', 'logging', 'rich', 'ruamel', 'click', 'cattrs', 'tomllib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
