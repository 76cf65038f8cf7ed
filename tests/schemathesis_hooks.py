"""What schemathesis doesn't know: how a stream of JSON Lines is sent."""

from __future__ import annotations

from typing import Any

import schemathesis

from newstance.serving.lines import MEDIA_TYPES


@schemathesis.serializer(*MEDIA_TYPES)
def json_lines(_: Any, value: Any) -> bytes:
    """Send the text as it is: a stream is any text."""
    return str(value).encode("utf-8", "replace")
