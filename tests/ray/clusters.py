"""Real Ray clusters on this machine, for tests: each node a ``ray start --block`` of its own, ended by its pid.

Nothing is shared with another cluster of this machine: ports are free ones, the temp dir is new, and drivers connect by
the address given here, never by ``auto``. A node that dies is noticed within about a second, as its connections end;
one that only does not answer, as where the machine stands still, is waited for. An environment that cannot be set up is
not tried again. No worker is killed because something else fills the machine's memory.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import define, field

from synapse_core.builtin.process.tree import end_tree
from synapse_core.testing import wait_until
from synapse_core.testing.processes import is_alive, is_stopped
from tests.ports import free_port

ENVIRONMENT = {
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_health_check_initial_delay_ms": "500",
    "RAY_health_check_period_ms": "300",
    "RAY_health_check_timeout_ms": "10000",
    "RAY_health_check_failure_threshold": "3",
    "RAY_enable_metrics_collection": "false",
    "RAY_memory_monitor_refresh_ms": "0",
    "RUNTIME_ENV_RETRY_TIMES": "1",
    "PYTHONWARNINGS": "ignore",
}
"""What all processes of a test's cluster see; drivers need the first two as well (tests/ray/conftest.py sets them)."""

_START = """\
import ctypes, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGTERM)
import os, ray
ray.__version__ = os.environ.get("PRETENDED_RAY_VERSION", ray.__version__)
from ray.scripts.scripts import main
sys.exit(main())
"""
"""``ray``, told to end when the process that started it does: a test run that is killed leaves no cluster behind."""

_STARTED = "Ray runtime started."
_NO_MARKER = "no attempt has this marker"


@define(eq=False)
class ClusterNode:
    """A node of a cluster: a ``ray start --block`` and all that it started."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def node_ids(self) -> list[str]:
        """Ray's own id of this node, as its raylet was told it; empty once it is dead."""
        found = [re.search(r"--node-id[= ](\w+)", line) for line in map(command_line, self.pids("raylet/raylet"))]
        return [match.group(1) for match in found if match]

    def pids(self, part: str = "") -> list[int]:
        """The node's processes whose command line has ``part`` in it (``gcs_server``, ``raylet/raylet``, ``ray::``)."""
        return [pid for pid in descendants(self.process.pid) if part in command_line(pid)]

    def kill(self) -> None:
        """End the whole node at once, as a machine that loses its power; all of it is gone when this returns."""
        pids = self.pids()
        if self.process.poll() is None:
            end_tree(self.process.pid, _NO_MARKER)
            self.process.kill()
        self.process.wait()
        wait_until(lambda: not any(map(is_alive, pids)), "the node's processes to be gone")

    def kill_part(self, part: str) -> list[int]:
        """Kill (SIGKILL) only the processes with ``part`` in their command line; the rest of the node stays."""
        self.process.send_signal(signal.SIGSTOP)  # it would end the others when one of its own has ended
        return self.signal_part(part, signal.SIGKILL)

    def signal_part(self, part: str, number: int) -> list[int]:
        """Send a signal to the processes with ``part`` in their command line; their pids.

        Those that are stopped have stopped when this returns: on a busy machine they go on for a while.
        """
        found = self.pids(part)
        assert found, f"the node has no process with {part!r} in its command line"
        for pid in found:
            os.kill(pid, number)
        if number == signal.SIGSTOP:
            wait_until(lambda: all(map(is_stopped, found)), f"{part} to stand still")
        return found


