"""``synapse clean``, where runs in the store still want what lies in old folders."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from attrs import frozen

from synapse_core.actiondef import action
from synapse_core.context import RuntimeContext, data_home
from tests.core.cli_runs.helpers import WORK, Place, fail, load


@frozen
class Seed:
    """What `make` and `half` take."""

    seed: int = 0


@action("make")
def make(_params: Seed, ctx: RuntimeContext) -> dict[str, Any]:
    """Leaves a file, and says where."""
    path = ctx.work_dir / "model.bin"
    path.write_text("x" * 1500)
    return {"model": str(path)}


@action("half")
def half(_params: Seed, ctx: RuntimeContext) -> None:
    """Saves a state with files, and fails; goes on from it, and fails again, until there is no file ``failing``."""
    if ctx.load_checkpoint() is None:
        ctx.save_checkpoint({"step": 1}, artifacts_path=ctx.work_dir)
    if (data_home() / "failing").exists():
        raise ValueError("not yet")


def old(run_id: str) -> Path:
    """The folder of a run; nothing was written to it for a month."""
    folder = data_home() / "runs" / run_id
    folder.mkdir(parents=True, exist_ok=True)
    at = time.time() - 30 * 86_400
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (at, at))
    return folder


def clean(place: Place, *words: str) -> tuple[set[str], dict[str, str]]:
    """The runs whose folders are listed, and those whose folders stay, with why."""
    done = place.synapse("clean", "--store", "shared:", *words)
    assert done.code == 0
    listed, stays = done.out.splitlines()[:-1], done.err.splitlines()
    return {line.split()[0] for line in listed}, dict(line.split("  stays: ") for line in stays)


def test_what_a_resumed_run_has_reused_stays(place: Place) -> None:
    """As long as that run is in use; its own results do not hold a run's folder."""
    first = place.ran([make, fail])
    folder = old(first)
    assert clean(place) == ({first}, {})
    second = place.ran([make, fail], {"fail": False}, resume_from=first)
    for words in ([], ["--yes"]):
        assert clean(place, *words) == (set(), {first: f"run {second[:12]} (pipeline, completed) uses it"})
    assert (folder / "actions" / "make" / "model.bin").exists()
    assert clean(place, "--older-than", "0s", "--yes") == ({first}, {})
    assert not folder.exists()


def test_what_the_params_of_a_run_name_stays(place: Place) -> None:
    """However the run came by them."""
    first, other = place.ran([make]), place.ran([make])
    folder = old(first)
    old(other)
    second = place.ran([load], {"source": {"model": [f"{folder}/actions/make/model.bin"]}})
    listed, stays = clean(place)
    assert (listed, set(stays)) == ({other}, {first})
    assert second[:12] in stays[first]
    assert place.runs("delete", second, "--yes").code == 0
    assert clean(place) == ({first, other}, {})


def test_the_folder_of_a_run_that_has_not_ended_stays(place: Place) -> None:
    """It may be recovered; cancelled, it may not."""
    run_id = place.orphan(WORK, done={})
    old(run_id)
    assert clean(place, "--older-than", "0s", "--yes") == (set(), {run_id: "the run has not ended"})
    assert place.runs("cancel", run_id, "--wait").code == 0
    assert clean(place) == ({run_id}, {})


def test_what_a_run_goes_on_from_stays_until_it_has_completed(place: Place) -> None:
    """A state saved mid-way names files in the folder of the run that saved it, however often it is resumed."""
    failing = data_home() / "failing"
    failing.parent.mkdir(parents=True, exist_ok=True)
    failing.touch()
    first = place.ran([half])
    second = place.ran([half], resume_from=first)
    third = place.ran([half], resume_from=second)
    for run_id in (first, second, third):
        old(run_id)
    listed, stays = clean(place)
    assert (listed, set(stays)) == ({third}, {first, second})
    failing.unlink()
    last = place.ran([half], resume_from=third)
    assert place.session.progress(last).status == "completed"
    for run_id in (second, third):
        assert place.runs("delete", run_id, "--yes").code == 0
    assert clean(place) == ({first}, {})


def test_where_the_store_cannot_be_asked_nothing_is_removed(place: Place) -> None:
    """It is an error, and names the store."""
    folder = old(place.ran([make]))
    done = place.synapse("clean", "--yes", "--store", "nowhere:")
    assert done.code == 2
    assert "nowhere" in done.err
    assert folder.exists()
