"""What a cluster of one node says, before anything runs, of what is to be installed there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse_core.testing import raises
from synapse_ray.base import BaseRayExecutor
from synapse_ray.errors import EnvironmentSetupError
from tests.ray.clusters import TestCluster, cluster_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def alone() -> Iterator[TestCluster]:
    """A node by itself; this process is connected to it."""
    import ray

    with cluster_of(num_cpus=1) as made:
        try:
            BaseRayExecutor(ray_address=made.address).connect()
            yield made
        finally:
            ray.shutdown()


def test_what_pip_could_not_know(alone: TestCluster, tmp_path: Path):
    """An option that only uv has: it is Ray's own making of the environment that tells, before anything runs."""
    (tmp_path / "requirements.txt").write_text("no-such-package-anywhere==9\n")
    base = BaseRayExecutor(
        ray_address=alone.address,
        working_dir=tmp_path,
        package_manager="uv",
        package_manager_options=["--no-index", "--compile-bytecode"],
    )
    with raises(EnvironmentSetupError, "no-such-package-anywhere", "requirements.txt"):
        base.made_ready(None)


def test_what_can_be_installed(alone: TestCluster):
    """Nothing is said of it, and it is there when the task runs."""
    import ray

    base = BaseRayExecutor(ray_address=alone.address, runtime_env={"env_vars": {"SHADE": "teal"}, "pip": ["attrs"]})
    options, environment = base.made_ready(None)

    def shade() -> str:
        import os
        import sys

        return os.environ["SHADE"] + str("runtime_resources" in sys.prefix)

    assert ray.get(ray.remote(shade).options(runtime_env=environment, **options).remote()) == "tealTrue"
