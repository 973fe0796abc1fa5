"""What is shipped of a folder: the rules of git, held against git itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from synapse_core.testing import raises
from synapse_ray.errors import PackageError
from synapse_ray.packaging.listing import listing

_NAMES = ("a", "b", "foo", "bar.txt", "baz.py", "a b", "d.log", "ü", "B")
_PATTERNS = (
    *("a", "*.log", "/a", "a/", "foo/*", "!foo/a", "**/b", "b/**", "a/**/b", "!a", "*", "!*/", "/foo/a/", "[ab]", "?"),
    *("foo/", "!foo/", "#x", "\\#x", "a\\ b", "a b ", "*.t?t", "ba[!r]*", "/*", "!/a", "**", "a/b", "foo/**/a"),
    *("!*.py", "/**/a", "**a", "a**b", "[z-a]", "!", "/", "\\", "a\\", "*/a", "***", "[a", "foo//a", ".*", "!b/"),
    *(
        "[[:alpha:]]",
        "[[:nope:]]",
        "[^a]",
        "[a-",
        "[]a]",
        "[\\]a]",
        "a\\  ",
        "  ",
        "ü",
        "??",
        "!bar.txt",
        "[[:upper:]]",
    ),
)
_lines = st.lists(st.one_of(st.sampled_from(_PATTERNS), st.text("ab*?/![]^-\\ .", max_size=5)), max_size=4)
_tree = st.recursive(
    st.none(),
    lambda inner: st.dictionaries(st.sampled_from(_NAMES), inner, min_size=1, max_size=4),
    max_leaves=12,
)
_folder = st.dictionaries(st.sampled_from(_NAMES), _tree, min_size=1, max_size=4)


def write(folder: Path, tree: Mapping[str, object]) -> None:
    """Files (None) and folders (mappings), by name."""
    for name, inner in tree.items():
        if isinstance(inner, Mapping):
            (folder / name).mkdir()
            write(folder / name, inner)
        else:
            (folder / name).write_text(name)


def names(folder: Path, **options: list[str]) -> set[str]:
    """The files of a folder that would be shipped."""
    return {entry.name for entry in listing(folder, **options) if not entry.name.endswith("/")}


def kept_by_git(folder: Path) -> set[str]:
    """The files that git would add."""
    command = ["git", "-C", str(folder), "ls-files", "-z", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, check=True, env={**os.environ, "HOME": "/nonexistent"})
    return {os.fsdecode(name) for name in listed.stdout.split(b"\0") if name}


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@settings(max_examples=80)
@given(_folder, st.lists(st.tuples(st.integers(0, 9), _lines), max_size=3))
@example({"foo": {"a": None, "b": {"a": None}}, "a": None}, [(0, ["foo/*", "!foo/b/"]), (1, ["!a"])])
@example({"a": {"b": {"foo": None}, "x.log": None}}, [(0, ["a/**/foo", "*.log"]), (1, ["!x.log"])])
def test_what_git_ignores_is_left_out(tree: dict[str, object], rules: list[tuple[int, list[str]]]):
    """In random trees with random ignore files, also in folders within, just what git would add is shipped."""
    with tempfile.TemporaryDirectory() as made:
        top = Path(made)
        write(top, tree)
        folders = sorted([top, *(path for path in top.rglob("*") if path.is_dir())])
        for at, lines in rules:
            (folders[at % len(folders)] / ".gitignore").write_text("\n".join(lines))
        subprocess.run(["git", "init", "-q", str(top)], check=True, env={**os.environ, "HOME": "/nonexistent"})
        assert names(top) == kept_by_git(top)
        for inner in folders[1:2]:  # a plugin in a repository: the rules of the folders above it count
            kept = kept_by_git(inner)
            if kept:
                assert names(inner) == kept


def test_what_is_never_shipped(tmp_path: Path):
    """Version control, caches of tools and virtual environments stay here, whatever ignore files say; `env` goes."""
    never = {".git": {"HEAD": None}, "__pycache__": {"x.pyc": None}, ".venv": {"lib": None}, "x.pyc": None}
    write(tmp_path, {"env": {"a.py": None}, "old": {"pyvenv.cfg": None, "b.py": None}, "sub": never, **never})
    (tmp_path / ".synapseignore").write_text("!.git\n!.venv/\n!__pycache__\n!*.pyc\n")
    assert names(tmp_path) == {"env/a.py", ".synapseignore"}


def test_synapseignore_goes_before_gitignore(tmp_path: Path):
    """What git must not have may be what workers need, and the other way round."""
    write(tmp_path, {"weights": {"w.bin": None}, "notes": {"n.md": None}, "a.py": None})
    (tmp_path / ".gitignore").write_text("weights/\n")
    (tmp_path / ".synapseignore").write_text("!weights/\nnotes\n.*ignore\n")
    assert names(tmp_path) == {"weights/w.bin", "a.py"}


def test_a_folder_that_is_named_is_shipped(tmp_path: Path):
    """A folder that its repository ignores as a whole is shipped all the same when it is asked for."""
    write(tmp_path, {".git": {}, "build": {"plug": {"a.py": None, "b.log": None}}})
    (tmp_path / ".gitignore").write_text("build/\n*.log\n")
    assert names(tmp_path / "build" / "plug") == {"a.py", "b.log"}


def test_excludes_and_what_is_kept(tmp_path: Path):
    """Patterns of the caller go before the ignore files; what is needed is shipped although it is ignored."""
    write(tmp_path, {"a.py": None, "data": {"d.csv": None}, "wheels": {"w.whl": None, "v.whl": None}})
    (tmp_path / ".gitignore").write_text("*.whl\n.gitignore\n")
    assert names(tmp_path, excludes=["/data"], keep=["wheels/w.whl"]) == {"a.py", "wheels/w.whl"}


def test_links(tmp_path: Path):
    """What a link leads to is shipped in its place; a circle of links and one that leads nowhere are no trouble."""
    outside = tmp_path / "outside"
    inside = tmp_path / "inside"
    write(tmp_path, {"outside": {"lib": {"l.py": None}}, "inside": {"sub": {}}})
    (inside / "lib").symlink_to(outside / "lib")
    (inside / "one.py").symlink_to(outside / "lib" / "l.py")
    (inside / "sub" / "up").symlink_to(inside)
    (inside / "gone").symlink_to(tmp_path / "nowhere")
    assert names(inside) == {"lib/l.py", "one.py"}


def test_empty_folders_and_modes(tmp_path: Path):
    """A folder with nothing in it is shipped, and whether a file may be run."""
    write(tmp_path, {"out": {}, "run.sh": None})
    (tmp_path / "run.sh").chmod(0o755)
    found = {entry.name: entry for entry in listing(tmp_path)}
    assert set(found) == {"out/", "run.sh"}
    assert found["run.sh"].executable


def test_what_cannot_be_shipped(tmp_path: Path):
    """No folder, or a name that Ray's unpacking would skip in silence: said by name."""
    with raises(PackageError, "nowhere", "does not exist"):
        listing(tmp_path / "nowhere")
    (tmp_path / "back\\slash").write_text("")
    with raises(PackageError, "back\\slash", ".synapseignore"):
        listing(tmp_path)
