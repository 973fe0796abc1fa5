"""A call on its way to its job."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from synapse_core import DiscoveryError, SynapseError
from synapse_core.testing import actions
from synapse_core.testing.executor.rules import call_of
from synapse_core.worker.crossing import call_data
from synapse_ray.jobs_api.parcel import Parcel, new_name, packed


def test_a_call_arrives_as_it_was_packed(monkeypatch: pytest.MonkeyPatch):
    """Large params, any text in them, and secrets; readable by their owner only."""
    text = "\"quotes\" 'and' $(more) \\ ä \ud800 \0 " * 40_000
    call = call_of(actions.echo, {"text": text}, env={"TOKEN": "hush"}, hooks=("one",))
    name = new_name()
    with packed(name, Parcel(call, 7.5)) as folder:
        file = Path(folder) / "call.json"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        monkeypatch.setattr(sys, "path", [str(Path(folder).parent), *sys.path])
        arrived = Parcel.unpacked(name)
        assert not file.exists(), "a secret is not left lying about"
        with pytest.raises(SynapseError, match="did not arrive"):
            Parcel.unpacked(name)
    assert not Path(folder).exists()
    assert arrived.grace == 7.5
    assert call_data(arrived.call) == call_data(call)


def test_no_two_parcels_have_the_same_content():
    """Of one call, too: Ray would take the second for the first, whose file is gone."""
    bodies = set()
    for _ in range(2):
        with packed(name := new_name(), Parcel(call_of(actions.echo))) as folder:
            assert Path(folder).name == name
            bodies.add((Path(folder) / "call.json").read_bytes())
    assert len(bodies) == 2


def test_a_call_that_nobody_else_could_make_sense_of_is_not_sent():
    """It is told before anything is submitted."""

    def inner(params: dict[str, int]) -> None: ...

    call = call_of(actions.echo)
    with (
        pytest.raises(DiscoveryError, match="inside a function"),
        packed(new_name(), Parcel(type(call)("r", "a", 1, f"{__name__}:{inner.__qualname__}", {}))),
    ):
        pass
