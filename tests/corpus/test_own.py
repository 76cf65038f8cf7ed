from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstance.corpus.own import describe, parse, read
from newstance.errors import NewstanceError
from newstance.settings import CorpusSettings
from newstance.tables import ARTICLE_COLUMNS

SEEDS = Path(__file__).parents[2] / "seeds" / "articles"
PASTED = """Council opens the new ferry line

Council opens the new ferry line

Port Lenn: The first ferry left at noon with eighty people on board.

It returned an hour later, "on time and dry", as its captain said.


Follow the Harbour Herald readers channel on WhatsApp:
https://example.org/channel/1

The comments posted here are not from the Harbour Herald. Please refrain from derogatory words in your comments."""


@pytest.fixture
def article(tmp_path):
    def write(content: str | bytes):
        path = tmp_path / "ferry.txt"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return parse(path)

    return write


def test_a_pasted_article_is_freed_of_what_surrounds_it(article):
    found = article(PASTED)
    assert found.article_id == "ferry"
    assert found.title == "Council opens the new ferry line"
    assert found.dateline == "Port Lenn"
    assert found.text.split("\n\n") == [
        "The first ferry left at noon with eighty people on board.",
        'It returned an hour later, "on time and dry", as its captain said.',
    ]
    assert [line.split()[0] for line in found.stripped] == ["Council", "Follow", "https://example.org/channel/1", "The"]
    assert (found.outlet, found.url, found.subtitle) == ("", "", "")
    assert pd.isna(found.published)


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(article):
    assert article("\ufeff" + PASTED.replace("\n", "\r\n")) == article(PASTED)


def test_front_matter_stands_before_the_title(article):
    found = article("\noutlet: Herald\nURL: https://example.org/1\npublished: 2026-03-14\n\nFerry: a start\nIt sailed.")
    assert (found.outlet, found.url, found.title) == ("Herald", "https://example.org/1", "Ferry: a start")
    assert found.published == pd.Timestamp("2026-03-14")
    assert found.text == "It sailed."


@pytest.mark.parametrize(
    "title", ["Ferry: a new start", "Outlets: a history", "https://example.org", "Is it? Note: no"]
)
def test_a_title_with_a_colon_is_no_front_matter(article, title):
    assert article(f"{title}\n\nIt sailed.").title == title


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("outlet: Herald\nauthor: Kim\n\nFerry\n\nIt sailed.", r"ferry\.txt, line 2: unknown key 'author'; use outlet"),
        ("\nauthor: Kim\n\nFerry\n\nIt sailed.", "line 2: unknown key 'author'"),
        ("outlet: Herald\nFerry\n\nIt sailed.", "line 2: 'Ferry' is no 'key: value'; end the front matter"),
        ("outlet: a\noutlet: b\n\nFerry\n\nIt sailed.", "line 2: key 'outlet' occurs twice"),
        ("published: spring\n\nFerry\n\nIt sailed.", "line 1: 'spring' is no date; write it as YYYY-MM-DD"),
        ("outlet: Herald\n", "has no title"),
        ("", "has no title"),
        (" \n\t\n", "has no title"),
        ("Ferry\n", "has a title but no text"),
        ("Ferry\n\nFERRY\n\nFollow us on Telegram\n", "has a title but no text"),
        (b"Ferry\n\nIt \xff sailed.", r"is not UTF-8 \(byte 10\)"),
    ],
)
def test_what_is_no_article_is_refused(article, content, message):
    with pytest.raises(NewstanceError, match=message):
        article(content)


@pytest.mark.parametrize(
    ("start", "dateline"),
    [
        ("Tajikistan: The", "Tajikistan"),
        ("NEW DELHI, March 3 — The", "NEW DELHI, March 3"),
        ("MOSCOW (Reuters) - The", "MOSCOW (Reuters)"),
        ("Rio de Janeiro – “The", "Rio de Janeiro"),
    ],
)
def test_datelines_are_taken_off(article, start, dateline):
    found = article(f"Ferry\n\n{start} ferry sailed.")
    assert found.dateline == dateline
    assert found.text == start.removeprefix(dateline).lstrip(" :—–-") + " ferry sailed."


@pytest.mark.parametrize(
    "text",
    [
        "Note: The ferry sails.",
        "The captain said: We sail.",
        "Yesterday — and today — it sails",
        "It – 12 metres long – sails.",
    ],
)
def test_sentences_are_no_datelines(article, text):
    assert article(f"Ferry\n\n{text}").text == text


@pytest.mark.parametrize(
    "line",
    [
        "Join our Telegram channel",
        "Subscribe to our weekly newsletter: https://example.org/letter",
        "Please follow us on Facebook and Instagram.",
        "www.example.org/app",
        "Views expressed in the comments are the readers' own.",
        "Kindly refrain from posting obscene or offensive comments.",
    ],
)
def test_promotions_and_disclaimers_at_the_end_are_left_out(article, line):
    found = article(f"Ferry\n\nIt sailed.\n\n{line}\n")
    assert found.text == "It sailed."
    assert found.stripped == (line,)


