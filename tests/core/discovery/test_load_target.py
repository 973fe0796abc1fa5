"""`load_target`: entry points of modules and files, and what is said when they lead nowhere."""

from __future__ import annotations

import subprocess
import sys

import pytest

from synapse_core.actiondef import spec_of, split_entrypoint
from synapse_core.actiondef.target import entrypoint_of, portable
from synapse_core.discovery import find_pipeline, load_target
from synapse_core.errors import DiscoveryError
from tests.core.discovery.folders import action


def failure(entrypoint: str, root: object = None) -> str:
    with pytest.raises(DiscoveryError) as failed:
        load_target(entrypoint, None if root is None else str(root))
    return str(failed.value)


@pytest.mark.parametrize(
    ("entrypoint", "parts"),
    [
        ("pkg.mod:Name", ("pkg.mod", "Name")),
        ("pkg.mod.Name", ("pkg.mod", "Name")),
        ("pkg.mod:Outer.Inner", ("pkg.mod", "Outer.Inner")),
        ("/a b/file.py:Name", ("/a b/file.py", "Name")),
        ("C:\\x\\file.py:Name", ("C:\\x\\file.py", "Name")),
    ],
)
def test_an_entry_point_has_a_module_and_a_name(entrypoint, parts):
    """The forms that entry points have."""
    assert split_entrypoint(entrypoint) == parts


@pytest.mark.parametrize(
    "entrypoint", ["", ":", "Name", "pkg.mod:", ":Name", "pkg:a/b", "file.py", "/x/file.py", "a:b c"]
)
def test_what_is_no_entry_point_is_refused_with_the_form_to_use(entrypoint):
    """A malformed entry point says how one is written."""
    assert "write it as" in failure(entrypoint)


def test_nested_names_are_found(write):
    """A class inside a class."""
    folder = write({"p/nest.py": "class A:\n    class B:\n        X = 3\n"})
    assert load_target("nest:A.B.X", str(folder / "p")) == 3


def test_files_are_imported_once_under_a_stable_name(write):
    """The same file is the same module, whichever way it is named."""
    folder = write({"p/my_file.py": "import side_by\nclass X: pass\n", "p/side_by.py": ""})
    found = load_target(f"{folder}/p/my_file.py:X")
    assert load_target(f"{folder}/p/../p/my_file.py:X") is found
    assert load_target("my_file:X", str(folder / "p")) is found
    assert sys.modules[found.__module__].X is found


def test_a_file_in_a_package_is_the_packages_module(write):
    """Relative imports work, as the file is imported as part of its package."""
    folder = write({"pk_f/__init__.py": "", "pk_f/a.py": "from .b import X\n", "pk_f/b.py": "class X: pass\n"})
    assert load_target(f"{folder}/pk_f/a.py:X").__module__ == "pk_f.b"


@pytest.mark.parametrize("name", ["train.v2.py", "my-train.py", "2024 train.py", "trän.py"])
def test_files_with_odd_names_are_found_again_in_another_process(write, name):
    """A file that no import statement could name is loaded, and its entry point leads there anywhere."""
    folder = write({name: action("Train"), "sibling_x.py": "X = 1\n"})
    (folder / name).write_text("import sibling_x\n" + (folder / name).read_text())
    found = load_target(f"{folder}/{name}:Train")
    assert load_target(f"{folder}/{name}:Train") is found
    spec = spec_of(found)
    code = "import sys; from synapse_core.discovery import load_target; load_target(sys.argv[1], sys.argv[2] or None)"
    subprocess.run([sys.executable, "-c", code, spec.entrypoint, spec.root or ""], check=True)


def test_a_file_beside_a_package_of_its_name_is_itself(write):
    """train.py is loaded though train/ would be what `import train` finds."""
    folder = write({"train_p.py": "X = 'file'\n", "train_p/__init__.py": "X = 'package'\n"})
    assert load_target(f"{folder}/train_p.py:X") == "file"


