"""The digits example: it learns, says how, leaves what it promises, and is told apart from other data."""

import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attrs import frozen

from examples.digits.digits import confusion
from examples.digits.digits.convert import distorted
from examples.digits.digits.data import Images, load, read_table, save
from examples.digits.digits.download import SHA256, SHIPPED, as_url
from examples.digits.digits.network import Adam, Network
from examples.digits.digits.train import Train, TrainParams, TrainWide
from synapse_core import (
    ActionPipeline,
    ExecutionError,
    Node,
    PluginDiscovery,
    Retry,
    RuntimeContext,
    Session,
    ValidationError,
)
from synapse_core.context import MidwayState, PipelineContext
from synapse_core.events import Event, Kind
from synapse_core.loggers import NoOpLogger
from synapse_core.models import ActionStatus, PipelineProgress, RunStatus

PLUGIN = Path(__file__).parents[3] / "examples" / "digits"
QUICK = {"epochs": 4, "copies": 6}
ACTIONS = ["download", "convert", "train-wide", "train-deep", "evaluate", "export"]


@pytest.fixture(name="session")
def _session(tmp_path: Path) -> Iterator[Session]:
    with Session(entry_points=False, work_base=tmp_path / "runs") as session:
        yield session


@frozen
class Run:
    """A run that has ended, and what it left."""

    events: list[Event]
    progress: PipelineProgress
    folders: PipelineContext

    def kinds(self, action: str) -> list[str]:
        return [str(event.kind) for event in self.events if event.action == action]

    def payloads(self, kind: str, action: str) -> list[Any]:
        return [event.payload for event in self.events if (event.kind, event.action) == (kind, action)]


