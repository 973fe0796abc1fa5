"""The bases for common kinds of actions: made of steps, or not."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from types import new_class
from typing import Any

import attrs
import pytest

from synapse_core.actiondef import BaseAction, PluginCategory, spec_of
from synapse_core.actiondef.spec import is_action
from synapse_core.actions import (
    ActionContext,
    BaseExportAction,
    BaseInferenceAction,
    BaseTrainAction,
    BaseUploadAction,
    ExportContext,
    InferenceContext,
    StepsAction,
    TrainContext,
    UploadContext,
)
from synapse_core.builtin.local import LocalExecutor
from synapse_core.context import CancelToken, RuntimeContext
from synapse_core.errors import ActionCancelled, ExecutionError, ValidationError
from synapse_core.events import Kind
from synapse_core.pipeline import Node, Retry
from synapse_core.pipelines import ActionPipeline
from synapse_core.steps import (
    BaseStep,
    LoggingStep,
    StepError,
    StepFailedError,
    StepRegistry,
    StepResult,
    ValidationStep,
)
from tests.core.loggers.helpers import Recorder

BASES: dict[type[StepsAction[Any]], tuple[type[ActionContext], PluginCategory]] = {
    BaseTrainAction: (TrainContext, PluginCategory.NEURAL_NET),
    BaseExportAction: (ExportContext, PluginCategory.EXPORT),
    BaseUploadAction: (UploadContext, PluginCategory.UPLOAD),
    BaseInferenceAction: (InferenceContext, PluginCategory.NEURAL_NET),
}


@attrs.define
class MeanParams:
    numbers: list[float]
    folder: Path
    epochs: int = 4


@attrs.define
class MeanResult:
    weights_path: Path
    loss: float


class Load(BaseStep[TrainContext]):
    name = "load"

    def execute(self, context: TrainContext) -> StepResult:
        context.dataset = [float(number) for number in context.params.numbers]
        return StepResult(data={"count": len(context.dataset)})


class Fit(BaseStep[TrainContext]):
    """Goes towards the mean, half of the way each epoch."""

    name = "fit"
    progress_weight = 2

    def execute(self, context: TrainContext) -> StepResult:
        context.model, mean = 0.0, sum(context.dataset) / len(context.dataset)
        for epoch in range(context.params.epochs):
            context.model += (mean - context.model) / 2
            context.metrics["loss"] = abs(mean - context.model)
            context.set_metrics(context.metrics)
            context.set_progress(epoch + 1, context.params.epochs)
        return StepResult()


class Save(BaseStep[TrainContext]):
    name = "save"

    def execute(self, context: TrainContext) -> StepResult:
        path = context.params.folder / "mean.json"
        path.write_text(json.dumps(context.model))
        context.model_path = path
        context.result = MeanResult(path, context.metrics["loss"])
        return StepResult()

    def rollback(self, context: TrainContext, result: StepResult) -> None:
        context.params.folder.joinpath("mean.json").unlink(missing_ok=True)


class TrainMean(BaseTrainAction[MeanParams]):
    """Train a mean."""

    result_model = MeanResult

    def setup_steps(self, registry: StepRegistry[TrainContext]) -> None:
        for step in (Load(), Fit(), Save()):
            registry.register(step)


class TrainBadly(TrainMean):
    """Finds at the end that the model is no good."""

    def setup_steps(self, registry: StepRegistry[TrainContext]) -> None:
        super().setup_steps(registry)
        registry.register(ValidationStep(lambda context: (context.metrics["loss"] == 0, "not good enough"), "judge"))


class Gather(BaseStep[ActionContext]):
    """Leaves something on any context."""

    name = "gather"

    def execute(self, context: ActionContext) -> StepResult:
        if isinstance(context, TrainContext):
            context.metrics["loss"] = 1
        if isinstance(context, ExportContext):
            context.output_path = "out"
        if isinstance(context, UploadContext):
            context.uploaded_files.append("a")
        if isinstance(context, InferenceContext):
            context.results.append(1)
            context.processed_count += 1
        return StepResult()


def gathering(self, registry):
    """A ``setup_steps``."""
    registry.register(Gather())


def subclass(base: Any, **members: Any) -> Any:
    """``class Mine(base[MeanParams])`` with these members."""
    return new_class("Mine", (base[MeanParams],), exec_body=lambda namespace: namespace.update(members))


@pytest.fixture
def params(tmp_path):
    return MeanParams([1.0, 3.0], tmp_path)


@pytest.fixture
def log():
    return Recorder()


def test_an_action_of_steps(params, log):
    """It loads, fits and saves, and returns the result that a step has set."""
    result = TrainMean(params, RuntimeContext(log)).execute()
    assert result == MeanResult(params.folder / "mean.json", 0.125)
    assert json.loads(result.weights_path.read_text()) == 1.875


def test_progress_of_the_whole_and_of_the_step(params, log):
    """Without a category that of all steps by their weights; the step's own, and its metrics, under its name."""
    TrainMean(params, RuntimeContext(log)).execute()
    progress = [(p["category"], p["current"]) for kind, p in log.events if kind == Kind.ACTION_PROGRESS]
    assert [current for category, current in progress if category is None] == [25, 37.5, 50, 62.5, 75, 75, 100]
    assert [current for category, current in progress if category == "fit"] == [1, 2, 3, 4]
    metrics = [p for kind, p in log.events if kind == Kind.ACTION_METRICS]
    assert [(p["category"], p["metrics"]["loss"]) for p in metrics] == [
        ("fit", 1.0),
        ("fit", 0.5),
        ("fit", 0.25),
        ("fit", 0.125),
    ]


