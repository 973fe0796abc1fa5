"""What executors can be told, and what of the environment goes to workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from synapse_core import PluginEnvironment, Resources
from synapse_core.protocols import Call
from synapse_core.testing import raises
from synapse_ray import RayJobsApiExecutor, RayPipelineExecutor
from synapse_ray.base import BaseRayExecutor
from synapse_ray.config import RayConfig
from synapse_ray.environ import WorkerEnviron, unpacked
from synapse_ray.errors import RayConfigError

CALL = Call("run", "train", 1, "plug.train:Train", {})


def test_the_defaults_are_the_documented_ones():
    """An executor that is told nothing has the defaults of the documented tables."""
    config = BaseRayExecutor().config
    assert (config.ray_address, config.package_manager, config.wheels_dir) == ("auto", "pip", "wheels")
    assert (config.job_id, config.working_dir, config.requirements_file, config.num_cpus) == (None,) * 4
    assert (config.num_gpus, config.memory, config.resources, config.include_sdk) == (None, None, None, False)
    assert BaseRayExecutor().runtime_env() == {}
    assert BaseRayExecutor().options() == {"max_retries": 0}


@pytest.mark.parametrize(
    ("wrong", "part"),
    [
        ({"package_manager": "pipp"}, "did you mean 'pip'?"),
        ({"package_manager_options": "--no-cache --system"}, "write ['--no-cache', '--system']"),
        ({"num_cpus": -1}, "num_cpus"),
        ({"num_gpus": "1"}, "num_gpus"),
        ({"memory": float("nan")}, "memory"),
        ({"runtime_env": "env.yaml"}, "runtime_env"),
        ({"resources": ["tpu"]}, "resources"),
        ({"resources": {"tpu": "1"}}, "resources['tpu'] must be a number of 0 or above, got '1'"),
        ({"working_dir": "gcs://x.zip"}, "runtime_env={'working_dir': …}"),
        ({"working_dir": 3}, "working_dir must be a path, got 3"),
        ({"requirements_file": 3}, "requirements_file must be a path, got 3"),
        ({"package_manager_options": 3}, "package_manager_options must be a list, got 3"),
        ({"package_manager_options": [3]}, "package_manager_options[0] must be text, got 3"),
        ({"wheels_dir": 3}, "wheels_dir must be text, got 3"),
        ({"job_id": [3]}, "job_id must be text, got [3]"),
        ({"ray_address": None}, "ray_address must be text, got None"),
        ({"env": "A=1"}, "env must be a mapping of names to values, got str"),
        ({"include_sdk": "no"}, "include_sdk must be true or false, got 'no'"),
    ],
)
def test_wrong_settings_are_told_at_once(wrong: dict[str, object], part: str):
    """A setting that cannot be is an error that names it, when the executor is made."""
    with raises(RayConfigError, part):
        BaseRayExecutor(**wrong)  # type: ignore[arg-type]


def test_a_job_id_may_be_a_number():
    """As the command line reads it (`-o job_id=7`); actions see text."""
    assert BaseRayExecutor(job_id=7).config.job_id == "7"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("executor", "wrong", "part"),
    [
        (RayPipelineExecutor, {"lease": -1}, "lease must be a number of seconds above 0, got -1"),
        (RayPipelineExecutor, {"heartbeat_timeout": "60"}, "heartbeat_timeout must be a number of seconds above 0"),
        (RayPipelineExecutor, {"start_timeout": True}, "start_timeout must be a number of seconds above 0"),
        (RayPipelineExecutor, {"engine_resources": "stable"}, "engine_resources must be a mapping of names to amounts"),
        (RayPipelineExecutor, {"work_base": 3}, "work_base must be a path, got 3"),
        (RayPipelineExecutor, {"plugins": "my_plugin"}, "plugins must be a list, got 'my_plugin'"),
        (RayJobsApiExecutor, {"max_concurrency": 0}, "max_concurrency must be a whole number of 1 or above, got 0"),
        (RayJobsApiExecutor, {"heartbeat_timeout": 0}, "heartbeat_timeout must be a number of seconds above 0"),
        (RayJobsApiExecutor, {"stop_grace": "3"}, "stop_grace must be a number of 0 or above, got '3'"),
    ],
)
def test_an_executors_own_settings_are_looked_at_as_well(executor: type, wrong: dict[str, object], part: str):
    """Not deep in a run, where they would be somebody else's fault."""
    with raises(RayConfigError, part):
        executor(**wrong)


