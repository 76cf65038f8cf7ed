import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstance.corpus.masking import REPLACEMENT, Masker, drop_lines, mask_articles, recurrent_lines
from newstance.corpus.published_outlets import Outlet, Outlets

OUTLETS = Outlets(
    outlets=(
        Outlet(name="Harbour", hosts=("harbour-news.com",), names=("The Harbour News", "Harbour News", "HN")),
        Outlet(
            name="Ferry", hosts=("ferry.org", "ferry.co.uk"), names=("Ferry's Weekly", "Ferry/Poll"), words=("Tide",)
        ),
    )
)
MASKER = Masker(OUTLETS)
NAMES = [name for outlet in OUTLETS.outlets for name in outlet.names]
WORDS = ["rowers", "Harbour", "News", "the", "a", "tide", "Tide", "(", ")", "-", "/", ".", "By", "photo", "CLOSE", "@"]
PIECES = st.sampled_from(
    [*WORDS, *NAMES, "███", "www.ferry.org/boats", "harbour-news.com", ",", "\n", "Anna Berg", "via"]
)
TEXTS = st.lists(PIECES, max_size=14).map(" ".join) | st.text(max_size=40)


@given(TEXTS, st.sampled_from(["", "Harbour", "Ferry", "elsewhere"]))
def test_masking_twice_is_masking_once(text, outlet):
    once = MASKER.mask(text, outlet)
    assert MASKER.mask(once, outlet) == once


@given(TEXTS, st.sampled_from(["", "Harbour", "Ferry"]))
def test_no_declared_name_is_left(text, outlet):
    words = f" {' '.join(MASKER.mask(text, outlet).split())} "
    assert not any(f" {name} " in words for name in [*NAMES, "███", "harbour-news.com"])
    if outlet == "Ferry":
        assert " Tide " not in words


@given(
    st.lists(st.sampled_from(["rowers", "Harbour", "tide", "Tide", "(", ")", "-", "By", "via", "\n", "HNX"])).map(
        " ".join
    )
)
def test_a_text_without_names_stays_as_it_is(text):
    assert MASKER.mask_names(text) == text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("OSLO ( HN ) - The rowers left .", "OSLO The rowers left ."),
        ("HN - The rowers left .", "The rowers left ."),
        ("Rowers at noon ( Anna Berg/HN )", "Rowers at noon "),
        ("Rowers at noon ( Anna Berg/Pool via HN , File )", "Rowers at noon "),
        ("The crew told HARBOUR NEWS so .", "The crew told the outlet so ."),
        ("Ferry 's Weekly and Ferry ’ s Weekly said so .", "the outlet and the outlet said so ."),
        ("A Ferry/Poll found it , an HN poll not .", "the outlet found it , the outlet poll not ."),
        ("Read http : //m.ferry.co.uk/a?b=1 now", "Read the outlet now"),
        ("Write to @ HarbourNews or @HNsport .", "Write to the outlet or the outlet ."),
        ("See ███.com , says ███ .", "See the outlet , says the outlet ."),
        ("HNX and aHN and ferry.organic stay .", "HNX and aHN and ferry.organic stay ."),
        ("The tide ( see HN and the log ) turned .", "The tide ( see the outlet and the log ) turned ."),
        ("Harbour ( HN ) News met .", "the outlet met ."),
    ],
)
def test_names_and_credits_as_they_appear_in_articles(text, masked):
    assert MASKER.mask_names(text) == masked


def test_an_ambiguous_word_is_masked_in_its_outlets_own_articles_only():
    assert MASKER.mask_names("Tide reports .", "Ferry") == f"{REPLACEMENT} reports ."
    assert MASKER.mask_names("Tide reports .", "Harbour") == "Tide reports ."


def test_bylines_boilerplate_and_page_labels_are_dropped():
    long = "Rowers who want to race sign up here . " * 20
    lines = [
        "By Anna Berg and Ole Lund",
        "CLOSE Rowers left .",
        "Get the tide in your inbox .",
        long,
        "Read on .",
        "By noon they left .",
    ]
    assert drop_lines("\n".join(lines), {"Read on ."}) == f"Rowers left .\n{long}\nBy noon they left ."


def test_recurrent_lines_are_counted_by_article():
    assert recurrent_lines(["box\nbox\none", "box\ntwo", "three\n\n"], 2) == {"box"}


def test_articles_are_masked_with_the_paragraphs_that_recur():
    articles = pd.DataFrame(
        {
            "outlet": ["Harbour", "Ferry"],
            "title": ["HN today", "Tide"],
            "subtitle": "",
            "text": ["HN box\nRain .", "HN box\nSun ."],
        }
    )
    masked = mask_articles(articles, OUTLETS, recurrent=2)
    assert masked["text"].tolist() == ["Rain .", "Sun ."]
    assert masked["title"].tolist() == ["the outlet today", "the outlet"]
    assert articles["text"].tolist()[0] == "HN box\nRain ."


def test_without_outlets_nothing_is_masked():
    assert Masker(Outlets()).mask_names("HN and www.ferry.org") == "HN and www.ferry.org"
