import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from newstance.errors import NewstanceError
from newstance.notebooks import display
from newstance.notebooks.display import quote, say, show, with_palette
from newstance.reporting.drawing import Chart, finish, house_style, new_figure


def chart(*values: float) -> Chart:
    with house_style():
        figure = new_figure(2, "Ferries were late")
        axes = figure.subplots()
        if values:
            axes.plot(values)
        return finish(figure, "ferries", "Ferries were late", "Delay by month.")


@pytest.fixture
def shown(monkeypatch) -> list[tuple[Any, dict[str, Any]]]:
    found = []
    monkeypatch.setattr(display, "display", lambda what, **options: found.append((what, options)))
    return found


def test_a_figure_is_shown_as_a_picture_with_its_title_and_caption_for_those_who_do_not_see_it(shown):
    show(chart(1, 2))
    (picture, options), (caption, _) = shown
    assert picture["image/png"].startswith(b"\x89PNG")
    assert options["metadata"]["image/png"]["alt"] == "Ferries were late. Delay by month."
    assert caption.data == "*Delay by month.*"


def test_a_picture_is_smaller_with_a_palette_and_looks_the_same():
    stream = io.BytesIO()
    chart(1, 3, 2).figure.savefig(stream, format="png")
    before, after = (
        np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), dtype=int)
        for png in (stream.getvalue(), with_palette(stream.getvalue()))
    )
    assert len(with_palette(stream.getvalue())) < len(stream.getvalue()) / 1.5
    assert np.abs(before - after).max() <= 8


def test_an_empty_figure_is_refused():
    with pytest.raises(NewstanceError, match="'Ferries were late' is empty"):
        show(chart())


def test_text_is_shown_as_markdown(shown):
    say("Late: **3** of 4.")
    assert shown[0][0].data == "Late: **3** of 4."


@given(st.text(), st.integers(1, 20))
def test_a_quote_has_the_first_words_and_says_when_there_were_more(text, words):
    quoted = quote(text, words)
    assert quoted.removesuffix(" …").split() == text.split()[:words] or text.split()[:words][-1:] == ["…"]
    assert quoted.endswith(" …") or len(text.split()) <= words
