"""Reading and checking a ``config.yaml``."""

from __future__ import annotations

from pathlib import Path

import pytest

from synapse_core.discovery import ConfigError, PluginDiscovery, read_config
from synapse_core.errors import DiscoveryError, ValidationError
from synapse_core.types import COCODataset, DataType, ModelWeights, YOLODataset
from tests.core.discovery.folders import Write, action

FULL = """
    name: Full
    code: full
    version: 1.10
    category: neural_net
    description: It has everything
    readme: README.md
    package_manager: uv
    package_manager_options: [--no-cache, --system]
    wheels_dir: my_wheels
    env: {DEBUG: true, RATE: 0.1, NAME: x, NONE: null}
    runtime_env: {pip: [numpy], config: {setup_timeout_seconds: 5}}
    actions:
      train:
        name: Train
        description: Trains
        entrypoint: full_mod.Train
        method: job
        category: export
        version: 2.0
        input_type: yolo_dataset
        output_type: ModelWeights
    """


def config(write: Write, text: str) -> Path:
    return write({"p/config.yaml": text}) / "p" / "config.yaml"


def wrong(path: Path) -> dict[str, str]:
    with pytest.raises(ConfigError) as failed:
        read_config(path)
    assert isinstance(failed.value, DiscoveryError)
    assert isinstance(failed.value, ValidationError)
    assert str(path) in str(failed.value)
    return {issue.path: issue.message for issue in failed.value.issues}


def refused(path: Path) -> str:
    with pytest.raises(DiscoveryError) as failed:
        read_config(path)
    return str(failed.value)


def problems(path: Path) -> list[str]:
    return [str(problem) for problem in PluginDiscovery.from_path(path).problems]


def test_every_field_of_a_config_is_there(write):
    """All that a config may say, as it says it: a version without quotes keeps its zero."""
    plugin = PluginDiscovery.from_path(config(write, FULL))
    assert (plugin.version, plugin.category, plugin.package_manager) == ("1.10", "neural_net", "uv")
    assert plugin.package_manager_options == ("--no-cache", "--system")
    assert (plugin.wheels_dir, plugin.description) == ("my_wheels", "It has everything")
    assert plugin.env == {"DEBUG": True, "RATE": 0.1, "NAME": "x", "NONE": None}
    assert plugin.runtime_env["config"] == {"setup_timeout_seconds": 5}
    spec = plugin.spec("train")
    assert (spec.entrypoint, spec.method, spec.category, spec.version) == ("full_mod:Train", "job", "export", "2.0")


def test_a_config_may_say_little(write):
    """Only entry points are required; the folder's name is the plugin's where none is given."""
    plugin = PluginDiscovery.from_path(config(write, "actions: {a: {entrypoint: little_m:A}}"))
    assert (plugin.name, plugin.code, plugin.version, plugin.category) == ("p", "p", "", "custom")
    assert (plugin.package_manager, plugin.wheels_dir) == ("pip", "wheels")


def test_what_the_config_says_goes_before_what_the_class_says(write):
    """And what it does not say comes from the class."""
    source = """
        from synapse_core.actiondef import BaseAction
        from synapse_core.types import COCODataset, ModelWeights
        class A(BaseAction[dict]):
            \"\"\"By the class.\"\"\"
            action_name, category, version = "other", "export", "7"
            input_type, output_type = COCODataset, ModelWeights
            def execute(self): ...
        """
    text = """
        actions:
          said:
            {entrypoint: prec_m:A, description: By the config, category: upload, version: 8, input_type: yolo_dataset}
          silent: {entrypoint: prec_m:A}
        """
    plugin = PluginDiscovery.from_path(write({"p/config.yaml": text, "p/prec_m.py": source}) / "p")
    plugin.check()
    said, silent = plugin.specs()
    assert (said.description, said.category, said.version) == ("By the config", "upload", "8")
    assert (said.input_type, said.output_type) == (YOLODataset, ModelWeights)
    assert (silent.description, silent.category, silent.version) == ("By the class.", "export", "7")
    assert silent.input_type is COCODataset


