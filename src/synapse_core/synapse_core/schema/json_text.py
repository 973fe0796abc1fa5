"""JSON text without the cost of getting ready: `text_encoder`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


def text_encoder(
    default: Callable[[Any], Any] | None = None,
    *,
    ensure_ascii: bool = True,
    sort_keys: bool = False,
    allow_nan: bool = True,
) -> Callable[[Any], str]:
    """As `json.JSONEncoder.encode`, which takes longer to make its C encoder, for every value, than to encode.

    There are no spaces in the text. Data that contains itself raises a RecursionError.

    Args:
        default: what stands for a value that is no JSON data; raises TypeError where nothing does.
        ensure_ascii: as for `json.dumps`.
        sort_keys: as for `json.dumps`.
        allow_nan: as for `json.dumps`.
    """
    encoder = json.JSONEncoder(
        ensure_ascii=ensure_ascii, sort_keys=sort_keys, allow_nan=allow_nan, separators=(",", ":"), default=default
    )
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return encoder.encode
    quote = json.encoder.encode_basestring_ascii if ensure_ascii else json.encoder.encode_basestring
    parts = make(None, encoder.default, quote, None, ":", ",", sort_keys, False, allow_nan)
    return lambda value: "".join(parts(value, 0))
