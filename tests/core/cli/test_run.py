"""``synapse run``: what it runs, shows and prints, and its exit codes."""

from __future__ import annotations

import json
import subprocess

import pytest

from synapse_core import Session, SynapseError
from synapse_core.testing import actions
from tests.core.cli.helpers import FLOW, SYNAPSE, Here


def test_a_pipeline_is_run_and_its_result_printed(here: Here) -> None:
    """Each change of state is a line, and the last action's result stands at the end as JSON."""
    done = here.synapse("run", "flow.py:pipeline", "-p", "source=x.csv", "-p", "epochs=5")
    assert (done.code, done.err) == (0, "")
    lines = [line[9:] for line in done.out.splitlines()]
    assert lines[0].startswith("flow   ● running  2 actions, run ")
    assert "load   loading" in lines
    assert "train  INFO  trained  epochs=5" in lines
    assert any(line.startswith("train  ✓ completed in ") and line.endswith("loss=0.25") for line in lines)
    assert json.loads(done.out[done.out.index("{\n") :]) == {"accuracy": 0.5, "epochs": 5, "optimizer": "adam"}


def test_a_file_stands_for_the_pipeline_in_it(here: Here) -> None:
    """The one at its top level, whatever its names, is what ``run`` and ``graph`` mean by the file or module."""
    here.write("one.py", "from flow import pipeline as flow\nagain = flow\n")
    for target in ("flow.py", "one.py", "one"):
        done = here.synapse("run", target, "-q", "-p", "source=x.csv", "-p", "epochs=5")
        assert (done.code, done.json["epochs"]) == (0, 5)
    assert here.synapse("graph", "flow.py").out == here.synapse("graph", "flow.py:pipeline").out


def test_a_target_is_kept_as_it_is_found_from_anywhere(here: Here) -> None:
    """Absolute, and without the way that was taken to it."""
    (here.folder / "deep").mkdir()
    assert here.synapse("run", "deep/../flow.py", "load", "-q").code == 0
    assert here.synapse("runs", "show", "last", "--json").json["target"] == f"{here.folder.resolve()}/flow.py load"


def test_quiet_prints_the_result_and_nothing_else(here: Here) -> None:
    """With --quiet standard output is JSON."""
    done = here.synapse("run", "flow.py", "train", "-q", "-p", "data=x", "-p", "optimizer.name=sgd")
    assert (done.code, done.err) == (0, "")
    assert done.json == {"accuracy": 0.5, "epochs": 3, "optimizer": "sgd"}


LOUD = """
    import subprocess
    from synapse_core import ActionPipeline, action

    print("imported")

    @action
    def loud(params: dict) -> dict:
        print("printed")
        subprocess.run(["echo", "by a child"], check=True)
        return {"grüße": "☃", "drives": chr(0x9B) + "2J"}

    pipeline = ActionPipeline([loud])
"""


@pytest.mark.parametrize(
    "args",
    [
        ("run", "loud.py", "loud", "-q"),
        ("run", "loud.py", "loud", "--json"),
        ("runs", "rerun", "last", "--from", "loud", "-q"),
        ("actions", "loud.py", "--json"),
        ("graph", "loud.py:pipeline"),
    ],
)
def test_what_others_print_stays_out_of_what_programs_read(here: Here, args: tuple[str, ...]) -> None:
    """Modules that are imported, actions, and programs that these start: it goes to standard error."""
    here.write("loud.py", LOUD)
    if args[0] == "runs":
        here.synapse("run", "loud.py", "loud", "-q")
    done = here.synapse(*args)
    ran = args[0].startswith("run")
    assert (done.code, "imported" in done.err) == (0, True)
    assert [word in done.err for word in ("printed", "by a child")] == [ran, ran]
    if args[0] == "graph":
        assert done.out == "loud\n"
    elif "--json" in args and ran:
        assert json.loads(done.out.splitlines()[-1])["kind"] == "run.completed"
    else:
        assert done.json
    if "-q" in args:
        assert done.out == '{\n  "grüße": "☃",\n  "drives": "\\u009b2J"\n}\n'