def test_every_wrong_field_is_named_at_once(write):
    """Each with its path, its line, what was found and what is wanted."""
    issues = wrong(
        config(
            write,
            """
            name: [x]
            code: ""
            version: {a: 1}
            package_manager: pipp
            package_manager_options: fast
            env:
              A: [1]
              2: x
            runtime_env: 3
            actions:
              a: nope
              b: {entrypoint: no colon, method: [job]}
              c: {entry_point: x.y:Z}
              4: {entrypoint: x.y:Z}
            pipelines: [one]
            """,
        )
    )
    assert issues == {
        "name": "line 1: wanted text, found a list",
        "code": "line 2: wanted text, found an empty text",
        "version": "line 3: wanted a version, such as 0.1.0, found a mapping",
        "package_manager": "line 4: wanted pip or uv, found text 'pipp'; did you mean 'pip'?",
        "package_manager_options": "line 5: wanted a list of text, found text 'fast'",
        "env.A": "line 7: wanted text, a number, or true or false, found a list",
        "env[2]": "line 8: wanted a name as the key, found a number",
        "runtime_env": "line 9: wanted a mapping, found a number",
        "actions.a": issues["actions.a"],
        "actions.b.entrypoint": "line 12: wanted an entry point, such as package.module:Name, found text 'no colon'",
        "actions.b.method": "line 12: wanted text, found a list",
        "actions.c.entrypoint": (
            "line 13: missing; wanted an entry point, such as package.module:Name (is 'entry_point' meant for it?)"
        ),
        "actions[4]": "line 14: wanted a name as the key, found a number",
        "pipelines": "line 15: wanted a mapping of names to entries, found a list",
    }
    assert issues["actions.a"].startswith("line 11: wanted a mapping with name")


def test_what_is_strange_beside_what_is_wrong_is_one_hint(write):
    """A key may be required, and be there under another name."""
    path = config(write, "nmae: x\nversion: []\n")
    assert refused(path).endswith(f"\n  hint: {path}:1: nmae: unknown key (did you mean 'name'?)")


def test_unknown_keys_are_told_and_stop_nothing(write):
    """With the nearest known key; what the config says there is kept."""
    path = config(write, "nmae: x\nx-own: 1\nactions:\n  a: {entrypoint: unk_m:A, methd: job, method: jbo}\n")
    plugin = PluginDiscovery.from_path(path)
    told = [str(problem) for problem in plugin.problems]
    assert f"{path}:1: nmae: unknown key\n  hint: did you mean 'name'?" in told
    assert f"{path}:4: actions.a.methd: unknown key\n  hint: did you mean 'method'?" in told
    assert f"{path}:4: actions.a.method: 'jbo' is none of task, job, serve\n  hint: did you mean 'job'?" in told
    assert plugin.config["x-own"] == 1


def test_a_key_that_is_there_twice_is_an_error(write):
    """Both lines are named: the one would silently win over the other."""
    issues = wrong(config(write, "name: a\nactions:\n  t: {entrypoint: a:B}\n  t: {entrypoint: a:C}\nname: b\n"))
    assert issues == {
        "actions.t": "line 4: the key is there twice; first in line 3",
        "name": "line 5: the key is there twice; first in line 1",
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: [1, 2\ncode: x\n", ":2:5: not valid YAML"),
        ("actions:\n\ttrain: x\n", "indent with spaces, not with tabs"),
        ("name: a: b\n", "put text that has ': ' in it in quotes"),
        ("name: *x\n", "undefined alias"),
        ("a: 1\n---\nb: 2\n", "one document"),
        ("name: 'x\n", ":2:1: not valid YAML"),
        ("", "is empty"),
        ("# nothing\n---\n", "is empty"),
        ("name: \x00\n", "not valid YAML"),
        ("%YAML x\n---\na: 1\n", "not valid YAML"),
        ("[" * 3000, "nested too deeply"),
    ],
)
def test_what_is_no_yaml_is_refused_with_its_line(write, text, told):
    """And with what to do about it."""
    path = config(write, "")
    path.write_text(text)
    message = refused(path)
    assert told in message
    assert str(path) in message
    assert "hint: " in message


@pytest.mark.parametrize("text", ["- a\n- b\n", "just text\n", "3\n", "true\n"])
def test_a_document_that_is_no_mapping_is_refused(write, text):
    """A list or a mere text at the top."""
    assert "wanted a mapping with name, code, version, actions" in wrong(config(write, text))[""]


@pytest.mark.parametrize(
    "value",
    ["!!python/object/apply:os.system [echo]", "!mine x", "!!set {a, b}", "!!binary aGk=", "!mine {a: 1}", "!!int x"],
)
def test_only_plain_yaml_is_read(write, value):
    """No tag makes an object, let alone calls a function."""
    issues = wrong(config(write, f"name: x\nruntime_env: {{a: {value}}}\n"))
    assert issues["runtime_env.a"].startswith("line 2: wanted")


