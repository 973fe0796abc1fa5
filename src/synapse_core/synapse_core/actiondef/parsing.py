"""Syntax trees, made by one thread at a time: `PARSING`."""

from __future__ import annotations

import threading

PARSING = threading.RLock()
"""Held while source is parsed. CPython 3.11 counts how deep a tree is for all threads together; where two parse at once
it may raise a SystemError (``AST constructor recursion depth mismatch``)."""