def test_a_result_is_json_whatever_the_terminal_can_show(here: Here) -> None:
    """Letters that the encoding lacks are escaped, as JSON has it."""
    here.write("loud.py", LOUD)
    done = here.synapse("run", "loud.py", "loud", "-q", env={"PYTHONIOENCODING": "ascii"})
    assert done.json["grüße"] == "☃"
    assert done.out.isascii()


def test_json_prints_events_and_nothing_else(here: Here) -> None:
    """With --json each line is an event, from the run's creation to its end, numbered without a gap."""
    done = here.synapse("run", "flow.py:pipeline", "--json", "--name", "nightly")
    assert (done.code, done.err) == (0, "")
    events = done.lines
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[0]["kind"] == "run.created"
    assert events[0]["payload"]["name"] == "nightly"
    assert events[-1]["kind"] == "run.completed"
    assert events[-1]["payload"]["result"]["epochs"] == 3


def test_a_reader_that_goes_away_is_no_error(here: Here) -> None:
    """``synapse run --json | head -1`` gives a line and no complaint."""
    process = subprocess.Popen(
        [SYNAPSE, "run", "flow.py", "train", "-p", "data=x", "-p", "epochs=200000", "--json"],
        cwd=here.folder,
        env=here.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert "run.created" in process.stdout.readline()
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == ""
    assert process.wait(60) == 0


@pytest.mark.slow
def test_json_leaves_nothing_out_of_a_flood(here: Here) -> None:
    """More events at once than a sink may be behind: with --json each of them is written."""
    here.write(
        "flood.py",
        """
        from synapse_core import action

        @action("flood")
        def flood(params: dict, ctx) -> dict:
            for i in range(300_000):
                ctx.log("line", {"i": i})
            return {}
        """,
    )
    done = here.synapse("run", "flood.py", "--json", "--store", "memory:")
    assert (done.code, done.err) == (0, "")
    assert done.out.count("\n") == 300_005
    assert json.loads(done.out.splitlines()[-1])["kind"] == "run.completed"


def test_each_attempt_in_a_process(here: Here) -> None:
    """Another executor, with options of its own."""
    done = here.synapse("run", "flow.py", "train", "-q", "-p", "data=x", "--executor", "process", "-o", "workers=1")
    assert (done.code, done.err) == (0, "")
    assert done.json["accuracy"] == 0.5


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("params.json", '{"data": "x", "epochs": 7}'),
        ("params.yaml", "data: x  # which\nepochs: 7\n"),
        ("params.toml", 'data = "x"\nepochs = 7\n'),
        ("-", "data: x\nepochs: 7\n"),
    ],
)
def test_params_from_a_file(here: Here, name: str, text: str) -> None:
    """Params come from JSON, YAML, TOML or standard input; those that are typed go over them."""
    if name != "-":
        here.write(name, text)
    done = here.synapse("run", "flow.py", "train", "-q", "--params", name, "-p", "optimizer.name=sgd", stdin=text)
    assert done.json == {"accuracy": 0.5, "epochs": 7, "optimizer": "sgd"}


def test_an_action_that_fails(here: Here) -> None:
    """Exit code 1; the exception's type and message, and where in the action's own code it was raised."""
    done = here.synapse("run", "flow.py", "fail")
    assert done.code == 1
    assert "fail  ✗ failed in" in done.out
    assert "action 'fail' failed: ValueError: it \\x1b[31mbroke" in done.err
    assert "in deep" in done.err
    assert "synapse_core" not in done.err
    assert "\x1b" not in done.err