def test_a_file_that_is_not_utf8_is_named_with_the_line(write):
    """The byte that is none, and how to save the file."""
    path = config(write, "")
    path.write_bytes("name: x\ndescription: größer\n".encode("latin-1"))
    told = refused(path)
    assert f"{path}:2: not UTF-8 (byte 0xf6)" in told
    assert "save the file as UTF-8" in told


def test_unicode_a_bom_and_windows_line_ends_are_fine(write):
    """As are names in any script."""
    path = config(write, "")
    path.write_bytes("\ufeffname: Größe 数据 🚀\r\nactions:\r\n  löschen: {entrypoint: bom_m:A}\r\n".encode())
    plugin = PluginDiscovery.from_path(path)
    assert (plugin.name, plugin.list_actions()) == ("Größe 数据 🚀", ["löschen"])


def test_aliases_and_merges_are_read(write):
    """What is said once may be used in several places; what an entry says itself goes first."""
    text = """
        x-base: &base {method: job, description: shared}
        actions:
          a: {<<: *base, entrypoint: ali_m:A}
          b: {<<: *base, entrypoint: ali_m:A, description: own}
        """
    plugin = PluginDiscovery.from_path(config(write, text))
    assert [(spec.method, spec.description) for spec in plugin.specs()] == [("job", "shared"), ("job", "own")]


def test_aliases_that_blow_up_are_refused(write):
    """A few lines that stand for a billion values, and a value that contains itself."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert "aliases make more than" in refused(config(write, "\n".join(lines)))
    assert "an alias to what it stands in" in wrong(config(write, "runtime_env: &a {b: *a}\n"))["runtime_env.b"]


def test_a_huge_file_is_not_taken_for_a_config(write):
    """A data file in the wrong place is not parsed for minutes."""
    path = config(write, "")
    path.write_bytes(b"x" * (11 << 20))
    assert "more than 10 MiB" in refused(path)


def test_many_actions_are_read(write):
    """A config of 1,000 actions."""
    lines = [f"  a{n}: {{entrypoint: many_m:A{n}, description: number {n}}}\n" for n in range(1000)]
    plugin = PluginDiscovery.from_path(config(write, "actions:\n" + "".join(lines)))
    assert len(plugin.list_actions()) == 1000
    assert plugin.spec("a999").description == "number 999"


def test_a_config_that_cannot_be_read_is_an_error(write, tmp_path):
    """No such file, or a folder in its place."""
    with pytest.raises(DiscoveryError, match="there is no file or folder"):
        PluginDiscovery.from_path(tmp_path / "config.yaml")
    (tmp_path / "f" / "config.yaml").mkdir(parents=True)
    assert "cannot be read" in refused(tmp_path / "f" / "config.yaml")


def test_an_action_whose_module_is_not_there_is_told_before_it_is_run(write):
    """As far as that is seen without importing: no such file in the folder, no such package at all."""
    text = """
        actions:
          near: {entrypoint: gone_p.action:A}
          far: {entrypoint: no_such_package.x:A}
          file: {entrypoint: "gone.py:A"}
          installed: {entrypoint: json.decoder:JSONDecoder}
        """
    folder = write({"p/config.yaml": text, "p/gone_p/actions.py": ""})
    told = "\n".join(problems(folder / "p"))
    assert "there is no module 'gone_p.action'" in told
    assert "did you mean 'actions'?" in told
    assert "there is no module 'no_such_package', neither in" in told
    assert f"there is no file {folder}/p/gone.py" in told
    assert "json" not in told


def test_a_broken_action_is_named_and_the_others_work(write):
    """It stays in the list; `check` tells of it, and of those that are no actions."""
    text = """
        actions:
          good: {entrypoint: some_m:Good}
          broken: {entrypoint: torn_m:A}
          missing: {entrypoint: some_m:Goood}
          plain: {entrypoint: some_m:plain}
          lazy: {entrypoint: some_m:Lazy}
          other: {entrypoint: some_m:Other}
        """
    source = action("Good") + "def plain(): ...\nclass Lazy(BaseAction): ...\nclass Other: ...\n"
    folder = write({"p/config.yaml": text, "p/some_m.py": source, "p/torn_m.py": "import not_installed\n"}) / "p"
    plugin = PluginDiscovery.from_path(folder)
    assert plugin.problems == ()
    assert plugin.get_action_class("good").__name__ == "Good"
    with pytest.raises(DiscoveryError, match="No module named 'not_installed'"):
        plugin.get_action_class("broken")
    assert list(plugin.broken) == ["broken"]
    told = {problem.where: problem.message for problem in plugin.check()}
    assert plugin.list_actions() == ["good", "broken", "missing", "plain", "lazy", "other"]
    assert "No module named 'not_installed' (torn_m.py, line 1)" in told["action 'broken'"]
    assert "some_m has no 'Goood'" in told["action 'missing'"]
    assert "the function 'some_m:plain' is no action" in told["action 'plain'"]
    assert "has no execute()" in told["action 'lazy'"]
    assert "the class 'some_m:Other' is no action" in told["action 'other'"]
    assert "action 'good'" not in told


def test_an_action_that_was_mended_is_broken_no_longer(write):
    """The next try counts."""
    folder = write({"p/config.yaml": "actions: {a: {entrypoint: mend_m:A}}", "p/mend_m.py": "1 / 0\n"}) / "p"
    plugin = PluginDiscovery.from_path(folder)
    assert len(plugin.check()) == 1
    (folder / "mend_m.py").write_text(action("A") + "# a different size\n")
    assert plugin.check() == ()


def test_an_unknown_type_is_told_with_the_nearest(write):
    """The action is found all the same, without that type."""
    text = "actions:\n  a: {entrypoint: typ_m:A, input_type: yolo_datset, output_type: model_weights}\n"
    folder = write({"p/config.yaml": text, "p/typ_m.py": action("A")}) / "p"
    plugin = PluginDiscovery.from_path(folder)
    (problem,) = plugin.problems
    assert problem.where == f"{folder}/config.yaml:2"
    assert "no data type 'yolo_datset'; did you mean 'yolo_dataset'?" in problem.message
    assert plugin.get_input_type("a") is None
    assert plugin.get_output_type("a") is ModelWeights


def test_a_type_of_the_plugins_own_is_found(write):
    """It is there once the action's module is imported; of two plugins each has its own."""
    source = "from synapse_core.types import DataType\nclass OwnCloud(DataType): ...\n" + action("A")
    text = "actions: {a: {entrypoint: own_t:A, input_type: own_cloud}}"
    folder = write({f"{p}/config.yaml": text for p in "pq"} | {f"{p}/own_t.py": source for p in "pq"})
    plugins = [PluginDiscovery.from_path(folder / p) for p in "pq"]
    assert [plugin.problems for plugin in plugins] == [(), ()]
    types = [plugin.get_input_type("a") for plugin in plugins]
    assert types[0] is not types[1]
    assert all(each is not None and issubclass(each, DataType) for each in types)


