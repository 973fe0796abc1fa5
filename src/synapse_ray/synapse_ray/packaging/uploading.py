"""Bringing an archive to a cluster, by Ray's public way for it: `Upload`.

Ray uploads a local ``working_dir`` only for a whole connection (`ray.init`), while a task or actor takes the address of
one that is there; and it lets go of an archive as soon as the last connection, or detached actor, that names it has
ended. So a helper process connects with the archive, tells the address that Ray gave it, and stays for as long as this
process may need it: until that ends, however it does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from synapse_ray.errors import PackageError

_PATIENCE = 120.0
"""Seconds that an upload may take before the cluster is thought to hang; a second more for each MiB."""

_GOODBYE = 5.0
"""Seconds that a helper has to end by itself."""

_HELPER = """\
import json, sys
sys.path[:] = json.loads(sys.argv[1])
import ray
env = {"working_dir": sys.argv[3], "config": {"eager_install": False}}
ray.init(sys.argv[2], runtime_env=env, log_to_driver=False, logging_level="ERROR")
print("\\n" + ray.get_runtime_context().runtime_env["working_dir"], flush=True)
sys.stdin.read()
"""


class Upload:
    """An archive on a cluster, for as long as this is not closed.

    Attributes:
        uri: its address there (``gcs://…``).
        pid: the process that holds it.

    Args:
        address: the cluster's.
        archive: a zip file; it is not needed any more when this is made.

    Raises:
        PackageError: it did not arrive.
    """

    def __init__(self, address: str, archive: Path) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  it is closed with the helper
        self._helper = subprocess.Popen(
            [sys.executable, "-P", "-c", _HELPER, json.dumps(sys.path), address, str(archive)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=_environ(),
            start_new_session=True,  # Ctrl-C is for this process
        )
        self.pid = self._helper.pid
        try:
            self.uri = self._told(address, _PATIENCE + archive.stat().st_size / 2**20)
        except BaseException:
            self.close(patience=0)
            raise

    @property
    def holds(self) -> bool:
        """Whether the helper is there still; it ends when the cluster has gone."""
        return not self._errors.closed and self._helper.poll() is None

    def close(self, patience: float = _GOODBYE) -> None:
        """Let go of the archive."""
        if self._errors.closed:
            return
        for pipe in (self._helper.stdin, self._helper.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._helper.wait(patience)
        except subprocess.TimeoutExpired:
            self._helper.kill()
            self._helper.wait()
        self._errors.close()

    def _told(self, address: str, patience: float) -> str:
        """The address that the helper tells."""
        hanging = threading.Timer(patience, self._helper.kill)
        hanging.start()
        try:
            uri = self._read()
        finally:
            in_time = hanging.is_alive()
            hanging.cancel()
        if not uri.startswith("gcs://"):
            why = self._last_words() if in_time else f"it did not end within {patience:.0f} s"
            hint = "see how the cluster is (`synapse ray status`); its head keeps what is uploaded in its memory"
            raise PackageError(f"the upload to the Ray cluster at {address} failed: {why}", hint=hint)
        return uri

    def _read(self) -> str:
        assert self._helper.stdout is not None
        for line in self._helper.stdout:
            if line.startswith(b"gcs://"):
                return line.decode().strip()
        self._helper.wait()
        return ""

    def _last_words(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode("utf-8", "replace").strip().rpartition("\n")[2]


def _environ() -> dict[str, str]:
    """The helper's environment: it is a driver of its own, also where this process is a job of Ray's or a worker."""
    return {name: value for name, value in os.environ.items() if name != "RAY_JOB_CONFIG_JSON_ENV_VAR"}
