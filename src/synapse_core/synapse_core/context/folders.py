"""Where things lie: a run's folders, `PipelineContext`, in what belongs to this user, `data_home`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from attrs import define, field

from synapse_core.errors import SynapseError


def data_home() -> Path:
    """Where Synapse keeps what belongs to this user: ``SYNAPSE_HOME``, else the platform's user data folder."""
    said = os.environ.get("SYNAPSE_HOME")
    if said:
        return Path(said)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "synapse"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "synapse"


def _runs_folder(base: str | Path | None) -> Path:
    return Path(base) if base else data_home() / "runs"


@define
class PipelineContext:
    """The folders of one run, mode 0700, made when they are first asked for.

    Attributes:
        run_id: the run.
        base: the folder that holds the runs' folders; ``runs`` in the user's data folder if None.
    """

    run_id: str = field()
    base: Path = field(default=None, converter=_runs_folder)

    @run_id.validator
    def _one_name(self, _attribute: Any, run_id: str) -> None:
        if not run_id or run_id in {".", ".."} or set(run_id) & set("/\\\0"):
            raise SynapseError(f"{run_id!r} cannot name a run's folder")

    @property
    def root(self) -> Path:
        """The run's own folder."""
        return made(Path(self.base) / self.run_id)

    @property
    def datasets(self) -> Path:
        """For data that actions share."""
        return made(self.root / "datasets")

    @property
    def models(self) -> Path:
        """For models."""
        return made(self.root / "models")

    @property
    def artifacts(self) -> Path:
        """For what the run is to leave behind."""
        return made(self.root / "artifacts")

    @property
    def logs(self) -> Path:
        """For log files."""
        return made(self.root / "logs")

    @property
    def checkpoints(self) -> Path:
        """For the files of mid-way state."""
        return made(self.root / "checkpoints")

    def action_dir(self, name: str) -> Path:
        """The folder of the action ``name``, not made yet."""
        return Path(self.base) / self.run_id / "actions" / name.replace("/", "_")

    def cleanup(self) -> None:
        """Remove the run's folder and all in it."""
        import shutil

        shutil.rmtree(Path(self.base) / self.run_id, ignore_errors=True)


def made(path: Path) -> Path:
    """The folder, made if need be, with mode 0700; so are those above it, which ``parents=True`` would leave open."""
    if not path.is_dir():
        made(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
    return path