def test_a_plugin_behind_a_link_is_the_same(write):
    """A folder that is reached by a link: its own types, and where its errors were, are known all the same."""
    source = "from synapse_core.types import DataType\nclass LinkCloud(DataType): ...\n" + action("A")
    text = "actions: {a: {entrypoint: link_m:A, input_type: link_cloud}, b: {entrypoint: link_b:B}}"
    folder = write(
        {"real/config.yaml": text, "real/link_m.py": source, "real/link_b.py": "import json\njson.loads('{')\n"}
    )
    (folder / "link").symlink_to(folder / "real")
    plugin = PluginDiscovery.from_path(folder / "link")
    plugin.check()
    assert plugin.get_input_type("a") is not None
    assert "(link_b.py, line 2)" in plugin.broken["b"].message


def test_entry_points_may_name_files_and_the_src_folder(write):
    """Files are those in the plugin's folder; src is looked into as the folder itself is."""
    text = """
        actions:
          file: {entrypoint: "scripts/run_it.py:A"}
          src: {entrypoint: src_pkg.acts:B}
        """
    files = {"p/config.yaml": text, "p/scripts/run_it.py": action("A"), "p/src/src_pkg/acts.py": action("B")}
    plugin = PluginDiscovery.from_path(write(files) / "p")
    assert plugin.check() == ()
    assert str(plugin.spec("src").root).endswith("/p/src")


def test_a_config_without_actions_has_those_of_the_sources(write):
    """And tells so, with how to write them down."""
    folder = write({"p/config.yaml": "name: Bare\n", "p/bare_m.py": action("A")}) / "p"
    plugin = PluginDiscovery.from_path(folder)
    assert (plugin.name, plugin.list_actions()) == ("Bare", ["a"])
    assert "names no actions; found in the sources: a" in plugin.problems[0].message
    assert plugin.get_action_class("a").__name__ == "A"
    (folder / "bare_m.py").unlink()
    assert "there are none in the sources" in PluginDiscovery.from_path(folder).problems[0].message
