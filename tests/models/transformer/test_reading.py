import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from newstance.errors import NewstanceError
from newstance.models.mentions import mentioning, sentence_spans, sentences
from newstance.models.transformer.reading import arrange, article_texts, head_and_tail, mention_tokens, mentions_first

# All of them are one token each for the tiny tokenizer.
WORDS = ["the", "council", "praised", "ferry", "bridge", "harbour", "school", "and", "terrible", "today"]
sentence = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(
    lambda words: f"{' '.join(words).capitalize()}."
)
article = st.lists(sentence, min_size=0, max_size=8).map(" ".join)


@pytest.fixture(scope="session")
def tokenizer(tiny_backbone):
    return AutoTokenizer.from_pretrained(tiny_backbone)


@given(words=st.lists(st.sampled_from(WORDS), min_size=0, max_size=40), tokens=st.integers(2, 50))
def test_head_and_tail_are_the_first_and_last_words_that_fit(tokenizer, words, tokens):
    found = head_and_tail(" ".join(words), tokenizer, tokens).split()
    half = tokens // 2
    assert found == (words if len(words) <= tokens else words[:half] + words[-half:])


@given(text=st.text(max_size=80), tokens=st.integers(2, 30))
def test_head_and_tail_are_the_ends_of_any_text(tokenizer, text, tokens):
    found = head_and_tail(text, tokenizer, tokens)
    if len(tokenizer.tokenize(text)) <= tokens:
        assert found == text
    else:
        assert any(
            text.startswith(found[:place]) and text.endswith(found[place + 1 :]) and found[place] == " "
            for place in range(len(found))
        )


@given(text=article, target=st.sampled_from(["ferry", "bridge", "school"]))
def test_sentences_that_mention_the_target_come_first_and_none_is_lost(text, target):
    parts = list(sentences(text))
    title, rest = mentions_first("News", text, target, {}).split(".", 1)
    found = list(sentences(rest))
    assert title == "News"
    assert sorted(found) == sorted(parts)
    near = [
        one
        for number, one in enumerate(parts)
        if any(target in other.lower().strip(".").split() for other in parts[max(0, number - 1) : number + 2])
    ]
    if near:
        others = list(parts)
        for one in near:
            others.remove(one)
        assert found[: len(near)] == near  # in the article's order
        assert sorted(found[len(near) :]) == sorted(others)


def test_sentences_away_from_a_mention_keep_their_order():
    text = "One rose. Two rose. Three rose. The ferry left. Five rose. Six rose."
    assert mentions_first("News", text, "ferry", {}) == (
        "News. Three rose. The ferry left. Five rose. One rose. Two rose. Six rose."
    )
    assert mentions_first("News", text, "boat", {"boat": ["ferry"]}).startswith("News. Three rose. The ferry left.")
    assert mentions_first("News", text, "tax", {}) == f"News. {text}"


@given(parts=st.lists(st.tuples(sentence, st.booleans()), min_size=0, max_size=8))
def test_a_token_is_marked_exactly_where_its_sentence_mentions_the_target(tokenizer, parts):
    text = " ".join(one for one, _ in parts)
    spans, start = [], 0
    for one, _ in parts:
        spans.append((start, start + len(one)))
        start += len(one) + 1
    encoded = tokenizer(text, return_offsets_mapping=True)
    flags = mention_tokens(text, encoded["offset_mapping"], spans, [named for _, named in parts])
    expected = [named for one, named in parts for _ in tokenizer.tokenize(one)]
    assert flags == [False, *expected, False]


def test_marked_tokens_are_those_of_the_sentences_with_the_target(tokenizer):
    text = "News today. The ferry left. The bridge stays."
    encoded = tokenizer(text, return_offsets_mapping=True)
    spans = list(sentence_spans(text))
    flags = mention_tokens(text, encoded["offset_mapping"], spans, mentioning(text, spans, "ferry", {}))
    marked = [token for token, flag in zip(encoded.tokens(), flags, strict=True) if flag]
    assert marked == ["the", "ferry", *tokenizer.tokenize("left"), "."]


@pytest.mark.parametrize("truncation", ["head", "windows"])
def test_titles_come_first_and_short_articles_are_read_as_they_are(tokenizer, truncation):
    table = pd.DataFrame({"title": ["Fares", ""], "text": ["The ferry is old.", ""]})
    assert arrange(table, truncation, tokenizer, 16, {}) == ["Fares. The ferry is old.", ". "]
    assert article_texts(table) == ["Fares. The ferry is old.", ". "]
    assert arrange(table, "head-tail", tokenizer, 64, {}) == article_texts(table)


def test_head_and_tail_leave_room_for_the_name_of_the_target(tokenizer):
    table = pd.DataFrame(
        {"title": "news", "text": " ".join(WORDS * 5), "target": ["ferry", "the ferry and the bridge"]}
    )
    short, long = (len(tokenizer.tokenize(text)) for text in arrange(table, "head-tail", tokenizer, 24, {}))
    assert (short, long) == (18, 14)
    assert len(tokenizer("ferry", arrange(table, "head-tail", tokenizer, 24, {})[0])["input_ids"]) <= 24


@pytest.mark.parametrize("truncation", ["head", "head-tail", "windows", "mentions-first"])
def test_a_missing_column_is_named(tokenizer, truncation):
    table = pd.DataFrame({"title": ["Fares"], "target": ["ferry"]})
    with pytest.raises(NewstanceError, match=r"column\(s\) text, which"):
        arrange(table, truncation, tokenizer, 16, {})
    assert arrange(table.assign(text="Old."), truncation, tokenizer, 16, {}) == ["Fares. Old."]
