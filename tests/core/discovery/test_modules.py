"""Actions found in modules and packages that are imported."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

import pytest

from synapse_core.actiondef import ActionSpec
from synapse_core.discovery import PluginDiscovery, Problem, scan_module
from synapse_core.errors import DiscoveryError
from tests.core.discovery.folders import Write, action

MANY = """
    import abc
    from json import dumps
    from synapse_core.actiondef import BaseAction, action
    from other_m import Other, other

    class Train(BaseAction[dict]):
        \"\"\"Trains.

        At length.\"\"\"
        def execute(self): ...

    class Base(BaseAction[dict]):
        \"\"\"No execute.\"\"\"

    class Abstract(BaseAction[dict], abc.ABC):
        @abc.abstractmethod
        def execute(self): ...

    class Concrete(Abstract):
        action_name = "solid"
        def execute(self): ...

    class _Private(BaseAction[dict]):
        def execute(self): ...

    @action
    def convert(params): ...

    @action("renamed", description="By another name")
    def whatever(params): ...

    def plain(): ...

    class Proxy:
        @property
        def __dict__(self): raise RuntimeError("outside of a request")
        @property
        def __class__(self): raise RuntimeError("outside of a request")

    proxy = Proxy()
    again = Train
    """


def imported(write: Write, files: dict[str, str], name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(write(files)))
    return importlib.import_module(name)


def test_a_module_offers_the_concrete_actions_it_defines(write, monkeypatch):
    """Not what it imports, abstract ones, private ones; and whatever else it holds does no harm."""
    other = action("Other") + "from synapse_core.actiondef import action\n@action\ndef other(params): ...\n"
    module = imported(write, {"many_m.py": MANY, "other_m.py": other}, "many_m", monkeypatch)
    problems: list[Problem] = []
    found = scan_module(module, problems)
    assert list(found) == ["train", "solid", "convert", "renamed"]
    assert found["train"].description == "Trains."
    assert found["solid"].entrypoint == "many_m:Concrete"
    assert problems == []


def test_a_modules_plugin_is_named_after_it(write, monkeypatch):
    """Version and description are the module's; nothing is broken."""
    source = '"""Does things.\n\nMany."""\n__version__ = "1.2"\n' + action("Train")
    module = imported(write, {"told_m.py": source}, "told_m", monkeypatch)
    plugin = PluginDiscovery.from_module(module)
    assert (plugin.name, plugin.version, plugin.description) == ("told_m", "1.2", "Does things.")
    assert PluginDiscovery.from_module("told_m").spec("train") is plugin.spec("train")
    assert plugin.problems == ()


def test_a_module_that_answers_anything_does_no_harm(write, monkeypatch):
    """A module's own __getattr__ is not asked."""
    source = action("Train") + "def __getattr__(name): raise KeyError(name)\n"
    plugin = PluginDiscovery.from_module(imported(write, {"any_m.py": source}, "any_m", monkeypatch))
    assert plugin.list_actions() == ["train"]


def test_two_actions_of_one_name_are_told(write, monkeypatch):
    """The first is there, the second is named."""
    source = action("Train") + "class TrainAction(Train): ...\n"
    plugin = PluginDiscovery.from_module(imported(write, {"clash_m.py": source}, "clash_m", monkeypatch))
    assert plugin.spec("train").entrypoint == "clash_m:Train"
    (problem,) = plugin.problems
    assert problem.where == "clash_m:TrainAction"
    assert "two actions are called 'train'; this one is left out, the other is clash_m:Train" in problem.message


def test_a_package_is_searched_with_all_its_modules(write, monkeypatch):
    """Broken ones are named with the actions in them; tests and programs are left alone."""
    files = {
        "pack_p/__init__.py": "from pack_p.first import First\n",
        "pack_p/first.py": action("First"),
        "pack_p/deep/__init__.py": "",
        "pack_p/deep/second.py": action("Second"),
        "pack_p/torn.py": "import not_installed\n" + action("Torn"),
        "pack_p/empty.py": "raise RuntimeError('no')\n",
        "pack_p/quits.py": "raise SystemExit(1)\n",
        "pack_p/__main__.py": "raise AssertionError('run')\n",
        "pack_p/tests/__init__.py": "raise AssertionError('tested')\n",
        "pack_p/test_it.py": "raise AssertionError('tested')\n",
    }
    monkeypatch.syspath_prepend(str(write(files)))
    plugin = PluginDiscovery.from_module("pack_p")
    assert sorted(plugin.list_actions()) == ["first", "second", "torn"]
    told = {problem.where: problem.message for problem in plugin.problems}
    assert "No module named 'not_installed' (torn.py, line 1)" in told["action 'torn'"]
    assert "RuntimeError: no" in told["pack_p.empty"]
    assert "SystemExit: 1" in told["pack_p.quits"]
    assert len(told) == 3
    assert plugin.get_action_class("second").__name__ == "Second"
    with pytest.raises(DiscoveryError, match="not_installed"):
        plugin.get_action_class("torn")


