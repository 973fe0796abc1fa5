"""Plugins are found, loaded one by one, and kept out when they are blocked or broken."""

import subprocess
import sys
import textwrap

import pytest

from synapse_core.errors import DiscoveryError, PluginError
from synapse_core.hookspecs import hookimpl
from synapse_core.plugins import PluginManager, import_plugin
from synapse_core.protocols import RunInfo

GOOD = """
    from synapse_core.hookspecs import hookimpl

    class Sink:
        def write(self, events): ...
        def close(self): ...

    @hookimpl
    def synapse_sinks(run):
        return [Sink()]
"""

RUN = RunInfo("r-1", "demo", ("train",))

BROKEN = {
    "import error": ("from os import nothing_like_it", "ImportError: cannot import name 'nothing_like_it'"),
    "missing dependency": ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
    "syntax error": ("def broken(:\n", "SyntaxError: "),
    "exception": ("1 / 0", "ZeroDivisionError: division by zero"),
    "end of the program": ("raise SystemExit(3)", "SystemExit: 3: it tried to end the program"),
    "panic": ("class Panic(BaseException): ...\nraise Panic('rust')", "Panic: rust"),
    "exception without a message": (
        "class Mute(Exception):\n    def __str__(self): raise RuntimeError\nraise Mute",
        "Mute: (its message cannot be had: RuntimeError)",
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_plugin_that_cannot_be_loaded_is_a_row_and_the_others_work(fault, site, manage, row, problems):
    """Whatever an import raises stops neither the program nor another plugin."""
    code, error = BROKEN[fault]
    site.install("bad", code, version="1.2")
    site.install("good", GOOD)

    pm = manage(entry_points=True)

    bad = row(pm, "bad")
    assert (bad.status, bad.distribution, bad.version, bad.hooks) == ("broken", "synapse-bad", "1.2", ())
    assert bad.error.startswith(error)
    assert "\n" not in bad.error
    assert "Traceback" in bad.traceback
    assert "bad.py" in bad.traceback
    assert row(pm, "good").status == "active"
    assert [name for name, _ in pm.sinks(RUN)] == ["good"]
    assert [str(problem) for problem in problems] == [
        f"plugin 'bad' (synapse-bad 1.2) is broken and left out: {bad.error}"
    ]


def test_ctrl_c_while_a_plugin_is_imported_ends_the_program(site, manage):
    """A keyboard interrupt is the user's, not the plugin's."""
    site.install("slow", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        manage(entry_points=True)


def test_an_entry_point_that_names_nothing_is_broken(site, manage, row):
    """An attribute that its module lacks, a module that is none, a value that is no reference."""
    points = "gone = good:nothing\nnowhere = no.such.module\nnonsense = <<>>\nnone = good:NONE"
    site.install("good", "NONE = None", points=points)

    pm = manage(entry_points=True)

    assert "has no attribute 'nothing'" in row(pm, "gone").error
    assert "No module named 'no'" in row(pm, "nowhere").error
    assert row(pm, "nonsense").status == "broken"
    assert row(pm, "none").error == "it is None; a plugin is a module or an object"


def test_a_damaged_distribution_hides_no_other(site, manage, row):
    """Entry points that cannot be parsed, or read, or metadata that is gone."""
    site.install("odd", "")
    site.write("synapse_odd-0.1.dist-info/entry_points.txt", "[synapse]\nno equals sign here\n")
    site.install("bytes", "")
    (site.root / "synapse_bytes-0.1.dist-info/entry_points.txt").write_bytes(b"[synapse]\n\xff\xfe = \xff\n")
    for name in ("nameless", "nameless2"):
        site.install(name, GOOD)
        (site.root / f"synapse_{name}-0.1.dist-info/METADATA").unlink()
    site.install("good", GOOD)

    pm = manage(entry_points=True)

    assert row(pm, "synapse-odd").status == "broken"
    assert row(pm, "nameless").status == row(pm, "nameless2").status == "active"
    assert row(pm, "good").status == "active"


def test_a_blocked_plugin_is_never_imported(site, manage, row, monkeypatch):
    """By an argument or by SYNAPSE_BLOCK; by its name or its distribution's; however that is spelt."""
    for name in ("first", "second", "third", "fourth"):
        site.install(name, "raise SystemExit('imported')", distribution=f"synapse-{name}_kit")
    monkeypatch.setenv("SYNAPSE_BLOCK", "second, Synapse.Third-Kit,, ")

    pm = manage(entry_points=True, block=["first", "synapse_fourth-kit"])

    for name in ("first", "second", "third", "fourth"):
        assert (row(pm, name).status, row(pm, name).error) == ("blocked", None)
        assert row(pm, name).distribution == f"synapse-{name}_kit"
        assert name not in sys.modules


def test_a_builtin_can_be_blocked_and_a_broken_one_is_a_row(manage, row):
    """The built-in plugins are plugins like anyone's."""
    pm = manage(builtins=[("blocked", "synapse_core.errors"), ("gone", "synapse_core.no_such")], block=["blocked"])
    assert row(pm, "blocked").status == "blocked"
    assert row(pm, "gone").status == "broken"
    assert row(pm, "gone").builtin
    assert row(pm, "gone").distribution == "synapse-core"


def test_the_first_of_a_distribution_on_the_path_is_taken(site, manage, tmp_path, monkeypatch):
    """As Python itself does with its modules."""
    site.install("twice", GOOD, version="1.0")
    other = type(site)(tmp_path / "other")
    other.install("twice", GOOD, version="2.0")
    monkeypatch.syspath_prepend(str(other.root))
    assert [row.version for row in manage(entry_points=True).rows() if row.name == "twice"] == ["2.0"]


def test_two_plugins_of_one_name_are_both_there_and_each_can_be_blocked(site, manage, row):
    """Neither hides the other: the second has its distribution's name added."""
    site.install("tool", GOOD, distribution="synapse-a")
    site.install("tool2", GOOD, distribution="synapse-b", points="tool = tool2")

    pm = manage(entry_points=True)
    assert (row(pm, "tool").distribution, row(pm, "tool@synapse-b").distribution) == ("synapse-a", "synapse-b")
    assert {name for name, _ in pm.sinks(RUN)} == {"tool", "tool@synapse-b"}

    pm = manage(entry_points=True, block=["tool@synapse-b"])
    assert [name for name, _ in pm.sinks(RUN)] == ["tool"]


def test_a_plugin_that_is_installed_and_given_is_there_once(site, manage):
    """Under the name that it was installed by."""
    site.install("good", GOOD, points="nice = good")
    pm = manage("good", entry_points=True)
    assert [name for name, _ in pm.sinks(RUN)] == ["nice"]
    assert "good" not in [row.name for row in pm.rows()]


# -- given by hand ------------------------------------------------------------------------------------------------


def test_plugins_are_given_as_objects_modules_and_files(site, manage, row):
    """Each is called by the name of its class, module or file."""

    class Mine:
        @hookimpl
        def synapse_sinks(self, run):
            return []

    site.write("a_module.py", GOOD)
    site.write("attribute.py", GOOD + "\n    import sys\n    plugin = sys.modules[__name__]\n")
    file = site.write("folder/a file.py", GOOD)
    path = site.write("folder/path.py", GOOD)

    pm = manage(Mine(), "a_module", "attribute:plugin", str(file), path)

    assert [(each.name, each.status) for each in pm.rows()] == [
        ("Mine", "active"),
        ("a_module", "active"),
        ("attribute:plugin", "active"),
        ("a file", "active"),
        ("path", "active"),
    ]
    assert [name for name, _ in pm.sinks(RUN)] == ["path", "a file", "attribute:plugin", "a_module"]


def test_what_was_given_last_is_called_first(manage):
    """As in pluggy; two of one class are told apart."""

    class Mine:
        def __init__(self, mark):
            self.mark = mark

        @hookimpl
        def synapse_discover(self, source):
            return self.mark

    assert manage(Mine(1), Mine(2)).first("synapse_discover", source="x") == 2
    assert [row.name for row in manage(Mine(1), Mine(2)).rows()] == ["Mine", "Mine-2"]


def test_a_file_that_is_not_there_is_broken(manage, row, tmp_path):
    """The path is named."""
    missing = tmp_path / "gone.py"
    assert str(missing) in row(manage(str(missing)), "gone").error


def test_a_file_is_loaded_once_until_it_is_edited(site):
    """Classes of a plugin file stay the same classes for a second session."""
    file = site.write("plug.py", "class Kept: ...")
    first = import_plugin(str(file))
    assert import_plugin(str(file)) is first
    site.write("plug.py", "class Kept: ...\nMORE = 1")
    assert import_plugin(str(file)).MORE == 1


def test_a_file_that_fails_is_not_half_there(site):
    """It is tried anew, and the error says why."""
    file = site.write("plug.py", "1 / 0")
    for _ in range(2):
        with pytest.raises(DiscoveryError, match="ZeroDivisionError: division by zero"):
            import_plugin(str(file))
    assert not [name for name in sys.modules if name.startswith("synapse_plugin_plug_")]


@pytest.mark.parametrize("ref", ["no_such_module", "json:no_such_name", "no_such_file.py"])
def test_import_plugin_names_what_cannot_be_loaded(ref):
    """Here and on a worker."""
    with pytest.raises(DiscoveryError, match=f"cannot load the plugin '{ref}'"):
        import_plugin(ref)


def test_register_adds_a_plugin_or_raises_and_leaves_nothing(manage, row):
    """What is registered by code is told of by an exception."""

    class Typo:
        @hookimpl
        def synapse_sinks(self, runn):
            return []

    class Mine:
        @hookimpl
        def synapse_executors(self):
            return []

    pm = manage(block=["kept out"])
    with pytest.raises(PluginError, match=r"plugin 'typo' is broken: hook 'synapse_sinks': no argument 'runn'"):
        pm.register(Typo(), "typo")
    assert not pm.implements("synapse_sinks")
    assert pm.register(Mine()).name == "Mine"
    assert pm.implements("synapse_executors")
    pm.register(Mine(), "kept out")
    assert row(pm, "kept out").status == "blocked"


# -- what it costs ------------------------------------------------------------------------------------------------


def test_installed_plugins_are_looked_for_only_when_asked(site):
    """A manager without entry points never imports importlib.metadata."""
    program = """
        import sys
        from synapse_core.plugins import PluginManager
        PluginManager(entry_points=False)
        print("importlib.metadata" in sys.modules)
        PluginManager(builtins=())
        print("importlib.metadata" in sys.modules)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True, cwd=site.root
    )
    assert done.stdout.split() == ["False", "True"]


def test_every_builtin_plugin_is_active():
    """None of the core's own breaks the rules."""
    rows = PluginManager(entry_points=False).rows()
    assert [(row.name, row.error) for row in rows if row.status != "active"] == []
    assert {"local", "memory"} <= {row.name for row in rows}
    assert all(row.builtin and row.hooks for row in rows)
