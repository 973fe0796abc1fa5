"""Runs a page as its reader would: its Python as one program, its commands after that, in a folder of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.docs.blocks import Block, blocks_of

ROOT = Path(__file__).resolve().parents[2]
SHOWN = re.compile(r"# → ?(.*)$", re.MULTILINE)
EXIT_CODE = re.compile(r"\s+# exit code (\d+)$")


def pages() -> list[Path]:
    """Every page whose blocks are run."""
    members = [ROOT / "src" / name / "README.md" for name in ("synapse_core", "synapse_store")]
    examples = sorted((ROOT / "examples").glob("*/*.md"))
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *examples, *members]


def lay_out(page: Path, folder: Path) -> list[Block]:
    """Write the files of a page (blocks with a title), and its other Python as ``page.py``, line for line."""
    blocks = blocks_of(page)
    for block in blocks:
        if block.title:
            file = folder / block.title
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text, encoding="utf-8")
    lines: list[str] = []
    for block in scripts(blocks):
        lines += [""] * (block.line - 1 - len(lines)) + block.text.splitlines()
    (folder / "page.py").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "examples").symlink_to(ROOT / "examples")
    return blocks


def scripts(blocks: list[Block]) -> list[Block]:
    """The blocks that make up the page's program."""
    return [each for each in blocks if each.language == "python" and not each.title and each.skip is None]


def expected(blocks: list[Block]) -> list[str]:
    """What the program has to print: the comments that begin with an arrow."""
    return [line.rstrip() for each in scripts(blocks) for line in SHOWN.findall(each.text)]


def run_program(folder: Path) -> subprocess.CompletedProcess[str]:
    """``python page.py``; a warning is an error."""
    return _run([sys.executable, "-W", "error", "page.py"], folder)


def commands(blocks: list[Block]) -> list[tuple[str, int, str]]:
    """The commands of console blocks that are ours to run: text, exit code, and what is shown of the output."""
    found = []
    for block in blocks:
        if block.language == "console" and block.skip is None:
            parts = re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]
            for part in parts:
                command, _, shown = part.partition("\n")
                code = EXIT_CODE.search(command)
                if re.match(r"(\w+=\S+ )*(synapse|pytest) ", command):
                    found.append((EXIT_CODE.sub("", command), int(code[1]) if code else 0, shown))
    return found


def run_command(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A command line, as a shell would run it, beside the interpreter that runs the tests."""
    return _run(["bash", "-c", command], folder)


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("SYNAPSE_")}
    env |= {
        "SYNAPSE_HOME": str(folder / "home"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{env.get('PATH', '')}",
        "COLUMNS": "110",
        "PYTHONIOENCODING": "utf-8",
    }
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=280)


def shows(output: str, wanted: str) -> str | None:
    """The first line of ``wanted`` that the output does not have, in order; ``…`` stands for anything."""
    lines = iter(output.splitlines())
    for line in filter(None, map(str.rstrip, wanted.splitlines())):
        pattern = re.compile(".*".join(map(re.escape, re.split(r"\s*…\s*", line))))
        if not any(pattern.fullmatch(each.rstrip()) for each in lines):
            return line
    return None