def test_a_failing_step_undoes_the_action(params, log):
    """What was written is gone, and the error says which step and why."""
    with pytest.raises(StepFailedError, match="step 'judge' failed: not good enough"):
        TrainBadly(params, RuntimeContext(log)).execute()
    assert list(params.folder.iterdir()) == []


def test_a_cancel_undoes_the_action(params):
    """A cancel that comes after the model was saved removes it again."""
    cancel = CancelToken()

    def dawdle(_context):
        cancel.cancel("enough")
        return True

    class CancelledAtTheEnd(TrainMean):
        def setup_steps(self, registry):
            super().setup_steps(registry)
            registry.register(ValidationStep(dawdle, "dawdle"))

    with pytest.raises(ActionCancelled, match="enough"):
        CancelledAtTheEnd(params, RuntimeContext(Recorder(), cancel=cancel)).execute()
    assert list(params.folder.iterdir()) == []


@pytest.mark.parametrize("base", BASES)
class TestEachBase:
    def test_category_and_context(self, base, log):
        """Each base is for its category, and its steps share its kind of context, with params and runtime context."""
        context_class, category = BASES[base]
        ctx = RuntimeContext(log)
        action = base({"a": 1}, ctx)
        context = action.create_context()
        assert type(context) is context_class
        assert (context.params, context.runtime_ctx) == ({"a": 1}, ctx)
        assert base.category == category

    def test_the_base_is_no_action(self, base):
        """Importing it does not make it one; a subclass with steps, or with ``execute``, is one with its params."""
        assert not is_action(base)
        for each in (subclass(base, setup_steps=gathering), subclass(base, execute=lambda self: None)):
            assert is_action(each)
            assert spec_of(each).params_model is MeanParams
            assert spec_of(each).category == BASES[base][1]

    def test_without_steps_execute_is_what_runs(self, base, params, log):
        """An action that overrides ``execute`` is like any other, even on top of one with steps."""
        plain = subclass(base, execute=lambda self: self.params.epochs)
        on_top = type("OnTop", (subclass(base, setup_steps=gathering),), {"execute": plain.execute})
        assert plain(params, RuntimeContext(log)).execute() == 4
        assert on_top(params, RuntimeContext(log)).execute() == 4

    def test_outcome(self, base, params, log):
        """Without a result of its own the action returns what its context gathered, without what is None."""
        gathered = subclass(base, setup_steps=gathering)(params, RuntimeContext(log)).execute()
        assert (
            gathered
            == {
                BaseTrainAction: {"metrics": {"loss": 1}},
                BaseExportAction: {"output_path": "out", "exported_count": 0},
                BaseUploadAction: {"uploaded_files": ["a"]},
                BaseInferenceAction: {"results": [1], "processed_count": 1},
            }[base]
        )


def test_no_steps_registered(params, log):
    """An action that has steps in name only says what to do."""

    class Undecided(BaseTrainAction[MeanParams]):
        def setup_steps(self, registry):
            """Registers none, this time."""

    with pytest.raises(StepError, match="registered no steps") as caught:
        Undecided(params, RuntimeContext(log)).execute()
    assert "override execute()" in str(caught.value)


def test_neither_steps_nor_execute(params, log):
    """It fails as any action without ``execute``."""

    class Nothing(BaseTrainAction[MeanParams]):
        pass

    assert not is_action(Nothing)
    with pytest.raises(NotImplementedError, match="Nothing has no execute"):
        Nothing(params, RuntimeContext(log)).execute()


