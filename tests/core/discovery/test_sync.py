"""A plugin written as a config, and a hand-written config brought up to date."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from synapse_core.discovery import PluginDiscovery, read_config
from synapse_core.errors import DiscoveryError
from tests.core.discovery.folders import Write, action, write_files

SOURCE = """
from synapse_core.actiondef import BaseAction, action
from synapse_core.types import ModelWeights, YOLODataset, Metrics

class Train(BaseAction[dict]):
    \"\"\"Trains.\"\"\"
    input_type, output_type = YOLODataset, ModelWeights
    version = "2"
    def execute(self): ...

@action(description="Scores", output_type=Metrics)
def evaluate(params): ...
"""

HAND_WRITTEN = """\
# The plugin of the vision team.   Do not reorder!
---
name:   'My  Plugin'        # quoted on purpose
version: 1.10
x-team: {owner: "me",   since: 2020}   # ours


actions:

    # the big one
    train:
        entrypoint: "sync_m.Train"   # dotted
        input_type: YOLODataset
        method:     job

        resources: {gpus: 1}
    # old, kept for later
    legacy:
        entrypoint: sync_m:Gone
        description: >-
            long text
            over lines


runtime_env:
- odd
-   list
"""
WRONG_ENV = "runtime_env:\n- odd\n-   list\n"


@pytest.fixture
def folder(write: Write) -> Path:
    return write({"p/sync_m.py": SOURCE}) / "p"


@pytest.fixture
def synced(folder: Path) -> Callable[[str], tuple[str, str]]:
    """Writes a config, brings it up to the source; gives its text then, and what was told."""

    def sync(text: str) -> tuple[str, str]:
        path = folder / "config.yaml"
        path.write_bytes(text.encode())
        changes = PluginDiscovery.from_source(folder / "sync_m.py").sync_config_file(path)
        again = PluginDiscovery.from_source(folder / "sync_m.py").sync_config_file(path)
        assert not again, f"not settled: {again}"
        return path.read_bytes().decode(), str(changes).removeprefix(f"{path}: ")

    return sync


def test_a_hand_written_file_keeps_every_byte_that_need_not_change(synced):
    """New values are put in their places; comments, order, quotes, blanks and extra keys are as they were."""
    text = HAND_WRITTEN.replace(WRONG_ENV, "runtime_env:\n    odd: [1,  2]\n")
    found, told = synced(text)
    expected = text.replace(
        "        resources: {gpus: 1}\n",
        "        resources: {gpus: 1}\n        output_type: model_weights\n",
    ).replace(
        "            over lines\n",
        "            over lines\n"
        "    evaluate:\n"
        "        description: Scores\n"
        "        entrypoint: sync_m:evaluate\n"
        "        method: task\n"
        "        output_type: metrics\n",
    )
    assert found == expected
    assert told == "added: evaluate; changed: actions.train.output_type; only in the file: legacy"


def test_a_file_that_is_up_to_date_is_not_touched(folder):
    """Not even written again."""
    path = folder / "config.yaml"
    plugin = PluginDiscovery.from_source(folder / "sync_m.py")
    assert plugin.sync_config_file(path).created
    before = (path.stat().st_mtime_ns, path.stat().st_ino)
    changes = plugin.sync_config_file(path)
    assert not changes
    assert str(changes) == f"{path}: nothing to change"
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before


def test_a_config_that_is_read_has_nothing_to_write_but_what_the_code_adds(folder):
    """from_path(…).sync_config_file: what the config says stays, the code's types are added."""
    path = folder / "config.yaml"
    path.write_text("actions:\n  train: {entrypoint: sync_m:Train, input_type: coco_dataset}\n")
    changes = PluginDiscovery.from_path(folder).sync_config_file(folder)
    assert changes.changed == ("actions.train.output_type",)
    entry = read_config(path).actions["train"]
    assert (entry.input_type, entry.output_type) == ("coco_dataset", "model_weights")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("'sync_m:Old'", "'sync_m:Train'"),
        ('"sync_m:Old"  # c', '"sync_m:Train"  # c'),
        ("sync_m:Old", "sync_m:Train"),
    ],
)
def test_a_changed_entry_point_keeps_its_quotes(synced, before, after):
    """And the comment behind it."""
    rest = "    input_type: yolo_dataset\n    output_type: model_weights\n"
    evaluate = "  evaluate: {entrypoint: sync_m:evaluate, output_type: metrics}\n"
    found, told = synced(f"actions:\n  train:\n    entrypoint: {before}\n{rest}{evaluate}")
    assert found == f"actions:\n  train:\n    entrypoint: {after}\n{rest}{evaluate}"
    assert told == "changed: actions.train.entrypoint"


def test_values_that_were_left_empty_are_filled_in(synced):
    """A key without a value, and one that says null."""
    train = ["entrypoint: sync_m:Train", "input_type:   # which?", "output_type: ~  # and this"]
    text = "actions:\n  train:\n" + "".join(f"    {line}\n" for line in train)
    text += "  evaluate: {entrypoint: sync_m:evaluate, output_type: metrics}\n"
    found, told = synced(text)
    filled = text.replace("input_type:   #", "input_type: yolo_dataset   #").replace("~", "model_weights")
    assert found == filled
    assert told == "changed: actions.train.input_type, actions.train.output_type"


