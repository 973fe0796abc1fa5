"""The workspace keeps its promises: what is tracked, what is pinned, what `import synapse_core` costs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE_ROOMS = ("src", "contrib", "tests", "benchmarks", "examples")
MAX_LINES = 500

# One letter in brackets, so that this file does not hold what it forbids.
REGISTRY = re.compile(
    r"https?://[^\s\"']*(?:/simple(?:/|\b)|\.whl\b|/packages/[0-9a-f]{2}/)"
    r"|\b(?:[p]ypi|python[h]osted|n[p]mjs)\.(?:org|com)\b"
)
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:[w]ork|[r]oot)/")


def repository_files() -> list[Path]:
    """Every file that is tracked or would be: what is not yet added is checked before it is."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    # A file that is deleted and not yet committed is listed too.
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def text_of(path: Path) -> str:
    data = path.read_bytes()
    return "" if b"\0" in data else data.decode("utf-8", errors="replace")


def lines_with(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_of_code_is_too_long() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(text_of(path).splitlines())
        for path in repository_files()
        if path.suffix in {".py", ".pyi", ".js", ".css", ".html"} and path.relative_to(ROOT).parts[0] in CODE_ROOMS
    }
    assert lengths, "no code was found: is the list of files broken?"
    assert {name: count for name, count in lengths.items() if count > MAX_LINES} == {}


def test_no_registry_address_is_written_down() -> None:
    assert lines_with(REGISTRY, repository_files()) == []


def test_no_path_of_one_machine_is_written_down() -> None:
    assert lines_with(MACHINE_PATH, repository_files()) == []


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (REGISTRY, "--index-url https://mirror.example/" + "simple/"),
        (REGISTRY, "x @ https://files.example/x-1.0-py3-none-any" + ".whl"),
        (REGISTRY, "see https://" + "pypi" + ".org/project/x"),
        (MACHINE_PATH, "cd /" + "work/main"),
        (MACHINE_PATH, "PATH=/" + "root/bin"),
    ],
)
def test_the_patterns_find_what_they_are_for(pattern: re.Pattern[str], line: str) -> None:
    assert pattern.search(line)


@pytest.mark.parametrize(
    "line",
    ["https://host.example/work/item", "a/root/b", "./work/", "a simple/plain list", "https://x.example/packages/list"],
)
def test_the_patterns_leave_the_rest(line: str) -> None:
    assert not REGISTRY.search(line)
    assert not MACHINE_PATH.search(line)


def test_constraints_are_pins_only() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+]+", line)] == []
    names = [re.sub(r"[-_.]+", "-", line.partition("==")[0]).lower() for line in lines]
    assert len(set(names)) == len(names), "a distribution is pinned twice"


def test_every_development_requirement_is_pinned() -> None:
    pinned = {line.partition("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines()}
    wanted = {
        line for line in (ROOT / "requirements-dev.txt").read_text().splitlines() if re.fullmatch(r"[a-z0-9-]+", line)
    }
    assert wanted
    assert wanted - pinned == set()


def test_importing_the_core_loads_nothing_heavy() -> None:
    heavy = ("rich", "ruamel", "ruamel.yaml", "click")
    program = f"import sys, synapse_core; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


@pytest.mark.parametrize("target", ["demo", "test", "lint", "bench", "format", "clean"])
def test_make_help_lists(target: str) -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.search(rf"^ *make {target} ", shown, re.MULTILINE)
