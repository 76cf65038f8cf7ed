import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import BertProcessing

from newstance.notebooks import lengths
from newstance.notebooks.corpus import OWN
from newstance.settings import EvaluationSettings

SETTINGS = EvaluationSettings(resamples=100)


def test_tokens_are_of_title_and_text_and_their_marks_and_are_neither_cut_nor_filled_up(tmp_path):
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding(length=8)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    articles = pd.DataFrame({"title": ["Fog", "Ferry late"], "text": ["Fog", "The ferry was very late."]}, [5, 3])
    tokens = lengths.count_tokens(articles, str(tmp_path))
    assert tokens[5] == len("[CLS] Fog . Fog [SEP]".split())
    assert tokens[3] == len("[CLS] Ferry late . The ferry was very late . [SEP]".split())


def test_a_budget_reads_short_articles_whole_and_of_long_ones_a_part():
    (row,) = lengths.reach(pd.Series([50, 100, 400, 400]), [100], SETTINGS).to_dict("records")
    assert (row["whole"], row["read"]) == (0.5, (1 + 1 + 0.25 + 0.25) / 4)
    assert row["whole_low"] < 0.5 < row["whole_high"]
    assert row["read_low"] < row["read"] < row["read_high"]


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=30), st.integers(1, 4000))
def test_a_larger_budget_never_reads_less(tokens, budget):
    table = lengths.reach(pd.Series(tokens), [budget, budget + 1], SETTINGS)
    assert table["whole"].is_monotonic_increasing
    assert table["read"].is_monotonic_increasing
    assert (table["read"] >= table["whole"]).all()
    assert table.to_numpy()[:, 1:].max() <= 1 + 1e-9


def test_the_figure_of_budgets_says_what_they_hold():
    chart = lengths.reading(pd.Series([128, 512, 1024]), SETTINGS, budgets=(256, 512))
    assert chart.title.replace("\N{NO-BREAK SPACE}", " ") == (
        "256 tokens hold 58.3 % of an average article; 512 tokens hold 83.3 %"
    )
    marks = sorted(text.get_text().split("\N{NO-BREAK SPACE}")[0] for text in chart.figure.axes[0].texts)
    assert marks == ["33.3", "58.3", "66.7", "83.3"]


def test_the_same_is_said_in_words_with_intervals():
    text = lengths.reading_in_words(pd.Series([128, 512, 1024]), SETTINGS).replace("\N{NO-BREAK SPACE}", " ")
    assert text.startswith("The median article has 512 tokens.")
    assert "**512 tokens**, 66.7 % [20.8 %, 93.9 %] of the articles are read whole" in text


@pytest.mark.parametrize(
    ("outlets", "title"),
    [("ab", "The median article has 150 words: 200 at b, 100 at a"), ("aa", "The median article has 150 words")],
)
def test_the_figure_of_lengths_compares_outlets_and_leaves_own_articles_out(outlets, title):
    articles = pd.DataFrame({"shown_outlet": [*outlets, OWN], "words": [100, 200, 9000]})
    chart = lengths.words_by_outlet(articles)
    assert chart.title == title
    assert [label.get_text() for label in chart.figure.axes[0].get_yticklabels()] == sorted(set(outlets), reverse=True)
    assert np.isfinite(chart.figure.axes[0].get_xlim()).all()
