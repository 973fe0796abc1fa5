"""Draws ``docs/img/demo.svg`` anew: the live display of the digits example, as it is half-way through a real run.

python docs/picture.py
"""

from __future__ import annotations

import io
import re
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from synapse_core import Session
from synapse_core.builtin.console.view import RunView
from synapse_core.models import PipelineProgress

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "img" / "demo.svg"
COLUMNS = 112
HALF_WAY = 0.55
THEME = TerminalTheme(
    (24, 26, 34),
    (214, 218, 230),
    [
        *((69, 74, 92), (240, 113, 120), (127, 209, 145), (233, 196, 106)),
        *((122, 162, 247), (199, 146, 234), (94, 203, 212), (214, 218, 230)),
    ],
)


def half_way() -> PipelineProgress:
    """Run the example until both trainings are past the middle, and give the state then."""
    with tempfile.TemporaryDirectory() as folder, Session(entry_points=False, work_base=folder) as session:
        run_id = session.submit(session.pm.discover(str(ROOT / "examples" / "digits")).get_pipeline())
        for progress in session.stream_progress(run_id):
            if all(progress.action(name).progress > HALF_WAY for name in ("train-wide", "train-deep")):
                session.cancel(run_id)
                return progress
    raise SystemExit("the run ended before the trainings were half done")


def picture(progress: PipelineProgress) -> str:
    """The state as the live display shows it, as SVG that loads nothing."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(RunView(progress))
    svg = console.export_svg(title="make demo", theme=THEME, unique_id="demo")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"[ \t]+$", "", svg, flags=re.MULTILINE)
    return svg.replace("Fira Code", "ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono")


if __name__ == "__main__":
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(picture(half_way()), encoding="utf-8")