@pytest.fixture(name="run", scope="module", params=["local", pytest.param("process", marks=pytest.mark.slow)])
def _run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The whole pipeline, run once by each executor, fewer epochs on fewer images."""
    base = tmp_path_factory.mktemp("runs")
    with Session(entry_points=False, work_base=base) as session:
        pipeline = session.pm.discover(str(PLUGIN)).get_pipeline()
        run_id = session.submit(pipeline, QUICK, executor=request.param)
        progress = session.wait(run_id, timeout=100)
        return Run(list(session.stream_events(run_id)), progress, PipelineContext(run_id, base))


# -- the whole of it ------------------------------------------------------------------------------------------------


def test_it_learns(run: Run) -> None:
    """The better network reads at least 93 of 100 images that it has never seen."""
    assert run.progress.status is RunStatus.COMPLETED
    assert [(action.name, action.status) for action in run.progress.actions] == [
        (name, ActionStatus.COMPLETED) for name in ACTIONS
    ]
    assert run.progress.result["accuracy"] >= 0.93


def test_the_accuracy_it_tells_is_that_of_the_model_it_leaves(run: Run) -> None:
    """Whoever loads the exported weights finds the accuracy that the run and the model card say."""
    test = load(run.folders.datasets / "digits.npz", "test")
    model = run.folders.artifacts / "model"
    _, accuracy = Network.load(model / "weights.npz").score(test)
    card = json.loads((model / "model_card.json").read_text(encoding="utf-8"))
    assert accuracy == pytest.approx(run.progress.result["accuracy"])
    assert card["accuracy"] == run.progress.result["accuracy"]
    assert card["data"]["doi"] == "10.24432/C50P49"
    assert json.loads((model / "labels.json").read_text(encoding="utf-8")) == list("0123456789")


def test_the_trainings_run_side_by_side(run: Run) -> None:
    """Both trainings have begun before either ends, and evaluate waits for both."""
    seq = {(str(event.kind), event.action): event.seq for event in run.events}
    started = [seq[Kind.ACTION_STARTED, name] for name in ("train-wide", "train-deep")]
    ended = [seq[Kind.ACTION_COMPLETED, name] for name in ("train-wide", "train-deep")]
    assert max(started) < min(ended)
    assert seq[Kind.ACTION_STARTED, "evaluate"] > max(ended)


@pytest.mark.parametrize("action", ["train-wide", "train-deep"])
def test_a_training_tells_each_epoch(run: Run, action: str) -> None:
    """Loss and accuracy, of what is learned from and of what is held out, once an epoch; the progress ends full."""
    told = run.payloads(Kind.ACTION_METRICS, action)
    by_category = {name: [p["metrics"] for p in told if p["category"] == name] for name in ("train", "validation")}
    assert {name: len(series) for name, series in by_category.items()} == {"train": 4, "validation": 4}
    assert by_category["train"][-1]["loss"] < by_category["train"][0]["loss"] / 2
    assert by_category["validation"][-1].keys() == {"val_accuracy", "val_loss"}
    categories = run.progress.action(action).categories
    assert (categories["epochs"].current, categories["epochs"].total) == (4, 4)


def test_an_action_says_what_it_did(run: Run) -> None:
    """The user is told how many images there are, how good the network is, and sees the confusion matrix."""
    (said,) = run.payloads(Kind.ACTION_MESSAGE, "convert")
    assert said["message"] == "7,553 images, 359 and 359 held out"
    (accuracy,) = run.payloads(Kind.ACTION_MESSAGE, "evaluate")
    assert accuracy["message"] == f"{run.progress.result['accuracy']:.1%} of 359 held-out images read rightly"
    (matrix,) = run.payloads(Kind.ACTION_LOG, "evaluate")
    assert len(matrix["data"]["matrix"].splitlines()) == 11


def test_the_confusion_matrix_is_drawn(run: Run) -> None:
    """The drawing is well-formed SVG that shows every image once."""
    drawing = ET.parse(run.folders.artifacts / "confusion.svg").getroot()
    texts = [text.text or "" for text in drawing.iter("{http://www.w3.org/2000/svg}text")]
    white_on_green = [element for element in drawing.iter() if element.get("style") == "fill:#ffffff"]
    assert texts[0].endswith("held-out images read rightly")
    assert sum(int(text) for text in texts[3:] if text.isdigit()) - 2 * sum(range(10)) == 359
    assert len(white_on_green) == 10


def test_the_exported_program_needs_nothing_of_synapse(run: Run, tmp_path: Path) -> None:
    """A fresh Python that cannot import Synapse reads digits with what export has left."""
    test = load(run.folders.datasets / "digits.npz", "test")
    np.savetxt(tmp_path / "images.csv", test.pixels * 16, fmt="%d", delimiter=",")
    program = run.folders.artifacts / "model" / "predict.py"
    command = "import sys, runpy; sys.modules['synapse_core'] = None; runpy.run_path(sys.argv[0], run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.argv = sys.argv[1:]; {command}", str(program), "images.csv"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    read = np.array(done.stdout.split(), int)
    assert float((read == test.labels).mean()) == pytest.approx(run.progress.result["accuracy"])


def test_every_file_is_in_the_run_s_folder(run: Run) -> None:
    """Nothing is written elsewhere: what the results name lies in the run's own folders, open to nobody else."""
    assert Path(run.progress.result["model"]) == run.folders.artifacts / "model"
    assert {path.name for path in run.folders.models.iterdir()} == {"train-wide.npz", "train-deep.npz"}
    folders = [
        run.folders.root,
        *(path for path in run.folders.root.rglob("*") if path.is_dir() and path.name != "model"),
    ]
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}


