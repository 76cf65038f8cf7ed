"""The documentation at /docs: the OpenAPI document as a plain page, without scripts or anything from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from newstance.serving.problems import KINDS

STYLESHEET = Path(__file__).parent / "templates" / "docs.css"


def page(openapi: dict[str, Any]) -> str:
    """Return the page for an OpenAPI document."""
    environment = Environment(
        loader=PackageLoader("newstance.serving"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("docs.html.j2").render(openapi=openapi, kinds=KINDS)
