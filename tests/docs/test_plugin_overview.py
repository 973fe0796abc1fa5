"""The plugin overview's examples, translated, do what it says they do: each block of it that is not of Ray."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from synapse_core import (
    ActionPipeline,
    BaseAction,
    ExecutionError,
    LocalExecutor,
    PluginCategory,
    PluginDiscovery,
    RuntimeContext,
    Session,
    ValidationError,
    hookimpl,
    run_plugin,
    spec_of,
)
from synapse_core.builtin.local.direct import ResultWarning
from synapse_core.errors import EnvironmentValueError
from synapse_core.events import Event, Kind
from synapse_core.loggers import BaseLogger
from synapse_core.steps import BaseStepContext, Orchestrator, StepRegistry
from synapse_core.types import ModelWeights, YOLODataset
from tests.docs.blocks import Block, blocks_of

PAGE = Path(__file__).parent / "plugin_overview.md"
BLOCKS = blocks_of(PAGE)
PARAMS = {"input_path": "/data/input.csv", "output_path": "/data/output.csv", "batch_size": 64, "verbose": True}
PROMISED = {"status": "completed", "output_path": "/data/output.csv", "items_processed": 100}

Plugin = Callable[..., Path]


def block(heading: str, number: int = 0) -> Block:
    return [each for each in BLOCKS if each.heading == heading][number]


def run(found: Block, **given: Any) -> dict[str, Any]:
    """Run a block as it stands; ``given`` are the names that the overview leaves to its reader."""
    names = {"__name__": f"overview_{found.line}", **given}
    exec(compile(found.text, str(found), "exec"), names)
    return names


class Recorder(BaseLogger):
    """Keeps what is reported."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []

    def emit(self, kind: str, payload: Any) -> None:
        self.told.append((str(kind), payload))

    def of(self, kind: str) -> list[Any]:
        return [payload for told, payload in self.told if told == kind]


