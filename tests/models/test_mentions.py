import re
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from newstance.errors import NewstanceError
from newstance.models.mentions import (
    MASK,
    mentioning,
    names_of,
    read_aliases,
    sentence_spans,
    sentences,
    target_sentences,
    without_accents,
)

ALIASES = {
    "Garda Siochana": ["garda", "gardaí"],
    "Islamic State": ["ISIS", "Daesh"],
    "travel ban": ["executive order", "ban"],
    "C++ (language)": ["c++"],
}
TARGETS = [*ALIASES, "Donald Trump", "European Union", "Noirin O'Sullivan", "São Tomé", "North Korea", "border wall"]
WORDS = ["ferry", "is", "the", "against", "Trump", "Union", "EU", "European", "travel", "Ban", "ban", "urban", "Garda"]
WORDS += ["gardaí", "Tome", "Tomé", "São", "O'Sullivan", "O’Sullivan", "ISIS", "wall", "border", "C++", "(language)"]

sentence = st.lists(st.sampled_from(WORDS), min_size=1, max_size=7).map(lambda words: f"Then {' '.join(words)}.")
article = st.lists(sentence, min_size=1, max_size=6)


def as_parts(found: str, candidates: list[str]) -> list[str] | None:
    """The candidates whose sequence is `found`, or None when it is no sequence of them."""
    parts = []
    for candidate in candidates:
        if found == candidate or found.startswith(f"{candidate} "):
            parts.append(candidate)
            found = found[len(candidate) + 1 :]
    return None if found else parts


def occurs(name: str, text: str) -> bool:
    flags = re.IGNORECASE if name == name.lower() else re.NOFLAG
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, flags) is not None


@given(article, st.sampled_from(TARGETS))
def test_only_whole_sentences_of_the_article_are_returned_in_order(parts, target):
    title, *rest = (without_accents(part) for part in parts)
    found = target_sentences(parts[0], " ".join(parts[1:]), target, ALIASES)
    assert as_parts(found, [title, *rest])


@given(article, st.sampled_from(TARGETS))
def test_every_sentence_with_a_name_is_returned(parts, target):
    found = target_sentences(parts[0], " ".join(parts[1:]), target, ALIASES)
    for part in map(without_accents, parts):
        if any(occurs(name, part) for name in names_of(target, ALIASES)):
            assert part in found


@given(article, st.sampled_from(TARGETS))
def test_masked_sentences_hold_no_name_of_the_target(parts, target):
    masked = target_sentences(parts[0], " ".join(parts[1:]), target, ALIASES, mask=True)
    assert not [name for name in names_of(target, ALIASES) if occurs(name, masked)]


@given(article, st.sampled_from(TARGETS))
def test_masking_changes_names_and_nothing_else(parts, target):
    title, text = parts[0], " ".join(parts[1:])
    masked = target_sentences(title, text, target, ALIASES, mask=True)
    plain = target_sentences(title, text, target, ALIASES)
    between = [re.escape(piece) for piece in masked.split(MASK)]
    assert re.fullmatch(".+".join(between), plain)


@given(st.text(), st.text(), st.text(min_size=1), st.booleans())
def test_a_non_empty_article_never_gives_an_empty_text(title, text, target, mask):
    assume(re.search(r"[A-Za-z]", title + text))
    assume(target.strip())
    assert target_sentences(title, text, target, {}, mask=mask).strip()


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("Donald Trump", ["Donald Trump", "Trump", "DT"]),
        ("Trump administration", ["Trump administration"]),
        ("European Union", ["European Union", "Union", "EU"]),
        ("Bank of England", ["Bank of England", "England", "BE"]),
        ("North Korea", ["North Korea", "NK"]),
        ("travel ban", ["travel ban", "executive order", "ban"]),
        ("Garda Siochana", ["Garda Siochana", "Siochana", "GS", "garda", "gardai"]),
        ("Russia", ["Russia"]),
    ],
)
def test_names_are_the_target_its_last_name_its_initials_and_its_aliases(target, names):
    assert names_of(target, ALIASES) == names


@pytest.mark.parametrize(
    ("target", "named", "other"),
    [
        ("Donald Trump", "Mr Trump's plane left.", "They trump every card."),
        ("United States", "The US agreed.", "Let us agree."),
        ("Islamic State", "Fighters of IS fled.", "This is all."),
        ("Islamic State", "Fighters of ISIS fled.", "Isis was a goddess."),
        ("travel ban", "BANS and a Ban followed.", "The urban bank closed."),
        ("travel ban", "The Executive Order stands.", "An order stands."),
        ("São Tomé", "Sao Tome voted.", "Tom voted."),
        ("Sao Tome", "São Tomé voted.", "Tom voted."),
        ("Garda Siochana", "Two Gardaí came.", "Two gardens came."),
        ("Noirin O'Sullivan", "Ms O’Sullivan spoke.", "Ms Sullivan spoke."),
        ("European Union", "The Union spoke.", "The european unions spoke."),
        ("border wall", "The border\nwall stands.", "The border stays and the wall too."),
        ("North Korea", "North Korea fired.", "South Korea watched."),
        ("Russia", "A Russia-led group met.", "A Prussia-led group met."),
        ("C++ (language)", "They wrote C++ (language) daily.", "They wrote Cxx language daily."),
    ],
)
def test_names_are_whole_words_with_capitals_as_written_and_accents_ignored(target, named, other):
    found = target_sentences("", f"{other} {named} {other}", target, ALIASES)
    assert found == without_accents(named)


