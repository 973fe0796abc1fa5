"""``make demo``: what it claims is so."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).parents[3] / "examples" / "demo.py"


@pytest.mark.slow
def test_the_demo_kills_its_run_and_resumes_it(tmp_path: Path) -> None:
    """What was completed is reused, and the trainings go on from an epoch that was saved, not from the first."""
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, DEMO], env=env, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for action in ("download", "convert"):
        assert re.search(rf"^  {action} +reused +completed in run \w+$", done.stdout, re.MULTILINE)
    went_on = re.compile(r"went on +killed after epoch (\d+), saved after epoch (\d+): learned (\d+) to (\d+),")
    trainings = [[int(number) for number in match.groups()] for match in went_on.finditer(done.stdout)]
    assert trainings
    for killed, saved, first, last in trainings:
        assert 0 < saved <= killed < 40
        assert (first, last) == (saved + 1, 40)
    assert re.search(r"^  9[789]\.\d% of the images were read rightly$", done.stdout, re.MULTILINE)