def test_a_context_and_an_outcome_of_ones_own(log):
    """``create_context`` may give another context, and ``run_steps`` may be built upon."""

    @attrs.define(eq=False)
    class Count(ActionContext):
        n: int = 0

    class Add(BaseStep[Count]):
        name = "add"

        def execute(self, context: Count) -> StepResult:
            context.n += context.params["by"]
            context.result = context.n
            return StepResult()

    class Counting(StepsAction[dict]):  # type: ignore[type-arg]
        def setup_steps(self, registry: StepRegistry[Count]) -> None:
            registry.register(Add())

        def create_context(self) -> Count:
            return Count(self.ctx, params=self.params, n=40)

        def run_steps(self):
            return {"n": super().run_steps()}

    assert issubclass(Counting, BaseAction)
    assert spec_of(Counting).params_model is None
    assert Counting({"by": 2}, RuntimeContext(log)).execute() == {"n": 42}


class Storage:
    """A client that keeps files by name, and takes no more than two."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}

    def put(self, name: str, text: str) -> None:
        """Keep a file."""
        if len(self.files) == 2:
            raise ConnectionError("storage is full")
        self.files[name] = text


class SendFiles(BaseStep[UploadContext]):
    name = "send"

    def execute(self, context: UploadContext) -> StepResult:
        for file in sorted(Path(context.params["folder"]).iterdir()):
            context.client.put(file.name, file.read_text())
            context.uploaded_files.append(file.name)
        return StepResult()

    def rollback(self, context: UploadContext, result: StepResult) -> None:
        for name in context.uploaded_files:
            del context.client.files[name]


class UploadFolder(BaseUploadAction[dict[str, Any]]):
    """Upload a folder."""

    def setup_steps(self, registry: StepRegistry[UploadContext]) -> None:
        registry.register(LoggingStep(SendFiles()))


class TestThroughLocalExecutor:
    def test_params_and_result_are_those_of_any_action(self, params, log):
        """Params come from a dict and are structured, the result is checked, and reports arrive."""
        raw = {"numbers": [1, 3], "folder": str(params.folder), "epochs": 2}
        result = LocalExecutor(logger=log, strict=True).execute(TrainMean, raw)
        assert result == MeanResult(params.folder / "mean.json", 0.5)
        assert log.get_progress().percent == 100

    def test_wrong_params_run_no_step(self, params, log):
        """They are found before anything begins."""
        with pytest.raises(ValidationError, match="epochs"):
            LocalExecutor(logger=log).execute(
                TrainMean, {"numbers": [1], "folder": str(params.folder), "epochs": "many"}
            )
        assert log.events == []

    def test_steps_reach_the_client_and_undo_what_they_did_with_it(self, tmp_path, log):
        """A failing upload leaves nothing behind, even of the step that was half done."""
        for name in "abc":
            (tmp_path / name).write_text(name)
        storage = Storage()
        run = LocalExecutor(client=storage, logger=log)
        with pytest.raises(StepFailedError, match="'send' failed: ConnectionError: storage is full"):
            run.execute(UploadFolder, {"folder": str(tmp_path)})
        assert storage.files == {}
        (tmp_path / "c").unlink()
        assert run.execute(UploadFolder, {"folder": str(tmp_path)}) == {"uploaded_files": ["a", "b"]}
        assert storage.files == {"a": "a", "b": "b"}
        messages = [payload["message"] for kind, payload in log.events if kind == Kind.ACTION_LOG]
        assert messages == ["step_start", "step_failed", "step_rollback", "step_start", "step_end"]


class Flaky(BaseStep[InferenceContext]):
    """Fails until a file says that it was tried twice before."""

    name = "ask"

    def execute(self, context: InferenceContext) -> StepResult:
        tries = Path(context.params["folder"]) / "tries"
        tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
        if len(tries.read_text()) < 3:
            raise ConnectionError("refused")
        context.processed_count = 1
        return StepResult()


class Ask(BaseInferenceAction[dict[str, Any]]):
    """Ask something that is not always there."""

    def setup_steps(self, registry: StepRegistry[InferenceContext]) -> None:
        registry.register(Flaky())


@pytest.mark.parametrize(("on", "tries"), [(ConnectionError, 3), (ValueError, 1)])
def test_retries_go_by_what_the_step_raised(tmp_path, on, tries):
    """``Retry(on=…)`` sees the step's own exception, not the error that names the step."""
    pipeline = ActionPipeline([Node(Ask, retry=Retry(max_attempts=3, delay=0.001, on=on))])
    with pytest.raises(ExecutionError, match="step 'ask' failed") if tries < 3 else nullcontext():
        pipeline.execute({"folder": str(tmp_path)})
    assert (tmp_path / "tries").read_text() == "x" * tries