def test_a_result_that_cannot_be_kept_needs_no_traceback(here: Here) -> None:
    """The message says which field, its type, and what to do; the code that found it is nobody's concern."""
    here.write(
        "odd.py", "from synapse_core import action\n@action\ndef odd(p: dict) -> dict:\n    return {'x': object()}\n"
    )
    done = here.synapse("run", "odd.py")
    assert done.code == 1
    assert "x: is an object, which does not survive being kept as JSON\n    hint: save it as a file" in done.err
    assert "Traceback" not in done.err
    assert "`synapse runs resume " in done.err
    assert done.err.endswith(" --missing-ok` runs it again\n")
    assert "Traceback" not in here.synapse("runs", "show", "last").out


def test_wrong_params_run_nothing(here: Here) -> None:
    """Exit code 2; every wrong field at once, with its type and the nearest known name, before anything is run."""
    done = here.synapse("run", "flow.py", "train", "-p", "epochs=many", "-p", "optimizer.momentum=much")
    assert done.code == 2
    assert "epochs: expected int" in done.err
    assert "optimizer.momentum: expected float" in done.err
    assert "data: is required" in done.err
    done = here.synapse("run", "flow.py", "train", "-p", "epoch=3", "-p", "epochs=0")
    assert (done.code, done.out) == (2, "")
    for part in ("3 wrong fields", "no field 'epoch'; did you mean 'epochs'?", "data", "epochs: "):
        assert part in done.err
    assert "hint: `synapse actions flow.py` shows which params there are" in done.err
    assert not (here.home / "runs").exists()


def test_wrong_params_of_a_pipeline(here: Here) -> None:
    """A pipeline's params are checked before it runs too; one that no action knows is a warning."""
    here.write(
        "strict.py", "from flow import Train; from synapse_core import ActionPipeline; p = ActionPipeline([Train])"
    )
    done = here.synapse("run", "strict.py:p", "-p", "epochs=0", "-p", "sed=1", env={"PYTHONPATH": str(here.folder)})
    assert (done.code, done.out) == (2, "")
    assert "data" in done.err
    assert "epochs" in done.err
    done = here.synapse(
        "run", "strict.py:p", "-q", "-p", "data=x", "-p", "epoch=1", env={"PYTHONPATH": str(here.folder)}
    )
    assert done.code == 0
    assert done.err == "warning: no action knows the param 'epoch'; did you mean 'epochs'?\n"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("run",), "Missing argument 'TARGET'"),
        (("run", "nowhere"), "no plugin 'nowhere'"),
        (("run", "flow.py", "trian"), "no action or pipeline 'trian'; did you mean 'train'?"),
        (("run", "many.py"), "several actions and no pipeline: load, train"),
        (
            ("run", "two.py"),
            "two.py has several pipelines: one, other\n  hint: say which one to run: `synapse run two.py:one`",
        ),
        (("run", "syntax.py"), "neither actions nor a pipeline"),
        (("run", "flow.py:nothing"), "nothing"),
        (("run", "flow.py:pipeline", "load"), "one too many"),
        (("run", "flow.py", "train", "epochs=3"), "-p epochs=3"),
        (("run", "flow.py", "epochs=3"), "params are given by -p"),
        (("run", "flow.py", "train", "-p", "epochs"), "'epochs' is not key=value"),
        (("run", "flow.py", "train", "-p", "no:jsonl"), "put -p before `run`"),
        (("run", "flow.py", "load", "--executor", "proces"), "did you mean 'process'?"),
        (("run", "flow.py", "load", "-o", "speed=1"), "executor 'local': no option 'speed'. There are: "),
        (("run", "flow.py", "load", "-e", "process", "-o", "wokers=2"), "no option 'wokers'; did you mean 'workers'?"),
        (("run", "flow.py", "load", "-e", "process", "-o", "workers=two"), "workers: expected a whole number of 1"),
        (("run", "flow.py", "load", "-e", "process", "-o", "linger=long"), "linger: expected seconds"),
        (("run", "flow.py", "load", "-o", "workers=0"), "workers: expected a whole number of 1 or above, got 0"),
        (("run", "flow.py", "load", "--store", "redis://x"), "no store 'redis'"),
        (("-p", "syntax.py", "runs", "list", "--store", "redis://x"), "the plugin 'syntax' cannot be used"),
        (
            ("-p", "flow", "run", "flow.py", "load"),
            "No module named 'flow'\n  hint: there is a file flow.py here: `synapse -p",
        ),
        (("run", "flow.py", "load", "--params", "gone.json"), "gone.json: No such file"),
        (("run", "flow.py", "load", "--params", "flow.py"), "--params flow.py"),
        (("run", "flow.py", "load", "--timeout", "0"), "--timeout"),
        (("--plugin", "gone.py", "run", "flow.py", "load"), "gone.py"),
    ],
)
def test_wrong_commands(here: Here, args: tuple[str, ...], said: str) -> None:
    """Exit code 2, one clear message on standard error, no traceback, nothing run."""
    here.write("many.py", FLOW.replace("pipeline = ", "_pipeline = "))
    here.write(
        "two.py",
        "from flow import *\none = pipeline\ndel pipeline\nother = ActionPipeline([load])\n",
    )
    here.write("syntax.py", "def (:\n")
    done = here.synapse(*args)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: ")
    assert said in done.err
    assert "Traceback" not in done.err


