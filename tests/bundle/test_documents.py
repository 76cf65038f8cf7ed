import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from newstance.bundle.answers import Article
from newstance.bundle.documents import Document
from newstance.models.fields import TextField
from newstance.models.mentions import target_sentences, without_accents

FIELDS = ["title", "text", "article", "target", "target_sentences", "masked_sentences"]
ALIASES = {"Noirin O'Sullivan": ["commissioner"], "travel ban": ["executive order"]}
WORDS = (
    "Noirin Nóirín O’Sullivan O'Sullivan commissioner travel ban bans executive order Mr. Dr. the EU said – ‘no’ 3.5"
)
sentence = st.tuples(
    st.lists(st.sampled_from(WORDS.split()), min_size=1, max_size=7).map(" ".join),
    st.sampled_from([".", "?", "...", ""]),
).map("".join)
# Drawn from few sentences, so that one often occurs twice.
text = st.lists(sentence, min_size=1, max_size=3).flatmap(
    lambda few: st.lists(st.sampled_from(few), max_size=6).flatmap(
        lambda chosen: st.sampled_from([" ", "\n", "  \n\n ", ""]).map(lambda between: between.join(chosen))
    )
)
anything = st.one_of(text, st.text(max_size=60))
# Its title is an accent and nothing else.
ACCENT = ("\u0301", "The ferry is late. The travel ban is over. A \u0301 \u0301. It sank.")
targets = st.sampled_from(["Noirin O'Sullivan", "travel ban", "European Union", "Ruritania", "São Tomé", "", " ", "(?"])


@settings(max_examples=300)
@given(st.one_of(st.just(""), anything), anything, targets)
@example(*ACCENT, "travel ban")
@example(*ACCENT, "Ruritania")
def test_every_field_is_what_the_models_read_in_training(title, text, target):
    document = Document(Article(title, text), ALIASES)
    table = pd.DataFrame({"title": [title], "text": [text], "target": [target]})
    for field in FIELDS:
        assert [document.passage(field, target).text] == TextField(field, ALIASES).transform(table), field


@settings(max_examples=300)
@given(st.one_of(st.just(""), anything), anything, targets)
@example(*ACCENT, "travel ban")
@example(*ACCENT, "Ruritania")
def test_spans_point_at_the_sentences_that_they_name(title, text, target):
    document = Document(Article(title, text), ALIASES)
    for one in document.sentences:
        assert one.text == {"title": title, "text": text}[one.field][one.start : one.end]
    for field in FIELDS:
        passage = document.passage(field, target)
        for number, (start, end) in passage.spans.items():
            found, whole = passage.text[start:end], document.sentences[number].text
            expected = {
                "target_sentences": without_accents(whole),
                # Of an article that is nothing but a title, the title is what is read.
                "masked_sentences": target_sentences(whole, "", target, ALIASES, mask=True),
            }
            assert found == expected.get(field, whole), field


@given(st.one_of(st.just(""), anything), anything)
def test_the_article_holds_all_sentences_in_order_and_the_title_first(title, text):
    document = Document(Article(title, text), ALIASES)
    spans = document.passage("article", "").spans
    assert list(spans) == list(range(len(document.sentences)))
    assert [start for start, _ in spans.values()] == sorted(start for start, _ in spans.values())
    assert [one.field for one in document.sentences[:1]] == ["title"] or not title


def test_a_repeated_sentence_is_two_sentences_in_two_places():
    document = Document(Article("", "The ferry is late. The ferry is late."), {})
    assert [(one.start, one.end) for one in document.sentences] == [(0, 18), (19, 37)]
    assert document.passage("target_sentences", "the ferry").spans == {0: (0, 18), 1: (19, 37)}


def test_sentences_that_do_not_name_the_target_are_left_out_and_keep_their_numbers():
    document = Document(Article("Fares", "A tram came. The ferry is late. Trams are slow. I like the ferry."), {})
    assert document.passage("target_sentences", "ferry").spans == {2: (0, 18), 4: (19, 36)}
    assert document.passage("masked_sentences", "ferry").text == "The TARGET is late. I like the TARGET."


def test_one_document_is_read_for_several_targets():
    document = Document(Article("", "The ferry is late. The tram is new."), {})
    for target, whole, masked in [
        ("ferry", "The ferry is late.", "The TARGET is late."),
        ("tram", "The tram is new.", "The TARGET is new."),
    ]:
        assert document.passage("target", target).text == target
        assert document.passage("target_sentences", target).text == whole
        assert document.passage("masked_sentences", target).text == masked
    assert document.passage("article", "tram") is document.passage("article", "ferry")


def test_where_no_sentence_names_the_target_title_and_first_sentences_are_read():
    document = Document(Article("Fares", "One came. Two went. Three stayed. Four slept."), {})
    assert list(document.passage("target_sentences", "Ruritania").spans) == [0, 1, 2, 3]


@pytest.mark.parametrize("field", FIELDS)
def test_halves_of_characters_are_replaced_one_for_one(field):
    broken = Document(Article("A \udc00 title", "The \ud800 ferry is late. It\ud83d\ude00 sank."), {})
    assert broken.article == Article("A \ufffd title", "The \ufffd ferry is late. It\ufffd\ufffd sank.")
    broken.passage(field, "ferry").text.encode()


def test_targets_are_kept_as_they_are_given_and_none_stays_none():
    assert Document(Article("", "", ["b", "a\ud800", "b"]), {}).article.targets == ["b", "a\ufffd", "b"]
    assert Document(Article("", "", []), {}).article.targets == []
    assert Document(Article("", ""), {}).article.targets is None
