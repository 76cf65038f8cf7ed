import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstance.bundle.targets import TargetProposer, mentions
from newstance.errors import NewstanceError
from newstance.models.mentions import MASK, target_sentences

ALIASES = {"Garda Siochana": ["garda", "gardaí"], "travel ban": ["executive order"], "Islamic State": ["ISIS"]}
KNOWN = {"Garda Siochana": 4, "travel ban": 3, "Islamic State": 2, "Donald Trump": 9, "Trump administration": 3}
KNOWN |= {"European Union": 5, "Angela Merkel": 3, "North Korea": 2, "Noirin O'Sullivan": 2, "C++ (language)": 1}
KNOWN |= {"United States": 2, "border wall": 1, "São Tomé": 1}
NAMED = KNOWN | {"United States": 60, "Donald Trump": 15}
FERRY = (
    "The ferry operator Blue Coast Lines will end its night service soon. Blue Coast Lines said that too few people "
    "travelled at night. Mayor Mary Holm called the decision a mistake. Holm wants to meet the operator on Friday."
)
WORDS = ["ferry", "is", "the", "against", "Trump", "Union", "EU", "European", "travel", "Ban", "ban", "Garda", "gardaí"]
WORDS += ["Tome", "Tomé", "São", "O'Sullivan", "O’Sullivan", "Noirin", "ISIS", "wall", "border", "C++", "(language)"]
WORDS += ["Trump's", "administration", "North", "Korea", "executive order", "U.S.", "Donald", "Executive\nOrder"]

sentence = st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map(lambda words: f"Then {' '.join(words)}.")


@pytest.fixture(scope="module")
def proposer():
    return TargetProposer(KNOWN, ALIASES, NAMED)


@given(st.lists(sentence, max_size=4), st.sampled_from(sorted(KNOWN)))
def test_a_target_is_mentioned_where_the_models_find_a_sentence_with_its_name(found, target):
    text = " ".join(found)
    masked = target_sentences("A title", text, target, ALIASES, mask=True)
    assert mentions("A title", text, target, ALIASES) == (MASK in masked)


def test_a_title_can_mention_a_target():
    assert mentions("Trump speaks", "", "Donald Trump", {})
    assert not mentions("He speaks", "A trump card was played.", "Donald Trump", {})
    assert not mentions("", "", "Donald Trump", {})


def test_a_known_target_is_proposed_by_its_canonical_name(proposer):
    text = "Gardaí arrested a man. The gardaí said on Monday that he was armed. A garda was hurt."
    assert proposer.propose("Man arrested", text) == ["Garda Siochana"]


def test_the_target_that_more_sentences_and_the_title_name_comes_first(proposer):
    text = (
        "Angela Merkel spoke on Monday. Merkel praised the European Union. Merkel will travel in May. "
        "Merkel is expected back in June."
    )
    assert proposer.propose("Merkel speaks", text) == ["Angela Merkel", "European Union"]
    assert proposer.propose("European Union praised", "Angela Merkel praised it.")[0] == "European Union"


def test_what_is_often_named_and_seldom_a_target_comes_last(proposer):
    text = "The United States and North Korea will talk. The United States and North Korea have no embassies."
    assert proposer.propose("Talks", text) == ["North Korea", "United States"]


def test_a_last_name_counts_only_after_the_full_name(proposer):
    assert proposer.propose("A farmer speaks", "The farmer Josef Merkel grows rye. Rye is what Merkel likes.") == [
        "Josef Merkel"
    ]
    assert "European Union" not in proposer.propose("Credit", "The Credit Union opened. The Credit Union lends money.")


def test_a_name_inside_a_longer_one_is_not_counted(proposer):
    assert proposer.propose("Plan", "The Trump administration has a plan.") == ["Trump administration"]


def test_new_names_are_proposed_without_honorifics_and_first_words(proposer):
    assert proposer.propose("Ferry to stop", FERRY) == ["Blue Coast Lines", "Mary Holm"]


def test_a_new_name_of_one_word_must_occur_twice(proposer):
    assert proposer.propose("Talks", "He met people from Ruritania there.") == []
    assert proposer.propose("Talks", "He met people from Ruritania. They like Ruritania.") == ["Ruritania"]


def test_a_capital_at_the_start_of_a_sentence_makes_no_name(proposer):
    text = "Bridges are old. They say bridges are old. Bridges cost money. However, bridges last. However, they rust."
    assert proposer.propose("Bridges", text) == []


@pytest.mark.parametrize("most", [0, 1, 2, 3])
def test_no_more_targets_are_proposed_than_asked_for(proposer, most):
    text = "Donald Trump, Angela Merkel and Noirin O’Sullivan spoke about the European Union and North Korea."
    assert len(proposer.propose("Talks", text, most=most)) == most


@pytest.mark.parametrize(("title", "text"), [("", ""), ("?", " \n"), ("Only a title", ""), ("", "\0")])
def test_next_to_nothing_has_no_targets_and_is_no_error(proposer, title, text):
    assert proposer.propose(title, text) == []


@given(st.text(), st.lists(st.one_of(sentence, st.text(max_size=60)), max_size=5).map(" ".join))
def test_proposals_are_distinct_and_the_article_names_each(proposer, title, text):
    proposed = proposer.propose(title, text)
    assert len(set(proposed)) == len(proposed) <= 3
    assert all(mentions(title, text, target, ALIASES) for target in proposed)


@pytest.mark.parametrize("piece", ["Trump ", "The ", "Donald Trump's ", "A. ", "Ann Holm of the ", "O'"])
def test_long_and_strange_articles_take_no_longer_than_their_length(proposer, piece):
    started = time.perf_counter()
    proposer.propose("Title", piece * (50_000 // len(piece)))
    assert time.perf_counter() - started < 10


def test_fitting_counts_targets_and_the_articles_that_name_them():
    articles = [
        ("Merkel speaks", "Angela Merkel spoke in the European Union.", ["Angela Merkel"]),
        ("Union", "The European Union met.", ["European Union", "European Union"]),
        ("Ferry", FERRY, ["night service"]),
    ]
    proposer = TargetProposer.fit(articles, {})
    assert proposer.known == {"Angela Merkel": 1, "European Union": 1, "night service": 1}
    assert proposer.named == {"Angela Merkel": 1, "European Union": 2, "night service": 1}


def test_a_proposer_survives_being_saved_as_json(proposer):
    again = TargetProposer.from_json(proposer.to_json())
    assert again.to_json() == proposer.to_json()
    assert again.propose("Merkel speaks", "Angela Merkel spoke.") == ["Angela Merkel"]


@pytest.mark.parametrize("values", [[], {"known": {}}, None])
def test_another_file_is_refused(values):
    with pytest.raises(NewstanceError, match="known, aliases and named"):
        TargetProposer.from_json(values)
