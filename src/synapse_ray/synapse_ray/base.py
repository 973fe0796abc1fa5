"""`BaseRayExecutor`: what all Ray executors share."""

from __future__ import annotations

import copy
import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from synapse_core.env import PluginEnvironment
from synapse_core.pipeline.node import Resources
from synapse_core.protocols import Call
from synapse_ray.cluster import Cluster, connect
from synapse_ray.config import MANAGERS, PackageManager, RayConfig
from synapse_ray.environ import WorkerEnviron
from synapse_ray.environment import is_uri, runtime_env
from synapse_ray.packaging import HOME, Shipment, departed, packed_shipment
from synapse_ray.placing import check_resources, ray_options
from synapse_ray.rehearsal import rehearse

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
        autoscaling: bool = False,
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
            autoscaling=autoscaling,
        )
        self._environ = WorkerEnviron.of(self.config.env)
        self._lock = threading.Lock()
        self._environments: dict[Path | None, dict[str, Any]] = {}
        self._departures: dict[tuple[str, str | None], tuple[str, str | None]] = {}
        self._possible: set[str] = set()

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
        folder = self._folder(root)
        with self._lock:
            if folder not in self._environments:
                self._environments[folder] = self._environment(folder)
            return copy.deepcopy(self._environments[folder])

    def _folder(self, root: str | None) -> Path | None:
        """The folder that is shipped; None where there is none, or it is on the cluster already."""
        theirs = self.config.runtime_env.get("working_dir")
        if theirs:
            return None if is_uri(theirs) else Path(theirs).expanduser().absolute()
        if self.config.working_dir is not None or root is None or not Path(root).is_absolute():
            return self.config.working_dir
        return Path(root)

    def _environment(self, folder: Path | None) -> dict[str, Any]:
        shipment, uri = Shipment.of(self.config, folder), None
        if not shipment.is_empty:
            what = str(folder or "the Synapse packages")
            with packed_shipment(shipment, what) as package:
                uri = self.connect().upload(package, what)
        return runtime_env(self.config, self._environ.public, uri, shipment.lines)

    def remote_call(self, call: Call) -> Call:
        """The call as a worker can run it: without what cannot leave this process, its paths as they are there.

        The secrets of the environment travel in its ``env``; `synapse_ray.environ.unpacked` takes them out there.

        Raises:
            DiscoveryError: the action is in a file that is not shipped, in a function, or in an interactive session.
        """
        key = (call.entrypoint, call.root)
        found = self._departures.get(key)
        if found is None:
            there = is_uri(self.config.runtime_env.get("working_dir"))
            folder = HOME if there else self._folder(call.root)
            found = self._departures[key] = departed(*key, folder, action=call.action)
        env = self._environ.packed(call.env)
        return attrs.evolve(call, entrypoint=found[0], root=found[1], env=env, spec=None, local=None)

    def options(self, resources: Resources | None = None) -> dict[str, Any]:
        """What ``.options(…)`` of a task is given: the amounts that an attempt takes, and no retries by Ray.

        Args:
            resources: the node's own; what it does not say is taken from the executor's.
        """
        return {**ray_options(self.config.asked(resources)), "max_retries": 0}

    def check_resources(self, options: Mapping[str, Any]) -> None:
        """Return if some node of the cluster could give what the options ask for, or such a node may yet come.

        Raises:
            ResourcesError: none could, however long one waits.
        """
        if self.config.autoscaling:
            return
        asked = repr(sorted((name, str(value)) for name, value in options.items()))
        if asked not in self._possible:
            check_resources(self.connect(), options)
            self._possible.add(asked)

    def check_packages(self, environment: Mapping[str, Any], options: Mapping[str, Any]) -> None:
        """Return if the packages of a runtime environment can be installed; see `rehearse`, which looks once for each.

        Raises:
            EnvironmentSetupError: they cannot.
        """
        asked = repr([environment.get(manager) for manager in MANAGERS])
        if asked not in self._possible:
            rehearse(environment, options)
            self._possible.add(asked)

    def made_ready(self, root: str | None, resources: Resources | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """The `options` and the `runtime_env` of tasks that can be started, on the cluster that is connected to.

        Raises:
            PackageError: the folder cannot be shipped.
            RayClusterError: the cluster cannot be reached, has no room, or cannot install what is asked for.
        """
        self.connect()
        options = self.options(resources)
        self.check_resources(options)
        environment = self.runtime_env(root)
        self.check_packages(environment, options)
        return options, environment