NEW = """\
actions:
  train:
    description: Trains.
    entrypoint: sync_m:Train
    method: task
    version: '2'
    input_type: yolo_dataset
    output_type: model_weights
  evaluate:
    description: Scores
    entrypoint: sync_m:evaluate
    method: task
    output_type: metrics
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("name: x  # c\n", f"name: x  # c\n{NEW}"),
        ("name: x", f"name: x\n{NEW}".removesuffix("\n")),
        ("name: x\n\n# the end\n", f"name: x\n{NEW}\n# the end\n"),
        ("actions:  # all of them\nname: x\n", NEW.replace("actions:", "actions:  # all of them") + "name: x\n"),
        ("description: |\n  a\n\n  b\n\nname: x\n...\n", f"description: |\n  a\n\n  b\n\nname: x\n{NEW}...\n"),
        ("name: x\ndescription: |\n  a\n", f"name: x\ndescription: |\n  a\n{NEW}"),
        ("package_manager_options:\n- a\n- b\n", f"package_manager_options:\n- a\n- b\n{NEW}"),
        ("x-a: &a [1]\nx-b: *a\n", f"x-a: &a [1]\nx-b: *a\n{NEW}"),
        ("name: x\r\ncode: y\r\n", f"name: x\r\ncode: y\r\n{NEW}".replace("\r\n", "\n").replace("\n", "\r\n")),
        ("\ufeffname: x\n", f"\ufeffname: x\n{NEW}"),
        ("# only a comment", f"# only a comment\nname: sync_m\ncode: sync_m\ncategory: custom\n{NEW}"),
        ("", f"name: sync_m\ncode: sync_m\ncategory: custom\n{NEW}"),
    ],
)
def test_actions_are_added_where_there_were_none(synced, before, after):
    """At the end, whatever the end looks like."""
    found, told = synced(before)
    assert found == after
    assert "train, evaluate" in told or told == "added: train, evaluate"


@pytest.mark.parametrize(
    "text",
    [
        "actions: {train: {entrypoint: sync_m:Train}}  # flow\n# end\n",
        "actions: {}  # none\n# end\n",
        "actions: null  # none\n# end\n",
        "x-b: &b  # shared\n  method: job\nactions:\n  train:\n    <<: *b\n    entrypoint: sync_m:Train\n# end\n",
    ],
)
def test_texts_in_other_styles_are_written_anew_with_their_comments(synced, text):
    """Where nothing can be put in place, comments are kept all the same."""
    found, told = synced(text)
    comments = [line.partition("#")[2] for line in text.splitlines() if "#" in line]
    assert [line.partition("#")[2] for line in found.splitlines() if "#" in line] == comments
    assert "evaluate" in told


def test_a_text_whose_comments_cannot_be_kept_is_left_as_it_is(folder):
    """Comments inside braces: better no change than a lost comment."""
    path = folder / "config.yaml"
    path.write_text("{name: x,  # inside\n actions: {}}\n")
    with pytest.raises(DiscoveryError, match=r"change it by hand: actions\.train"):
        PluginDiscovery.from_source(folder / "sync_m.py").sync_config_file(path)
    assert path.read_text() == "{name: x,  # inside\n actions: {}}\n"


def test_what_several_entries_share_is_not_changed_for_one(folder):
    """An alias stands for the same entry twice: neither is changed behind the other's back."""
    path = folder / "config.yaml"
    text = "actions:\n  train: &t\n    entrypoint: sync_m:Train\n  evaluate: *t\n"
    path.write_text(text)
    with pytest.raises(DiscoveryError, match=r"change it by hand: actions\.train\.input_type"):
        PluginDiscovery.from_source(folder / "sync_m.py").sync_config_file(path)
    assert path.read_text() == text


def test_an_action_under_another_key_is_not_added_twice(synced):
    """The config's name for the same class stays."""
    entries = "  big: {entrypoint: sync_m.Train, input_type: yolo_dataset, output_type: model_weights}\n"
    entries += "  score: {entrypoint: 'sync_m.py:evaluate', output_type: metrics}\n"
    found, told = synced(f"actions:\n{entries}")
    assert (found, told) == (f"actions:\n{entries}", "nothing to change")


def test_a_broken_file_is_left_as_it_is(folder):
    """No YAML, or wrong fields: an error, and not a byte is written."""
    for text in ("actions: [", "actions: 3\n", "name: [x]\n"):
        (folder / "config.yaml").write_text(text)
        with pytest.raises(DiscoveryError):
            PluginDiscovery.from_source(folder).sync_config_file(folder / "config.yaml")
        assert (folder / "config.yaml").read_text() == text
    assert [path.name for path in folder.iterdir() if "config" in path.name] == ["config.yaml"]


