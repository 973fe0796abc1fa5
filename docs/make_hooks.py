"""Writes ``docs/hooks.md`` from `synapse_core.hookspecs`, so that the page says what the code says.

python docs/make_hooks.py
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from synapse_core import hookspecs

PAGE = Path(__file__).parent / "hooks.md"

HEAD = """\
# Hooks

<!-- Made from synapse_core/hookspecs.py by docs/make_hooks.py; change it there. -->

{intro}

[Plugins](plugins.md) says how a plugin is found and blocked, and what becomes of one that is broken. The examples
stand alone but for names that are yours, and the import above.
"""


def specs() -> Iterator[tuple[str, Callable[..., Any], dict[str, Any]]]:
    """The hooks in the order of the page: name, specification, and its options."""
    for name, function in vars(hookspecs).items():
        options = getattr(function, f"{hookspecs.PROJECT}_spec", None)
        if options is not None:
            yield name, function, options


def page() -> str:
    """The page."""
    intro = blocks_as_markdown(inspect.getdoc(hookspecs) or "")
    return "\n".join([HEAD.format(intro=intro), *(section(*spec) for spec in specs())])


def section(name: str, function: Callable[..., Any], options: dict[str, Any]) -> str:
    """One hook."""
    arguments = ", ".join(inspect.signature(function).parameters)
    returned = inspect.signature(function).return_annotation
    kind = "the first answer counts" if options["firstresult"] else "every plugin is asked"
    if options["historic"]:
        kind = "asked of each plugin as it comes"
    gives = "" if returned in (None, "None") else f" → `{returned}`"
    doc = blocks_as_markdown(inspect.getdoc(function) or "")
    return f"## {name}\n\n`{name}({arguments})`{gives} · {kind}\n\n{doc}\n"


def blocks_as_markdown(doc: str) -> str:
    """A docstring with its literal blocks fenced."""
    parts = re.split(r"::\n\n((?:(?: {4}.*)?\n)*(?: {4}.*)?)", doc)
    fenced = [f"```python\n{as_code(block)}\n```" for block in parts[1::2]]
    texts = [as_markdown(text) for text in parts[::2]]
    told = [piece for pair in zip(texts, [*fenced, ""], strict=True) for piece in pair if piece]
    return "\n\n".join(told)


def as_markdown(text: str) -> str:
    """Prose: its literals as code, and a colon where a block follows."""
    colon = ":" if text and not text.endswith((".", "\n")) else ""
    return text.replace("``", "`").strip() + colon


def as_code(block: str) -> str:
    """An example, with the blank lines that a formatter wants."""
    return re.sub(r"(import .*\n)\n@", r"\1\n\n@", textwrap.dedent(block).strip())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
