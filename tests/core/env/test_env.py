"""The plugin environment: where its values come from, how they are typed, and that secrets stay unseen."""

from __future__ import annotations

import copy
import logging
import os
import pickle
import traceback
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.env import PluginEnvironment
from synapse_core.errors import EnvironmentValueError, SynapseError

TOML = """
name = "digits"
tags = ["a", "b"]
port = 8000

[train]
epochs = 3
debug = true

[train.optimizer]
lr = 0.5
"""


def env(**values: Any) -> PluginEnvironment:
    return PluginEnvironment.from_dict(values)


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(TOML)
    return path


class TestSources:
    def test_prefix_is_taken_off(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Only the variables with the prefix are seen, without it."""
        monkeypatch.setenv("PLUGIN_BATCH_SIZE", "64")
        monkeypatch.setenv("OTHER", "1")
        found = PluginEnvironment.from_environ(prefix="PLUGIN_")
        assert found.get_int("BATCH_SIZE") == 64
        assert "OTHER" not in found
        assert "PLUGIN_BATCH_SIZE" not in found

    def test_no_prefix_takes_all(self) -> None:
        """Without a prefix the whole process environment is there."""
        assert dict(PluginEnvironment.from_environ()) == dict(os.environ)

    def test_later_changes_of_the_process_are_not_seen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The environment is a snapshot."""
        monkeypatch.setenv("PLUGIN_A", "1")
        found = PluginEnvironment.from_environ("PLUGIN_")
        monkeypatch.setenv("PLUGIN_A", "2")
        assert found["A"] == "1"

    def test_toml_tables_are_reached_by_dotted_keys(self, settings: Path) -> None:
        """A nested value is ``table.key``; a whole table is a dict."""
        found = PluginEnvironment.from_file(settings)
        assert found.get_int("train.epochs") == 3
        assert found.get_float("train.optimizer.lr") == 0.5
        assert found["train"] == {"epochs": 3, "debug": True, "optimizer": {"lr": 0.5}}
        assert list(found) == ["name", "tags", "port", "train.epochs", "train.debug", "train.optimizer.lr"]

    def test_broken_toml_names_file_and_line(self, tmp_path: Path) -> None:
        """A syntax error says where."""
        path = tmp_path / "broken.toml"
        path.write_text("a = 1\nb = = 2\n")
        with pytest.raises(EnvironmentValueError, match=r"broken\.toml, line 2, column 5: "):
            PluginEnvironment.from_file(path)

    def test_file_that_is_not_utf8_names_the_line(self, tmp_path: Path) -> None:
        """Bytes that are no UTF-8 are an error with their line."""
        path = tmp_path / "latin.toml"
        path.write_bytes(b'a = 1\nb = "\xe9"\n')
        with pytest.raises(EnvironmentValueError, match=r"latin\.toml, line 2: not UTF-8"):
            PluginEnvironment.from_file(path)

    @pytest.mark.parametrize("name", ["absent.toml", "."])
    def test_file_that_cannot_be_read(self, tmp_path: Path, name: str) -> None:
        """A missing file, or a folder, is an error that names it."""
        path = tmp_path / name
        with pytest.raises(EnvironmentValueError) as caught:
            PluginEnvironment.from_file(path)
        assert str(path) in str(caught.value)

    def test_merge_prefers_the_other(self) -> None:
        """Where both have a key the other's value counts, table by table; neither is changed."""
        first = env(a=1, db={"url": "x", "user": "me"})
        second = env(a=2, db={"url": "y"})
        merged = first.merge(second)
        assert merged["a"] == 2
        assert merged["db"] == {"url": "y", "user": "me"}
        assert (first["a"], second["db"]) == (1, {"url": "y"})

    def test_merge_takes_a_plain_mapping(self) -> None:
        """Anything that maps names to values can be merged in."""
        assert dict(env(a=1).merge({"b": {"c": 2}})) == {"a": 1, "b.c": 2}


class TestMapping:
    def test_is_immutable(self) -> None:
        """Nothing can be set, and the dict it was made of may change."""
        source = {"a": 1}
        found = PluginEnvironment.from_dict(source)
        source["a"] = 2
        assert found["a"] == 1
        with pytest.raises(TypeError):
            found["a"] = 3  # type: ignore[index]
        with pytest.raises(AttributeError):
            found.other = 3  # type: ignore[attr-defined]

    def test_get_gives_the_default_or_none(self) -> None:
        """``get`` is that of a mapping."""
        assert env().get("API_KEY") is None
        assert env().get("API_KEY", "") == ""
        assert env(DEBUG="true").get("DEBUG", "false") == "true"

    def test_missing_is_a_key_error_with_all_one_needs(self) -> None:
        """``[]`` on an unknown key names it, the source and the nearest key, and is a KeyError."""
        found = PluginEnvironment.from_environ("PLUGIN_", environ={"PLUGIN_BATCH_SIZE": "1"})
        with pytest.raises(KeyError) as caught:
            found["batch_siz"]
        text = str(caught.value)
        assert "'batch_siz'" in text
        assert "PLUGIN_*" in text
        assert "did you mean 'BATCH_SIZE'?" in text
        assert "set PLUGIN_batch_siz" in text
        assert isinstance(caught.value, SynapseError)

    def test_a_value_and_a_table_of_one_name(self) -> None:
        """Flat names with dots, as environment variables may have, never clash: the value itself is found first."""
        found = PluginEnvironment.from_environ(environ={"a.b.c": "1", "a.b": "2", "a": "3", "a.x": "4"})
        assert (found["a"], found["a.b"], found["a.b.c"]) == ("3", "2", "1")
        deeper = PluginEnvironment.from_environ(environ={"a.b": "2", "a.b.c": "1"})
        assert deeper["a"] == {"b": {"c": "1"}}

    def test_travels(self) -> None:
        """It survives pickling and copying."""
        found = env(a=1, db={"token": "t0k3n-value"})
        assert pickle.loads(pickle.dumps(found)) == found
        assert copy.deepcopy(found) == found

    @given(st.dictionaries(st.text(min_size=1).filter(lambda k: "." not in k), st.text()))
    def test_is_the_dict_it_was_made_of(self, values: dict[str, str]) -> None:
        """Length, keys, membership and equality are those of the dict."""
        found = PluginEnvironment.from_dict(values)
        assert found == values
        assert len(found) == len(values)
        assert all(key in found and found[key] == value for key, value in values.items())


class TestTypedGetters:
    @pytest.mark.parametrize("text", ["true", "YES", "1", "On", " true "])
    def test_true_words(self, text: str) -> None:
        """All the usual words for yes."""
        assert env(x=text).get_bool("x") is True

    @pytest.mark.parametrize("text", ["false", "No", "0", "OFF"])
    def test_false_words(self, text: str) -> None:
        """All the usual words for no."""
        assert env(x=text).get_bool("x") is False

    @pytest.mark.parametrize(
        ("value", "wanted"),
        [
            ("a, b,,c ", ["a", "b", "c"]),
            ("", []),
            ('["a", 1]', ["a", 1]),
            ([1, 2], [1, 2]),
            ((1, 2), [1, 2]),
            ("one", ["one"]),
        ],
    )
    def test_lists(self, value: Any, wanted: list[Any]) -> None:
        """Comma separated, JSON or already a list."""
        assert env(x=value).get_list("x") == wanted

    def test_a_list_is_a_copy(self) -> None:
        """Changing what a getter gave changes nothing in the environment."""
        found = env(x=[1])
        found.get_list("x").append(2)
        assert found.get_list("x") == [1]

    @pytest.mark.parametrize(("value", "wanted"), [(8000, "8000"), (True, "true"), ("x", "x"), (0.5, "0.5")])
    def test_strings(self, value: Any, wanted: str) -> None:
        """A TOML number or boolean reads as it is written there."""
        assert env(x=value).get_str("x") == wanted

    @pytest.mark.parametrize(("value", "wanted"), [("12", 12), (" -3 ", -3), (4, 4), (4.0, 4)])
    def test_ints(self, value: Any, wanted: int) -> None:
        """Text and whole numbers."""
        found = env(x=value).get_int("x")
        assert (found, type(found)) == (wanted, int)

    def test_floats_and_paths(self) -> None:
        """``1e-3`` is a float, ``~`` is the home folder."""
        assert env(x="1e-3").get_float("x") == 0.001
        assert env(x="~/data").get_path("x") == Path.home() / "data"
        assert env(x="data").get_path("x") == Path("data")

    @pytest.mark.parametrize("getter", ["get_str", "get_int", "get_float", "get_bool", "get_list", "get_path"])
    def test_default_and_its_absence(self, getter: str) -> None:
        """A default, None too, is given as it is; without one a missing key is an error."""
        marker = object()
        assert getattr(env(), getter)("x", default=marker) is marker
        assert getattr(env(x=None), getter)("x", default=None) is None
        with pytest.raises(EnvironmentValueError, match="'x'"):
            getattr(env(), getter)("x")

    @pytest.mark.parametrize(
        ("getter", "value", "wanted"),
        [
            ("get_int", "ten", "an int"),
            ("get_int", 1.5, "an int"),
            ("get_int", True, "an int"),
            ("get_int", float("inf"), "an int"),
            ("get_float", "fast", "a float"),
            ("get_float", False, "a float"),
            ("get_bool", "maybe", "a bool"),
            ("get_list", "[1,", "a list"),
            ("get_list", 3, "a list"),
            ("get_str", ["a"], "a string"),
            ("get_path", 3, "a path"),
            ("get_path", "", "a path"),
        ],
    )
    def test_wrong_value_names_key_value_and_type(self, getter: str, value: Any, wanted: str) -> None:
        """What is wrong is said in full, even though a default was given."""
        with pytest.raises(EnvironmentValueError) as caught:
            getattr(env(SIZE=value), getter)("SIZE", default=None)
        text = str(caught.value)
        assert "'SIZE'" in text
        assert repr(value) in text
        assert type(value).__name__ in text
        assert wanted in text


SECRET = "hunter2-hunter2"
SECRET_KEYS = [
    "API_KEY",
    "apiKey",
    "AWS_SECRET_ACCESS_KEY",
    "DB_PASSWORD",
    "GITHUB_TOKEN",
    "credentials",
    "db.password",
    "PASSWD",
    "SSH_KEYS",
    "secrets.database",
    "AUTHORIZATION",
]


class TestSecrets:
    @pytest.mark.parametrize("key", SECRET_KEYS)
    def test_never_printed(self, key: str, caplog: pytest.LogCaptureFixture) -> None:
        """Not by repr, str, format, logging, the views, an error or its traceback."""
        found = PluginEnvironment.from_dict({key: SECRET, "HEADER": f"Bearer {SECRET}", "n": 1})
        with caplog.at_level(logging.INFO):
            logging.getLogger("x").info("%s %r", found, found.items())
        shown = [repr(found), str(found), f"{found}", repr(found.redacted()), repr(found.values()), caplog.text]
        for getter in ("get_int", "get_float", "get_bool"):
            with pytest.raises(EnvironmentValueError) as caught:
                getattr(found, getter)(key)
            shown += ["".join(traceback.format_exception(caught.value)), repr(caught.value)]
            assert repr(key) in str(caught.value)
            assert caught.value.__context__ is None
        assert SECRET not in "".join(shown)
        assert "'n': 1" in repr(found)

    def test_malformed_secret_list_is_not_printed(self) -> None:
        """A JSON list with an error in it does not leak through the JSON error."""
        found = env(API_KEYS=f'["{SECRET}", ')
        with pytest.raises(EnvironmentValueError) as caught:
            found.get_list("API_KEYS")
        assert SECRET not in "".join(traceback.format_exception(caught.value))
        assert caught.value.__context__ is None

    def test_secrets_can_be_named(self) -> None:
        """``secrets=`` hides what does not look like one, with or without the prefix, in a table and after a merge."""
        found = PluginEnvironment.from_environ(
            "P_", secrets=["P_DSN", "pin"], environ={"P_DSN": SECRET, "P_PIN": "4321"}
        )
        table = PluginEnvironment.from_dict({"db": {"dsn": SECRET}}, secrets=["dsn"])
        merged = env(a=1).merge(found).merge(table)
        assert merged["DSN"] == SECRET
        for each in (found, table, merged):
            assert SECRET not in repr(each)
        assert "4321" not in repr(merged)

    def test_secrets_inside_lists_of_tables(self) -> None:
        """A table in a list is looked into."""
        found = env(users=[{"name": "me", "password": SECRET}])
        assert SECRET not in repr(found)
        assert "'name': 'me'" in repr(found)

    def test_login_in_a_url_is_hidden(self) -> None:
        """User and password of a URL are blanked out, the rest stays."""
        assert "postgres://***@host/db" in repr(env(DATABASE=f"postgres://me:{SECRET}@host/db"))

    @pytest.mark.parametrize("key", ["TOKENIZER", "KEYBOARD", "AUTHOR", "keypoints", "DEBUG"])
    def test_ordinary_names_are_shown(self, key: str) -> None:
        """Names that only begin like a secret are not hidden."""
        assert "visible" in repr(PluginEnvironment.from_dict({key: "visible"}))

    def test_long_values_are_cut_in_errors(self) -> None:
        """A message stays readable whatever the value."""
        with pytest.raises(EnvironmentValueError) as caught:
            env(x="y" * 10_000).get_int("x")
        assert len(str(caught.value)) < 400