def test_the_longest_name_is_masked_first():
    aliases = {"travel ban": ["travel", "Travel ban order"]}
    masked = target_sentences("Travel ban order", "The travel ban stands. We travel.", "travel ban", aliases, mask=True)
    assert masked == "TARGET The TARGET stands. We TARGET."


def test_the_title_counts_as_a_sentence():
    assert target_sentences("Ferry fares rise", "Nobody is surprised.", "ferry", {}) == "Ferry fares rise"


def test_without_a_name_sentences_with_the_stem_of_a_content_word_are_taken():
    text = "A storm of sorts came. The deported man spoke. It rained. His deportation order was new."
    assert target_sentences("News", text, "deportations of men", {}) == (
        "The deported man spoke. His deportation order was new."
    )


def test_without_name_and_stem_the_title_and_the_first_sentences_are_taken():
    text = "One came. Two came. Three came. Four came."
    assert target_sentences("Counting", text, "tax", {}) == "Counting One came. Two came. Three came."
    assert target_sentences("", text, "tax", {}, mask=True) == "One came. Two came. Three came. Four came."


def test_stems_are_no_fallback_for_articles_that_name_the_target():
    text = "The ferries wait. A ferry left."
    assert target_sentences("Port", text, "ferry", {}) == "A ferry left."


def test_sentences_are_stripped_and_titles_of_people_end_none():
    assert sentences(" Dr. Smith left.  Mr. Jones stayed.\n\nNight fell. ") == (
        "Dr. Smith left.",
        "Mr. Jones stayed.",
        "Night fell.",
    )


@given(st.one_of(st.text(), article.map("\n\n ".join)))
def test_spans_are_the_sentences_in_order_and_leave_out_white_space_only(text):
    spans = sentence_spans(text)
    assert tuple(text[start:end] for start, end in spans) == sentences(text)
    ends = [0, *(end for _, end in spans)]
    starts = [*(start for start, _ in spans), len(text)]
    assert all(not text[end:start].strip() for end, start in zip(ends, starts, strict=True))


def test_a_repeated_sentence_has_a_span_each_time():
    assert sentence_spans("It rained. It rained. Night fell.") == ((0, 10), (11, 21), (22, 33))


@given(article, st.sampled_from(TARGETS))
def test_exactly_the_sentences_with_a_name_mention_a_target(parts, target):
    text = " ".join(parts)
    spans = sentence_spans(text)
    found = mentioning(text, spans, target, ALIASES)
    assert found.dtype == bool
    plain = [without_accents(text[start:end]).replace("’", "'") for start, end in spans]
    named = [any(occurs(name, one) for name in names_of(target, ALIASES)) for one in plain]
    if any(named):
        assert found.tolist() == named
    if found.any():
        kept = [without_accents(text[start:end]) for (start, end), flag in zip(spans, found, strict=True) if flag]
        assert target_sentences("", text, target, ALIASES) == " ".join(kept)


@pytest.mark.parametrize(
    ("text", "target", "found"),
    [
        ("Gardaí came. Two gardens came.", "Garda Siochana", [True, False]),
        ("A storm came. The deported man spoke.", "deportations of men", [False, True]),
        ("The ferries wait. A ferry left.", "ferry", [False, True]),
        ("It rained. It snowed.", "ferry", [False, False]),
        ("", "ferry", []),
    ],
)
def test_stems_count_as_mentions_where_nothing_names_the_target(text, target, found):
    assert mentioning(text, sentence_spans(text), target, ALIASES).tolist() == found


def test_a_missing_alias_file_means_no_aliases(tmp_path):
    assert read_aliases(tmp_path / "none.yaml") == {}


def test_aliases_are_read(tmp_path):
    path = tmp_path / "aliases.yaml"
    path.write_text("# names\nIslamic State: [ISIS, Daesh]\nSão Tomé: [Sao Tome]\n", encoding="utf-8")
    assert read_aliases(path) == {"Islamic State": ["ISIS", "Daesh"], "São Tomé": ["Sao Tome"]}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- ISIS\n", "must map each target to a list"),
        ("Norway: NO\n", "'Norway' must have a list of names"),
        ("Norway: [NO]\n", "'Norway' must have a list of names; quote those that YAML takes for values"),
        ("Norway: ['']\n", "'Norway' must have a list of names"),
        ("Norway: [a\n", "is not valid YAML"),
        ("Norway: [\xe5]\n", "is not valid YAML"),
    ],
)
def test_a_wrong_alias_file_is_refused_with_its_place(tmp_path, text, problem):
    path = tmp_path / "aliases.yaml"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(NewstanceError, match=re.escape(problem)) as error:
        read_aliases(path)
    assert str(path) in str(error.value)


def test_the_aliases_of_the_seeds_are_about_labelled_targets_and_repeat_no_name():
    seeds = Path(__file__).parents[2] / "seeds"
    aliases = read_aliases(seeds / "aliases.yaml")
    labelled = (seeds / "stances.csv").read_text(encoding="utf-8")
    assert len(aliases) > 100
    for target, names in aliases.items():
        assert f",{target}," in labelled
        assert len(set(names)) == len(names)
        assert not set(names) & set(names_of(target, {})), target


def test_the_aliases_of_the_seeds_tell_is_from_is():
    aliases = read_aliases(Path(__file__).parents[2] / "seeds/aliases.yaml")
    text = "It is late. Fighters of IS fled. Isil fled too."
    assert target_sentences("News", text, "Islamic State", aliases) == "Fighters of IS fled. Isil fled too."
