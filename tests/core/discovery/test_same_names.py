"""Plugins whose packages have the same name, or a name that is taken, in one process."""

from __future__ import annotations

import importlib
import pickle
import subprocess
import sys
import threading
import traceback
import typing
from pathlib import Path

import attrs
import pytest

from synapse_core import run_plugin
from synapse_core.actiondef import spec_of
from synapse_core.actiondef.fingerprint import fingerprint
from synapse_core.discovery import PluginDiscovery, load_target
from synapse_core.errors import DiscoveryError
from synapse_core.schema import Schema
from synapse_core.worker.failure import type_name
from tests.core.discovery.folders import Write


def plugin_files(who: str) -> dict[str, str]:
    """A plugin folder whose package is called ``plugin``, with every kind of import of its own modules."""
    return {
        f"{who}/config.yaml": f"""
            name: {who}
            actions:
              tell: {{entrypoint: plugin.actions:Tell}}
              shout: {{entrypoint: plugin.actions:shout}}
            """,
        f"{who}/plugin/__init__.py": f"WHO = '{who}'\n",
        f"{who}/plugin/late.py": f"WHO = '{who}'\n",
        f"{who}/plugin/sub/__init__.py": "",
        f"{who}/plugin/sub/deep.py": "from .. import WHO\nfrom ..params import Params\n",
        f"{who}/helper.py": f"WHO = '{who}'\n",
        f"{who}/plugin/params.py": """
            import attrs

            @attrs.frozen
            class Params:
                rate: float = 0.1
                inner: "Inner | None" = None

            @attrs.frozen
            class Inner:
                size: int = 1
            """,
        f"{who}/plugin/actions.py": """
            import helper
            import plugin
            import plugin.sub.deep
            import plugin.sub.deep as deep
            from plugin import WHO
            from plugin.params import Params
            from synapse_core.actiondef import BaseAction, action
            from . import sub
            from .sub.deep import WHO as DEEP

            class Tell(BaseAction[Params]):
                def execute(self):
                    import plugin.late
                    from plugin import late
                    return {helper.WHO, plugin.WHO, plugin.sub.deep.WHO, deep.WHO, WHO, DEEP, plugin.late.WHO, late.WHO}

                def fail(self):
                    raise ValueError(WHO)

                def missing(self):
                    import plugin.nowhere

            @action
            def shout(params: Params):
                return WHO.upper()
            """,
    }


@pytest.fixture
def folder(write: Write) -> Path:
    return write(plugin_files("one") | plugin_files("two"))


def test_two_plugins_with_the_same_package_work_in_one_process(folder):
    """Each plugin's code finds its own modules, by absolute, relative and late imports."""
    plugins = [PluginDiscovery.from_path(folder / who) for who in ("one", "two")]
    for who, plugin in zip(("one", "two"), plugins, strict=True):
        assert plugin.get_action_class("tell")(None, None).execute() == {who}
        assert plugin.get_action_class("shout")(None) == who.upper()
        assert plugin.check() == ()
    first, second = (plugin.get_action_class("tell") for plugin in plugins)
    assert first is not second
    assert first.__module__ == "plugin.actions"


def test_the_second_plugin_works_like_any_module(folder):
    """Pickle, type hints, attrs and source lookups work in modules under private names."""
    load_target("plugin.actions:Tell", str(folder / "one"))
    params = load_target("plugin.params:Params", str(folder / "two"))
    assert pickle.loads(pickle.dumps(params(0.5))) == params(0.5)
    inner = load_target("plugin.params:Inner", str(folder / "two"))
    assert typing.get_type_hints(params)["inner"] == inner | None
    assert attrs.fields(attrs.resolve_types(params)).inner.type == inner | None
    assert importlib.import_module(".late", params.__module__.rpartition(".")[0]).WHO == "two"


