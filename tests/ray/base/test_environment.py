"""Runtime environments: ours and the caller's together, and what is said when one cannot be made."""

from __future__ import annotations

from pathlib import Path

import pytest

from synapse_core.testing import raises
from synapse_ray.config import RayConfig
from synapse_ray.environment import runtime_env, setup_failed
from synapse_ray.errors import EnvironmentSetupError, PackageError, RayConfigError

PIP = ["--disable-pip-version-check", "--no-cache-dir", "--upgrade"]


def test_the_options_of_the_package_managers():
    """Pip upgrades, uv keeps no cache, and further options go behind those."""
    assert runtime_env(RayConfig(), {}, None, ["x"]) == {"pip": {"pip_install_options": PIP, "packages": ["x"]}}
    config = RayConfig(package_manager="uv", package_manager_options=["--offline", "--no-cache"])
    made = {"uv_pip_install_options": ["--no-cache", "--offline"], "packages": ["x"]}
    assert runtime_env(config, {}, "gcs://p", ["x"]) == {"uv": made, "working_dir": "gcs://p"}


def test_workers_have_an_environment_of_their_own():
    """With `--system`, uv would install into the node's Python, where no worker looks: it is left out."""
    config = RayConfig(package_manager="uv", package_manager_options=["--no-cache", "--system"])
    made = runtime_env(config, {}, None, ["x"])
    assert made == {"uv": {"uv_pip_install_options": ["--no-cache"], "packages": ["x"]}}


@pytest.mark.parametrize(
    ("theirs", "made"),
    [
        ({"pip": ["b"]}, {"pip": {"pip_install_options": PIP, "packages": ["a", "b"]}}),
        ({"pip": {"packages": ["b"], "pip_check": True}}, {"pip": {"pip_check": True, "packages": ["a", "b"]}}),
        ({"pip": {"packages": [], "pip_install_options": []}}, {"pip": {"pip_install_options": [], "packages": ["a"]}}),
        ({"uv": ["b"]}, {"uv": {"uv_pip_install_options": ["--no-cache"], "packages": ["a", "b"]}}),
        ({"conda": "base"}, {"conda": "base"}),
    ],
)
def test_what_the_caller_wants_installed_is_too(theirs: dict[str, object], made: dict[str, dict[str, object]]):
    """Packages of both, by the caller's package manager and with the caller's options; conda stands alone."""
    found = runtime_env(RayConfig(runtime_env=theirs), {}, None, ["a"])
    if "pip_check" in made.get("pip", {}):
        made = {"pip": {"pip_install_options": PIP, **made["pip"]}}
    assert found == made


def test_a_requirements_file_in_runtime_env(tmp_path: Path):
    """A file's name, which Ray takes too, is read here."""
    (tmp_path / "r.txt").write_text("b\n# c\n")
    made = runtime_env(RayConfig(runtime_env={"pip": str(tmp_path / "r.txt")}), {}, None, ["a"])
    assert made["pip"]["packages"] == ["a", "b"]


def test_the_callers_word_is_the_last():
    """Environment variables one by one, a folder that is on the cluster, and whatever else Ray knows."""
    theirs = {
        "env_vars": {"A": "theirs"},
        "working_dir": "s3://b/p.zip",
        "excludes": ["x"],
        "config": {"eager": 1},
    }
    assert runtime_env(RayConfig(runtime_env=theirs), {"A": "ours", "B": "ours"}, None, []) == {
        "env_vars": {"A": "theirs", "B": "ours"},
        "working_dir": "s3://b/p.zip",
        "config": {"eager": 1},
    }


def test_what_ray_cannot_do():
    """Packages on top of conda that were asked for by name, and modules that Ray would refuse."""
    with raises(PackageError, "'conda'", "requirements_file"):
        runtime_env(RayConfig(runtime_env={"conda": "base"}, include_sdk=True), {}, None, ["a"])
    with raises(PackageError, "/my/module", "working_dir"):
        runtime_env(RayConfig(runtime_env={"py_modules": ["/my/module", "gcs://x.zip"]}), {}, None, [])


@pytest.mark.parametrize(
    ("theirs", "why"),
    [
        ({"env_vars": "x"}, "env_vars"),
        ({"env_vars": {"A": None}}, "env_vars"),
        ({"pip": 5}, "['pip']"),
        ({"pip": ["a"], "uv": ["b"]}, "cannot be specified at the same time"),
    ],
)
def test_what_ray_does_not_take(theirs: dict[str, object], why: str):
    """It is told here, in one line, before anything is started."""
    with raises(RayConfigError, "runtime_env", why) as caught:
        runtime_env(RayConfig(runtime_env=theirs), {}, None, [])
    assert "\n" not in str(caught[0])


def test_variables_that_are_no_text():
    """They become text as those of `env` do; the caller's dicts stay as they are."""
    theirs = {"env_vars": {"OMP_NUM_THREADS": 1, "FAST": True}}
    assert runtime_env(RayConfig(runtime_env=theirs), {}, None, [])["env_vars"] == {
        "OMP_NUM_THREADS": "1",
        "FAST": "true",
    }
    assert theirs == {"env_vars": {"OMP_NUM_THREADS": 1, "FAST": True}}


def test_a_name_that_ray_does_not_know(caplog: pytest.LogCaptureFixture):
    """Ray ignores it in silence; it is told."""
    runtime_env(RayConfig(runtime_env={"env_var": {"A": "1"}}), {}, None, [])
    assert "Ray ignores env_var" in caplog.text


def test_what_the_package_manager_said_last():
    """Of Ray's long report, the lines that tell what is wrong."""
    report = (
        "Failed to set up runtime environment.\n[Node 1] Traceback (most recent call last):\n"
        '  File "/x/agent.py", line 1, in f\n    raise CmdError()\n'
        "CmdError: Run cmd[9] failed with the following details.\nCommand '['python', '-m', 'pip']' returned "
        "non-zero exit status 1.\nLast 50 lines of stdout:\n    Looking in links: /w\n"
        "    ERROR: Could not find a version that satisfies the requirement nope==9 (from versions: none)\n"
        "    ERROR: No matching distribution found for nope==9\n\n"
    )
    error = setup_failed(RuntimeError(report))
    assert isinstance(error, EnvironmentSetupError)
    assert "No matching distribution found for nope==9" in str(error)
    assert "Traceback" not in str(error)
    assert "Looking in links" not in str(error)


def test_what_uv_said_last():
    """It says on a line of its own why there is no solution."""
    cause = "cause: Because there is no version of attrs==0.99 and you require attrs==0.99, it is unsatisfiable."
    report = f"x\nLast 50 lines of stdout:\n    Using CPython\n    error: No solution found\n      {cause}\n"
    assert str(setup_failed(RuntimeError(report))).splitlines()[1:3] == ["  error: No solution found", f"  {cause}"]
