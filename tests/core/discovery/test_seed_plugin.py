"""The plugin overview's tutorial, translated: a plugin in a folder with its config.yaml."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from synapse_core.context import RuntimeContext
from synapse_core.discovery import PluginDiscovery, discover
from synapse_core.errors import ActionNotFoundError, NotFoundError
from synapse_core.types import ModelWeights, YOLODataset
from tests.core.discovery.folders import Write

FILES = {
    "my_plugin/config.yaml": """
        # my_plugin/config.yaml
        name: My Plugin
        code: my_plugin
        version: 0.1.0
        category: custom

        actions:
          process:
            name: Process Files
            description: Process input files with batch processing
            entrypoint: my_plugin.actions:ProcessAction
            method: task
        """,
    "my_plugin/params.py": """
        import attrs
        from attrs.validators import and_, ge, le

        @attrs.frozen
        class ProcessParams:
            \"\"\"Parameters for the process action.\"\"\"
            input_path: str = attrs.field(metadata={"description": "Path to input file"})
            output_path: str = attrs.field(metadata={"description": "Path to output file"})
            batch_size: int = attrs.field(default=32, validator=and_(ge(1), le(1024)))
            verbose: bool = False
        """,
    "my_plugin/results.py": """
        import attrs

        @attrs.frozen
        class ProcessResult:
            status: str
            output_path: str
            items_processed: int
        """,
    "my_plugin/actions.py": """
        from synapse_core.actiondef import BaseAction, PluginCategory, action
        from synapse_core.types import ModelWeights, YOLODataset
        from my_plugin.params import ProcessParams
        from my_plugin.results import ProcessResult

        class ProcessAction(BaseAction[ProcessParams]):
            \"\"\"Process files with progress tracking.\"\"\"
            action_name = 'process'
            category = PluginCategory.CUSTOM
            input_type = YOLODataset
            output_type = ModelWeights
            result_model = ProcessResult

            def execute(self) -> ProcessResult:
                self.log('process_start', {'input': self.params.input_path})
                return ProcessResult('completed', self.params.output_path, 100)

        @action(name='convert', description='Convert file between formats', params=ProcessParams, result=ProcessResult)
        def convert(params: ProcessParams, context) -> ProcessResult:
            return ProcessResult('converted', params.output_path, 1)
        """,
}


@pytest.fixture
def folder(write: Write) -> Path:
    return write(FILES) / "my_plugin"


def test_a_config_tells_of_the_plugin_and_its_actions(folder):
    """What the config says is there, and nothing was imported for it."""
    plugin = PluginDiscovery.from_path(folder)
    assert (plugin.name, plugin.code, plugin.version, plugin.category) == ("My Plugin", "my_plugin", "0.1.0", "custom")
    assert plugin.list_actions() == ["process"]
    spec = plugin.spec("process")
    assert (spec.entrypoint, spec.method) == ("my_plugin.actions:ProcessAction", "task")
    assert spec.description == "Process input files with batch processing"
    assert plugin.problems == ()
    assert plugin.config["actions"]["process"]["name"] == "Process Files"
    assert not [name for name in sys.modules if name.startswith("my_plugin")]


def test_an_action_of_a_config_is_imported_when_it_is_asked_for(folder):
    """The class, its models, types and schemas come from the code that the entry point names."""
    plugin = discover(str(folder))
    action_class = plugin.get_action_class("process")
    assert action_class.__name__ == "ProcessAction"
    assert [field.name for field in attrs.fields(plugin.get_params_model("process"))][:2] == [
        "input_path",
        "output_path",
    ]
    assert plugin.get_result_model("process").__name__ == "ProcessResult"
    assert plugin.get_input_type("process") is YOLODataset
    assert plugin.get_output_type("process") is ModelWeights
    assert plugin.get_params_schema("process")["properties"]["batch_size"]["maximum"] == 1024
    form = {node["name"]: node["$formkit"] for node in plugin.get_ui_schema("process")}
    assert form == {"input_path": "text", "output_path": "text", "batch_size": "number", "verbose": "checkbox"}


def test_the_found_action_runs(folder):
    """What was found can be executed as it is."""
    plugin = PluginDiscovery.from_path(folder / "config.yaml")
    params = plugin.get_params_model("process")("in.csv", "out.csv")
    result = plugin.get_action_class("process")(params, RuntimeContext()).execute()
    assert (result.status, result.items_processed) == ("completed", 100)


def test_an_unknown_action_names_the_nearest(folder):
    """A wrong name says what there is."""
    with pytest.raises(ActionNotFoundError, match="no action 'proces'; did you mean 'process'"):
        PluginDiscovery.from_path(folder).get_action_class("proces")


def test_the_same_plugin_is_found_by_its_module_name(folder, monkeypatch):
    """run_plugin('my_plugin', …): a package with a config in it is that config's plugin."""
    monkeypatch.syspath_prepend(str(folder.parent))
    plugin = discover("my_plugin")
    assert (plugin.name, plugin.list_actions()) == ("My Plugin", ["process"])
    assert plugin.get_action_class("process") is sys.modules["my_plugin.actions"].ProcessAction


def test_the_same_plugin_without_its_config_is_read_from_source(folder):
    """A folder without config.yaml: the actions of its sources, under the names that the sources use."""
    (folder / "config.yaml").unlink()
    plugin = PluginDiscovery.from_path(folder)
    assert plugin.list_actions() == ["process", "convert"]
    assert plugin.spec("process").entrypoint == "my_plugin.actions:ProcessAction"
    assert plugin.get_action_class("process").__name__ == "ProcessAction"
    assert plugin.problems == ()


def test_a_child_process_finds_the_action_by_entry_point_and_root(folder):
    """The spec's plain data is enough for another process."""
    spec = PluginDiscovery.from_path(folder).spec("process")
    code = "import sys; from synapse_core.discovery import load_target; print(load_target(*sys.argv[1:]).__name__)"
    told = subprocess.run(
        [sys.executable, "-c", code, spec.entrypoint, str(spec.root)],
        capture_output=True,
        text=True,
        check=True,
        cwd=os.sep,
    )
    assert told.stdout.strip() == "ProcessAction"


def test_pipelines_of_a_config(write):
    """A config names pipelines; the one called default, or else the first, is the one to run."""
    files = {
        "flow/config.yaml": """
            name: Flow
            pipelines:
              small: {entrypoint: flow.pipes:small, description: the small one}
              default: {entrypoint: "flow.pipes:big"}
            """,
        "flow/flow/pipes.py": "small = ['small']\nbig = ['big']\n",
    }
    plugin = PluginDiscovery.from_path(write(files) / "flow")
    assert plugin.list_pipelines() == ["small", "default"]
    assert (plugin.get_pipeline("small"), plugin.get_pipeline()) == (["small"], ["big"])
    with pytest.raises(NotFoundError, match="no pipeline 'smal'; did you mean 'small'"):
        plugin.get_pipeline("smal")


def test_a_plugin_without_pipelines_says_how_to_name_one(folder):
    """Asking for the pipeline of a plugin that has none."""
    with pytest.raises(NotFoundError, match=r"pipelines: \{NAME"):
        PluginDiscovery.from_path(folder).get_pipeline()
