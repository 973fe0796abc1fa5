"""``synapse config sync``, ``clean`` and ``completion``."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.core.cli.helpers import SYNAPSE, Here

RUN = "01a1fcc5a42e0000243e3c5{}"


def test_config_sync_adds_what_is_new(plugin: Here) -> None:
    """New actions are added; comments and what nobody knows stay; a second time nothing changes."""
    config = plugin.folder / "plug" / "config.yaml"
    done = plugin.synapse("config", "sync", "plug")
    assert done.code == 0
    assert "added: " in done.out
    assert "only in the file: gone" in done.out
    text = config.read_text()
    assert text.startswith("# kept by hand\nname: Plug\n")
    assert "entrypoint: steps.work:stuck" in text
    assert plugin.synapse("config", "sync", "plug").out.strip().endswith("only in the file: gone")
    assert config.read_text() == text


def test_config_sync_makes_a_file(plugin: Here) -> None:
    """A file that is not there is made, of a module too."""
    target = plugin.folder / "made.yaml"
    done = plugin.synapse("config", "sync", "flow.py", "--file", str(target))
    assert done.code == 0
    assert "train:" in target.read_text()
    assert plugin.synapse("config", "sync", "nowhere").code == 2


def _run_folder(here: Here, number: int, days: float) -> Path:
    file = here.write(f"home/runs/{RUN.format(number)}/actions/train/model.bin", "x" * 1500)
    at = time.time() - days * 86_400
    for path in (file, *list(file.parents)[:3]):
        os.utime(path, (at, at))
    return file.parents[2]


def test_clean_lists_and_removes_on_demand(here: Here) -> None:
    """Folders that are old are listed, and removed with --yes; recent ones, links and strangers stay."""
    old, new = _run_folder(here, 1, 30), _run_folder(here, 2, 1)
    busy = _run_folder(here, 3, 30)
    (busy / "actions" / "train" / "log").touch()
    stranger = here.home / "runs" / "notes"
    stranger.mkdir()
    link = here.home / "runs" / RUN.format(4)
    link.symlink_to(old, target_is_directory=True)

    listed = here.synapse("clean")
    assert listed.code == 0
    assert [line.split()[0] for line in listed.out.splitlines()[:-1]] == [old.name]
    assert listed.out.splitlines()[-1].startswith("1 folders, ")
    assert "--yes removes them" in listed.out
    assert old.exists()

    done = here.synapse("clean", "--yes")
    assert done.code == 0
    assert "removed 1 folders" in done.out
    assert not old.exists()
    assert all(path.exists() for path in (new, busy, stranger))
    assert link.is_symlink()
    assert here.synapse("clean", "--older-than", "12h", "--yes").out.count("\n") == 2
    assert not new.exists()


def test_what_goes_while_it_is_looked_at(here: Here) -> None:
    """Another run removes its files meanwhile: that is no error, and what is old is listed as ever."""
    old, busy = _run_folder(here, 1, 30), _run_folder(here, 2, 30)
    over = threading.Event()

    def churn() -> None:
        while not over.is_set():
            for number in range(50):
                (busy / f"{number}.part").touch()
            for number in range(50):
                (busy / f"{number}.part").unlink()

    churning = threading.Thread(target=churn)
    churning.start()
    try:
        listed = [here.synapse("clean", "--older-than", "7d") for _ in range(4)]
    finally:
        over.set()
        churning.join()
    for done in listed:
        assert (done.code, done.err) == (0, "")
        assert [line.split()[0] for line in done.out.splitlines()[:-1]] == [old.name]


@pytest.mark.parametrize("age", ["7", "d", "-1d", "1y", "soon"])
def test_an_age_that_is_none(here: Here, age: str) -> None:
    """Exit code 2, and how to write it."""
    done = here.synapse("clean", "--older-than", age)
    assert (done.code, done.out) == (2, "")
    assert "write 7d, 12h or 30m" in done.err


def test_cleaning_where_nothing_is(here: Here) -> None:
    """Nothing to do is no error."""
    assert here.synapse("clean", "--base", str(here.folder / "gone")).out.startswith("0 folders, 0 bytes")


def _completed(here: Here, *words: str) -> list[str]:
    """What is offered for the last word."""
    env = {
        **here.env,
        "_SYNAPSE_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["synapse", *words]),
        "COMP_CWORD": str(len(words)),
    }
    done = subprocess.run([SYNAPSE], cwd=here.folder, env=env, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


def test_completion(plugin: Here) -> None:
    """Commands, options, files, the actions and pipelines of a target, executors."""
    assert _completed(plugin, "pl") == ["plugins"]
    assert "--executor" in _completed(plugin, "run", "plug", "--e")
    assert _completed(plugin, "run", "plug", "t") == ["train"]
    assert _completed(plugin, "run", "plug", "b") == ["both"]
    assert _completed(plugin, "run", "plug", "--executor", "l") == ["local"]
    assert _completed(plugin, "run", "nowhere", "t") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_takes_the_script(here: Here, shell: str) -> None:
    """The script names the command, and the shell, where it is installed, has no objection."""
    script = here.synapse("completion", shell)
    assert (script.code, script.err) == (0, "")
    assert "_SYNAPSE_COMPLETE" in script.out
    if shutil.which(shell) and shell != "zsh":  # a zsh script is no command but a function's body
        subprocess.run([shell, "-n"], input=script.out, text=True, check=True, timeout=60)
