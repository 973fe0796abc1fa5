"""How a run is asked for: `RunOptions`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from attrs import field, fields_dict, frozen, validators

from synapse_core.engine.restore import Restored
from synapse_core.env import PluginEnvironment
from synapse_core.errors import SynapseError, unknown
from synapse_core.models import Checkpoint
from synapse_core.pipeline import Plan
from synapse_core.protocols import Executor, Sink
from synapse_core.schema import Schema

Display = Literal["none", "plain", "live", "json"]


def _check_id(_options: RunOptions, _field: Any, run_id: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", run_id):  # it is the name of a folder, too
        raise SynapseError(
            f"{run_id!r} is no id for a run", hint="up to 64 letters, digits, - and _; new_run_id() makes one"
        )


def _check_rerun(options: RunOptions, _field: Any, action: str | None) -> None:
    if action is not None and options.resume_from is None:
        raise SynapseError(f"rerun_from={action!r}, but of which run?", hint="name it: resume_from=RUN_ID")


@frozen(kw_only=True)
class RunOptions:
    """The keyword arguments of `Session.submit` and its like.

    Attributes:
        executor: an executor's name, or an executor.
        options: for the executor that is named.
        name: the run's name; the pipeline's if None.
        display: what the console sink shows.
        sinks: told of this run's events, beside those of the plugins.
        job_id: handed to the actions.
        env: the environment that the actions see, over the session's.
        extra: what becomes of params that an action does not know: in a pipeline they accumulate, so they are ignored.
        strict: a result that does not fit its model is an error, not a warning.
        grace: seconds that a cancelled action has before it is forced, where the executor can.
        resume_from: a run whose completed actions are reused; its params hold unless others are given.
        rerun_from: with ``resume_from``: run this action and all that follow it again in any case.
        force: with ``resume_from``: run again what has changed since it was completed, and all that follows.
        missing_ok: with ``resume_from``: start afresh where there is nothing to resume from.
        target: where the pipeline was loaded from, for a later resume to load it from there again.
        run_id: the new run's id, where it must be known before: letters, digits, ``-`` and ``_``, and no other run's.
        hosted_by: the executor that hosts the whole run, of which this session is a part; what is kept names it, with
            ``options``, so that whoever takes the run up again asks it.
    """

    executor: str | Executor = "local"
    options: Mapping[str, Any] = field(factory=dict)
    name: str | None = None
    display: Display = "none"
    sinks: tuple[Sink, ...] = field(default=(), converter=tuple)
    job_id: str | None = None
    env: PluginEnvironment | Mapping[str, str] | None = field(default=None, repr=False)
    extra: Literal["ignore", "forbid"] = "ignore"
    strict: bool = False
    grace: float = 5.0
    resume_from: str | None = None
    rerun_from: str | None = field(default=None, validator=_check_rerun)
    force: bool = False
    missing_ok: bool = False
    target: str | None = None
    run_id: str | None = field(default=None, validator=validators.optional(_check_id))
    hosted_by: str | None = None

    @classmethod
    def given(cls, options: Mapping[str, Any]) -> RunOptions:
        """The options that a caller gave by name.

        Raises:
            TypeError: there is no such option.
        """
        for name in options:
            if name not in fields_dict(cls):
                raise TypeError(f"{unknown('option', name, fields_dict(cls))} (params are given as one mapping)")
        return cls(**options)

    def kept(self) -> dict[str, Any]:
        """What is kept with the run, for recovering it; the environment is not, as it may hold secrets."""
        executor = self.hosted_by or (self.executor if isinstance(self.executor, str) else None)
        options = dict(self.options) if executor is not None else {}
        names = ("job_id", "extra", "strict", "grace")
        return {"executor": executor, "options": options, **{name: getattr(self, name) for name in names}}

    @classmethod
    def of_kept(cls, kept: Mapping[str, Any], **others: Any) -> RunOptions:
        """The options that `kept` gave, and others."""
        return cls(**{**kept, "executor": kept.get("executor") or "local", **others})


@frozen
class Asked:
    """A run that is to be started: what, with which params, how, and from what.

    ``checkpoints`` are those that a new run takes over from the one that it resumes.
    """

    plan: Plan
    params: Mapping[str, Any]
    options: RunOptions
    restored: Restored | None = None
    checkpoints: tuple[Checkpoint, ...] = ()


def initial_params(params: Any, schema: Schema) -> dict[str, Any]:
    """The initial params as JSON data, from a mapping, or from a model as `LocalExecutor.execute` takes one.

    Raises:
        ValidationError: something in them does not survive JSON.
        SynapseError: they are neither.
    """
    given = {} if params is None else dict(params) if isinstance(params, Mapping) else params
    data = schema.unstructure(given, subject="params")
    if not isinstance(data, dict):
        kind = type(params).__name__
        raise SynapseError(f"params must map names to values, got an object of type {kind}", hint='write {"epochs": 3}')
    return data
