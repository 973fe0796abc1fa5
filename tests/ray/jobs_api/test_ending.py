"""How an action in a job is brought to its end: asked, then made to."""

from __future__ import annotations

import signal

from synapse_core.testing import wait_until
from synapse_ray.jobs_api.ending import Ending

LONG = 300.0


class Told:
    """Takes note of what an action is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def ask(self, reason: str) -> None:
        self.told.append(reason)

    def terminate(self) -> None:
        self.told.append("TERM")

    def kill(self) -> None:
        self.told.append("KILL")


def looked(ending: Ending, told: Told, order: dict[str, object] | None) -> bool:
    """Whether it is killed, having looked once more."""
    ending.look(order)
    return "KILL" in told.told


def test_nothing_is_done_unasked():
    """However often one looks."""
    told = Told()
    ending = Ending(told, LONG)
    for _ in range(3):
        ending.look(None)
    assert told.told == []


def test_an_order_asks_and_leaves_time():
    """The same order, seen again, says nothing new."""
    told = Told()
    ending = Ending(told, 0.0)
    for _ in range(3):
        ending.look({"reason": "enough", "grace": LONG})
    assert told.told == ["enough"]


def test_a_later_order_may_shorten_the_time():
    """SIGTERM when it is up, and SIGKILL a little later."""
    told = Told()
    ending = Ending(told, LONG)
    ending.look({"reason": "enough", "grace": LONG})
    ending.look({"reason": "now", "grace": 0.0})
    assert told.told == ["enough", "now", "TERM"]
    wait_until(lambda: looked(ending, told, {"reason": "now", "grace": 0.0}), "SIGKILL")
    ending.look(None)
    assert told.told == ["enough", "now", "TERM", "KILL"]


def test_a_later_order_does_not_give_more_time():
    """Whoever wanted it sooner gets it sooner."""
    told = Told()
    ending = Ending(told, LONG)
    ending.look({"reason": "now", "grace": 0.0})
    ending.look({"reason": "take your time", "grace": LONG})
    assert told.told[:3] == ["now", "TERM", "take your time"]
    wait_until(lambda: looked(ending, told, None), "SIGKILL")


def test_a_stop_by_ray_leaves_the_time_that_was_said_before():
    """Nobody named another."""
    told = Told()
    ending = Ending(told, LONG)
    ending.stopped(signal.SIGTERM, None)
    ending.look(None)
    assert told.told == ["the job was stopped"]


def test_a_stop_by_ray_after_an_order_ends_it():
    """Whoever gave the order comes back to it when the time is up."""
    told = Told()
    ending = Ending(told, LONG)
    ending.look({"reason": "enough", "grace": LONG})
    ending.stopped(signal.SIGTERM, None)
    ending.look({"reason": "enough", "grace": LONG})
    assert told.told == ["enough", "the job was stopped", "TERM"]
