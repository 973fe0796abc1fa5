"""A program to be killed: runs a pipeline again and again on a SQLite store, and takes up what was left unfinished.

    python victim.py STORE-URL WORK-DIR MODE

MODE is ``forever``, or ``finish``: take up what is unfinished, and end. A line is printed as each run begins.
"""

from __future__ import annotations

import sys
import time

import attrs

from synapse_core import ActionPipeline, BaseAction, Node, Session
from synapse_core.errors import LeaseLostError, StoreError


@attrs.frozen
class Seed:
    seed: int


@attrs.frozen
class Parts:
    parts: list[int]


class Split(BaseAction[Seed]):
    """Makes the list that is fanned out over."""

    def execute(self) -> Parts:
        time.sleep(0.005)
        return Parts([self.params.seed + index for index in range(6)])


@attrs.frozen
class Part:
    part: int


class Square(BaseAction[Part]):
    """One instance a part."""

    def execute(self) -> int:
        time.sleep(0.003)
        return self.params.part**2


class Count(BaseAction[Seed]):
    """Counts to 20 and keeps where it is; ``from_zero`` says how often it has begun at zero."""

    def execute(self) -> dict[str, int]:
        state = self.ctx.load_checkpoint() or {"at": 0, "sum": 0}
        while state["at"] < 20:
            state = {"at": state["at"] + 1, "sum": state["sum"] + self.params.seed}
            self.ctx.save_checkpoint(state)
            self.set_progress(state["at"], 20)
            time.sleep(0.002)
        return {"counted": state["sum"]}


@attrs.frozen
class Both:
    squares: list[int]
    counted: int


class Join(BaseAction[Both]):
    """Needs both branches."""

    def execute(self) -> dict[str, int]:
        return {"total": sum(self.params.squares) + self.params.counted}


def pipeline() -> ActionPipeline:
    """A fan-out beside an action with mid-way state, and what joins them."""
    squares = Node(Square, each="part in parts")
    return ActionPipeline(
        [[[Split, squares], Count], Node(Join, inputs={"squares": "square"})],
        name="victim",
    )


def expected(seed: int) -> dict[str, int]:
    """What a run of that seed gives, however often it was killed."""
    return {"total": sum((seed + index) ** 2 for index in range(6)) + 20 * seed}


def take_up(session: Session) -> None:
    """Go on with all that can be gone on with."""
    for run in session.unfinished():
        if run.reason is None:
            try:
                run_id = session.recover(run.run_id)
                print(run_id, flush=True)
                session.wait(run_id)
            except (LeaseLostError, StoreError):
                continue


def main(url: str, work: str, mode: str) -> None:
    """Run until killed, or until nothing is unfinished."""
    with Session(store=url, work_base=work, lease=5.0) as session:
        take_up(session)
        seed = 0
        while mode == "forever":
            seed += 1
            run_id = session.submit(pipeline(), {"seed": seed})
            print(run_id, flush=True)
            session.wait(run_id)


if __name__ == "__main__":
    main(*sys.argv[1:])