def test_an_option_that_is_wrong_leaves_no_run(here: Here) -> None:
    """The executor is made before the run is kept."""
    assert here.synapse("run", "flow.py", "load", "-o", "workers=two").code == 2
    assert here.synapse("runs", "list", "--json").json["runs"] == []


def test_debug_shows_the_traceback(here: Here) -> None:
    """--debug may stand before the command and after it."""
    for args in (("--debug", "run", "nowhere"), ("run", "nowhere", "--debug")):
        done = here.synapse(*args)
        assert done.code == 2
        assert "Traceback (most recent call last)" in done.err
        assert "error: no plugin 'nowhere'" in done.err


def test_a_run_that_takes_too_long(here: Here) -> None:
    """Exit code 1: the run is cancelled when its time is up, and its action could clean up."""
    for seconds in ("0.5", "5", "50"):  # on a busy machine the action may not have begun by then
        done = here.synapse("run", "flow.py", "wait", "-p", f"folder={here.folder}", "--timeout", seconds)
        assert done.code == 1
        assert f"it took longer than {seconds} s" in done.err
        if (here.folder / "started").exists():
            break
    assert (here.folder / "cleaned").exists()


def test_a_store_in_trouble(here: Here) -> None:
    """Exit code 3, and what the store said."""
    here.write(
        "away.py",
        """
        from synapse_core import StoreError, hookimpl
        from synapse_core.builtin.memory import MemoryStore
        from synapse_core.protocols import StoreOffer

        class Away(MemoryStore):
            async def create(self, *args):
                raise StoreError("the disk is full", hint="make room")

        @hookimpl
        def synapse_stores():
            return [StoreOffer("away", lambda url: Away())]
        """,
    )
    done = here.synapse("--plugin", "away.py", "run", "flow.py", "load", "--store", "away:")
    assert (done.code, done.out) == (3, "")
    assert done.err == "error: the disk is full\n  hint: make room\n"


def test_a_plugin_that_fails_is_a_warning(here: Here) -> None:
    """A sink that raises is named and left out; the run goes on to its end."""
    here.write(
        "sink.py",
        """
        from synapse_core import hookimpl

        class Broken:
            def write(self, events):
                raise RuntimeError("no")
            def close(self):
                pass

        @hookimpl
        def synapse_sinks(run):
            return [Broken()]
        """,
    )
    done = here.synapse("--plugin", "sink.py", "run", "flow.py", "load", "-q")
    assert (done.code, done.json) == (0, {"data": "nowhere"})
    (line,) = done.err.splitlines()
    assert line.startswith("warning: ")
    assert "Broken" in line
    assert "RuntimeError: no" in line