@pytest.mark.parametrize(
    "line",
    [
        "Following the vote, the channel was closed to ferries.",
        "The comments of the minister were not kind.",
        "He asked them to refrain from smoking.",
        "Join hands across the river, the song says.",
    ],
)
def test_ordinary_last_sentences_stay(article, line):
    assert article(f"Ferry\n\nIt sailed.\n\n{line}").text == f"It sailed.\n\n{line}"


def test_a_promotion_within_the_text_stays(article):
    text = "Join our Telegram channel\n\nIt sailed."
    assert article(f"Ferry\n\n{text}").text == text


SENTENCES = st.lists(
    st.sampled_from(["the", "ferry", "sailed", "at noon", "12", "“again”", "–", "captain’s:", "café"]), min_size=1
).map(lambda words: "It " + " ".join(words) + ".")


@given(st.lists(SENTENCES, min_size=1, max_size=6), st.sampled_from(["\n\n", "\r\n\r\n", "\n\n\n"]))
def test_paragraphs_survive(paragraphs, gap):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.txt"
        path.write_bytes(gap.join(["Ferry sails", *paragraphs, "Follow us on WhatsApp"]).encode())
        assert parse(path).text.split("\n\n") == paragraphs


@given(st.binary(max_size=200) | st.text(st.sampled_from("Aa:\n\r é-—https/.wu0 "), max_size=60).map(str.encode))
def test_any_file_is_an_article_or_a_clear_error(content):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.txt"
        path.write_bytes(content)
        try:
            found = parse(path)
        except NewstanceError:
            return
        assert found.title
        assert found.text


def test_a_folder_is_read_in_the_order_of_names(tmp_path):
    for name in ("b", "a"):
        (tmp_path / f"{name}.txt").write_text(f"Title {name}\n\nText {name}.", encoding="utf-8")
    (tmp_path / "notes.md").write_text("no article", encoding="utf-8")
    table = read(CorpusSettings(own_articles=tmp_path), tmp_path)
    assert tuple(table.columns) == ARTICLE_COLUMNS
    assert table["article_id"].tolist() == ["a", "b"]
    assert table["published"].isna().all()


def test_without_a_folder_there_are_no_articles(tmp_path):
    table = read(CorpusSettings(own_articles=tmp_path / "none"), tmp_path)
    assert table.empty
    assert tuple(table.columns) == ARTICLE_COLUMNS


def test_the_seeds_are_read_without_what_surrounds_them():
    table = read(CorpusSettings(own_articles=SEEDS), SEEDS).set_index("article_id")
    assert (table["text"].str.split().str.len() >= 150).all()
    assert not table["text"].str.contains("example.org|Comments posted|newsletter|channel", regex=True).any()
    assert table.loc["river-otters-return", "outlet"] == "Valley Courier"
    assert parse(SEEDS / "dushanbe-summit-trade.txt").dateline == "Dushanbe"


def test_an_article_is_shown_with_what_was_stripped_and_why(article):
    lines = describe(article(PASTED)).splitlines()
    assert lines == [
        "article_id  ferry",
        "title       Council opens the new ferry line",
        "outlet      (not given)",
        "url         (not given)",
        "published   (not given)",
        "dateline    Port Lenn",
        "text        24 words in 2 paragraphs",
        "         1  The first ferry left at noon with eighty people on board.",
        '         2  It returned an hour later, "on time and dry", as its captain said.',
        "stripped    repeated title: Council opens the new ferry line",
        "stripped    promotion: Follow the Harbour Herald readers channel on WhatsApp:",
        "stripped    link: https://example.org/channel/1",
        "stripped    disclaimer: The comments posted here are not from the Harbour …",
    ]


def test_front_matter_is_shown_and_a_long_url_stays_whole(article):
    url = "https://example.org/" + "a-very-long-path/" * 6
    shown = describe(article(f"outlet: Herald\nurl: {url}\npublished: 2026-03-14\n\nFerry\n\nSailed."))
    assert f"outlet      Herald\nurl         {url}\npublished   2026-03-14\n" in shown
    assert "text        1 word in 1 paragraph\n" in shown
    assert shown.endswith("stripped    (nothing)")


def test_a_long_title_is_shown_in_full_within_the_width(article):
    title = "Council opens the new ferry line after a year of quarrels, delays and two lost captains"
    shown = describe(article(f"{title}\n\n{'ferry' * 40}")).splitlines()
    assert " ".join(" ".join(shown[1:3]).split()) == f"title {title}"
    assert shown[-2].endswith("ferryf …")
    assert max(map(len, shown)) == 80


@given(st.lists(SENTENCES, min_size=1, max_size=4), st.integers(30, 100))
def test_every_paragraph_begins_in_one_line_of_the_width(paragraphs, width):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.txt"
        path.write_text("\n\n".join(["Ferry", *paragraphs]), encoding="utf-8")
        shown = describe(parse(path), width).splitlines()
    assert max(map(len, shown)) <= width
    for line, paragraph in zip(shown[-len(paragraphs) - 1 : -1], paragraphs, strict=True):
        text = line.split(maxsplit=1)[1]
        assert text == paragraph or paragraph.startswith(text.removesuffix(" …"))
