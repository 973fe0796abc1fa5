"""Configs broken at random: every wrong field is named, and nothing else ever happens."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.discovery import ConfigError, PluginDiscovery
from synapse_core.discovery.describe import dump
from synapse_core.discovery.document import parse
from synapse_core.errors import DiscoveryError

GOOD: dict[str, Any] = {
    "name": "P",
    "code": "p",
    "version": "1.0",
    "category": "custom",
    "package_manager": "pip",
    "package_manager_options": ["-q"],
    "wheels_dir": "wheels",
    "env": {"A": "x"},
    "runtime_env": {"pip": ["numpy"]},
    "actions": {
        "train": {"entrypoint": "fuzz_m:Train", "method": "job", "description": "d", "input_type": "model"},
        "eval": {"entrypoint": "fuzz_m.Eval", "version": "2"},
    },
    "pipelines": {"main": {"entrypoint": "fuzz_m:main"}},
}

# By path: values that are wrong there.
_NO_TEXT = st.sampled_from([["x"], {"a": 1}, 3, True, 1.5, ""])
_NO_MAPPING = st.sampled_from([["x"], "x", 3, False])
_NO_ENTRYPOINT = st.sampled_from([["x"], {}, 3, "", "no", "a b:C", "a:", ":b", "a:b c"])
BREAKABLE: dict[tuple[str, ...], st.SearchStrategy[Any]] = {
    ("name",): _NO_TEXT,
    ("code",): _NO_TEXT,
    ("wheels_dir",): _NO_TEXT,
    ("category",): _NO_TEXT,
    ("version",): st.sampled_from([["x"], {}, True, ""]),
    ("package_manager",): st.sampled_from(["npm", 3, [], ""]),
    ("package_manager_options",): st.sampled_from(["-q", {"a": 1}, 3]),
    ("env",): _NO_MAPPING,
    ("env", "A"): st.sampled_from([[], {}, [1]]),
    ("runtime_env",): _NO_MAPPING,
    ("actions", "train", "entrypoint"): _NO_ENTRYPOINT,
    ("actions", "train", "method"): _NO_TEXT,
    ("actions", "train", "input_type"): _NO_TEXT,
    ("actions", "train", "description"): st.sampled_from([3, [], {}]),
    ("actions", "eval"): st.sampled_from(["fuzz_m:Eval", 3, [], True]),
    ("pipelines", "main", "entrypoint"): _NO_ENTRYPOINT,
}


@st.composite
def breakages(draw: st.DrawFn) -> dict[tuple[str, ...], Any]:
    """Some wrong values, none of which stands in another."""
    paths = draw(st.lists(st.sampled_from(sorted(BREAKABLE)), unique=True, min_size=1))
    outer = [path for path in paths if not any(path[:n] in paths for n in range(1, len(path)))]
    return {path: draw(BREAKABLE[path]) for path in outer}


def broken(at: dict[tuple[str, ...], Any]) -> dict[str, Any]:
    data = copy.deepcopy(GOOD)
    for path, value in at.items():
        place = data
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
    return data


@given(at=breakages())
def test_every_wrong_field_is_named_and_no_other(at, tmp_path_factory):
    """However many are wrong, and wherever."""
    path = tmp_path_factory.mktemp("p") / "config.yaml"
    path.write_text(dump(broken(at)))
    with pytest.raises(ConfigError) as failed:
        PluginDiscovery.from_path(path)
    assert {issue.path for issue in failed.value.issues} == {".".join(path) for path in at}
    assert all(issue.message.startswith("line ") and issue.wanted for issue in failed.value.issues)


def outcome(path: Path) -> str:
    """What is wrong with the plugin; empty where it is one. Anything but a DiscoveryError fails the test."""
    try:
        plugin = PluginDiscovery.from_path(path)
    except DiscoveryError as error:
        return str(error)
    plugin.check()
    return ""


_MARKS = [": ", "- ", "&a", "*a", "<<: ", "{", "}", "[", "]", "'", '"', "#", "\t", "%", "!!", "? ", "\x07"]
_SNIPPETS = st.sampled_from([*_MARKS, "|\n", ">-\n", "---\n", "...\n"])
_LINES = st.lists(st.one_of(_SNIPPETS, st.text(max_size=6), st.sampled_from(dump(GOOD).splitlines(keepends=True))))


@given(parts=_LINES, cut=st.integers(0, 400), put=st.text(max_size=4))
def test_no_text_does_more_than_fail_to_be_a_config(parts, cut, put, tmp_path_factory):
    """Any text gives a plugin or a DiscoveryError, nothing else."""
    good = dump(GOOD)
    for text in ("".join(parts), good[:cut] + put + good[cut:]):
        path = tmp_path_factory.mktemp("p") / "config.yaml"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        assert str(path) in outcome(path) or not outcome(path)


@given(data=st.binary(max_size=60))
def test_no_bytes_do_either(data, tmp_path_factory):
    """A file that is no text at all."""
    path = tmp_path_factory.mktemp("p") / "config.yaml"
    path.write_bytes(data)
    assert str(path) in outcome(path) or not outcome(path)


_PLAIN = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(10**12), 10**12), st.floats(allow_nan=False), st.text(max_size=20)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=10,
)


@given(data=st.dictionaries(st.text(max_size=8), _PLAIN, max_size=4))
def test_what_is_written_as_yaml_is_read_the_same(data):
    """The writer and the reader agree on every kind of text and number."""
    assert parse(dump(data), Path("config.yaml")).data == (data or {})
