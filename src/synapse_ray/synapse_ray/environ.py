"""What of the environment goes to workers: what the plugin's environment declares, and the named credentials.

Ray shows the ``env_vars`` of a runtime environment in its dashboard and writes them into its logs. So only what is no
secret goes that way; secrets travel with each call, as data, and are put in place where it runs (`unpacked`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import attrs

from synapse_core.env import PluginEnvironment
from synapse_core.protocols import Call
from synapse_ray.packaging.calls import arrived

CREDENTIALS = ("SYNAPSE_HOST", "SYNAPSE_ACCESS_TOKEN")
"""The variables of this process that workers get whether or not the plugin's environment declares them."""

_CARRIED = "SYNAPSE_CARRIED"
"""In a call's ``env``: the names in it that belong into the worker's own environment, parted by commas."""


@attrs.frozen
class WorkerEnviron:
    """The environment variables for workers.

    Attributes:
        public: those that anybody may see.
        secret: the others.
    """

    public: Mapping[str, str]
    secret: Mapping[str, str] = attrs.field(repr=False)

    @classmethod
    def of(cls, env: PluginEnvironment) -> WorkerEnviron:
        """What ``env`` declares, and the credentials that this process has."""
        credentials = {name: os.environ[name] for name in CREDENTIALS if os.environ.get(name)}
        both = PluginEnvironment.from_dict(credentials).merge(env)
        shown = both.redacted()
        texts = {name: as_text(value) for name, value in both.items() if value is not None}
        public = {name: text for name, text in texts.items() if as_text(shown[name]) == text}
        return cls(public, {name: text for name, text in texts.items() if name not in public})

    def packed(self, env: Mapping[str, str]) -> Mapping[str, str]:
        """A call's ``env`` with the secrets in it, for `unpacked` to find."""
        return {**self.secret, **env, _CARRIED: ",".join(self.secret)} if self.secret else env


def unpacked(call: Call) -> Call:
    """On the worker: the call as it runs here, its paths whole again; its secrets are in this process's environment."""
    env, secrets = parted(call.env)
    os.environ.update(secrets)
    return attrs.evolve(arrived(call), env=env)


def parted(env: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The ``env`` of a call that has come, and what of it belongs into the process's environment, by `packed`."""
    carried = env.get(_CARRIED)
    if carried is None:
        return dict(env), {}
    shown = {name: value for name, value in env.items() if name != _CARRIED}
    return shown, {name: str(shown[name]) for name in carried.split(",")}


def as_text(value: Any) -> str:
    """The value of an environment variable as the environment has it."""
    if isinstance(value, bool | list | tuple):
        return json.dumps(value)
    return str(value)
