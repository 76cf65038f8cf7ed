"""What schemathesis doesn't know: how a stream of JSON Lines is sent."""

from __future__ import annotations

import json
from typing import Any

import schemathesis

from newstance.serving.lines import MEDIA_TYPES


@schemathesis.serializer(*MEDIA_TYPES)
def json_lines(_: Any, value: Any) -> bytes:
    """Send a text as it is, since a stream is any text, and everything else as a line."""
    return (value if isinstance(value, str) else json.dumps(value)).encode("utf-8", "replace")
