"""Actions found in source that nobody imports."""

from __future__ import annotations

import sys

import pytest

from synapse_core.discovery import PluginDiscovery, scan_source
from synapse_core.errors import DiscoveryError
from tests.core.discovery.folders import action, write_files


def test_what_the_source_says_literally_is_known(write):
    """Name, category, version, description, docstring, params model, file and line; nothing is imported."""
    source = """
        import no_such_library
        from synapse_core import BaseAction, PluginCategory
        VERSION = "1.2"

        class TrainAction(BaseAction["TrainParams"]):
            \"\"\"Trains a model.

            Slowly.\"\"\"
            action_name = "train"
            category = PluginCategory.NEURAL_NET
            version = VERSION

            def execute(self): ...

        class Plain(BaseAction[no_such_library.Params]):
            description = "said"
            category = "own"
            action_name = no_such_library.name()
            async def execute(self): ...
        """
    folder = write({"lit.py": source})
    found = scan_source(folder / "lit.py").actions
    train, plain = found["train"], found["plain"]
    assert (train.entrypoint, train.root) == ("lit:TrainAction", str(folder))
    assert (train.description, train.docstring) == ("Trains a model.", "Trains a model.\n\nSlowly.")
    assert (train.category, train.version, train.params_model) == ("neural_net", "1.2", "TrainParams")
    assert train.where == f"{folder}/lit.py:5"
    assert (plain.description, plain.category, plain.params_model) == ("said", "own", "no_such_library.Params")
    assert "lit" not in sys.modules


def test_functions_under_the_decorator_are_found(write):
    """In each of its forms, by any name that it was imported under."""
    source = """
        import synapse_core
        import synapse_core as sc
        from synapse_core import action, action as act, PluginCategory
        from functools import cache
        from other import action as foreign

        @action
        def one(params: Params): "First."

        @act("second", description="Number two", params=Model, category=PluginCategory.EXPORT)
        def two(params, ctx): ...

        @cache
        @sc.action(name="third")
        async def three(params): ...

        @synapse_core.action()
        def four(params: "Late"): ...

        @foreign
        def none(params): ...

        @action
        def _hidden(params): ...
        """
    found = scan_source(write({"funcs.py": source}) / "funcs.py").actions
    assert list(found) == ["one", "second", "third", "four"]
    assert (found["one"].description, found["one"].params_model) == ("First.", "Params")
    assert (found["second"].description, found["second"].params_model) == ("Number two", "Model")
    assert (found["second"].category, found["second"].entrypoint) == ("export", "funcs:two")
    assert found["four"].params_model == "Late"


@pytest.mark.parametrize(
    "head",
    [
        "from synapse_core import BaseAction as Base",
        "from synapse_core.actiondef import BaseAction as Base",
        "import synapse_core\nBase = synapse_core.BaseAction",
        "import synapse_core.actiondef as ad\nBase = ad.BaseAction",
        "from synapse_core import *\nBase = BaseAction",
        "try:\n    import torch\nexcept ImportError:\n    pass\nelse:\n    from synapse_core import BaseAction as Base",
        "if True:\n    from synapse_core import BaseAction as Base",
        "with x:\n    from synapse_core import BaseAction as Base",
        "from synapse_core.actions import BaseTrainAction as Base",
    ],
)
def test_the_base_may_have_any_name(write, head):
    """However it was imported."""
    source = f"{head}\nclass Train(Base):\n    def execute(self): ...\n"
    assert list(scan_source(write({"alias.py": source}) / "alias.py").actions) == ["train"]


def test_bases_are_followed_through_the_scanned_files(write):
    """Relative and absolute imports, re-exports, star imports, inherited values; abstract and foreign ones left out."""
    files = {
        "pkg_s/__init__.py": "from .base import Middle as Exported\n",
        "pkg_s/base.py": """
            from synapse_core import BaseAction
            class Middle(BaseAction["Params"]):
                category = "upload"
            class Ready(Middle):
                def execute(self): ...
            class _Hidden(Ready): ...
            """,
        "pkg_s/sub/__init__.py": "",
        "pkg_s/sub/uses.py": """
            import pkg_s.base
            from pkg_s import Exported
            from ..base import Ready
            from ...pkg_s.base import Ready as Far
            class ByPackage(Exported):
                def execute(self): ...
            class ByRelative(Ready): ...
            class ByModule(pkg_s.base.Ready): ...
            class NotConcrete(Exported): ...
            class Foreign(somewhere.BaseAction):
                def execute(self): ...
            """,
        "pkg_s/star.py": "from .base import *\nclass ByStar(Ready): ...\n",
        "pkg_s/circle.py": "from .circle import A as B\nclass A(B): ...\nclass C(D): ...\nclass D(C): ...\n",
    }
    scan = scan_source(write(files) / "pkg_s")
    assert sorted(scan.actions) == ["by_module", "by_package", "by_relative", "by_star", "ready"]
    found = scan.actions["by_relative"]
    assert (found.category, found.params_model) == ("upload", "Params")
    assert (found.entrypoint, found.root) == ("pkg_s.sub.uses:ByRelative", str(scan.path.parent))


def test_abstract_methods_make_no_action(write):
    """A class whose execute is abstract is none; its concrete subclass is."""
    source = """
        from abc import abstractmethod
        from synapse_core import BaseAction
        class Shape(BaseAction):
            @abstractmethod
            def execute(self): ...
        class Round(Shape):
            def execute(self): ...
        """
    assert list(scan_source(write({"abs.py": source}) / "abs.py").actions) == ["round"]


