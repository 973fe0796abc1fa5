"""`RayConfig`: what all Ray executors can be told."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from attrs import field, frozen

from synapse_core.env import PluginEnvironment
from synapse_core.errors import unknown
from synapse_core.pipeline.node import Resources
from synapse_ray import checks
from synapse_ray.errors import RayConfigError

PackageManager = Literal["pip", "uv"]
MANAGERS = ("pip", "uv")

ADDRESS_VARIABLE = "SYNAPSE_RAY_ADDRESS"
"""The environment variable that says which cluster ``auto`` means."""


def _environment(value: PluginEnvironment | Mapping[str, Any] | None) -> PluginEnvironment:
    if value is not None and not isinstance(value, PluginEnvironment | Mapping):
        raise RayConfigError(f"env must be a mapping of names to values, got {type(value).__name__}")
    return value if isinstance(value, PluginEnvironment) else PluginEnvironment.from_dict(value or {})


def _id(value: Any) -> str | None:
    """The id as text; the command line gives one that is a number as a number."""
    found: str | None = str(value) if type(value) is int else value
    if found is not None:
        checks.text("job_id", found)
    return found


def _folder(value: str | os.PathLike[str] | None) -> Path | None:
    if isinstance(value, str) and "://" in value:
        hint = "give one that is on the cluster already as runtime_env={'working_dir': …}"
        raise RayConfigError(f"working_dir must be a folder of this machine, got {value!r}", hint=hint)
    folder = checks.path("working_dir", value)
    return None if folder is None else folder.expanduser().absolute()


def _file(value: str | os.PathLike[str] | None) -> Path | None:
    return checks.path("requirements_file", value)


def _options(value: Iterable[str] | None) -> tuple[str, ...]:
    return checks.texts("package_manager_options", value)


def _copied(value: Mapping[str, Any] | None) -> dict[str, Any]:
    if value is not None and not isinstance(value, Mapping):
        raise RayConfigError(f"runtime_env must be a mapping, got {type(value).__name__}")
    return {key: inner for key, inner in (value or {}).items() if inner is not None}


def _known_manager(_config: Any, _attribute: Any, value: Any) -> None:
    if value not in MANAGERS:
        raise RayConfigError(unknown("package manager", str(value), MANAGERS))


_text, _flag, _amount = (checks.by_name(check) for check in (checks.text, checks.flag, checks.amount))


@frozen(kw_only=True)
class RayConfig:
    """What all Ray executors can be told; each is an argument of theirs.

    Attributes:
        env: the plugin's environment. Workers get what it declares, and ``SYNAPSE_HOST`` and ``SYNAPSE_ACCESS_TOKEN``
            where this process has them; nothing else of ``os.environ``.
        job_id: the job that actions are told they belong to.
        ray_address: ``auto`` (what `ADDRESS_VARIABLE` names, else the one that this process is connected to, else the
            cluster of this machine), ``host:port``, ``ray://host:port``, or ``local``: a private Ray in this process,
            which ends with it.
        runtime_env: a runtime environment of Ray's, merged over the one that is made of the rest; see
            `synapse_ray.environment`.
        working_dir: the folder that is shipped to the workers, whose working directory it is there.
        requirements_file: what is installed there; ``requirements.txt`` in ``working_dir``, if None and there is one.
        package_manager: ``pip`` or ``uv``.
        package_manager_options: more options of ``pip install`` or ``uv pip install``.
        wheels_dir: the folder in ``working_dir`` whose ``*.whl`` are installed.
        num_cpus, num_gpus, memory, resources: what each attempt takes: cores, GPUs, bytes, custom resources by name; a
            node's own `Resources` go before them.
        include_sdk: whether the Synapse packages of this process are shipped and installed too.
        autoscaling: whether the cluster may get further nodes: what no node has now is then waited for.
    """

    env: PluginEnvironment = field(default=None, converter=_environment)
    job_id: str | None = field(default=None, converter=_id)
    ray_address: str = field(default="auto", validator=_text)
    runtime_env: dict[str, Any] = field(default=None, converter=_copied, repr=False)
    working_dir: Path | None = field(default=None, converter=_folder)
    requirements_file: Path | None = field(default=None, converter=_file)
    package_manager: PackageManager = field(default="pip", validator=_known_manager)
    package_manager_options: tuple[str, ...] = field(default=None, converter=_options, repr=False)
    wheels_dir: str = field(default="wheels", validator=_text)
    num_cpus: float | None = field(default=None, validator=_amount)
    num_gpus: float | None = field(default=None, validator=_amount)
    memory: float | None = field(default=None, validator=_amount)
    resources: Mapping[str, float] | None = field(default=None, validator=checks.by_name(checks.amounts))
    include_sdk: bool = field(default=False, validator=_flag)
    autoscaling: bool = field(default=False, validator=_flag)

    @property
    def address(self) -> str:
        """The address that is meant: that of `ADDRESS_VARIABLE` for ``auto``."""
        return (os.environ.get(ADDRESS_VARIABLE) or "auto") if self.ray_address == "auto" else self.ray_address

    def asked(self, own: Resources | None = None) -> Resources:
        """What an attempt takes: a node's ``own`` amounts, else those given here."""
        own = own or Resources()
        return Resources(
            num_cpus=self.num_cpus if own.num_cpus is None else own.num_cpus,
            num_gpus=self.num_gpus if own.num_gpus is None else own.num_gpus,
            memory=self.memory if own.memory is None else own.memory,
            custom={**(self.resources or {}), **own.custom},
        )