def test_what_a_script_defines_has_the_scripts_file_as_its_entry_point(write):
    """A class in __main__ can be found by a child process."""
    body = "from synapse_core.actiondef import spec_of\nprint(spec_of(Train).entrypoint)\n"
    folder = write({"script.py": action("Train") + body})
    told = subprocess.run([sys.executable, "script.py"], cwd=folder, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == f"{folder}/script.py:Train"
    assert load_target(told.stdout.strip()).__name__ == "Train"
    told = subprocess.run([sys.executable, "-m", "script"], cwd=folder, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "script:Train"


def test_what_no_other_process_can_find_is_refused_for_one():
    """A class inside a function has an entry point that leads nowhere."""

    class Local:
        pass

    with pytest.raises(DiscoveryError, match="inside a function"):
        portable(entrypoint_of(Local)[0])


def test_a_missing_library_is_named_with_what_to_do(write):
    """The module is there, what it imports is not: the library, the line that wants it, and the interpreter."""
    folder = write({"p/needs.py": "x = 1\nimport no_such_library\n"})
    told = failure("needs:X", folder / "p")
    assert "No module named 'no_such_library' (needs.py, line 2)" in told
    assert f"install 'no_such_library' for {sys.executable}" in told


def test_a_misspelt_module_names_the_nearest(write):
    """The plugin's own module is not there, one of a similar name is."""
    folder = write({"p/pkg_n/__init__.py": "", "p/pkg_n/actions.py": ""})
    assert "did you mean 'pkg_n.actions'?" in failure("pkg_n.action:X", folder / "p")
    assert "did you mean 'pkg_n'?" in failure("pkg_m:X", folder / "p")


def test_a_misspelt_name_names_the_nearest(write):
    """The module has no such name, but a similar one."""
    told = failure("names_m:Trian", write({"names_m.py": "class Train: pass\n"}))
    assert "names_m has no 'Trian'" in told
    assert "did you mean 'Train'?" in told


def test_a_misspelt_file_names_the_nearest(write):
    """There is no such file, but one of a similar name."""
    folder = write({"train.py": ""})
    assert "did you mean 'train.py'?" in failure(f"{folder}/trian.py:X")
    assert "there is no folder" in failure(f"{folder}/nowhere/train.py:X")


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("def f(:\n", "SyntaxError: invalid syntax (bad_m.py, line 1)"),
        ("x = 1\nraise RuntimeError('no model')\n", "RuntimeError: no model (bad_m.py, line 2)"),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3 (bad_m.py, line 2)"),
        ("def __getattr__(name):\n    raise KeyError(name)\n", "KeyError: 'X'"),
        ("from os import nothing_there\n", "ImportError: cannot import name 'nothing_there' from 'os'"),
    ],
)
def test_a_module_that_raises_is_told_with_its_line(write, source, told):
    """Whatever a module does when it is imported, the program goes on with an error that says where."""
    assert told in failure("bad_m:X", write({"bad_m.py": source}))


def test_interrupting_an_import_interrupts(write):
    """Ctrl-C during an import is no broken plugin."""
    folder = write({"slow_m.py": "raise KeyboardInterrupt\n"})
    with pytest.raises(KeyboardInterrupt):
        load_target("slow_m:X", str(folder))


def test_pipelines_are_found_in_files_modules_and_folders(write, monkeypatch):
    """The targets of the command line."""
    folder = write(
        {
            "flows.py": "pipeline = ['flow']\n",
            "plug/config.yaml": "pipelines: {main: {entrypoint: plug_pipes:main}}\n",
            "plug/plug_pipes.py": "main = ['main']\n",
        }
    )
    assert find_pipeline(f"{folder}/flows.py:pipeline") == ["flow"]
    assert find_pipeline(f"{folder}/plug:main") == ["main"]
    monkeypatch.chdir(folder)
    assert find_pipeline("flows:pipeline") == ["flow"]