def test_broken_files_are_told_and_hide_nothing(write):
    """Syntax errors, other encodings, null bytes: the other files' actions are all found."""
    folder = write({"good.py": action("Good"), "torn.py": "from synapse_core import action\ndef f(:\n"})
    (folder / "latin.py").write_bytes(b"# coding: latin-1\n" + action("Latin").encode() + "# größe\n".encode("latin-1"))
    (folder / "bytes.py").write_bytes(b"x = '\xff\xfe'\n")
    (folder / "null.py").write_bytes(b"x = 1\0\n")
    (folder / "deep.py").write_text("x = " + "(" * 5000 + ")" * 5000)
    (folder / "escape.py").write_text("x = '\\d'\n" + action("Escape"))
    scan = scan_source(folder)
    assert sorted(scan.actions) == ["escape", "good", "latin"]
    told = {problem.where.rpartition("/")[2].partition(":")[0]: problem for problem in scan.problems}
    assert set(told) == {"torn.py", "bytes.py", "null.py", "deep.py"}
    assert told["torn.py"].where.endswith("torn.py:2")
    assert "SyntaxError: invalid syntax" in told["torn.py"].message


def test_environments_caches_and_hidden_folders_are_left_out(write):
    """But not a folder that merely is called env, build or secrets."""
    inside = {"env/pyvenv.cfg": "", "env/lib/m.py": action("InEnv"), ".venv/m.py": action("Hidden")}
    inside |= {"__pycache__/m.py": action("Cached"), "node_modules/x/m.py": action("Node")}
    inside |= {f"{folder}/m.py": action(folder.title()) for folder in ("envs", "build", "secrets", "venv")}
    assert sorted(scan_source(write(inside)).actions) == ["build", "envs", "secrets", "venv"]


def test_two_actions_of_one_name_are_told_with_both_places(write):
    """The first by file and line is there."""
    folder = write({"a.py": action("Train"), "b.py": action("TrainAction")})
    scan = scan_source(folder)
    assert scan.actions["train"].file.name == "a.py"
    assert scan.problems[0].where == f"{folder}/b.py:3"
    assert f"the other is in {folder}/a.py:3" in scan.problems[0].message


@pytest.mark.parametrize(
    ("files", "entrypoint", "root"),
    [
        ({"acts.py": "{}"}, "acts:Train", "p"),
        ({"ns_a/acts.py": "{}"}, "ns_a.acts:Train", "p"),
        ({"src/pk_a/__init__.py": "", "src/pk_a/acts.py": "{}"}, "pk_a.acts:Train", "p/src"),
        ({"lib/pk_b/__init__.py": "", "lib/pk_b/acts.py": "{}"}, "pk_b.acts:Train", "p/lib"),
        ({"__init__.py": "", "sub/acts.py": "{}"}, "p.sub.acts:Train", ""),
        ({"acts.py": "import p.other\n{}", "other.py": ""}, "p.acts:Train", ""),
        ({"my-scripts/acts.py": "{}"}, "acts:Train", "p/my-scripts"),
        ({"ns_b/__init__.py": "{}"}, "ns_b:Train", "p"),
    ],
)
def test_modules_have_the_names_that_they_are_imported_by(tmp_path, files, entrypoint, root):
    """Wherever a plugin keeps its sources: what was found can be loaded."""
    write_files(tmp_path / "p", {name: text.replace("{}", action("Train")) for name, text in files.items()})
    plugin = PluginDiscovery.from_source(tmp_path / "p")
    spec = plugin.spec("train")
    assert (spec.entrypoint, spec.root) == (entrypoint, str(tmp_path / root))
    assert plugin.get_action_class("train").__name__ == "Train"


def test_what_is_loaded_completes_what_the_source_told(write):
    """Values that no literal gives are the class's own then; what changed meanwhile is told."""
    source = "from synapse_core.actiondef import BaseAction\ntext = 'computed'.upper()\n"
    source += "class Train(BaseAction[dict]):\n    description = text\n    def execute(self): ...\n"
    plugin = PluginDiscovery.from_source(write({"comp_m.py": source}))
    assert plugin.spec("train").description == ""
    assert plugin.check() == ()
    assert plugin.spec("train").description == "COMPUTED"


def test_a_changed_file_is_read_again(write):
    """The memory of what was parsed goes by what the file says."""
    folder = write({"change.py": action("One")})
    assert list(scan_source(folder).actions) == ["one"]
    (folder / "change.py").write_text((folder / "change.py").read_text().replace("One", "Two"))
    assert list(scan_source(folder).actions) == ["two"]


def test_a_folder_without_actions_says_so(write):
    """And a path that is not there is an error."""
    folder = write({"x.py": "print('hello')\n"})
    plugin = PluginDiscovery.from_path(folder)
    assert plugin.list_actions() == []
    assert "there are no actions in the sources" in plugin.problems[0].message
    with pytest.raises(DiscoveryError, match="there is no file or folder"):
        scan_source(folder / "nowhere")


def test_links_are_followed_to_files_but_not_to_folders(write, tmp_path):
    """A link to a file elsewhere is that file; a link in a circle does not trap anybody."""
    folder = write({"p/real.py": action("Real"), "elsewhere/linked.py": action("Linked")})
    (folder / "p/linked.py").symlink_to(folder / "elsewhere/linked.py")
    (folder / "p/circle").symlink_to(folder / "p")
    assert sorted(scan_source(folder / "p").actions) == ["linked", "real"]