@pytest.fixture(name="plugin")
def _plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plugin:
    """Writes the tutorial's files, of its first steps or with what step 5 changes, where its reader stands."""

    def write(*, with_results: bool = False) -> Path:
        for each in BLOCKS:
            if each.title and (with_results or not each.heading.startswith("Step 5")):
                file = tmp_path / each.title
                file.parent.mkdir(exist_ok=True)
                file.write_text(each.text, encoding="utf-8")
        return tmp_path

    monkeypatch.setenv("SYNAPSE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return write


def test_every_block_is_tested() -> None:
    """The overview has 16 blocks of Python and one of YAML; two are Ray's, and the other 15 are here."""
    assert len(BLOCKS) == 15
    assert [each.language for each in BLOCKS].count("yaml") == 1


# -- key concepts ---------------------------------------------------------------------------------------------------


def test_the_first_action() -> None:
    """It runs with the defaults and with params, and reports its progress."""
    action = run(block("Actions"))["TrainAction"]
    logger = Recorder()
    executor = LocalExecutor(logger=logger)
    assert executor.execute(action, {"epochs": 3}) == {"status": "completed"}
    assert [told["current"] for told in logger.of(Kind.ACTION_PROGRESS)] == [1, 2, 3]
    assert executor.execute(action) == {"status": "completed"}
    assert logger.of(Kind.ACTION_PROGRESS)[-1] == {"category": None, "current": 10, "total": 10}


def test_the_load_data_step() -> None:
    """The orchestrator runs it over the reader's own context."""

    @attrs.define(eq=False)
    class MyContext(BaseStepContext):
        data: list[int] | None = None

    step = run(block("Steps"), MyContext=MyContext, load_data=lambda: [1, 2, 3])["LoadDataStep"]()
    context = MyContext()
    told = Orchestrator(StepRegistry([step]), context).execute()
    assert (told["success"], told["steps_executed"], context.data) == (True, 1, [1, 2, 3])
    assert (step.name, step.progress_weight) == ("load_data", 0.3)
    assert context.step_results["load_data"].success


# -- tutorial -------------------------------------------------------------------------------------------------------


def program(folder: Path, name: str) -> tuple[str, str]:
    """What ``python NAME`` prints where the reader stands."""
    command = [sys.executable, "-W", "error", name]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout, done.stderr


@pytest.mark.parametrize("mode", ["local", "process"])
def test_the_tutorial_prints_what_it_promises(plugin: Plugin, mode: str) -> None:
    """``python run.py``, where the reader stands: exactly the line in the tutorial's last comment."""
    folder = plugin()
    step = block("Step 4: Run Locally").text
    (folder / "run.py").write_text(step.replace("mode='local'", f"mode='{mode}'"), encoding="utf-8")
    assert program(folder, "run.py") == (step.rpartition("# Output: ")[2], "")


@pytest.mark.parametrize("mode", ["local", "process"])
@pytest.mark.parametrize("code", ["./my_plugin", "my_plugin/config.yaml"])
def test_the_tutorial_s_plugin_by_path(plugin: Plugin, code: str, mode: str) -> None:
    """As a folder and by its config; in this process and in one of its own."""
    plugin()
    assert run_plugin(plugin_code=code, action="process", params=PARAMS, mode=mode) == PROMISED


def test_the_tutorial_s_plugin_reports(plugin: Plugin) -> None:
    """Each of 100 items is logged, as it was told to be verbose; the metrics carry their category."""
    plugin()
    with Session(entry_points=False) as session:
        spec = session.pm.discover("./my_plugin").spec("process")
        run_id = session.submit([spec], PARAMS)
        session.wait(run_id)
        events = list(session.stream_events(run_id))
        progress = session.progress(run_id).action("process")
    logged = [event.payload["message"] for event in of(events, Kind.ACTION_LOG)]
    assert logged == ["process_start"] + ["item_processed"] * 100
    assert [event.payload for event in of(events, Kind.ACTION_METRICS)] == [
        {"category": "process", "metrics": {"items_processed": 100}}
    ]
    assert (progress.progress, progress.metrics) == (1.0, {"items_processed": 100})


def of(events: list[Event], kind: str) -> list[Event]:
    return [event for event in events if event.kind == kind]


def test_the_tutorial_s_params_are_validated(plugin: Plugin) -> None:
    """All that is wrong is told at once, by field: what is missing, of the wrong type, and too large."""
    plugin()
    with pytest.raises(ExecutionError) as caught:
        run_plugin("./my_plugin", "process", {"input_path": 3, "batch_size": 2048, "verbos": True})
    told = str(caught.value)
    for field in ("input_path", "output_path", "batch_size", "verbos"):
        assert field in told
    assert "1024" in told
    assert "did you mean 'verbose'" in told


def test_the_tutorial_s_config_is_read(plugin: Plugin) -> None:
    """What the config says of the plugin and its action is what discovery tells, without importing the action."""
    found = PluginDiscovery.from_path(plugin() / "my_plugin")
    assert (found.name, found.code, found.version, found.category) == ("My Plugin", "my_plugin", "0.1.0", "custom")
    assert found.list_actions() == ["process"]
    spec = found.spec("process")
    assert (spec.description, spec.method) == ("Process input files with batch processing", "task")
    assert spec.entrypoint.endswith("my_plugin.actions:ProcessAction")
    assert found.problems == ()


def test_the_tutorial_s_params_make_a_form(plugin: Plugin) -> None:
    """The descriptions and bounds of the params are in the JSON Schema and in the form."""
    plugin()
    found = PluginDiscovery.from_path("my_plugin")
    schema = found.get_params_schema("process")
    assert schema["required"] == ["input_path", "output_path"]
    assert schema["properties"]["input_path"]["description"] == "Path to input file"
    assert (schema["properties"]["batch_size"]["minimum"], schema["properties"]["batch_size"]["maximum"]) == (1, 1024)
    form = {field["name"]: field for field in found.get_ui_schema("process")}
    assert [field["$formkit"] for field in form.values()] == ["text", "text", "number", "checkbox"]
    assert form["output_path"]["help"] == "Path to output file"
    assert (form["batch_size"]["value"], form["batch_size"]["max"]) == (32, 1024)


def test_the_tutorial_s_typed_result(plugin: Plugin) -> None:
    """Step 5: the result is an instance of the result model here, and the same data where it ran elsewhere."""
    plugin(with_results=True)
    result = run_plugin("./my_plugin", "process", PARAMS)
    assert type(result).__name__ == "ProcessResult"
    assert attrs.asdict(result) == PROMISED
    assert run_plugin("./my_plugin", "process", PARAMS, mode="process") == PROMISED


def test_a_result_that_does_not_fit_warns_or_fails(plugin: Plugin) -> None:
    """A result of another shape than ``result_model`` says is a warning, and an error where it is strict."""
    folder = plugin(with_results=True)
    actions = folder / "my_plugin" / "actions.py"
    text = actions.read_text(encoding="utf-8").replace("return ProcessResult(", "return dict(")
    actions.write_text(text.replace("items_processed=total_items", "items_processed='many'"), encoding="utf-8")
    wrong = PluginDiscovery.from_path(folder / "my_plugin").get_action_class("process")
    with pytest.warns(ResultWarning, match="items_processed"):
        assert LocalExecutor().execute(wrong, PARAMS)["items_processed"] == "many"
    with pytest.raises(ValidationError, match="items_processed"):
        LocalExecutor(strict=True).execute(wrong, PARAMS)


# -- two ways to define actions -------------------------------------------------------------------------------------


@attrs.frozen
class TrainParams:
    epochs: int = 10


@attrs.frozen
class TrainResult:
    weights_path: str
    final_loss: float


def class_based_action() -> Any:
    @attrs.frozen
    class Model:
        path: str
        loss: float

    def train_model(params: TrainParams) -> Model:
        return Model(f"/models/after-{params.epochs}.pt", 0.25)

    names = run(block("Class-Based Actions"), TrainParams=TrainParams, TrainResult=TrainResult, train_model=train_model)
    return names["TrainAction"]


def test_the_class_based_action() -> None:
    """Its class attributes are what the rest of Synapse knows of it; it runs, sees its environment, and logs."""
    action = class_based_action()
    spec = spec_of(action)
    assert (spec.name, spec.category, spec.input_type, spec.output_type) == (
        "train",
        "neural_net",
        YOLODataset,
        ModelWeights,
    )
    assert (spec.params_model, spec.result_model) == (TrainParams, TrainResult)
    assert spec.description == "Train a YOLO model with comprehensive features."
    logger = Recorder()
    result = LocalExecutor(logger=logger).execute(action, {"epochs": 2})
    assert result == TrainResult("/models/after-2.pt", 0.25)
    assert logger.of(Kind.ACTION_LOG) == [{"level": "info", "message": "Starting training"}]


def test_autolog_is_done_by_the_plugin_that_knows_the_framework() -> None:
    """``self.autolog('ultralytics')`` reaches a plugin's hook, with the context to report to."""
    asked: list[tuple[str, str]] = []

    class Ultralytics:
        @hookimpl
        def synapse_autolog(self, framework: str, ctx: RuntimeContext) -> bool | None:
            asked.append((framework, ctx.action))
            return framework == "ultralytics" or None

    with Session(entry_points=False, plugins=[Ultralytics()]) as session:
        session.execute([class_based_action()], {"epochs": 1})
    assert asked == [("ultralytics", "train")]


def converted() -> dict[str, Any]:
    return run(block("Function-Based Actions"), convert_file=lambda path, _from, to: path.rpartition(".")[0] + f".{to}")


FILE = {"input_format": "png", "output_format": "jpg", "file_path": "/tmp/cat.png"}


def test_the_function_based_action() -> None:
    """It runs by an executor, by name and description as the decorator says, and in a pipeline."""
    names = converted()
    spec = spec_of(names["convert"])
    assert (spec.name, spec.description) == ("convert", "Convert file between formats")
    assert (spec.params_model, spec.result_model) == (names["ConvertParams"], names["ConvertResult"])
    logger = Recorder()
    wanted = names["ConvertResult"](output_path="/tmp/cat.jpg", converted=True)
    assert LocalExecutor(logger=logger).execute(names["convert"], FILE) == wanted
    assert [told["current"] for told in logger.of(Kind.ACTION_PROGRESS)] == [0, 100]
    assert ActionPipeline([names["convert"]]).execute(FILE) == wanted


def test_a_decorated_function_is_still_a_function() -> None:
    """It can be called as it was written, as in the overview's table: testing is by direct calls."""
    names = converted()
    result = names["convert"](names["ConvertParams"](**FILE), RuntimeContext(Recorder()))
    assert result == names["ConvertResult"]("/tmp/cat.jpg", True)


def test_the_categories() -> None:
    """The eight of the overview's table, with their values; a class says its own."""
    assert [category.value for category in PluginCategory] == [
        "neural_net",
        "export",
        "upload",
        "smart_tool",
        "pre_annotation",
        "post_annotation",
        "data_validation",
        "custom",
    ]
    action = run(block("Plugin Categories"), BaseAction=BaseAction, MyParams=TrainParams)["MyAction"]
    assert spec_of(action).category == "neural_net"


# -- local execution ------------------------------------------------------------------------------------------------


def test_run_plugin_locally(tmp_path: Path) -> None:
    """``run_plugin`` finds the action ``train`` in the reader's own module ``my_plugin``."""
    text = block("Actions").text.replace("class TrainAction", "class Train")
    (tmp_path / "my_plugin.py").write_text(text, encoding="utf-8")
    (tmp_path / "run.py").write_text(block("Local Execution").text + "print(result)\n", encoding="utf-8")
    assert program(tmp_path, "run.py") == ("{'status': 'completed'}\n", "")


def test_the_local_executor() -> None:
    """The action sees the environment and the job id that the executor was given."""
    action: Any = run(block("Actions"))["TrainAction"]

    class Looks(action):  # type: ignore[misc]
        def execute(self) -> dict[str, Any]:
            return {**super().execute(), "debug": self.ctx.env.get_bool("DEBUG"), "job": self.ctx.job_id}

    result = run(block("Local Execution", 1), TrainAction=Looks)["result"]
    assert result == {"status": "completed", "debug": True, "job": "test-123"}


# -- context and environment ----------------------------------------------------------------------------------------


def test_the_runtime_context() -> None:
    """Each way to report arrives as what it is, and the client is the one that was given."""
    uploads: list[Any] = []

    class Client:
        def upload_file(self, what: Any) -> None:
            uploads.append(what)

    class Everything(BaseAction[Any]):
        execute = run(block("RuntimeContext Reference"))["execute"]

    logger = Recorder()
    executor = LocalExecutor(env={"DEBUG": "true"}, job_id="test-123", logger=logger, client=Client())
    assert executor.execute(Everything) is None
    assert uploads == [...]
    assert logger.told == [
        (Kind.ACTION_LOG, {"level": "info", "message": "Processing started"}),
        (Kind.ACTION_LOG, {"level": "info", "message": "event_name", "data": {"key": "value"}}),
        (Kind.ACTION_PROGRESS, {"category": "training", "current": 50, "total": 100}),
        (Kind.ACTION_METRICS, {"category": "train", "metrics": {"loss": 0.05, "accuracy": 0.95}}),
        (Kind.ACTION_MESSAGE, {"level": "info", "message": "Training complete!"}),
        (
            Kind.ACTION_LOG,
            {
                "level": "debug",
                "message": "checkpoint_saved",
                "data": {"event": "checkpoint_saved", "path": "/model.pt"},
            },
        ),
    ]
    LocalExecutor(logger=logger).execute(Everything)  # without a client


def test_the_plugin_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the process's environment and from a file; typed, with defaults, and merged."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLUGIN_API_KEY", "s3cret-key")
    text = 'API_KEY = "abc"\nBATCH_SIZE = "64"\nDEBUG = true\nTAGS = ["a", "b"]\n'
    (tmp_path / "config.toml").write_text(text, encoding="utf-8")
    names = run(block("PluginEnvironment"), another_env={"API_KEY": "xyz", "EXTRA": "1"})
    assert (names["api_key"], names["batch_size"], names["learning_rate"]) == ("abc", 64, 0.001)
    assert (names["debug"], names["tags"]) == (True, ["a", "b"])
    assert (names["merged"].get_str("API_KEY"), names["merged"].get_int("EXTRA")) == ("xyz", 1)
    environ = names["PluginEnvironment"].from_environ(prefix="PLUGIN_")
    assert environ.get_str("API_KEY") == "s3cret-key"
    assert "s3cret-key" not in repr(environ)
    with pytest.raises(EnvironmentValueError, match="BATCH_SIZ"):
        names["env"].get_int("BATCH_SIZ")