def test_a_broken_subpackage_is_named_with_all_its_actions(write, monkeypatch):
    """What its modules have is not lost, though none of them can be imported."""
    files = {
        "sub_p/__init__.py": "",
        "sub_p/fine.py": action("Fine"),
        "sub_p/bad/__init__.py": "1 / 0\n",
        "sub_p/bad/inner.py": action("Inner"),
    }
    monkeypatch.syspath_prepend(str(write(files)))
    plugin = PluginDiscovery.from_module("sub_p")
    assert sorted(plugin.list_actions()) == ["fine", "inner"]
    assert "ZeroDivisionError" in plugin.broken["inner"].message
    assert plugin.spec("inner").entrypoint == "sub_p.bad.inner:Inner"


def test_a_package_under_a_private_name_is_searched_too(write):
    """A module of the second of two plugins with one name."""
    files = {f"{who}/twin_p/{name}.py": action(who.title()) for who in ("one", "two") for name in ("__init__", "acts")}
    folder = write(files | {"two/twin_p/torn.py": "import not_installed\n" + action("Torn")})
    PluginDiscovery.from_path(folder / "one/twin_p/acts.py")
    second = PluginDiscovery.from_path(folder / "two/twin_p/__init__.py")
    module = sys.modules[second.get_action_class("two").__module__]
    assert module.__name__ != "twin_p"
    plugin = PluginDiscovery.from_module(module)
    assert plugin.name == "twin_p"
    assert sorted(plugin.list_actions()) == ["torn", "two"]
    assert plugin.spec("two").root == plugin.spec("torn").root == str(folder / "two")


def test_a_file_is_a_plugin(write):
    """It is imported; its folder is where its neighbours are found."""
    folder = write({"one_f.py": "import helper_f\n" + action("Train"), "helper_f.py": ""})
    plugin = PluginDiscovery.from_path(folder / "one_f.py")
    assert (plugin.name, plugin.list_actions(), plugin.root) == ("one_f", ["train"], str(folder))
    spec = plugin.spec("train")
    assert (spec.entrypoint, spec.root) == ("one_f:Train", str(folder))


def test_a_file_that_cannot_be_imported_tells_its_actions_as_broken(write):
    """They are in the list, by their source, with why they cannot run."""
    folder = write({"torn_f.py": "import not_installed\n" + action("Train"), "worse_f.py": "def f(:\n"})
    plugin = PluginDiscovery.from_path(folder / "torn_f.py")
    assert plugin.list_actions() == ["train"]
    assert "No module named 'not_installed'" in plugin.broken["train"].message
    worse = PluginDiscovery.from_path(folder / "worse_f.py")
    assert worse.list_actions() == []
    assert any("SyntaxError" in problem.message for problem in worse.problems)


def test_a_module_that_is_not_there_or_broken_is_an_error():
    """Both say what was looked for."""
    with pytest.raises(DiscoveryError, match=r"No module named 'no_such_module_x'\n  hint: there is no such module"):
        PluginDiscovery.from_module("no_such_module_x")


def test_a_plugin_can_be_made_of_specs():
    """As the manager does for the hook synapse_actions."""
    first, second = ActionSpec("a", "x.y:A"), ActionSpec("a", "x.z:A")
    plugin = PluginDiscovery.from_specs("mine", [first, second, ActionSpec("b", "x.y:B")], version="3")
    assert (plugin.name, plugin.code, plugin.version, plugin.list_actions()) == ("mine", "mine", "3", ["a", "b"])
    assert plugin.spec("a") is first
    assert "two actions are called 'a'" in plugin.problems[0].message


def test_what_the_first_import_made_is_what_is_scanned_again(write, monkeypatch):
    """Scanning twice gives the same specs: nothing is made anew."""
    module = imported(write, {"twice_m.py": action("Train")}, "twice_m", monkeypatch)
    assert scan_module(module)["train"] is scan_module(module)["train"]