def test_actions_that_cannot_be_loaded_are_written_without_their_types(write):
    """What the source told is enough for an entry; the types come when it can be loaded."""
    folder = write({"p/torn_s.py": "import not_installed\n" + SOURCE}) / "p"
    plugin = PluginDiscovery.from_source(folder)
    assert plugin.sync_config_file(folder / "config.yaml").added == ("train", "evaluate")
    assert list(plugin.broken) == ["train", "evaluate"]
    entry = read_config(folder / "config.yaml").actions["train"]
    assert (entry.entrypoint, entry.description, entry.input_type) == ("torn_s:Train", "Trains.", None)


def test_a_package_that_is_imported_anyway_is_not_written_anew(write, monkeypatch):
    """from_module(…).sync_config_file, the package being on the path: the config's entry point is that very one."""
    folder = write({"anyway_p/__init__.py": "", "anyway_p/sync_m.py": SOURCE})
    monkeypatch.syspath_prepend(str(folder))
    plugin = PluginDiscovery.from_module("anyway_p")
    path = folder / "anyway_p" / "config.yaml"
    assert plugin.sync_config_file(path).created
    text = path.read_text().replace("anyway_p.sync_m:Train", "anyway_p.sync_m.Train")
    path.write_text(text)
    assert not plugin.sync_config_file(path)
    assert path.read_text() == text


def test_links_and_rights_stay(folder, tmp_path):
    """A link to a shared file is written through, with the file's own rights."""
    shared = tmp_path / "shared.yaml"
    shared.write_text("name: x\n")
    shared.chmod(0o640)
    link = folder / "config.yaml"
    link.symlink_to(shared)
    assert PluginDiscovery.from_source(folder / "sync_m.py").sync_config_file(link)
    assert link.is_symlink()
    assert "evaluate" in shared.read_text()
    assert stat.S_IMODE(shared.stat().st_mode) == 0o640


def test_a_folder_that_cannot_be_written_is_an_error(folder):
    """With its name, and nothing left behind."""
    with pytest.raises(DiscoveryError, match="cannot write"):
        PluginDiscovery.from_source(folder).sync_config_file(folder / "no" / "config.yaml")


def test_what_cannot_be_tidied_up_does_not_hide_why_it_was_not_written(folder):
    """As on a file system that is read-only, where removing fails as writing does: here the name is too long."""
    with pytest.raises(DiscoveryError, match=r"cannot write .*: File name too long"):
        PluginDiscovery.from_source(folder).sync_config_file(folder / f"{'x' * 240}.yaml")


def test_entry_points_of_sources_in_other_places_are_found_from_the_config(write):
    """A package in lib/, a file with an odd name: named by file, relative to the config."""
    files = {"p/lib/pk_y/__init__.py": "", "p/lib/pk_y/acts.py": action("A"), "p/odd-name.v1.py": action("B")}
    folder = write(files) / "p"
    PluginDiscovery.from_source(folder).sync_config_file(folder)
    entries = {entry.entrypoint for entry in read_config(folder / "config.yaml").actions.values()}
    assert entries == {"lib/pk_y/acts.py:A", "odd-name.v1.py:B"}
    plugin = PluginDiscovery.from_path(folder)
    assert plugin.check() == ()
    assert not PluginDiscovery.from_source(folder).sync_config_file(folder)


def test_a_plugin_as_a_config_reads_back_as_itself(folder):
    """to_yaml gives a config.yaml of the same plugin; with everything that the file said besides."""
    text = "name: Größe\nx-own: [1, {a: b}]\nenv: {A: 1}\nactions: {train: {entrypoint: sync_m.Train, x-b: 1}}\n"
    (folder / "config.yaml").write_text(text)
    plugin = PluginDiscovery.from_path(folder)
    as_dict = plugin.to_config_dict()
    assert as_dict["x-own"] == [1, {"a": "b"}]
    assert as_dict["actions"]["train"] == {
        "entrypoint": "sync_m.Train",
        "x-b": 1,
        "description": "Trains.",
        "method": "task",
        "version": "2",
        "input_type": "yolo_dataset",
        "output_type": "model_weights",
    }
    (folder / "config.yaml").write_text(plugin.to_yaml())
    assert PluginDiscovery.from_path(folder).to_config_dict() == as_dict
    as_dict["x-own"].append(2)
    assert plugin.config["x-own"] == [1, {"a": "b"}]


def test_schemas_come_along_when_they_are_asked_for(tmp_path):
    """For whoever draws a form from a config."""
    source = """
        import attrs
        from synapse_core.actiondef import action

        @attrs.frozen
        class Params:
            epochs: int = 3

        @action
        def train(params: Params): ...

        @action
        def free(params): ...
        """
    write_files(tmp_path, {"form_m.py": source})
    actions = PluginDiscovery.from_path(tmp_path / "form_m.py").to_config_dict(schemas=True)["actions"]
    assert actions["train"]["params_schema"]["properties"]["epochs"]["type"] == "integer"
    assert actions["train"]["ui_schema"][0]["$formkit"] == "number"
    assert (actions["free"]["params_schema"], actions["free"]["ui_schema"]) == ({"type": "object"}, [])
