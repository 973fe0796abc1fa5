"""Whether what workers are to have installed is to be had at all, told soon: `rehearse`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from synapse_ray.config import MANAGERS
from synapse_ray.environment import OPTIONS_KEY, said_last, setup_error, setup_failed
from synapse_ray.packaging.requirements import THERE
from synapse_ray.placing import has_room, on_node

_LOOKS = 30.0
"""Seconds that pip has to look."""

_PATIENCE = 60.0
"""Seconds after which it is left to Ray to find out: before them no task could run, as its environment is not there."""

_FLAGS = frozenset({"-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--no-index", "--trusted-host"})
"""Options of uv that mean the same to pip, which looks for both."""

_USELESS = frozenset({"--no-cache"})

_HOPELESS = ("No matching distribution found", "ResolutionImpossible", "Invalid requirement")
"""What pip says that no further try changes."""


def rehearse(environment: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """Return if the packages of a runtime environment can be installed, or that is not to be told soon.

    Ray itself says that they cannot after three tries, each from an empty environment: that takes most of a minute. So
    the environment is made now, by a task that does nothing else, and beside it pip looks, on the cluster, for what it
    would install there. The one that knows first is believed: what can be installed waits for pip's look at most.

    Args:
        environment: for ``.options(runtime_env=…)``.
        options: the other options of the tasks that will run in it.

    Raises:
        EnvironmentSetupError: they cannot.
    """
    manager = next((name for name in MANAGERS if name in environment), None)
    if manager is None or _is_here(manager, environment[manager]):
        return
    import ray
    from ray.exceptions import RayError, RuntimeEnvSetupError

    made, looked = _made(environment, options), _looked(environment, manager, options)
    ready = ray.wait([*made, *looked], num_returns=1, timeout=_PATIENCE)[0] if made or looked else []
    try:
        said = ray.get(ready[0]) if ready else None
    except RuntimeEnvSetupError as error:
        raise setup_failed(error) from None
    except RayError:  # Ray's trouble is not the packages'
        return
    if said is not None and any(word in said for word in _HOPELESS):
        for task in made:
            ray.cancel(task)
        raise setup_error(said_last(said))


def _is_here(manager: str, asked: Any) -> bool:
    """Whether this process, an engine's say, runs in an environment with just those packages."""
    import ray

    own = ray.get_runtime_context().runtime_env.get(manager)
    return own is not None and dict(own).get("packages") == asked["packages"]


def _made(environment: Mapping[str, Any], options: Mapping[str, Any]) -> list[Any]:
    """The reference to a task that ends when the environment is made.

    Nothing where nodes share a machine: Ray makes the same environment in the same folder there, for each of them, and
    fails if it does so for two at once.
    """
    import ray

    places = [node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]]
    if len(set(places)) < len(places):
        return []
    return [ray.remote(_nothing()).options(**options, runtime_env=dict(environment)).remote()]


def _looked(environment: Mapping[str, Any], manager: str, options: Mapping[str, Any]) -> list[Any]:
    """The reference to what pip says, where it can be asked: on a node that the tasks may come to."""
    import ray

    flags = _flags(manager, environment[manager])
    nodes = [node["NodeID"] for node in ray.nodes() if node["Alive"] and has_room(node["Resources"], options)]
    if flags is None or not nodes:
        return []
    packages, variables = [*environment[manager]["packages"]], environment.get("env_vars", {})
    shipped = any(THERE in line for line in packages) and "working_dir" in environment
    bare = {"runtime_env": {"working_dir": environment["working_dir"]}} if shipped else {}
    look = ray.remote(_looking()).options(num_cpus=0, max_retries=0, scheduling_strategy=on_node(nodes[0]), **bare)
    return [look.remote(packages, flags, variables, THERE, _LOOKS)]


def _flags(manager: str, asked: Mapping[str, Any]) -> list[str] | None:
    """The options by which pip looks; None where it could not know what uv would find."""
    flags = [option for option in asked.get(OPTIONS_KEY[manager], ()) if option not in _USELESS]
    named = {option.partition("=")[0] for option in flags if option.startswith("-")}
    return flags if manager == "pip" or named <= _FLAGS else None


def _nothing() -> Callable[[], None]:
    """A task that needs nothing of ours on its worker: a function that is made here travels whole."""

    def nothing() -> None:
        return None

    return nothing


def _looking() -> Callable[[Sequence[str], Sequence[str], Mapping[str, str | None], str, float], str | None]:
    """As `_nothing`: says why pip cannot find the packages; None if it can, or cannot tell."""

    def look(
        packages: Sequence[str], flags: Sequence[str], variables: Mapping[str, str | None], there: str, seconds: float
    ) -> str | None:
        import os
        import subprocess
        import sys
        import tempfile

        lines = [line.replace(there, os.getcwd()) for line in packages]  # noqa: PTH109  where the shipped folder is
        with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
            file.write("\n".join(lines))
            file.flush()
            command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-input", *flags, "-r", file.name]
            own = {name: value for name, value in {**os.environ, **variables}.items() if value is not None}
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, env=own, check=False)
            except (OSError, subprocess.SubprocessError):
                return None
        return done.stderr if done.returncode else None

    return look
