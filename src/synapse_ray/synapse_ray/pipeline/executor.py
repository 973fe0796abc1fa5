"""`RayPipelineExecutor`: runs whole pipelines on a cluster, their engines too."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import aclosing
from types import TracebackType
from typing import Any, Self

from attrs import asdict

from synapse_core.env import PluginEnvironment
from synapse_core.errors import StoreError, SynapseError, unknown
from synapse_core.events import Event
from synapse_core.ids import new_run_id
from synapse_core.models import PipelineProgress, RunStatus
from synapse_core.pipeline import as_graph
from synapse_core.session.loop import LoopThread
from synapse_core.worker import check_not_loading
from synapse_ray import checks
from synapse_ray.base import BaseRayExecutor
from synapse_ray.environ import CREDENTIALS
from synapse_ray.errors import EnvironmentSetupError, RayClusterError
from synapse_ray.pipeline import waiting
from synapse_ray.pipeline.homes import Home, Homes
from synapse_ray.pipeline.launch import launch
from synapse_ray.pipeline.orders import Order, Post
from synapse_ray.pipeline.service import ServiceChoice
from synapse_ray.pipeline.travel import folder_of, travelling

_OPTIONS = frozenset({"job_id", "extra", "strict", "grace", "rerun_from", "force", "missing_ok", "target"})
"""What of `RunOptions` can be said of a run on a cluster, beside what `submit` names."""

_RECORDED = frozenset(
    {"ray_address", "working_dir", "requirements_file", "package_manager", "wheels_dir", "include_sdk"}
    | {"num_cpus", "num_gpus", "memory", "resources"}
)
"""The settings that are kept with a run, for who takes it up again; none that could hold a secret."""

_LOOK = 5.0
"""Seconds between two looks of who follows a run whether there is still an engine."""

_INSTALLING = frozenset({"pip", "uv", "conda", "container", "image_uri", "py_modules"})
"""What in a runtime environment may take its time."""


class RayPipelineExecutor(BaseRayExecutor):
    """Hosts the engine of each run in an actor on the cluster, and runs each action as a Ray task.

    The driver may leave after `submit`; any other can wait for the run, watch it and cancel it by its id, as long as it
    reaches the cluster, or the service that keeps the run. Use it as a context manager, or `close` it; runs go on.

    ::

        executor = RayPipelineExecutor(ray_address="auto", working_dir="plugin")
        run_id = executor.submit([Download, [TrainA, TrainB], Compare], {"dataset": 123}, name="compare")
        executor.wait(run_id)
        result = executor.get_result(run_id)

    Args:
        pipeline_service_url: the service that keeps the runs; None, or the cluster's own ``ray:ADDRESS``, to have the
            cluster keep them itself. If nothing is said, the one at http://localhost:8100 if there is one.
        actor_pipeline_service_url: under which address the cluster reaches that service, if under another.
        lease: seconds after which an engine that is not heard of is replaced.
        heartbeat_timeout: seconds after which an action that is not heard of is given up.
        start_timeout: seconds in which an engine must have started; if None a minute, and as long as Ray takes where
            packages are to be installed for it.
        engine_resources: custom resources by which a service's runs choose the nodes of their engines, as
            ``{"stable": 0.001}``. Engines whose runs the cluster keeps are on its head node.
        work_base: the folder for the runs' folders, the same on all nodes; one that they share (NFS), if actions hand
            each other files. ``runs`` in the user's data folder on each node, if None.
        plugins: names of modules that are plugins of the engines' sessions, beside those that are installed there.
        **common: see `BaseRayExecutor`.
    """

    def __init__(
        self,
        *,
        pipeline_service_url: str | ServiceChoice | None = ServiceChoice.IF_ANY,
        actor_pipeline_service_url: str | None = None,
        lease: float = 10.0,
        heartbeat_timeout: float = 60.0,
        start_timeout: float | None = None,
        engine_resources: Mapping[str, float] | None = None,
        work_base: str | os.PathLike[str] | None = None,
        plugins: Iterable[str] = (),
        **common: Any,
    ) -> None:
        if isinstance(pipeline_service_url, str) and pipeline_service_url.startswith("ray:"):
            common = {"ray_address": pipeline_service_url.removeprefix("ray:") or "auto", **common}
        super().__init__(**common)
        checks.seconds("lease", lease)
        checks.seconds("heartbeat_timeout", heartbeat_timeout)
        if start_timeout is not None:
            checks.seconds("start_timeout", start_timeout)
        checks.amounts("engine_resources", engine_resources)
        self._homes = Homes(self, pipeline_service_url)
        self._actor_url = actor_pipeline_service_url
        self._lease = lease
        self._heartbeat = heartbeat_timeout
        self._start_timeout = start_timeout
        self._engine_resources = dict(engine_resources or {})
        folder = checks.path("work_base", work_base)
        self._work_base = None if folder is None else str(folder)
        self._plugins = checks.texts("plugins", plugins)
        self._loop = LoopThread("synapse-ray")
        self._closed = False
        self._recorded = {name: _plain(common[name]) for name in _RECORDED if common.get(name) is not None}

    @property
    def store_url(self) -> str:
        """The URL of the store that keeps the runs, as this process reaches it: ``http://…`` or ``ray:…``.

        Raises:
            SynapseError: there is no such service, or no such cluster.
        """
        return self._homes.own.url

    # -- start ------------------------------------------------------------------------------------------------

    def submit(
        self,
        pipeline: Any,
        params: Mapping[str, Any] | None = None,
        *,
        name: str | None = None,
        resume_from: str | None = None,
        run_id: str | None = None,
        env: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> str:
        """Start a run and return its id when the cluster has it; it needs nobody here from then on.

        Args:
            pipeline: a `PipelineDefinition`, a list of actions or entry points, or an `ActionPipeline`.
            params: the initial params.
            name: the run's name; the pipeline's if None.
            resume_from: a run in the same store: its completed actions are reused, its params hold unless given.
            run_id: the new run's id; a new one if None.
            env: what the actions see as ``ctx.env``, over the executor's.
            **options: ``job_id``, ``extra``, ``strict``, ``grace``, ``rerun_from``, ``force``, ``missing_ok`` and
                ``target``, as in `RunOptions`.

        Raises:
            PipelineError: the pipeline cannot be built, or not be run by another process.
            DiscoveryError: an action is not to be found on the cluster.
            ValidationError: the params do not survive JSON.
            NotFoundError: there is no run to resume, or nothing to resume from.
            RayClusterError: the cluster cannot be reached, or cannot run it: no node has the resources that an action
                asks for, a package cannot be installed, Synapse is not.
            StoreUnavailableError: the service cannot be reached from here, or not from the cluster.
        """
        check_not_loading()
        _check(options)
        plan = as_graph(pipeline, name=name).plan
        data, root = travelling(plan, self), folder_of(plan, self)
        home = self._homes.own
        for asked in [{"resources": self._engine_resources}, *(self.options(node.resources) for node in plan)]:
            self.check_resources(asked)
        environment = self.runtime_env(root)
        self.check_packages(environment, self.options())
        said = {"job_id": self.config.job_id, **options, "name": name, "resume_from": resume_from}
        given = home.session.schema.unstructure(dict(params or {}), subject="params")
        run_id = run_id or new_run_id()
        self._launch(home, run_id, Order(data, given, self._hosted(said, root)), environment, env)
        return run_id

    def recover(self, run_id: str) -> None:
        """Go on with a run whose engine is gone: what it has completed stays, what was running is attempted again.

        Raises:
            RunNotFoundError: there is no such run.
            StoreError: it has ended, or its engine lives.
            RayClusterError: as `submit`.
        """
        home = self._homes.of(run_id)
        status = home.session.progress(run_id).status
        if status.is_terminal():
            raise StoreError(f"run {run_id} has {status}", hint="resume it, which makes a new run of it")
        self._launch(home, run_id, None, self.runtime_env(), None)

    def _hosted(self, said: Mapping[str, Any], root: str | None) -> dict[str, Any]:
        """The options of the run in the engine's session; those that are not said are its own."""
        shipped = {"working_dir": root} if root is not None else {}
        own = {"hosted_by": "ray-pipeline", "options": {**shipped, **self._recorded}}
        return {**own, **{name: value for name, value in said.items() if value is not None}}

    def _launch(
        self, home: Home, run_id: str, order: Order | None, runtime_env: dict[str, Any], env: Mapping[str, Any] | None
    ) -> None:
        post = self._post(home, run_id, runtime_env, env)
        options = {**home.placed(self._engine_resources), "runtime_env": runtime_env}
        try:
            launch(post, order, options, self._patience(runtime_env))
        except SynapseError as error:
            if order is None or not _has_run(home, run_id, error):
                raise

    def _patience(self, runtime_env: Mapping[str, Any]) -> float:
        if self._start_timeout is not None:
            return self._start_timeout
        return 660.0 if _INSTALLING & set(runtime_env) else 60.0

    def _post(self, home: Home, run_id: str, runtime_env: Mapping[str, Any], env: Mapping[str, Any] | None) -> Post:
        asked = self.config.asked()
        base = {**asdict(asked, filter=lambda field, _: field.name != "custom"), "resources": dict(asked.custom)}
        return Post(
            run_id,
            None if home.service is None else self._actor_url or home.service,
            os.environ.get("SYNAPSE_TOKEN"),
            self._lease,
            {**base, "runtime_env": runtime_env},
            self._whole_env(env),
            self._plugins,
            self._work_base,
            self._heartbeat,
        )

    def _whole_env(self, env: Mapping[str, Any] | None) -> PluginEnvironment:
        """What the actions get, and the credentials of this process, which the engine's node does not have."""
        credentials = {name: os.environ[name] for name in CREDENTIALS if os.environ.get(name)}
        return PluginEnvironment.from_dict(credentials).merge(self.config.env).merge(env or {})

    # -- wait -------------------------------------------------------------------------------------------------

    def wait(self, run_id: str, timeout_seconds: float | None = 3600.0, poll_interval: float = 5.0) -> PipelineProgress:
        """Wait until the run has ended, and return its final state.

        The end is told, not asked for.

        Args:
            run_id: the run; any that this executor's cluster or service knows, whoever started it.
            timeout_seconds: how long to wait; for ever, if None.
            poll_interval: seconds between two looks whether there is still an engine to wait for.

        Raises:
            ExecutionError: it failed, or has not ended in time, or nobody runs it any more.
            RunCancelledError: it was cancelled.
            RunNotFoundError: there is no such run.
            ClusterUnreachableError: the cluster does not answer any more.
            StoreUnavailableError: nor does the service.
        """
        home = self._homes.of(run_id)
        return self._loop.call(waiting.wait(home, run_id, timeout_seconds, poll_interval))

    def get_result(self, run_id: str) -> Any:
        """The result of a run that has completed, as JSON data: the last action's; by name, where several are last.

        Raises:
            ExecutionError: it has not.
        """
        return self._homes.of(run_id).session.result(run_id)

    # -- watch and stop ---------------------------------------------------------------------------------------

    def get_status(self, run_id: str) -> RunStatus:
        """The run's status now."""
        return self.get_progress(run_id).status

    def get_progress(self, run_id: str) -> PipelineProgress:
        """The run's state now."""
        return self._homes.of(run_id).session.progress(run_id)

    def stream_progress(self, run_id: str, timeout: float | None = 3600.0) -> Iterator[PipelineProgress]:
        """The run's state now, and again when it has changed, to its last; who is slow skips states.

        Raises:
            ExecutionError: it has not ended after ``timeout`` seconds, or nobody runs it any more.
        """
        return self._loop.iterate(waiting.states(self._homes.of(run_id), run_id, timeout, _LOOK))

    async def stream_progress_async(
        self,
        run_id: str,
        timeout: float | None = 3600.0,  # noqa: ASYNC109  as `stream_progress`
    ) -> AsyncIterator[PipelineProgress]:
        """As `stream_progress`."""
        home = await asyncio.to_thread(self._homes.of, run_id)
        followed: Any = self._loop.iterate_async(waiting.states(home, run_id, timeout, _LOOK))
        async with aclosing(followed) as states:
            async for state in states:
                yield state

    def stream_events(self, run_id: str, after: int = 0) -> Iterator[Event]:
        """Every event of the run from ``after`` on, as they come, to its last."""
        return self._loop.iterate(waiting.events(self._homes.of(run_id), run_id, after, _LOOK))

    def cancel(self, run_id: str, *, reason: str = "cancelled", force: bool = False) -> None:
        """Ask for the run's end; its engine acts within a second. A run that has ended stays as it is.

        Args:
            run_id: the run.
            reason: why, for those who read of it later.
            force: leave its actions no grace period.
        """
        self._homes.of(run_id).session.cancel(run_id, reason=reason, force=force)

    # -- close ------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Let go of what is held here; runs go on. Nothing happens the second time."""
        if not self._closed:
            self._closed = True
            self._homes.close()
            self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _plain(value: Any) -> Any:
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _check(options: Mapping[str, Any]) -> None:
    for name in options:
        if name not in _OPTIONS:
            raise TypeError(unknown("option of submit", name, _OPTIONS))


def _has_run(home: Home, run_id: str, error: SynapseError) -> bool:
    """Whether the engine is gone because the run was over before its answer had arrived."""
    if not isinstance(error, RayClusterError) or isinstance(error, EnvironmentSetupError):
        return False
    try:
        home.session.progress(run_id)
    except SynapseError:
        return False
    return True