@pytest.mark.slow
def test_the_command_line_runs_it(tmp_path: Path) -> None:
    """What ``make demo`` does, with fewer epochs: told line by line where there is no terminal, the result as JSON."""
    command = ["run", str(PLUGIN), *(f"-p{key}={value}" for key, value in QUICK.items())]
    done = subprocess.run(
        [sys.executable, "-m", "synapse_core.cli", *command],
        env={**os.environ, "SYNAPSE_HOME": str(tmp_path), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told, _, result = done.stdout.rpartition("\n{\n")
    assert re.search(r"evaluate +9\d\.\d% of 359 held-out images read rightly", told)
    assert "← read as" in told
    assert json.loads("{" + result)["accuracy"] >= 0.93
    (folder,) = (tmp_path / "runs").iterdir()
    assert f"files: {folder}" in told


@pytest.mark.slow
def test_as_it_is_shipped_it_reads_nearly_all(session: Session) -> None:
    """With the defaults, at least 97 of 100."""
    assert session.execute(session.pm.discover(str(PLUGIN)).get_pipeline()).accuracy >= 0.97


# -- the plugin -----------------------------------------------------------------------------------------------------


def test_the_config_says_what_the_code_says() -> None:
    """The config's actions and types are those of the code, and nothing is wrong with it."""
    plugin = PluginDiscovery.from_path(PLUGIN)
    assert plugin.check() == ()
    assert plugin.list_actions() == ACTIONS
    assert plugin.list_pipelines() == ["digits"]
    assert repr(plugin.get_pipeline()) == (
        "ActionPipeline('digits': download → convert → [train-wide | train-deep] → evaluate → export)"
    )


def test_the_pipeline_s_types_fit() -> None:
    """Nothing is to be doubted: a strict pipeline would be built as well."""
    pipeline = PluginDiscovery.from_path(PLUGIN).get_pipeline()
    assert (pipeline.problems, pipeline.cautions) == ((), ())
    assert pipeline.validate_initial_params({"epochs": 3}) == ()


def test_wrong_params_are_told_before_anything_runs() -> None:
    """Wrong values, by field and action."""
    pipeline = PluginDiscovery.from_path(PLUGIN).get_pipeline()
    with pytest.raises(ValidationError, match="epochs") as caught:
        pipeline.validate_initial_params({"epochs": 0, "learning_rate": "fast"})
    assert "learning_rate" in str(caught.value)


# -- download -------------------------------------------------------------------------------------------------------


def test_the_shipped_file_is_the_one_that_is_checked_for() -> None:
    """1,797 images of ten digits, 8×8 pixels from 0 to 16, with the SHA-256 that download wants."""
    assert hashlib.sha256(SHIPPED.read_bytes()).hexdigest() == SHA256
    assert SHIPPED.stat().st_size < 100_000
    images = read_table(SHIPPED)
    assert images.pixels.shape == (1797, 64)
    assert (images.pixels.min(), images.pixels.max()) == (0, 1)
    assert set(images.labels) == set(range(10))


def test_another_file_is_refused_unless_wanted(session: Session, tmp_path: Path) -> None:
    """A file with another SHA-256 fails the run, which says what it is; given that, or none, it is taken."""
    table = tmp_path / "few.csv.gz"
    table.write_bytes(gzip.compress(b"0," * 64 + b"7\n"))
    found = hashlib.sha256(table.read_bytes()).hexdigest()
    download = PluginDiscovery.from_path(PLUGIN).spec("download")
    with pytest.raises(ExecutionError, match=f"is {found}, not {SHA256}"):
        session.execute([download], {"source": str(table)})
    assert session.execute([download], {"source": str(table), "sha256": found}).table.read_bytes() == table.read_bytes()
    assert session.execute([download], {"source": table.as_uri(), "sha256": ""}).table.name == "few.csv.gz"


def test_a_source_is_a_path_or_a_url(tmp_path: Path) -> None:
    """Paths become file URLs; URLs stay."""
    assert as_url("https://example.org/digits.csv.gz") == "https://example.org/digits.csv.gz"
    assert as_url(str(tmp_path / "a b.csv")) == f"{tmp_path.as_uri()}/a%20b.csv"


# -- convert --------------------------------------------------------------------------------------------------------


def test_a_distorted_image_is_another_one_of_the_same_digit() -> None:
    """It differs, has as much ink give or take, and stays between paper and ink."""
    pixels = read_table(SHIPPED).pixels[:100]
    changed = distorted(pixels, np.random.default_rng(1))
    assert changed.shape == pixels.shape
    assert (changed != pixels).any(axis=1).all()
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert changed.sum() == pytest.approx(pixels.sum(), rel=0.1)


def test_no_held_out_image_is_learned_from(run: Run) -> None:
    """Training, validation and test share no image, and together they are all of them."""
    parts = [load(run.folders.datasets / "digits.npz", name) for name in ("train", "validation", "test")]
    originals = [parts[0][:1079], *parts[1:]]
    seen = [{image.tobytes() for image in part.pixels} for part in originals]
    assert not seen[0] & seen[1]
    assert not seen[0] & seen[2]
    assert not seen[1] & seen[2]
    assert sum(map(len, originals)) == 1797


# -- train ----------------------------------------------------------------------------------------------------------


def some_images(count: int = 300) -> Images:
    return read_table(SHIPPED)[:count]


def test_the_gradients_are_those_of_the_loss() -> None:
    """They agree with what a small step along each of them does to the loss."""
    network, images = Network.new([64, 5, 4, 10], np.random.default_rng(3)), some_images(20)
    network.weights = [weights.astype(np.float64) for weights in network.weights]
    for parameter, gradient in zip(network.parameters, network.gradients(images), strict=True):
        place = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)
        before, step = parameter[place], 1e-3
        parameter[place] = before + step
        above, _ = network.score(images)
        parameter[place] = before - step
        below, _ = network.score(images)
        parameter[place] = before
        assert (above - below) / (2 * step) == pytest.approx(gradient[place], rel=0.02)


def train(tmp_path: Path, name: str, epochs: int, midway: MidwayState | None = None) -> tuple[RuntimeContext, Path]:
    dataset = tmp_path / "dataset.npz"
    save(dataset, train=some_images(), validation=some_images(50))
    folder = PipelineContext(name, tmp_path).action_dir("train")
    ctx = RuntimeContext(NoOpLogger(), run_id=name, action="train", work_dir=folder, midway=midway)
    result = Train(TrainParams(dataset, epochs=epochs, hidden=(12,)), ctx).execute()
    return ctx, result.weights


def test_a_training_that_goes_on_ends_where_one_that_never_stopped_does(tmp_path: Path) -> None:
    """Stopped after ten epochs and taken up from its checkpoint: the same weights as without the stop."""
    _, straight = train(tmp_path, "straight", 13)
    stopped, _ = train(tmp_path, "stopped", 10)
    midway = MidwayState(stopped.load_checkpoint(), str(stopped.checkpoint_artifacts))
    _, resumed = train(tmp_path, "resumed", 13, midway)
    for one, other in zip(Network.load(straight).parameters, Network.load(resumed).parameters, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not list((tmp_path / "resumed" / "actions" / "train").glob("epoch-*")), "it began anew"


def test_a_checkpoint_of_another_network_is_not_taken_up(tmp_path: Path) -> None:
    """Layers of other sizes begin anew."""
    stopped, _ = train(tmp_path, "stopped", 10)
    ctx = RuntimeContext(
        NoOpLogger(),
        work_dir=tmp_path,
        midway=MidwayState(stopped.load_checkpoint(), str(stopped.checkpoint_artifacts)),
    )
    other = Network.new([64, 13, 10], np.random.default_rng())
    params = TrainParams(tmp_path / "dataset.npz", hidden=(13,))
    assert Train(params, ctx).restore(Adam(other.parameters, 0.1)) == 0


class Stumbles(TrainWide):
    """Fails in its 12th epoch, the first time."""

    action_name = "stumbles"

    def report(self, network: Network, train: Images, validation: Images, epoch: int) -> None:
        super().report(network, train, validation, epoch)
        if epoch == 12 and self.ctx.attempt == 1:
            raise ConnectionError("the dataset went away")


def test_a_second_attempt_goes_on_after_the_last_checkpoint(session: Session, tmp_path: Path) -> None:
    """The engine hands the mid-way state on: epochs 11 and 12 are done twice, and none of the first ten."""
    dataset = tmp_path / "dataset.npz"
    save(dataset, train=some_images(), validation=some_images(50))
    pipeline = ActionPipeline([Node(Stumbles, retry=Retry(max_attempts=2, delay=0))])
    run_id = session.submit(pipeline, {"dataset": str(dataset), "epochs": 14, "hidden": [8]})
    session.wait(run_id, timeout=60)
    events = list(session.stream_events(run_id))
    assert [event.payload["message"] for event in events if event.kind == Kind.ACTION_MESSAGE] == [
        "going on after epoch 10"
    ]
    told = [(e.attempt, e.payload["category"]) for e in events if e.kind == Kind.ACTION_METRICS]
    assert told.count((1, "train")) == 12
    assert told.count((2, "train")) == 4


# -- confusion ------------------------------------------------------------------------------------------------------


def test_the_matrix_counts_rows_as_written_and_columns_as_read() -> None:
    """A 2 that was read as a 7 stands in row 2, column 7."""
    counts = confusion.count(np.array([2, 2, 7]), np.array([2, 7, 7]))
    assert (counts[2][2], counts[2][7], counts[7][7], sum(map(sum, counts))) == (1, 1, 1, 3)
    assert confusion.accuracy(counts) == pytest.approx(2 / 3)
    assert confusion.summary(counts) == "66.7% of 3 held-out images read rightly"