RESULT = {"accuracy": 0.5, "epochs": 3, "optimizer": "adam"}
CLUSTER = """
    from synapse_core import Session, hookimpl
    from synapse_core.protocols import ExecutorOffer

    class Cluster:
        def __init__(self, cluster_address="local", keep="sqlite:///far.db"):
            self.store_url = keep
            self.address = cluster_address
            self.session = Session(store=keep)
        def submit(self, pipeline, params, **options):
            assert self.address in {"local", "head:1"}, self.address
            run_id = self.session.submit(pipeline, params, **options)
            self.session.wait(run_id)
            return run_id
        def recover(self, run_id):
            self.session.recover(run_id, executor="local")
        def close(self):
            self.session.close()

    @hookimpl
    def synapse_executors():
        flags = {"cluster_address": "where it is"}
        return [ExecutorOffer("cluster", Cluster, runs="pipeline", flags=flags, store_option="keep")]
"""


def test_a_whole_pipeline_run_elsewhere(here: Here) -> None:
    """An executor that hosts whole pipelines is given the graph, and seen through by the store that it names."""
    here.write("cluster.py", CLUSTER)
    cluster = ("--plugin", "cluster.py", "run", "flow.py:pipeline", "-p", "source=s", "--executor", "cluster")
    done = here.synapse(*cluster, "-q", "--cluster-address", "head:1")
    assert (done.code, done.err, done.json) == (0, "", RESULT)
    assert "completed" in here.synapse(*cluster, "--no-watch").out
    events = here.synapse(*cluster, "--json").out.splitlines()
    assert '"run.created"' in events[0]
    assert '"run.completed"' in events[-1]
    listed = here.synapse("runs", "list", "--store", "sqlite:///far.db", "--json").json
    assert [run["status"] for run in listed["runs"]] == ["completed"] * 3


def test_a_run_elsewhere_that_is_left_alone(here: Here) -> None:
    """Its id is printed, and how it is watched; here there is nothing to leave a run to."""
    here.write("cluster.py", CLUSTER)
    run = ("--plugin", "cluster.py", "run", "flow.py:pipeline", "-p", "source=s")
    done = here.synapse(*run, "--executor", "cluster", "--store", "sqlite:///other.db", "--detach")
    assert done.code == 0
    run_id = done.out.strip()
    assert f"synapse runs watch {run_id[:16]} --store sqlite:///other.db" in done.err
    assert here.synapse("runs", "show", run_id, "--store", "sqlite:///other.db", "--json").json["status"] == "completed"
    refused = here.synapse(*run, "--detach")
    assert refused.code == 2
    assert "'local' runs pipelines in this process" in refused.err


def test_a_run_elsewhere_is_resumed_elsewhere(here: Here) -> None:
    """By the executor that ran it, in the store that it is in; by another one where that is said."""
    here.write("cluster.py", CLUSTER)
    run = ("--plugin", "cluster.py", "run", "flow.py:pipeline", "-p", "source=s", "--executor", "cluster", "--detach")
    run_id = here.synapse(*run).out.strip()
    resume = ("runs", "resume", run_id, "--store", "sqlite:///far.db", "-q", "-e")
    assert here.synapse("--plugin", "cluster.py", *resume, "cluster").json == RESULT
    assert here.synapse("--plugin", "cluster.py", *resume, "local").json == RESULT


def test_flags_of_executors_stand_in_the_help(here: Here) -> None:
    """And one that nobody knows is an error that says what is near."""
    here.write("cluster.py", CLUSTER)
    assert "--cluster-address VALUE" in here.synapse("--plugin", "cluster.py", "run", "--help").out
    done = here.synapse("--plugin", "cluster.py", "run", "flow.py", "--cluster-adress", "x")
    assert done.code == 2
    assert "--cluster-address" in done.err


def test_an_executor_of_whole_pipelines_is_none_of_a_session(here: Here) -> None:
    """What to do instead is said."""
    here.write("cluster.py", CLUSTER)
    with (
        Session(plugins=[str(here.folder / "cluster.py")], entry_points=False) as session,
        pytest.raises(SynapseError, match="runs whole pipelines elsewhere"),
    ):
        session.submit([actions.echo], {}, executor="cluster")
