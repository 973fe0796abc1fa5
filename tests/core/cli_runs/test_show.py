"""``synapse runs show``."""

from __future__ import annotations

import attrs
import pytest

from synapse_core import Session, action
from tests.core.cli_runs.helpers import FAILING, FAN_OUT, WORK, Place, fail, load


@attrs.frozen
class Login:
    """Something secret, inside."""

    user: str = "me"
    pin: int = attrs.field(default=0, metadata={"secret": True})


@attrs.frozen
class SecretParams:
    """Secret by declaration, and by name."""

    login: Login = Login()
    api_key: str = ""
    words: int = 0


@action("hide")
def hide(params: SecretParams) -> dict[str, int]:
    """Has params that are nobody's business."""
    return {"words": params.words}


def test_a_failed_run_reads_well(place: Place) -> None:
    """What it is, its graph with states, its actions, why it failed and where, and what to type next."""
    run_id = place.ran(FAILING, {"source": "here"}, name="nightly")
    done = place.runs("show", run_id)
    assert (done.code, done.err) == (0, "")
    for part in (
        f"nightly  {run_id}  ✗ failed in ",
        'source = "here"',
        "✓ load ── ✗ fail ── – learn",
        "fail failed in attempt 2: ValueError: attempt 2 went wrong",
        "  attempt 1: ValueError: attempt 1 went wrong",
        "  Traceback (most recent call last):",
        'raise ValueError(f"attempt {ctx.attempt} went wrong")',
        f"synapse runs resume {run_id[:16]} --store shared:  ",
        f"synapse runs logs {run_id[:16]} --action fail --store shared:  ",
    ):
        assert part in done.out
    rows = {line.split()[0]: line.split() for line in done.out.splitlines() if line[:5] in {"load ", "fail ", "learn"}}
    assert rows["load"][1:5] == ["✓", "completed", "100%", "1"]
    assert rows["learn"][1:3] == ["↷", "skipped"]


def test_what_to_type_next_depends_on_how_it_stands(place: Place) -> None:
    """Advice for runs that completed, failed at once, and that nobody runs."""

    def advice(run_id: str) -> list[str]:
        return [" ".join(command.split()[2:3]) for command in place.runs("show", run_id, "--json").json["next"]]

    assert advice(place.ran(WORK)) == ["rerun", "logs"]
    assert advice(place.ran(FAILING)) == ["resume", "resume", "logs"]
    assert advice(place.ran([fail])) == ["resume", "logs"]
    assert advice(place.orphan(WORK, done={})) == ["recover", "cancel"]


@pytest.mark.parametrize("word", ["resume", "rerun"])
def test_the_advice_works(place: Place, word: str) -> None:
    """What is told to be typed can be typed as it stands."""
    run_id = place.ran(WORK if word == "rerun" else [fail], {"fail": False} if word == "rerun" else {})
    told = place.runs("show", run_id, "--json").json["next"][0]
    assert told.split()[:3] == ["synapse", "runs", word]
    done = place.synapse(*told.split()[1:])
    assert done.code == (0 if word == "rerun" else 1)
    assert place.runs("show", "last", "--json").json["resumed_from"] == run_id


def test_an_orphan_is_told_of(place: Place) -> None:
    """Its engine is gone, and with it what the running action did; who it was is told."""
    run_id = place.orphan(WORK, done={"load": {"rows": 3}})
    out = place.runs("show", run_id).out
    assert "● running  its engine is gone" in out
    assert ", which is gone" in out
    assert "● running?" in out
    assert f"synapse runs recover {run_id[:16]} --store shared:" in out


def test_secrets_are_hidden(place: Place) -> None:
    """Those that a model declares, at any depth, and text whose name looks like one; in text, JSON and events."""
    place.store.waits = True  # a store that outlives the process has the names of secrets kept
    params = {"login": {"user": "me", "pin": 4711}, "api_key": "hunter2", "words": 7}
    with Session(store=place.store, entry_points=False) as session:
        run_id = session.submit([hide], params)
        session.wait(run_id)
    shown = place.runs("show", run_id, "--json")
    assert shown.json["params"] == {"login": {"user": "me", "pin": "***"}, "api_key": "***", "words": 7}
    assert shown.json["checkpoints"][0]["params_snapshot"]["login"]["pin"] == "***"
    assert shown.json["checkpoints"][0]["params_snapshot"]["words"] == 7
    texts = (
        shown.out,
        place.runs("show", run_id).out,
        *(place.runs("events", run_id, *j).out for j in ((), ("--json",))),
    )
    for text in texts:
        assert "4711" not in text
        assert "hunter2" not in text
        assert "***" in text


def test_checkpoints_have_the_params_after_them(place: Place) -> None:
    """As JSON: what each action added, and all that was known then."""
    run_id = place.ran(WORK, {"source": "x"})
    load_done, learn_done = place.runs("show", run_id, "--json").json["checkpoints"]
    assert load_done["result"] == {"rows": 3}
    assert load_done["params_snapshot"] == {"source": "x", "rows": 3}
    assert learn_done["params_snapshot"] == {"source": "x", "rows": 3, "first": 1, "rate": 1}


def test_the_result_is_shown(place: Place) -> None:
    """A line for each of its values; as JSON as it is."""
    run_id = place.ran(WORK, {"source": "x"})
    assert place.runs("show", run_id, "--json").json["result"] == {"first": 1, "rate": 1}
    lines = [line.split() for line in place.runs("show", run_id).out.splitlines()]
    assert ["params", "source", "=", '"x"'] in lines
    assert ["result", "first", "=", "1"] in lines
    assert ["rate", "=", "1"] in lines


def test_instances_that_did_not_complete_have_rows(place: Place) -> None:
    """Of an action with ``each`` the counts, and the instances that matter."""
    run_id = place.ran(FAN_OUT, {"numbers": [1, 2, 3], "bad": 2})
    out = place.runs("show", run_id).out
    assert "square[numbers]" in out
    assert "square[1] failed: ValueError: a bad number" in out
    rows = [line.split()[0] for line in out.splitlines() if line.startswith("square")]
    assert "square[1]" in rows
    assert "square[0]" not in rows


def test_what_a_run_says_cannot_drive_the_terminal(place: Place) -> None:
    """Control characters in names, params and errors are shown, not obeyed."""
    run_id = place.ran([load], {"source": "\x1b[2Jgone"}, name="a\x1b[31mb")
    out = place.runs("show", run_id).out + place.runs("list").out + place.runs("logs", run_id).out
    assert "\x1b" not in out
    assert "a\\x1b[31mb" in out
