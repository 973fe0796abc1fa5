"""Patterns of ignore files, matched as git matches them: `Pattern`.

Each is matched against one file or folder. What is in a folder that is ignored is never asked about, so that what git
says of a file whose folder is ignored needs no rule here.
"""

# Ours, as pathspec 1.1.1 (GitIgnoreSpec) fails the test that holds this against git on random trees: it matches nothing
# with [[:alpha:]] or [\]a], and raises for lines that git passes over (!, a\, [z-a]) or takes ("a\  ", a name that ends
# with a space).

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Sequence

from attrs import frozen

_NEVER = "(?!)"
_CLASSES = {
    "alnum": string.ascii_letters + string.digits,
    "alpha": string.ascii_letters,
    "blank": " \t",
    "cntrl": "".join(map(chr, (*range(32), 127))),
    "digit": string.digits,
    "graph": "".join(map(chr, range(33, 127))),
    "lower": string.ascii_lowercase,
    "print": "".join(map(chr, range(32, 127))),
    "punct": string.punctuation,
    "space": " \t\n\r\v\f",
    "upper": string.ascii_uppercase,
    "xdigit": string.hexdigits,
}


@frozen
class Pattern:
    """One line of an ignore file.

    Attributes:
        regex: what the path, or the name alone, must match wholly; text is the bytes of a path as latin-1, as git knows
            of no characters.
        whole: whether the path below the ignore file's folder is matched, not the name alone.
        only_dirs: whether only folders match.
        ignores: False for a line with ``!``.
    """

    regex: re.Pattern[str]
    whole: bool
    only_dirs: bool
    ignores: bool

    @classmethod
    def of(cls, line: str) -> Pattern | None:
        """The pattern of a line; None for an empty one or a comment."""
        if line.startswith("#"):
            return None
        text = _trimmed(line)
        ignores = not text.startswith("!")
        text = text if ignores else text[1:]
        only_dirs = text.endswith("/")
        text = text[:-1] if only_dirs else text
        if not text:
            return None
        whole = "/" in text
        return cls(re.compile(_regex(text.removeprefix("/")), re.DOTALL), whole, only_dirs, ignores)

    def matches(self, path: str, *, is_dir: bool) -> bool:
        """Whether the pattern is one for a path, relative to the ignore file's folder."""
        if self.only_dirs and not is_dir:
            return False
        return self.regex.fullmatch(path if self.whole else path.rpartition("/")[2]) is not None


def patterns_of(lines: Iterable[str]) -> tuple[Pattern, ...]:
    """The patterns of the lines of an ignore file (bytes as latin-1)."""
    found = (Pattern.of(line) for line in lines)
    return tuple(pattern for pattern in found if pattern is not None)


def decide(patterns: Sequence[Pattern], path: str, *, is_dir: bool) -> bool | None:
    """Whether the path is ignored; None if no pattern says anything of it. The last that matches decides."""
    for pattern in reversed(patterns):
        if pattern.matches(path, is_dir=is_dir):
            return pattern.ignores
    return None


def _trimmed(line: str) -> str:
    """The line without the spaces at its end; one behind a backslash stays."""
    stripped = line.rstrip(" ")
    backslashes = len(stripped) - len(stripped.rstrip("\\"))
    return stripped + " " if backslashes % 2 and len(stripped) < len(line) else stripped


def _regex(text: str) -> str:
    out, at = "", 0
    while at < len(text):
        char = text[at]
        if char == "*":
            part, at = _stars(text, at)
        elif char == "?":
            part, at = "[^/]", at + 1
        elif char == "[":
            part, at = _set(text, at)
        else:
            at += char == "\\"
            part, at = re.escape(text[at]) if at < len(text) else _NEVER, at + 1
        out += part
    return out


def _stars(text: str, at: int) -> tuple[str, int]:
    end = at
    while end < len(text) and text[end] == "*":
        end += 1
    alone = (at == 0 or text[at - 1] == "/") and text[end : end + 1] in {"", "/"}
    if end - at == 1 or not alone:
        return "[^/]*", end
    return (".*", end) if end == len(text) else ("(?:.*/)?", end + 1)


def _set(text: str, start: int) -> tuple[str, int]:
    """A bracket expression, and where it ends; one that is never closed matches nothing."""
    at = start + 1
    negated = text[at : at + 1] in {"!", "^"}
    at += negated
    chars: set[str] = set()
    first, before = True, ""
    while first or text[at : at + 1] != "]":
        first = False
        found, at, before = _member(text, at, before)
        if found is None:
            return _NEVER, len(text)
        chars |= found
    chars = chars - {"/"} if not negated else chars | {"/"}
    escaped = "".join(f"\\x{ord(char):02x}" for char in sorted(chars))
    return (f"[^{escaped}]" if negated else f"[{escaped}]" if chars else _NEVER), at + 1


def _member(text: str, at: int, before: str) -> tuple[set[str] | None, int, str]:
    """What the next part of a bracket expression stands for, where it ends, and what a range may begin with."""
    char = text[at : at + 1]
    if char == "-" and before and text[at + 1 : at + 2] not in {"", "]"}:
        at += 1 + (text[at + 1] == "\\")
        last = text[at : at + 1]
        return ({chr(code) for code in range(ord(before), ord(last) + 1)} if last else None), at + 1, ""
    if text.startswith("[:", at):
        name, closing, _ = text[at + 2 :].partition(":]")
        if closing and "]" not in name:
            named = _CLASSES.get(name)
            return (None if named is None else set(named)), at + len(name) + 4, ""
    at += char == "\\"
    char = text[at : at + 1]
    return ({char} if char else None), at + 1, char