def test_which_cluster_auto_is(monkeypatch: pytest.MonkeyPatch):
    """The environment says what `auto` means, and nothing else."""
    monkeypatch.setenv("SYNAPSE_RAY_ADDRESS", "head:6379")
    assert RayConfig().address == "head:6379"
    assert RayConfig(ray_address="local").address == "local"
    monkeypatch.delenv("SYNAPSE_RAY_ADDRESS")
    assert RayConfig().address == "auto"


def test_amounts_of_a_node_go_before_those_of_the_executor():
    """What a node does not say is taken from the executor; a zero is said."""
    base = BaseRayExecutor(num_cpus=2, memory=2**30, resources={"tpu": 1, "disk": 2})
    assert base.options(Resources(num_cpus=0, num_gpus=0.5, custom={"tpu": 4})) == {
        "num_cpus": 0,
        "num_gpus": 0.5,
        "memory": 2**30,
        "resources": {"tpu": 4, "disk": 2},
        "max_retries": 0,
    }


def test_only_what_is_declared_goes_to_workers(monkeypatch: pytest.MonkeyPatch):
    """The plugin's environment and the credentials, nothing else of this process; no secret where Ray would show it."""
    monkeypatch.setenv("SYNAPSE_HOST", "https://synapse.example")
    monkeypatch.setenv("SYNAPSE_ACCESS_TOKEN", "syn-123456")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not for workers")
    env = {
        "EPOCHS": 3,
        "DEBUG": True,
        "LAYERS": [1, 2],
        "DB_PASSWORD": "hunter22",
        "EMPTY": None,
        "db": {"url": "x://h"},
    }
    base = BaseRayExecutor(env=env)
    assert base.runtime_env() == {
        "env_vars": {
            "SYNAPSE_HOST": "https://synapse.example",
            "EPOCHS": "3",
            "DEBUG": "true",
            "LAYERS": "[1, 2]",
            "db.url": "x://h",
        }
    }
    call = base.remote_call(CALL)
    assert {"SYNAPSE_ACCESS_TOKEN", "DB_PASSWORD"} < set(call.env)
    for text in (repr(base.config), repr(base), repr(call), str(base.runtime_env())):
        assert "hunter22" not in text
        assert "syn-123456" not in text
    assert env["EPOCHS"] == 3


def test_secrets_are_put_in_place_on_the_worker(monkeypatch: pytest.MonkeyPatch):
    """The call brings them; where it runs they are environment variables, and the call is as it was."""
    monkeypatch.delenv("DB_PASSWORD", raising=False)
    named = PluginEnvironment.from_dict({"DB_PASSWORD": "hunter22", "PLACE": "hidden"}, secrets=["PLACE"])
    base = BaseRayExecutor(env=named)
    with monkeypatch.context() as there:
        there.setenv("DB_PASSWORD", "another")
        there.setenv("PLACE", "another")
        import os

        call = unpacked(base.remote_call(CALL))
        assert (os.environ["DB_PASSWORD"], os.environ["PLACE"]) == ("hunter22", "hidden")
    assert set(call.env) == {"DB_PASSWORD", "PLACE"}
    assert unpacked(CALL) == CALL


def test_values_that_hide_a_secret():
    """A value with a login in it, or another's secret, is no public one either."""
    env = PluginEnvironment.from_dict({"URL": "https://me:pw@host/x", "TOKEN": "abcdef1", "LINE": "run --with abcdef1"})
    assert set(WorkerEnviron.of(env).secret) == {"URL", "TOKEN", "LINE"}


def test_the_callers_dicts_stay_as_they_are(tmp_path: Path):
    """Neither making an executor nor changing what it gave changes what it was given."""
    given = {"env_vars": {"A": "1"}, "pip": ["x"], "working_dir": "gcs://p.zip"}
    before = {"env_vars": {"A": "1"}, "pip": ["x"], "working_dir": "gcs://p.zip"}
    base = BaseRayExecutor(runtime_env=given, env={"B": "2"})
    made = base.runtime_env()
    made["env_vars"]["C"] = "3"
    made["pip"]["packages"].append("y")
    assert given == before
    assert base.runtime_env()["env_vars"] == {"A": "1", "B": "2"}
    assert base.runtime_env()["pip"]["packages"] == ["x"]
