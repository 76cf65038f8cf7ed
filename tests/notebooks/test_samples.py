from types import SimpleNamespace

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from newstance.bundle.answers import Article
from newstance.notebooks.samples import as_articles, draw_articles, without
from newstance.settings import EvaluationSettings


def project(rows: int) -> SimpleNamespace:
    table = pd.DataFrame({"article_id": [f"n{number // 2}" for number in range(rows)], "split": "test"})
    table["split"] = table["split"].where(table.index % 10 < 8, "train")
    settings = SimpleNamespace(evaluation=EvaluationSettings())
    return SimpleNamespace(settings=settings, prepared=lambda task: table)


def test_test_articles_are_drawn_once_each_and_the_same_ones_again():
    first, again = (draw_articles(project(60), "view", 10) for _ in range(2))
    assert first["article_id"].is_unique
    assert set(first["split"]) == {"test"}
    assert len(first) == 10
    pd.testing.assert_frame_equal(first, again)
    assert len(draw_articles(project(10), "view", 99)) == 4


def test_articles_ask_about_their_target_where_they_have_one():
    table = pd.DataFrame({"title": ["A ferry"], "text": ["It sank."]})
    assert as_articles(table) == [Article("A ferry", "It sank.", [])]
    assert as_articles(table.assign(target="ferry")) == [Article("A ferry", "It sank.", ["ferry"])]


@given(st.lists(st.text("abc", min_size=1, max_size=5), min_size=1, max_size=8), st.data())
def test_what_is_left_out_is_gone_and_all_else_stays_in_order(parts, data):
    text, spans, kept, position = "".join(parts), [], [], 0
    for part in parts:
        if data.draw(st.booleans()):
            spans.append(("text", position, position + len(part)))
        else:
            kept.append(part)
        position += len(part)
    shuffled = data.draw(st.permutations(spans))
    assert without(Article("Title", text, ["x"]), shuffled) == Article("Title", "".join(kept), ["x"])
    assert without(Article(text, "Text"), [("title", 0, len(text))]) == Article("", "Text")
