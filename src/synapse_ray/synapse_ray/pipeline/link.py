"""A driver's way to the keeper on a cluster's head node: `KeeperLink`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from synapse_core.engine.patience import pauses
from synapse_core.errors import StoreError, StoreUnavailableError, SynapseError
from synapse_ray.pipeline.cluster_watch import check_head
from synapse_ray.pipeline.trouble import is_missing, told

if TYPE_CHECKING:
    from synapse_ray.base import BaseRayExecutor
    from synapse_ray.config import RayConfig

T = TypeVar("T")

_ANSWER = 60.0
"""Seconds for an answer: the first one may have to wait for a process to start."""

_PATIENCE = 10.0

_OF_PLUGINS = frozenset({"working_dir", "excludes", "env_vars"})

_WHAT = "the keeper of the cluster's runs"


class Link(Protocol):
    """A way to a keeper.

    Attributes:
        address: of the cluster, as it was given.
        patience: seconds for which one that once answered is asked again, where that may be.
    """

    @property
    def address(self) -> str: ...

    @property
    def patience(self) -> float: ...

    async def call(self, method: str, *args: Any, waits: float = 0.0) -> Any:
        """What the keeper's method gives; ``waits``: seconds that it may wait itself.

        Raises:
            StoreUnavailableError: there is no answer, for now.
            StoreError: the cluster cannot keep runs.
        """

    def close(self) -> None:
        """Let go of the keeper."""


class KeeperLink:
    """Starts a keeper when one is needed, and another when that is gone.

    Args:
        base: whose cluster it is.
    """

    def __init__(self, base: BaseRayExecutor) -> None:
        self._base = base
        self._lock = threading.Lock()
        self._keeper: Any = None
        self._closed = False
        self._whole = False
        self.patience = 0.0

    @property
    def address(self) -> str:
        """See `Link`."""
        return self._base.config.address

    async def call(self, method: str, *args: Any, waits: float = 0.0) -> Any:
        """See `Link.call`."""
        keeper = self._keeper or await asyncio.to_thread(self._started)
        try:
            future = getattr(keeper, method).remote(*args).future()
            # Shielded, as Ray does not take it well when the future that it fulfils was cancelled.
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(future)), _ANSWER + waits)
        except TimeoutError:
            raise self._lost(keeper, f"{_WHAT} does not answer") from None
        except Exception as error:
            raise self._failed(keeper, error) from error

    def _failed(self, keeper: Any, error: Exception) -> StoreError:
        found = told(error, _WHAT)
        lost = self._lost(keeper, found.message)
        if not is_missing(found):
            return lost
        if self._whole:
            return StoreError(found.message, hint=found.hint)
        self._whole = True  # what it lacks may be in the folder, or in its requirements
        return lost

    def _lost(self, keeper: Any, message: str) -> StoreUnavailableError:
        """Start another one the next time."""
        with self._lock:
            if self._keeper is keeper:
                self._keeper = None
        return StoreUnavailableError(message, hint=f"look whether the cluster {self.address} runs: `ray status`")

    def _started(self) -> Any:
        with self._lock:
            if self._closed:
                raise StoreError("this store is closed")
            if self._keeper is None:
                try:
                    self._keeper = self._start()
                except SynapseError as error:
                    raise StoreUnavailableError(error.message, hint=error.hint) from error
                self.patience = _PATIENCE
            return self._keeper

    def _start(self) -> Any:
        check_head(self._base.connect())
        import ray

        from synapse_ray.pipeline.keeper import Keeper
        from synapse_ray.pipeline.place import head_node
        from synapse_ray.placing import on_node

        environment = (self._base if self._whole else _bare(self._base.config)).runtime_env()
        where = {"num_cpus": 0, "scheduling_strategy": on_node(head_node()), "runtime_env": environment}
        return ray.remote(Keeper).options(**where).remote()

    def close(self) -> None:
        """See `Link.close`."""
        with self._lock:
            self._closed = True
            keeper, self._keeper = self._keeper, None
        if keeper is not None:
            import ray

            if ray.is_initialized():
                ray.kill(keeper)


def _bare(config: RayConfig) -> BaseRayExecutor:
    """What a keeper is started by: without the plugin's folder, which may be large, and its packages."""
    from synapse_ray.base import BaseRayExecutor

    own = {key: value for key, value in config.runtime_env.items() if key not in _OF_PLUGINS}
    return BaseRayExecutor(
        ray_address=config.ray_address,
        runtime_env=own,
        package_manager=config.package_manager,
        package_manager_options=config.package_manager_options,
        include_sdk=config.include_sdk,
    )


async def asked_again(work: Callable[[], Awaitable[T]], seconds: float) -> T:
    """What ``work`` gives; it is tried again for so many seconds while there is no answer.

    Raises:
        SynapseError: what it raised.
    """
    waits = pauses(seconds)
    while True:
        try:
            return await work()
        except StoreUnavailableError:
            pause = next(waits, None)
            if pause is None:
                raise
        await asyncio.sleep(pause)
