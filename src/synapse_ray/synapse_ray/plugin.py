"""What this package offers to Synapse: executors by name, the store ``ray:``, and the command ``synapse ray``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from synapse_core.hookspecs import hookimpl
from synapse_core.protocols import ExecutorOffer, Store, StoreOffer

if TYPE_CHECKING:
    import click

    from synapse_ray.base import BaseRayExecutor


@hookimpl
def synapse_executors() -> Iterable[ExecutorOffer]:
    """Offer ``ray``, ``ray-job``, ``ray-jobs-api`` and ``ray-pipeline``."""
    return [
        ExecutorOffer(
            "ray", _actor, "one Ray actor that is kept: fast calls, one at a time", forces=True, flags=_flags
        ),
        ExecutorOffer("ray-job", _job, "a Ray task an attempt; the engine runs here", forces=True, flags=_flags),
        ExecutorOffer(
            "ray-jobs-api", _jobs_api, "a job of Ray's Jobs API an attempt", forces=True, flags={**_flags, **_dashboard}
        ),
        ExecutorOffer(
            "ray-pipeline",
            _pipeline,
            "the whole pipeline on the cluster, its engine too: it needs nobody here",
            runs="pipeline",
            forces=True,
            flags=_flags,
            store_option="pipeline_service_url",
        ),
    ]


_flags = {"ray_address": "the cluster: auto, HOST:PORT, ray://HOST:PORT, or local for one of its own"}
_dashboard = {"dashboard_address": "where Ray's dashboard is, for ray-jobs-api: http://HOST:8265"}


def _actor(**options: Any) -> Any:
    from synapse_ray.actor import RayActorExecutor

    return _made(RayActorExecutor, options)


def _job(**options: Any) -> Any:
    from synapse_ray.job import RayJobExecutor

    return _made(RayJobExecutor, options)


def _jobs_api(**options: Any) -> Any:
    from synapse_ray.jobs_api import RayJobsApiExecutor

    return _made(RayJobsApiExecutor, options)


def _pipeline(**options: Any) -> Any:
    from synapse_ray.pipeline.executor import RayPipelineExecutor

    return _made(RayPipelineExecutor, options)


def _made(executor: type[BaseRayExecutor], options: Mapping[str, Any]) -> Any:
    """The executor with these options.

    Raises:
        RayConfigError: it does not know one of them, or one has a value that it cannot have.
    """
    import inspect

    from synapse_core.errors import unknown
    from synapse_ray.base import BaseRayExecutor
    from synapse_ray.errors import RayConfigError

    inits = [inspect.signature(each).parameters for each in (executor, BaseRayExecutor)]
    known = [name for each in inits for name, param in each.items() if param.kind is param.KEYWORD_ONLY]
    for name in options:
        if name not in known:
            raise RayConfigError(f"{executor.__name__}: {unknown('option', name, known)}")
    return executor(**options)


@hookimpl
def synapse_stores() -> Iterable[StoreOffer]:
    """Offer ``ray:``, the runs that a cluster keeps where there is no service."""
    return [StoreOffer("ray", _store, help="runs that a Ray cluster keeps by itself: ray:auto, ray:HOST:PORT")]


def _store(url: str) -> Store:
    from synapse_ray.pipeline.cluster_store import ClusterStore

    return ClusterStore(url)


@hookimpl
def synapse_cli(group: click.Group) -> None:
    """Add ``synapse ray``."""
    from synapse_ray.commands import ray

    group.add_command(ray)
