"""Large parts of results, which go from worker to worker without passing the engine.

A result's values of more than `LARGE` bytes become a second object that the task returns, which Ray keeps in the object
store of the worker's node; the outcome has tokens (`synapse_core.worker.large`) in their place. The engine owns the
object, and hands it on to the tasks whose params have the tokens.

What is durable of them: where the run has a work dir, the worker also writes them to a file there, of its own node,
soon after the action has ended. An engine that is started anew (the objects of the one before are gone with it) has
them read from that file, as long as that node lives, or the work dir is on a disk that nodes share. Where neither the
object nor the file is to be had, the action that needs them fails with a `LargeValueError`, which says from which
action the run has to be run again. A run's own result is never kept here: it is stored whole.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import threading
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import evolve

from synapse_core.protocols import Call, Outcome
from synapse_core.worker.large import TOKEN
from synapse_core.worker.reporter import weight
from synapse_ray.worker.order import Places
from synapse_ray.worker.where import node_id

LARGE = 1 << 20


def put_aside(outcome: Outcome, call: Call) -> tuple[Outcome, str, list[Any]]:
    """The outcome with tokens for what is large in it, the name of what was put aside, and the values; or "" and []."""
    if not call.passes or outcome.status != "completed" or weight(outcome.result) < LARGE:
        return outcome, "", []
    name, values = uuid.uuid4().hex, list[Any]()
    file, node = _file_of(call, name), node_id()

    def token(value: Any) -> dict[str, Any]:
        values.append(value)
        about = {"run": call.run_id, "action": call.action, "size": weight(value)}
        return {TOKEN: name, "at": len(values) - 1, **about, "node": node, "file": file}

    if not isinstance(outcome.merges, dict):
        outcome = evolve(outcome, result=token(outcome.result), value=None)
    else:
        small = {key: token(value) if weight(value) >= LARGE else value for key, value in outcome.merges.items()}
        outcome = evolve(outcome, result=small, merges=small, value=None)
    keep_file(file, values)
    return outcome, name if values else "", values


def _file_of(call: Call, name: str) -> str | None:
    """Where the values are kept as a file: in the run's folder, which is that of the actions' folders."""
    return None if call.work_dir is None else str(Path(call.work_dir).parents[1] / "large" / name)


def keep_file(file: str | None, values: Sequence[Any]) -> None:
    """Write values to their file, in a thread of its own; a file that is there is whole."""
    if file is not None and values:
        threading.Thread(target=_write, args=(Path(file), values), name="synapse-large", daemon=False).start()


def _write(file: Path, values: Sequence[Any]) -> None:
    part = file.with_suffix(".part")
    with contextlib.suppress(OSError):  # no room, or no right: it is only kept in the object store then
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            pickle.dump(list(values), out, 5)
            out.flush()
            os.fsync(out.fileno())
        part.rename(file)


def load(file: str) -> tuple[bool, list[Any]]:
    """On the node that has the file: whether it is there, and the values."""
    try:
        with Path(file).open("rb") as source:
            return True, pickle.load(source)  # noqa: S301  written by `keep_file`, into a folder of this user's
    except OSError:
        return False, []


def put_back(params: Mapping[str, Any], places: Places, payloads: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Params with the values in the tokens' place."""
    return {**params, **{name: payloads[which][at] for name, (which, at) in places.items()}}
