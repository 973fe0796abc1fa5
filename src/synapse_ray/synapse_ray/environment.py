"""The runtime environment that Ray makes on a worker: what it is made of, and why it could not be made."""

from __future__ import annotations

import copy
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from synapse_ray.config import MANAGERS, RayConfig
from synapse_ray.connecting import imported
from synapse_ray.environ import as_text
from synapse_ray.errors import EnvironmentSetupError, PackageError, RayConfigError
from synapse_ray.packaging.requirements import read_requirements

_LOG = logging.getLogger(__name__)

_DEFAULT_OPTIONS = {
    "pip": ("--disable-pip-version-check", "--no-cache-dir", "--upgrade"),
    "uv": ("--no-cache",),
}
OPTIONS_KEY = {"pip": "pip_install_options", "uv": "uv_pip_install_options"}
_ELSEWHERE = {"pip": (), "uv": ("--system",)}
"""Options that install where workers, which have an environment of their own, never look."""
_PACKAGES = (str, Path, list, tuple, Mapping)
_OTHER_WAYS = ("conda", "image_uri", "container")


def runtime_env(
    config: RayConfig, env_vars: Mapping[str, str], uri: str | None, lines: Sequence[str]
) -> dict[str, Any]:
    """What ``.options(runtime_env=…)`` is given: what we make, and the caller's over it.

    ``env_vars`` are merged name by name; what the caller wants installed is installed with ours, by the caller's
    package manager; of everything else the caller's value is taken.

    Args:
        config: the executor's.
        env_vars: environment variables that anybody may see.
        uri: where the shipped folder is on the cluster.
        lines: what is installed, as in a requirements file.

    Raises:
        RayConfigError: the caller's is no runtime environment of Ray's.
        PackageError: Ray cannot do what the caller asks for together with what we need.
    """
    theirs = _valid({key: value for key, value in config.runtime_env.items() if key not in {"excludes", "working_dir"}})
    made = {**theirs, **_installed(config, theirs, lines)}
    if variables := {**env_vars, **theirs.get("env_vars", {})}:
        made["env_vars"] = variables
    place = uri or config.runtime_env.get("working_dir")
    return {**made, "working_dir": place} if place else made


def is_uri(value: Any) -> bool:
    """Whether a ``working_dir`` or module of a runtime environment is on the cluster, or on its way, already."""
    return isinstance(value, str) and "://" in value


def _valid(theirs: Mapping[str, Any]) -> dict[str, Any]:
    """The caller's, in its long form: Ray says what is wrong with it only where a task is started, if at all."""
    if not theirs:
        return {}
    imported()
    from ray.runtime_env import RuntimeEnv

    _check_modules(theirs)
    made, variables = dict(theirs), theirs.get("env_vars")
    if isinstance(variables, Mapping):
        made["env_vars"] = {name: None if value is None else as_text(value) for name, value in variables.items()}
    try:
        made.update({name: _as_dict(made[name]) for name in MANAGERS if isinstance(made.get(name), _PACKAGES)})
        known = RuntimeEnv(**copy.deepcopy(made))
    except (TypeError, ValueError) as error:
        raise RayConfigError(f"Ray does not take this runtime_env: {str(error).partition(chr(10))[0]}") from error
    if ignored := sorted(known.keys() - RuntimeEnv.known_fields):
        _LOG.warning("runtime_env: Ray ignores %s, unless a plugin of its own knows it", ", ".join(ignored))
    return made


def _check_modules(theirs: Mapping[str, Any]) -> None:
    local = [str(module) for module in theirs.get("py_modules") or () if not is_uri(module)]
    if local:
        hint = "put them into working_dir, or call ray.init(runtime_env=…) yourself before"
        raise PackageError(f"py_modules {', '.join(local)}: Ray takes local modules only when it connects", hint=hint)


def _installed(config: RayConfig, theirs: Mapping[str, Any], lines: Sequence[str]) -> dict[str, Any]:
    """What is installed, ours and the caller's together; by the caller's package manager, if there is one."""
    other = next((way for way in _OTHER_WAYS if way in theirs), None)
    if other is not None:
        if lines and (config.requirements_file is not None or config.include_sdk):
            hint = f"install what requirements_file and include_sdk ask for by {other!r} as well, and leave them out"
            raise PackageError(f"Ray cannot install packages on top of {other!r} in runtime_env", hint=hint)
        return {}
    manager = next((name for name in MANAGERS if name in theirs), config.package_manager)
    more = _as_dict(theirs.get(manager))
    packages = [*lines, *more.pop("packages", ())]
    if not packages:
        return {}
    return {manager: {OPTIONS_KEY[manager]: _options(config, manager), **more, "packages": packages}}


def _options(config: RayConfig, manager: str) -> list[str]:
    asked = [option for option in config.package_manager_options if option not in _ELSEWHERE[manager]]
    return list(dict.fromkeys((*_DEFAULT_OPTIONS[manager], *asked)))


def _as_dict(value: Any) -> dict[str, Any]:
    """What Ray takes for ``pip`` and ``uv`` (a file's name, a list, a dict), as a dict with a list of packages."""
    made = dict(value) if isinstance(value, Mapping) else {"packages": value or ()}
    packages = made.get("packages", ())
    if isinstance(packages, str | Path):
        packages = read_requirements(Path(packages).expanduser().absolute(), None).lines
    return {**made, "packages": list(packages)}


# -- when it could not be made --------------------------------------------------------------------------------

_LAST_LINES = 12
_OUTPUT = ("Last 50 lines of stderr:", "Last 50 lines of stdout:")
_TELLING = re.compile(
    r"(?i)error|no matching|not find|could not|conflict|failed|not found|denied|refused|requires|because"
)


def setup_failed(error: BaseException, what: str = "the workers") -> EnvironmentSetupError:
    """What Ray's ``RuntimeEnvSetupError`` says, as an error with the package manager's last lines.

    Args:
        error: Ray's.
        what: whose environment it is.
    """
    return setup_error(said_last(str(error)), what)


def setup_error(said: str, what: str = "the workers") -> EnvironmentSetupError:
    """The error for an environment that could not be set up.

    Args:
        said: why not.
        what: whose it is.
    """
    return EnvironmentSetupError(
        f"the environment of {what} could not be set up:\n{said}",
        hint="see requirements.txt, wheels/ and runtime_env; whether the cluster's nodes may reach the package index",
    )


def said_last(report: str) -> str:
    """The lines of a report of Ray's by which a package manager tells why it failed, indented."""
    output = next((found for part in _OUTPUT if (found := report.partition(part)[2])), report)
    lines = [line.strip() for line in output.splitlines() if line.strip() and not _is_noise(line)]
    telling = [line for line in lines if _TELLING.search(line)] or lines
    return "\n".join(f"  {line}" for line in telling[-_LAST_LINES:])


def _is_noise(line: str) -> bool:
    return line.lstrip().startswith(("File ", "Traceback", "at ", "raise ", "await ", "return ", "[notice]"))