def test_errors_of_the_second_plugin_show_its_files_and_names(folder):
    """Tracebacks have the right file and line; a missing module is named as the author knows it."""
    load_target("plugin.actions:Tell", str(folder / "one"))
    tell = load_target("plugin.actions:Tell", str(folder / "two"))(None, None)
    with pytest.raises(ValueError, match="two") as failed:
        tell.fail()
    last = traceback.extract_tb(failed.value.__traceback__)[-1]
    assert (last.filename, last.line) == (str(folder / "two/plugin/actions.py"), "raise ValueError(WHO)")
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'plugin.nowhere'") as missing:
        tell.missing()
    assert missing.value.name == "plugin.nowhere"


def test_specs_name_the_module_as_every_process_knows_it(folder):
    """A private class's spec has the canonical entry point, and the root by which a child process finds it."""
    load_target("plugin.actions:Tell", str(folder / "one"))
    for name in ("Tell", "shout"):
        spec = spec_of(load_target(f"plugin.actions:{name}", str(folder / "two")))
        assert (spec.entrypoint, spec.root) == (f"plugin.actions:{name}", str(folder / "two"))


def test_what_is_kept_of_a_private_class_is_the_same_in_every_process(folder):
    """The type's name of an error, and the fingerprint by which a result is reused, know no private names."""
    load_target("plugin.actions:Tell", str(folder / "one"))
    spec = PluginDiscovery.from_path(folder / "two").spec("tell")
    inner = load_target("plugin.params:Inner", str(folder / "two"))
    assert inner.__module__ != "plugin.params"
    assert type_name(inner) == "plugin.params.Inner"
    alone = (
        "import sys; from synapse_core.discovery import *; from synapse_core.actiondef.fingerprint import fingerprint;"
    )
    alone += "from synapse_core.schema import Schema; spec = discover(sys.argv[1]).spec('tell');"
    alone += "print(fingerprint(spec, Schema()))"
    told = subprocess.run([sys.executable, "-c", alone, folder / "two"], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == fingerprint(spec, Schema())


def test_a_module_that_both_have_beside_the_package_is_kept_apart(folder):
    """Where only a helper's name clashes, the package that uses it is kept apart with it."""
    (folder / "two/plugin").rename(folder / "two/other")
    (folder / "two/other/actions.py").write_text("import helper\nWHO = helper.WHO\n")
    assert load_target("plugin.actions:helper", str(folder / "one")).WHO == "one"
    assert load_target("other.actions:WHO", str(folder / "two")) == "two"


def test_a_folder_that_is_used_already_is_looked_at_again(folder):
    """A second package of the folder is kept apart for its helper's sake, though the first was not."""
    (folder / "two/plain_q.py").write_text("X = 1\n")
    (folder / "two/plugin").rename(folder / "two/other_q")
    (folder / "two/other_q/actions.py").write_text("def who():\n    import helper\n    return helper.WHO\n")
    assert load_target("plugin.actions:helper", str(folder / "one")).WHO == "one"
    assert load_target("plain_q:X", str(folder / "two")) == 1
    assert load_target("other_q.actions:who", str(folder / "two"))() == "two"


def test_a_module_that_is_written_later_is_found(folder):
    """A folder is looked at again for what was not there."""
    with pytest.raises(DiscoveryError):
        load_target("late_comer:X", str(folder / "one"))
    (folder / "one/late_comer.py").write_text("X = 1\n")
    importlib.invalidate_caches()
    assert load_target("late_comer:X", str(folder / "one")) == 1


def test_a_name_that_nobody_uses_keeps_nothing_apart(write):
    """A folder's tests, docs or set-up script may have any name: the package is imported the plain way."""
    files = {"p/setup.py": "1/0", "p/test/__init__.py": "", "p/json.py": "", "p/pkg_alone.py": "X = 1\n"}
    folder = write(files)
    assert load_target("pkg_alone:X", str(folder / "p")) == 1
    assert sys.modules["pkg_alone"].X == 1
    assert sys.path.count(str(folder / "p")) == 1


def test_a_folder_goes_last_on_the_path(write):
    """A plugin's folder shadows nothing of the program's."""
    folder = write({"p/alone_last.py": "X = 1\n", "p/json.py": "raise SystemExit\n"})
    load_target("alone_last:X", str(folder / "p"))
    assert sys.path[-1] == str(folder / "p")


@pytest.mark.parametrize("name", ["json", "test", "attrs", "types"])
def test_a_package_may_be_called_like_one_that_is_installed(write, name):
    """Packages called like one of the standard library's, or an installed one, are themselves; the others stay."""
    before = importlib.import_module(name)
    folder = write(
        {
            f"p/{name}/__init__.py": "MINE = 'mine'\n",
            f"p/{name}/deep.py": "DEEP = 'deep'\n",
            f"p/{name}/actions.py": f"""
                import {name}.deep
                from {name} import MINE, deep
                from {name}.deep import DEEP
                FOUND = ({name}.deep.DEEP, MINE, deep.DEEP, DEEP)
                """,
        }
    )
    assert load_target(f"{name}.actions:FOUND", str(folder / "p")) == ("deep", "mine", "deep", "deep")
    assert importlib.import_module(name) is before


def test_a_package_called_like_a_standard_module_can_use_that_module(write):
    """In a plugin called json, `import json` and what only the library has are the library's."""
    files = {
        "p/json/actions.py": """
            import json
            from json import dumps
            from json import own
            TEXT = json.dumps([1]) + dumps([2]) + own.X
            """,
        "p/json/own.py": "X = 'own'\n",
    }
    assert load_target("json.actions:TEXT", str(write(files) / "p")) == "[1][2]own"


def test_folders_without_init_files_are_kept_apart_too(write):
    """Namespace packages of one name in two folders do not flow together."""
    folder = write({f"{who}/plugin_ns/{who}.py": f"WHO = '{who}'\n" for who in ("one", "two")})
    assert load_target("plugin_ns.one:WHO", str(folder / "one")) == "one"
    assert load_target("plugin_ns.two:WHO", str(folder / "two")) == "two"
    with pytest.raises(DiscoveryError, match=r"No module named 'plugin_ns.one'"):
        load_target("plugin_ns.one:WHO", str(folder / "two"))


def test_the_folder_above_on_the_path_does_no_harm(write, monkeypatch):
    """my_plugin/my_plugin with the outer folder's parent on the path: the outer folder is not taken for the package."""
    folder = write({"nested_p/nested_p/__init__.py": "X = 'inner'\n"})
    monkeypatch.syspath_prepend(str(folder))
    assert load_target("nested_p:X", str(folder / "nested_p")) == "inner"
    assert sys.modules["nested_p"].X == "inner"


def test_a_plugin_that_can_be_imported_anyway_is_the_same_module(folder, monkeypatch):
    """What the program has imported itself from the root is what is loaded."""
    monkeypatch.syspath_prepend(str(folder / "two"))
    mine = importlib.import_module("plugin.params")
    assert load_target("plugin.params:Params", str(folder / "two")) is mine.Params
    assert load_target("plugin:WHO", str(folder / "one")) == "one"


def test_many_threads_load_both_plugins_at_once(folder):
    """Each module is executed once, whoever comes first."""
    count = "import builtins\nbuiltins.loaded = getattr(builtins, 'loaded', []) + [__file__]\n"
    for who in ("one", "two"):
        file = folder / who / "plugin/late.py"
        file.write_text(count + file.read_text())
    barrier = threading.Barrier(8)
    found: list[tuple[str, object]] = []

    def load(who: str) -> None:
        barrier.wait()
        action = load_target("plugin.actions:Tell", str(folder / who))
        found.append((who, action(None, None).execute()))

    threads = [threading.Thread(target=load, args=(who,)) for who in ("one", "two") * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    loaded = sys.modules["builtins"].__dict__.pop("loaded")
    assert len(found) == 8
    assert all(result == {who} for who, result in found)
    assert sorted(loaded) == [str(folder / who / "plugin/late.py") for who in ("one", "two")]


@pytest.mark.parametrize("mode", ["local", "process"])
def test_both_plugins_run(folder, mode):
    """As users run them: in this process, and in a child process an attempt."""
    for who in ("one", "two"):
        file = folder / who / "plugin/actions.py"
        file.write_text(file.read_text().replace("{helper", "[*{helper").replace("late.WHO}", "late.WHO}]"))
    assert [run_plugin(str(folder / who), "tell", {}, mode=mode) for who in ("one", "two")] == [["one"], ["two"]]
