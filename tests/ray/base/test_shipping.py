"""Plugins on a cluster whose workers see neither their folder nor Synapse."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import attrs
import pytest

from synapse_core.protocols import Call
from synapse_core.testing import raises, wait_until
from synapse_core.testing.processes import is_alive
from synapse_ray.base import BaseRayExecutor
from synapse_ray.environment import setup_failed
from synapse_ray.errors import EnvironmentSetupError, PackageError
from synapse_ray.packaging import Upload
from tests.ray.clusters import TestCluster, cluster_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

_NO_SYNAPSE = """
import sys
sys.path[:] = [path for path in sys.path if "/src/synapse_" not in path]
"""
_WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_ACTION = """
import os
from pathlib import Path
import greet
from synapse_core import action

@action
def hello(params: dict, ctx) -> dict:
    return {
        "word": greet.WORD,
        "config": Path("config.yaml").read_text(),
        "token": os.environ["SYNAPSE_ACCESS_TOKEN"],
        "colour": os.environ["COLOUR"],
        "home": os.environ.get("UNDECLARED"),
    }
"""
CALL = Call("run", "hello", 1, "plug.act:hello", {})


@pytest.fixture(scope="module")
def far_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestCluster]:
    """Two nodes whose processes cannot import Synapse; this process is connected to them."""
    import ray

    site = tmp_path_factory.mktemp("site")
    (site / "sitecustomize.py").write_text(_NO_SYNAPSE)
    with cluster_of(num_cpus=1, env={"PYTHONPATH": str(site)}) as made:
        made.add_node(resources={"far": 1})
        try:
            BaseRayExecutor(ray_address=made.address).connect()
            yield made
        finally:
            ray.shutdown()


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A plugin's folder with a wheel that it needs."""
    folder = tmp_path / "plugin"
    (folder / "plug").mkdir(parents=True)
    (folder / "plug" / "__init__.py").touch()
    (folder / "plug" / "act.py").write_text(_ACTION)
    (folder / "config.yaml").write_text("name: plug\n")
    (folder / "requirements.txt").write_text("greet>=1\nsynapse-core\n")
    (folder / "wheels").mkdir()
    (folder / ".gitignore").write_text("*.whl\n")
    with zipfile.ZipFile(folder / "wheels" / "greet-1.0-py3-none-any.whl", "w") as wheel:
        info = "greet-1.0.dist-info"
        wheel.writestr("greet/__init__.py", "WORD = 'hi'\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: greet\nVersion: 1.0\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    return folder


def perform_there() -> Callable[[Call], tuple[str, Any, str]]:
    """What a worker does with a call; made here, so that it goes there by value."""

    def perform_there(call: Call) -> tuple[str, Any, str]:
        import synapse_core
        from synapse_core.context import CancelToken
        from synapse_core.worker import Reporter, hooks_from, perform
        from synapse_ray.environ import unpacked

        call, token = unpacked(call), CancelToken()
        outcome = perform(call, Reporter(call.action, 1, lambda: None, token), token, hooks_from(()))
        return outcome.status, outcome.result or str(outcome.failure), synapse_core.__file__

    return perform_there


def test_a_plugin_far_away(far_cluster: TestCluster, plugin: Path, monkeypatch: pytest.MonkeyPatch):
    """Its folder, wheels and the Synapse packages arrive; the folder may be gone by then. Secrets are in no log."""
    import ray

    monkeypatch.setenv("SYNAPSE_ACCESS_TOKEN", "very-secret-5151")
    monkeypatch.setenv("UNDECLARED", "x")
    base = BaseRayExecutor(
        ray_address=far_cluster.address,
        env={"COLOUR": "ultramarine-77"},
        package_manager_options=["--no-index"],
        resources={"far": 1},
        include_sdk=True,
    )
    env = base.runtime_env(str(plugin))
    call = base.remote_call(attrs.evolve(CALL, root=str(plugin)))
    shutil.rmtree(plugin)
    task = ray.remote(perform_there()).options(runtime_env=env, **base.options())
    status, result, place = ray.get(task.remote(call))
    assert (status, result) == (
        "completed",
        {
            "word": "hi",
            "config": "name: plug\n",
            "token": "very-secret-5151",
            "colour": "ultramarine-77",
            "home": None,
        },
    )
    assert place.startswith(str(far_cluster.temp))
    assert _files_with("Ray runtime started", far_cluster.temp), "what is looked through has no logs in it"
    assert not _files_with("very-secret-5151", far_cluster.temp)


def test_by_uv(far_cluster: TestCluster, plugin: Path):
    """Wheels and requirements are installed by uv as well."""
    import ray

    base = BaseRayExecutor(
        ray_address=far_cluster.address,
        working_dir=plugin,
        package_manager="uv",
        package_manager_options=["--no-index"],
        resources={"far": 1},
    )

    def word() -> str:
        import greet  # type: ignore[import-not-found]

        return str(greet.WORD)

    assert ray.get(ray.remote(word).options(runtime_env=base.runtime_env(), **base.options()).remote()) == "hi"


@pytest.mark.parametrize("manager", ["pip", "uv"])
def test_a_package_that_cannot_be_found(far_cluster: TestCluster, tmp_path: Path, manager: Literal["pip", "uv"]):
    """It is told before anything runs, with what pip said, by whichever manager it was to be installed."""
    base = _asking(far_cluster, tmp_path, f"no-such-package-of-{manager}==9", manager)
    with raises(EnvironmentSetupError, f"no-such-package-of-{manager}==9", "No matching", "requirements.txt") as caught:
        base.made_ready(None)
    assert "Traceback" not in str(caught[0])


def test_packages_that_exclude_each_other(far_cluster: TestCluster, tmp_path: Path, plugin: Path):
    """A wheel is shipped, and another version of it asked for: told before anything runs."""
    shutil.copytree(plugin / "wheels", tmp_path / "wheels")
    base = _asking(far_cluster, tmp_path, "greet==77")
    with raises(EnvironmentSetupError, "greet"):
        base.made_ready(None)


def test_a_package_that_fails_as_it_is_installed(far_cluster: TestCluster, tmp_path: Path):
    """What no look tells is left to Ray: the error has what the package manager said last."""
    import ray
    from ray.exceptions import RuntimeEnvSetupError

    wheel = tmp_path / "wheels" / "torn-1-py3-none-any.whl"
    wheel.parent.mkdir()
    wheel.write_bytes(b"not a wheel at all")
    base = BaseRayExecutor(ray_address=far_cluster.address, working_dir=tmp_path)
    options, environment = base.made_ready(None)
    with pytest.raises(RuntimeEnvSetupError) as caught:
        ray.get(ray.remote(lambda: 1).options(runtime_env=environment, **options).remote())
    said = str(setup_failed(caught.value))
    assert "torn" in said
    assert "Traceback" not in said


def _asking(cluster: TestCluster, folder: Path, line: str, manager: Literal["pip", "uv"] = "pip") -> BaseRayExecutor:
    """Asks for a package, where there is no index to find it in."""
    (folder / "requirements.txt").write_text(f"{line}\n")
    return BaseRayExecutor(
        ray_address=cluster.address,
        working_dir=folder,
        package_manager=manager,
        package_manager_options=["--no-index"],
    )


def test_uploaded_once(far_cluster: TestCluster, tmp_path: Path):
    """The same content is one archive there, whoever ships it from wherever; it is held by one process until let go."""
    for name in ("one", "two"):
        (tmp_path / name / "plug").mkdir(parents=True)
        (tmp_path / name / "plug" / "a.py").write_text("A = 1\n")
    bases = [BaseRayExecutor(ray_address=far_cluster.address, working_dir=tmp_path / name) for name in ("one", "two")]
    cluster = bases[0].connect()
    before = set(cluster.uploads)
    assert bases[0].runtime_env() == bases[1].runtime_env() == bases[0].runtime_env()
    (digest,) = set(cluster.uploads) - before
    helper = cluster.uploads[digest].pid
    assert is_alive(helper)
    cluster.close()
    wait_until(lambda: not is_alive(helper), "the helper to end")


def test_an_upload_that_fails(tmp_path: Path, far_cluster: TestCluster):
    """It is an error that has Ray's reason."""
    (tmp_path / "package.tmp").touch()
    with raises(PackageError, far_cluster.address, "failed: ", "package.tmp"):
        Upload(far_cluster.address, tmp_path / "package.tmp")


def _files_with(text: str, folder: Path) -> list[str]:
    found = subprocess.run(["grep", "-rlI", "--", text, f"{folder}/"], capture_output=True, text=True, check=False)
    return found.stdout.splitlines()