@define(eq=False)
class TestCluster:
    """A cluster of several nodes on this machine.

    Attributes:
        address: ``ip:port`` of its head, for `ray.init` and ``ray_address=``.
        client_address: ``ray://ip:port``.
        dashboard_url: where the dashboard and the Jobs API are, if it was started with ``dashboard=True``.
        head, nodes: the head node, and those that were added.
        temp: its folder; every node has its sessions in it.
    """

    __test__ = False

    temp: Path
    env: dict[str, str]
    address: str = ""
    client_address: str = ""
    dashboard_url: str = ""
    head: ClusterNode = field(default=None)
    nodes: list[ClusterNode] = field(factory=list)

    @classmethod
    def start(
        cls,
        *,
        num_cpus: int = 4,
        num_gpus: int = 0,
        resources: Mapping[str, float] | None = None,
        dashboard: bool = False,
        object_store_memory: int = 80_000_000,
        env: Mapping[str, str] | None = None,
    ) -> TestCluster:
        """Start a head node.

        Args:
            num_cpus: logical cores; more than the machine has are fine.
            num_gpus: logical GPUs.
            resources: custom resources of the head.
            dashboard: whether dashboard and Jobs API are started (0.6 GB more, some seconds).
            object_store_memory: bytes.
            env: more environment variables of every process of the cluster.
        """
        own = {key: value for key, value in os.environ.items() if not key.startswith(("RAY_", "SYNAPSE_", "PYTEST_"))}
        temp = Path(tempfile.mkdtemp(prefix="r", dir="/tmp"))
        cluster = cls(temp, {**own, **ENVIRONMENT, "SYNAPSE_HOME": str(temp / "home"), **(env or {})})
        client, board = free_port(), free_port()
        args = ["--head", "--port", str(free_port()), "--ray-client-server-port", str(client)]
        args += ["--include-dashboard", str(dashboard).lower(), "--dashboard-port", str(board)]
        amounts = {"num_cpus": num_cpus, "num_gpus": num_gpus, "object_store_memory": object_store_memory}
        cluster.head = cluster._start_node(args, amounts, resources, {})
        cluster.address = wait_until(lambda: _address(cluster.head.log), "the head to print its address")
        cluster.client_address = f"ray://{cluster.address.rpartition(':')[0]}:{client}"
        cluster.dashboard_url = f"http://127.0.0.1:{board}" if dashboard else ""
        return cluster

    def add_node(
        self,
        *,
        num_cpus: int = 2,
        num_gpus: int = 0,
        resources: Mapping[str, float] | None = None,
        object_store_memory: int = 80_000_000,
        env: Mapping[str, str] | None = None,
    ) -> ClusterNode:
        """Start one more node."""
        args = ["--address", self.address]
        amounts = {"num_cpus": num_cpus, "num_gpus": num_gpus, "object_store_memory": object_store_memory}
        node = self._start_node(args, amounts, resources, env or {})
        self.nodes.append(node)
        return node

    def stop(self) -> None:
        """End all that this cluster started, and remove its folder."""
        for node in [*self.nodes, self.head]:
            if node is not None:
                node.kill()
        shutil.rmtree(self.temp, ignore_errors=True)

    def _start_node(
        self,
        args: Sequence[str],
        amounts: Mapping[str, int],
        resources: Mapping[str, float] | None,
        env: Mapping[str, str],
    ) -> ClusterNode:
        command = [sys.executable, "-c", _START, "start", *args, "--block", "--disable-usage-stats"]
        command += ["--temp-dir", str(self.temp), "--resources", json.dumps(dict(resources or {}))]
        for name, amount in amounts.items():
            command += [f"--{name.replace('_', '-')}", str(amount)]
        command += ["--include-log-monitor", "false", "--log-color", "false"]
        # Its default is one for all of a machine, and where it is taken the node takes no jobs.
        command += ["--dashboard-agent-listen-port", str(free_port())]
        log = self.temp / f"node-{len(self.nodes) + (self.head is not None)}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**self.env, **env},
                start_new_session=True,
            )
        node = ClusterNode(process, log)
        try:
            wait_until(lambda: _has_started(node), f"a Ray node to start, see {log}")
        except BaseException:
            node.kill()
            raise
        return node


@contextlib.contextmanager
def cluster_of(**options: Any) -> Iterator[TestCluster]:
    """A cluster for the block; see `TestCluster.start`."""
    cluster = TestCluster.start(**options)
    try:
        yield cluster
    finally:
        cluster.stop()


def descendants(pid: int) -> list[int]:
    """All that a process started and what those started, itself left out."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            rest = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            parents[int(entry.name)] = int(rest[1])
    found, more = set[int](), {pid}
    while more:
        more = {child for child, parent in parents.items() if parent in more} - found
        found |= more
    return sorted(found)


def command_line(pid: int) -> str:
    """The command line of a process; empty once it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""


def _has_started(node: ClusterNode) -> bool:
    text = node.log.read_text(encoding="utf-8", errors="replace")
    assert node.process.poll() is None, f"the Ray node did not start:\n{text}"
    return _STARTED in text


def _address(log: Path) -> str:
    """The head's address, which ``ray start`` prints at last; empty until then."""
    found = re.search(r"--address='([^']+)'", log.read_text(encoding="utf-8"))
    return found.group(1) if found else ""
