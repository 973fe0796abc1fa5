"""A TOML file's values, or an error that says where in the file it is wrong."""

from __future__ import annotations

import os
from typing import Any

from synapse_core.errors import EnvironmentValueError


def read_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The file's tables, as nested dicts.

    Raises:
        EnvironmentValueError: It cannot be read, is not UTF-8, or is no TOML.
    """
    import tomllib
    from pathlib import Path

    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise EnvironmentValueError(f"cannot read {path}: {error.strerror or error}") from error
    try:
        return tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise EnvironmentValueError(f"{path}, line {line}: not UTF-8 text", hint="TOML is always UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise EnvironmentValueError(_place(path, str(error))) from error


def _place(path: str | os.PathLike[str], message: str) -> str:
    """``Invalid value (at line 3, column 5)`` as ``config.toml, line 3, column 5: Invalid value``."""
    what, found, where = message.rpartition(" (at ")
    return f"{path}, {where.rstrip(')')}: {what}" if found else f"{path}: {message}"
