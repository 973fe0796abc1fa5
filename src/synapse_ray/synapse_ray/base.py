"""`BaseRayExecutor`: what all Ray executors share."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Mapping
from typing import Any

from synapse_core.env import PluginEnvironment
from synapse_core.pipeline.node import Resources
from synapse_core.protocols import Call
from synapse_ray.cluster import Cluster, connect
from synapse_ray.config import PackageManager, RayConfig
from synapse_ray.environ import WorkerEnviron
from synapse_ray.environment import runtime_env
from synapse_ray.placing import check_resources, ray_options

StrPath = str | os.PathLike[str]


class BaseRayExecutor:
    """Connects to a cluster, ships folders to it, and says what its workers get.

    Nothing is connected or shipped before it is needed. The arguments are those of `RayConfig`; none that is a mapping
    is ever changed.
    """

    def __init__(
        self,
        *,
        env: PluginEnvironment | Mapping[str, Any] | None = None,
        job_id: str | None = None,
        ray_address: str = "auto",
        runtime_env: Mapping[str, Any] | None = None,
        working_dir: StrPath | None = None,
        requirements_file: StrPath | None = None,
        package_manager: PackageManager = "pip",
        package_manager_options: Iterable[str] | None = None,
        wheels_dir: str = "wheels",
        num_cpus: float | None = None,
        num_gpus: float | None = None,
        memory: float | None = None,
        resources: Mapping[str, float] | None = None,
        include_sdk: bool = False,
    ) -> None:
        self.config = RayConfig(
            env=env,
            job_id=job_id,
            ray_address=ray_address,
            runtime_env=runtime_env,
            working_dir=working_dir,
            requirements_file=requirements_file,
            package_manager=package_manager,
            package_manager_options=package_manager_options,
            wheels_dir=wheels_dir,
            num_cpus=num_cpus,
            num_gpus=num_gpus,
            memory=memory,
            resources=resources,
            include_sdk=include_sdk,
        )
        self._environ = WorkerEnviron.of(self.config.env)
        self._environments: dict[str | None, dict[str, Any]] = {}

    def connect(self) -> Cluster:
        """The cluster, connected to if it is not yet.

        Raises:
            RayClusterError: which of its kinds says what is wrong; see `synapse_ray.cluster.connect`.
        """
        return connect(self.config)

    def runtime_env(self, root: str | None = None) -> dict[str, Any]:
        """What ``.options(runtime_env=…)`` is given; empty where nothing is asked for.

        Args:
            root: the folder of a call's plugin; shipped where no ``working_dir`` was given.

        Raises:
            PackageError: the folder cannot be shipped.
            RayClusterError: the cluster cannot be reached.
        """
        if root not in self._environments:
            self._environments[root] = runtime_env(self.config, self._environ)
        return copy.deepcopy(self._environments[root])

    def remote_call(self, call: Call) -> Call:
        """The call as a worker can run it: without what cannot leave this process, its paths as they are there.

        The secrets of the environment travel in its ``env``; `synapse_ray.environ.unpacked` takes them out there.

        Raises:
            DiscoveryError: the action is in a file that is not shipped, in a function, or in an interactive session.
        """
        return self._environ.packed(call.plain())

    def options(self, resources: Resources | None = None) -> dict[str, Any]:
        """What ``.options(…)`` of a task is given: the amounts that an attempt takes, and no retries by Ray.

        Args:
            resources: the node's own; what it does not say is taken from the executor's.
        """
        return {**ray_options(self.config.asked(resources)), "max_retries": 0}

    def check_resources(self, options: Mapping[str, Any]) -> None:
        """Return if some node of the cluster could give what the options ask for.

        Raises:
            ResourcesError: none could, however long one waits.
        """
        check_resources(self.connect(), options)
