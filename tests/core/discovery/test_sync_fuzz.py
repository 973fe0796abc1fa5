"""Hand-written configs in every style: a sync keeps all that it need not change, and settles."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synapse_core.discovery import PluginDiscovery
from synapse_core.discovery.document import parse
from tests.core.discovery.folders import write_files

HEAD = "from synapse_core.actiondef import BaseAction\nfrom synapse_core.types import Model, Metrics, Dataset\n"
SAID = ["input_type = Model", "output_type = Metrics", "input_type, output_type = Dataset, Model", "x = 1"]
SOURCE = HEAD + "".join(
    f"class A{n}(BaseAction[dict]):\n    {said}\n    def execute(self): ...\n" for n, said in enumerate(SAID)
)

_COMMENT = st.sampled_from(["", "", "  # why", " # ünï: [x]", "   #no blank"])
_GAP = st.sampled_from(["", "", "\n", "# between\n", "  # indented\n", "\n\n# two\n"])
_QUOTE = st.sampled_from(["{}", "'{}'", '"{}"'])
_EXTRA = st.sampled_from(
    [
        "x-flow: {a: 1,  b: [x,   y]}",
        "x-list:\n- 1\n-   2",
        "x-text: |\n  a\n   b\n\n  c",
        "x-fold: >-\n  a\n  b",
        "x-plain: several\n  lines of text",
        'x-quoted: "a\n  b"',
        "x-empty:",
        "env:\n   A:   1   # one",
    ]
)


@st.composite
def entries(draw: st.DrawFn) -> str:
    """One action's entry, with some of the four classes, under some key, in some style."""
    number = draw(st.integers(0, 3))
    inner = draw(st.sampled_from(["  ", "    ", " "]))
    target = draw(st.sampled_from(["fuzz_s:A", "fuzz_s.A", "fuzz_s:Old"]))
    lines = [f"entrypoint: {draw(_QUOTE).format(f'{target}{number}')}"]
    lines += draw(st.lists(st.sampled_from(["method:   job", "x-extra: [1, 2]", "description: 'it''s'"]), unique=True))
    lines += draw(st.sampled_from([[], ["input_type: model"], ["input_type: Metrics"], ["output_type: 'metrics'"]]))
    body = "".join(f"{inner}{line}{draw(_COMMENT)}\n{draw(_GAP)}" for line in draw(st.permutations(lines)))
    return f"a{number}:{draw(_COMMENT)}\n{body}"


@st.composite
def configs(draw: st.DrawFn) -> str:
    """A hand-written config."""
    extras = draw(st.lists(_EXTRA, unique_by=lambda extra: extra.partition(":")[0], max_size=4))
    parts = [f"{extra}\n{draw(_GAP)}" for extra in extras]
    actions = draw(st.lists(entries(), unique_by=lambda entry: entry[:2], max_size=3))
    if actions:
        step = draw(st.sampled_from(["  ", "    "]))
        lines = "".join(actions).splitlines(keepends=True)
        indented = "".join(step + line if line.strip() else line for line in lines)
        parts.insert(draw(st.integers(0, len(parts))), f"actions:{draw(_COMMENT)}\n{draw(_GAP)}{indented}")
    text = draw(st.sampled_from(["", "# head\n", "---\n"])) + "name: x\n" + "".join(parts)
    open_text = parts and parts[-1].startswith("x-text")  # the last line end of a | is a part of its text
    if not open_text and draw(st.booleans()):
        text = text.removesuffix("\n")
    return text.replace("\n", "\r\n") if draw(st.booleans()) else text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("fuzz"), {"fuzz_s.py": SOURCE})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=configs())
def test_a_sync_only_adds_lines_and_changes_values(folder, text):
    """Every line without a changed value is still there, in its order; the file says what it should; and it settles."""
    path = folder / "config.yaml"
    path.write_bytes(text.encode())
    before = parse(text, path).data
    changes = PluginDiscovery.from_source(folder).sync_config_file(path)
    found = path.read_bytes().decode()
    assert _kept(text.splitlines(), found.splitlines(), len(changes.changed))
    assert bool(changes) == (found != text)
    assert ("\r\n" in text) == ("\r\n" in found)
    after = parse(found, path).data
    assert {key: value for key, value in after.items() if key != "actions"} == {
        key: value for key, value in before.items() if key != "actions"
    }
    assert set(after["actions"]) == {"a0", "a1", "a2", "a3"}
    assert after["actions"]["a2"]["output_type"] == "model"
    plugin = PluginDiscovery.from_path(folder)
    assert plugin.check() == ()
    assert not PluginDiscovery.from_source(folder).sync_config_file(path)
    assert path.read_bytes().decode() == found


def _kept(before: list[str], after: list[str], changed: int) -> bool:
    """Whether all old lines but at most ``changed`` are among the new ones, in order."""
    longest = [0] * (len(after) + 1)
    for old in before:
        row = [0]
        for place, new in enumerate(after):
            row.append(longest[place] + 1 if old == new else max(row[-1], longest[place + 1]))
        longest = row
    return longest[-1] >= len(before) - changed
