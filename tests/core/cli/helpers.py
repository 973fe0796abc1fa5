"""The real command, and small plugins for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

SYNAPSE = str(Path(sys.executable).with_name("synapse"))


class Result(NamedTuple):
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


class Here:
    """A folder to work in, with a home of its own for Synapse."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"

    @property
    def env(self) -> dict[str, str]:
        """The environment of commands."""
        plain = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR", "CI"}}
        return {**plain, "SYNAPSE_HOME": str(self.home), "COLUMNS": "100"}

    def write(self, name: str, text: str) -> Path:
        """Write a file, its indentation taken off."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"))
        return path

    def synapse(self, *args: str, stdin: str | None = None, env: Mapping[str, str] | None = None) -> Result:
        """Run the command to its end."""
        done = subprocess.run(
            [SYNAPSE, *args],
            cwd=self.folder,
            env={**self.env, **(env or {})},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
        return Result(done.returncode, done.stdout, done.stderr)


FLOW = '''
    """Actions for tests."""

    from __future__ import annotations

    import time
    from pathlib import Path

    import attrs

    from synapse_core import ActionPipeline, BaseAction, action


    @attrs.frozen
    class Optimizer:
        name: str = "adam"
        momentum: float = 0.9


    @attrs.frozen
    class TrainParams:
        data: str
        epochs: int = attrs.field(default=3, validator=attrs.validators.ge(1), metadata={"description": "passes"})
        optimizer: Optimizer = Optimizer()
        token: str = attrs.field(default="", metadata={"secret": True})


    @attrs.frozen
    class Trained:
        accuracy: float
        epochs: int
        optimizer: str


    @attrs.frozen
    class LoadParams:
        source: str = "nowhere"


    @attrs.frozen
    class Loaded:
        data: str


    @action("load", description="Load the data")
    def load(params: LoadParams, ctx) -> Loaded:
        ctx.log_message("loading")
        return Loaded(params.source)


    class Train(BaseAction[TrainParams]):
        """Train the model."""

        action_name = "train"
        result_model = Trained

        def execute(self):
            for epoch in range(self.params.epochs):
                self.set_progress(epoch + 1, self.params.epochs)
            self.set_metrics({"loss": 0.25})
            self.log("trained", {"epochs": self.params.epochs})
            return Trained(0.5, self.params.epochs, self.params.optimizer.name)


    @action("fail", description="Fail")
    def fail(params: dict, ctx) -> dict:
        def deep():
            raise ValueError("it \\x1b[31mbroke")
        deep()


    @action("wait", description="Wait until a cancel, and clean up")
    def wait(params: dict, ctx) -> dict:
        folder = Path(params["folder"])
        (folder / "started").touch()
        try:
            while True:
                ctx.sleep(60)
        finally:
            (folder / "cleaned").touch()


    @action("stuck", description="Hear nothing")
    def stuck(params: dict, ctx) -> dict:
        (Path(params["folder"]) / "started").touch()
        while True:
            time.sleep(0.01)


    pipeline = ActionPipeline([load, Train], name="flow")
'''
