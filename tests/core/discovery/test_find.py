"""What a source stands for that somebody typed."""

from __future__ import annotations

import pytest

from synapse_core.discovery import config_plugin, discover, module_plugin
from synapse_core.errors import DiscoveryError
from tests.core.discovery.folders import action

CONFIG = "name: Conf\nactions: {a: {entrypoint: conf_m:A}}\n"


def test_a_path_goes_before_a_module(write, monkeypatch):
    """A folder in the current folder is meant, not an installed package of its name."""
    monkeypatch.chdir(write({"json/config.yaml": CONFIG}))
    assert discover("json").name == "Conf"


def test_a_folder_without_actions_gives_way_to_a_module(write, monkeypatch):
    """A folder that merely has the name of a package that is meant."""
    folder = write({"here/gives_m/data.txt": "", "lib/gives_m.py": action("A")})
    monkeypatch.syspath_prepend(str(folder / "lib"))
    monkeypatch.chdir(folder / "here")
    assert discover("gives_m").list_actions() == ["a"]


def test_modules_are_found_in_the_current_folder(write, monkeypatch):
    """Though a console script has it not on its path."""
    monkeypatch.chdir(write({"cwd_p/__init__.py": "", "cwd_p/acts.py": action("A")}))
    plugin = discover("cwd_p.acts")
    assert plugin.list_actions() == ["a"]
    assert plugin.get_action_class("a").__module__ == "cwd_p.acts"


def test_each_of_the_two_ways_leaves_to_the_other_what_is_the_others(write):
    """None means: not for me."""
    folder = write({"conf/config.yml": CONFIG, "src/m.py": action("A")})
    found = [config_plugin(str(folder / path)) for path in ("conf", "conf/config.yml")]
    assert [plugin.name for plugin in found if plugin is not None] == ["Conf", "Conf"]
    for source in ("src", "src/m.py", "nowhere", "nowhere.yaml"):
        assert config_plugin(str(folder / source)) is None
    found = [module_plugin(str(folder / path)) for path in ("src", "src/m.py")]
    assert [plugin.list_actions() for plugin in found if plugin is not None] == [["a"], ["a"]]
    for source in ("nowhere", "no_such_module", "json.no_such", "no-name", "", str(folder / "conf/config.yml")):
        assert module_plugin(source) is None


def test_a_broken_one_is_an_error_and_not_passed_on(write, monkeypatch):
    """A config that is no YAML, a package that cannot be imported."""
    folder = write({"conf/config.yaml": "a: [", "torn_d.py": "import not_installed\n"})
    with pytest.raises(DiscoveryError, match="not valid YAML"):
        discover(str(folder / "conf"))
    monkeypatch.syspath_prepend(str(folder))
    with pytest.raises(DiscoveryError, match="not_installed"):
        discover("torn_d")


def test_nothing_found_says_what_was_tried_and_what_is_near(write, monkeypatch):
    """The folder, the module, and the nearest of both."""
    folder = write({"my_plugin/config.yaml": CONFIG, "here/x.txt": ""})
    monkeypatch.chdir(folder)
    with pytest.raises(DiscoveryError) as failed:
        discover("my_plugn")
    assert f"no file or folder {folder}/my_plugn; no module 'my_plugn'" in str(failed.value)
    assert "did you mean 'my_plugin'?" in str(failed.value)
    monkeypatch.chdir(folder / "here")
    with pytest.raises(DiscoveryError, match="did you mean 'hypothesis'"):
        discover("hypothesys")
    with pytest.raises(DiscoveryError, match=r"did you mean 'hypothesis\.strategies'"):
        discover("hypothesis.stratgies")
    with pytest.raises(DiscoveryError, match=r"x\.txt is no plugin"):
        discover("x.txt")


def test_modules_and_paths_may_be_given_as_what_they_are(write, monkeypatch):
    """A module object, a Path, a path with ~."""
    folder = write({"obj_m.py": action("A")})
    assert discover(folder / "obj_m.py").list_actions() == ["a"]
    monkeypatch.setenv("HOME", str(folder))
    assert discover("~/obj_m.py").list_actions() == ["a"]
    import obj_m  # type: ignore[import-not-found]  # in the folder that the lines above put on the path

    assert discover(obj_m).list_actions() == ["a"]
