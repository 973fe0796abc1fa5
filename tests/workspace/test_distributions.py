"""Each distribution stands alone: its wheel says what it should and holds what it should; plain pip installs it."""

import configparser
import email.message
import email.parser
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "src/synapse_core"
MEMBERS = sorted(path.parent for rooms in ("src", "contrib") for path in (ROOT / rooms).glob("*/pyproject.toml"))
HEAVY = {"ray", "aiohttp", "aiosqlite"}

members = pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.name)


def build_wheel(source: Path, to: Path) -> Path:
    """Builds with the environment's own hatchling: no registry, half a second."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(to)],
        cwd=source,
        check=True,
        capture_output=True,
    )
    (wheel,) = to.glob("*.whl")
    return wheel


def read_member(wheel: Path, suffix: str) -> str:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(suffix)]
        return archive.read(name).decode("utf-8")


def metadata_of(wheel: Path) -> email.message.Message:
    return email.parser.Parser().parsestr(read_member(wheel, ".dist-info/METADATA"))


def names_in(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def requirement_names(metadata: email.message.Message) -> set[str]:
    wanted = metadata.get_all("Requires-Dist") or []
    return {found[0].replace(".", "-") for line in wanted if (found := re.match(r"[A-Za-z0-9._-]+", line))}


def package_of(member: Path) -> str:
    return member.name.replace("-", "_")


def test_the_distributions_of_the_design_are_here() -> None:
    assert {"synapse_core", "synapse_ray", "synapse_store"} <= {member.name for member in MEMBERS}


@members
def test_wheel_metadata(member: Path, tmp_path: Path) -> None:
    metadata = metadata_of(build_wheel(member, tmp_path))
    assert metadata["Name"] == member.name.replace("_", "-")
    assert re.fullmatch(r"\d+\.\d+\.\d+", metadata["Version"])
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Summary"]
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert "Typing :: Typed" in (metadata.get_all("Classifier") or [])


@members
def test_wheel_holds_one_typed_package_and_no_more(member: Path, tmp_path: Path) -> None:
    package = package_of(member)
    names = names_in(build_wheel(member, tmp_path))
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {package}
    assert f"{package}/__init__.py" in names
    assert f"{package}/py.typed" in names
    assert [name for name in names if "__pycache__" in name or "/tests/" in name] == []


@members
def test_version_in_code_is_the_version_in_metadata(member: Path, tmp_path: Path) -> None:
    metadata = metadata_of(build_wheel(member, tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", f"import {package_of(member)} as p; print(p.__version__)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == metadata["Version"]


@members
def test_every_entry_point_names_something_that_exists(member: Path) -> None:
    project = tomllib.loads((member / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = {"console_scripts": project.get("scripts", {}), **project.get("entry-points", {})}
    targets = [value for group in groups.values() for value in group.values()]
    program = "import sys, pkgutil; [pkgutil.resolve_name(target) for target in sys.argv[1:]]"
    done = subprocess.run([sys.executable, "-c", program, *targets], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_core_offers_its_command_and_asks_for_nothing_heavy(tmp_path: Path) -> None:
    wheel = build_wheel(CORE, tmp_path)
    entry_points = configparser.ConfigParser()
    entry_points.read_string(read_member(wheel, ".dist-info/entry_points.txt"))
    assert entry_points["console_scripts"]["synapse"] == "synapse_core.cli:main"
    assert requirement_names(metadata_of(wheel)) == {"attrs", "cattrs", "click", "pluggy", "rich", "ruamel-yaml"}


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("src/synapse_ray", {"synapse-core", "ray"}),
        ("src/synapse_store", {"synapse-core", "aiohttp", "aiosqlite"}),
        ("contrib/synapse-jsonl", {"synapse-core"}),
    ],
)
def test_siblings_ask_for_the_core_by_bare_name(path: str, wanted: set[str], tmp_path: Path) -> None:
    metadata = metadata_of(build_wheel(ROOT / path, tmp_path))
    assert requirement_names(metadata) == wanted
    assert "synapse-core" in (metadata.get_all("Requires-Dist") or []), "a path or bound would tie it to one tree"


@members
def test_every_wheel_carries_the_licence(member: Path, tmp_path: Path) -> None:
    licence = read_member(build_wheel(member, tmp_path), ".dist-info/licenses/LICENSE")
    assert licence == (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_umbrella_has_no_code_and_points_at_paths(tmp_path: Path) -> None:
    wheel = build_wheel(ROOT, tmp_path)
    assert [name for name in names_in(wheel) if ".dist-info/" not in name] == []
    metadata = metadata_of(wheel)
    assert set(metadata.get_all("Provides-Extra") or []) >= {"ray", "store", "all", "jsonl"}
    wanted = metadata.get_all("Requires-Dist") or []
    assert wanted
    assert [line for line in wanted if f" @ {ROOT.as_uri()}/" not in line] == []
    paths = {Path(line.split(" @ file://")[1].split(";")[0].strip()) for line in wanted}
    assert paths == set(MEMBERS)


def fresh_environment(at: Path, *install: str) -> Path:
    """A new venv where plain pip has installed what is named; gives its Python."""
    subprocess.run([sys.executable, "-m", "venv", str(at)], check=True, capture_output=True)
    python = at / "bin/python"
    command = [str(python), "-m", "pip", "install", "--quiet", "-c", str(ROOT / "constraints.txt"), *install]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return python


def imported(python: Path, program: str, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(python), "-c", program], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
@pytest.mark.timeout(900)
@members
def test_member_installs_alone_with_plain_pip(member: Path, tmp_path: Path) -> None:
    paths = dict.fromkeys([str(CORE), str(member)])
    python = fresh_environment(tmp_path / "venv", *paths)
    package = package_of(member)
    others = sorted({package_of(other) for other in MEMBERS} - {"synapse_core", package})
    program = (
        f"import importlib.util as u, {package}; import sys; "
        f"print([n for n in {others!r} if u.find_spec(n)], sorted({HEAVY!r} & set(sys.modules)))"
    )
    assert imported(python, program, tmp_path) == "[] []"
    assert "No broken requirements" in imported(
        python, "import subprocess, sys; subprocess.run([sys.executable, '-m', 'pip', 'check'], check=True)", tmp_path
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_umbrella_installs_members_by_extra(tmp_path: Path) -> None:
    python = fresh_environment(tmp_path / "venv", ".[store,jsonl]")
    program = (
        "import importlib.util as u; "
        "print([n for n in ('synapse_core', 'synapse_store', 'synapse_jsonl', 'synapse_ray') if u.find_spec(n)])"
    )
    assert imported(python, program, tmp_path) == "['synapse_core', 'synapse_store', 'synapse_jsonl']"
