import gc
import json
import random
import shutil
import subprocess
import sys
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newstance.bundle.answers import Article
from newstance.bundle.bundle import Bundle
from newstance.bundle.manifest import read_manifest
from newstance.errors import NewstanceError
from newstance.models.mentions import plain_sentences, sentence_spans, sentences
from projects import LEANINGS, SUBJECTS, TARGETS, VIEWS

# The world of projects.py: the bundle has learnt about its mayor, its tram line and its ferry tax.
STORY = (
    "The captain of the ferry said on Monday that the tram and the bridge have been closed for a week. "
    "Passengers at the pier praised Mayor Lund and thanked the driver of the last tram. "
    "The union and the council have condemned the ferry tax. "
    "The engine of the ferry is old, and the timetable was described as a compromise by the passengers. "
    "A passenger said that the platform beside the river is open."
)
GOAL = (
    "The striker scored a late goal, and the coach of the league was cheered in the stadium by the people. "
    "The referee was blamed for a penalty that nobody at the stadium had wanted. "
    "After the marathon a rower spoke about the medal and about what happened on the river at the weekend. "
    "Nobody at the stadium has mentioned the budget of the trainer."
)
GERMAN = (
    "Der Stadtrat hat am Dienstagabend nach langer Debatte beschlossen, die alte Brücke über den Fluss im Mai "
    "zu sperren. Die Bürgermeisterin sagte, die Sicherheit der Menschen gehe vor. "
) * 3
ARTICLES = [
    Article("Ferry and tram closed", STORY),
    Article("Late goal", GOAL, ["Mayor Lund", "the referee"]),
    Article("", STORY, []),
    Article("Zu", GERMAN, ["Mayor Lund"]),
    Article("Ferry and tram closed", STORY, ["the ferry tax"]),
    Article("Short", "Too few words."),
    Article("Both", f"{GOAL} {STORY}", ["the tram line"]),
]
SCHEMES = {"subject", "view", "leaning"}


@pytest.fixture(scope="module")
def bundle(tiny_bundles):
    return Bundle.load(tiny_bundles.merged, threads=2)


@pytest.fixture(scope="module")
def alone(bundle):
    return [bundle.predict([article])[0] for article in ARTICLES]


def decisions(answer):
    return [*answer.labels.values(), *(one for target in answer.targets for one in target.labels.values())]


def test_every_task_answers_by_its_scheme_about_the_article_or_about_each_target(bundle, alone):
    assert set(bundle.schemes) == set(bundle.about.tasks) == SCHEMES
    answer = alone[1]
    assert set(answer.labels) == {"subject", "leaning"}
    assert [set(target.labels) for target in answer.targets] == [{"view"}, {"view"}]
    assert answer.version == bundle.version == read_manifest(bundle_folder(bundle))[1]
    for name, decision in {**answer.labels, **answer.targets[0].labels}.items():
        scheme = bundle.schemes[name]
        assert list(decision.probabilities) == scheme.codes
        assert sum(decision.probabilities.values()) == pytest.approx(1)
        ranked = sorted(decision.probabilities, key=decision.probabilities.__getitem__, reverse=True)
        assert [one.label for one in decision.top] == ranked[:3]
        assert (decision.label, decision.probability) == (ranked[0], decision.probabilities[ranked[0]])
        names = {label.code: (label.name, label.medtop) for label in scheme.labels}
        assert all((one.name, one.medtop) == names[one.label] for one in [decision, *decision.top])


def bundle_folder(bundle):
    return bundle._parts.networks._graphs[0]._folder.parents[1]


def test_a_label_that_training_never_saw_is_in_the_scheme_and_next_to_impossible(bundle, alone):
    (weather,) = [label for label in bundle.schemes["subject"].labels if label.code == "weather"]
    assert weather.medtop == "17000000"
    assert all(one.labels["subject"].probabilities["weather"] < 1e-9 for one in alone if one.labels)


def test_an_answer_depends_neither_on_the_other_articles_nor_on_their_order(bundle, alone):
    assert bundle.predict(ARTICLES) == alone
    order = list(range(len(ARTICLES)))
    random.Random(1).shuffle(order)
    assert bundle.predict([ARTICLES[number] for number in order]) == [alone[number] for number in order]


def test_order_is_kept_over_more_articles_than_are_worked_on_at_once(bundle, alone):
    numbers = [random.Random(2).randrange(len(ARTICLES)) for _ in range(70)]
    assert bundle.predict([ARTICLES[number] for number in numbers]) == [alone[number] for number in numbers]


def test_threads_that_predict_at_once_get_the_answers_that_one_gets(bundle, alone):
    with ThreadPoolExecutor(8) as pool:
        batches = [pool.submit(bundle.predict, ARTICLES[start:]) for start in list(range(len(ARTICLES))) * 3]
        for number, batch in enumerate(batches):
            assert batch.result(60) == alone[number % len(ARTICLES) :]


def test_evidence_points_at_whole_sentences_of_the_text_as_it_was_sent(bundle, alone):
    for article, answer in zip(ARTICLES, alone, strict=True):
        spans = set(bundle.sentences(article))
        for decision in decisions(answer):
            assert 1 <= len(decision.evidence) <= 3
            for one in decision.evidence:
                assert one.text == getattr(article, one.field)[one.start : one.end] != ""
                assert (one.field, one.start, one.end) in spans


def test_evidence_is_ordered_by_strength_and_its_weights_are_shares(bundle):
    for answer in bundle.predict(ARTICLES, evidence=50):
        for decision in decisions(answer):
            strengths = [abs(one.weight) for one in decision.evidence]
            assert strengths == sorted(strengths, reverse=True)
            assert sum(strengths) == pytest.approx(1)
    for answer in bundle.predict(ARTICLES, evidence=2):
        for decision in decisions(answer):
            assert len(decision.evidence) <= 2
            assert sum(abs(one.weight) for one in decision.evidence) <= 1 + 1e-9


def test_without_evidence_the_decisions_are_the_same(bundle, alone):
    for answer, other in zip(bundle.predict(ARTICLES, evidence=0), alone, strict=True):
        for decision, full in zip(decisions(answer), decisions(other), strict=True):
            assert decision.evidence == []
            assert decision.probabilities == full.probabilities


def test_evidence_about_a_target_is_of_the_sentences_that_name_it(bundle):
    (answer,) = bundle.predict([Article("", STORY, ["the ferry tax"])], evidence=1)
    assert "ferry tax" in answer.targets[0].labels["view"].evidence[0].text


def test_an_article_that_is_refused_has_a_reason_and_no_labels(bundle, alone):
    assert [answer.abstain and answer.abstain.reason for answer in alone] == [
        None, None, None, "not-english", None, "too-short", None,
    ]  # fmt: skip
    for answer in alone:
        if answer.abstain:
            assert (answer.labels, answer.targets, answer.version) == ({}, [], bundle.version)


def test_an_article_unlike_all_of_training_is_refused(bundle):
    near, far = bundle.predict([Article("Late goal", GOAL), Article("目标" * 60, GOAL)])
    assert near.abstain is None
    assert (far.abstain.reason, far.labels, far.targets) == ("out-of-distribution", {}, [])


def test_targets_are_answered_as_they_were_given_and_in_that_order(bundle, alone):
    given_ones = alone[1].targets
    assert [(one.target, one.proposed, one.mentioned) for one in given_ones] == [
        ("Mayor Lund", False, False),
        ("the referee", False, True),
    ]
    assert alone[2].targets == []


def test_without_targets_some_are_proposed_from_the_text(alone):
    proposed = alone[0].targets
    assert {"Mayor Lund", "the ferry tax"} <= {one.target for one in proposed}
    assert len(proposed) <= 3
    assert all(one.proposed and one.mentioned for one in proposed)


def test_an_answer_about_a_target_does_not_depend_on_the_others_and_a_target_asked_twice_is_answered_twice(bundle):
    asked = ["Mayor Lund", "the ferry tax", "Mayor Lund", "tunnel", "", " ", "é", "(["]
    answers = bundle.predict([Article("Ferry", STORY, asked)])[0].targets
    assert [one.target for one in answers] == asked
    assert answers[0] == answers[2]
    for target, answer in zip(asked, answers, strict=True):
        assert bundle.predict([Article("Ferry", STORY, [target])])[0].targets == [answer]


def test_no_articles_have_no_answers(bundle):
    assert bundle.predict([]) == []


@pytest.mark.parametrize("field", ["title", "text", "targets"])
def test_half_a_character_is_answered_as_the_replacement_character_and_moves_no_offset(bundle, field):
    def article(sign):
        target = f"May{sign}or Lund" if field == "targets" else "Mayor Lund"
        title = f"Fer{sign}ry" if field == "title" else "Ferry"
        text = f"Out{sign}side. {STORY}" if field == "text" else STORY
        return Article(title, text, [target])

    (broken,), (whole,) = bundle.predict([article("\ud800")]), bundle.predict([article("\ufffd")])
    assert broken.abstain is None
    assert broken == whole
    json.loads(broken.model_dump_json())
    assert bundle.sentences(article("\ud800")) == bundle.sentences(article("\ufffd"))
    assert np.array_equal(*(bundle.probabilities("view", [article(sign)]) for sign in ("\ud800", "\ufffd")))


def test_a_very_long_text_is_answered_in_seconds(bundle):
    chance = random.Random(3)
    nouns, verbs = (" ".join(words.values()).split() for words in (SUBJECTS | LEANINGS, VIEWS))
    text = " ".join(
        f"The {chance.choice(nouns)} {chance.choice(verbs)} {chance.choice(TARGETS)} and {chance.randrange(9999)} of "
        f"{chance.choice(nouns)} or {chance.choice(nouns)} for {chance.choice(nouns)}."
        for _ in range(3000)
    )
    started = time.perf_counter()
    (answer,) = bundle.predict([Article("Ferry", f"{STORY} {GOAL} {text}", ["Mayor Lund", "the ferry tax"])])
    assert time.perf_counter() - started < 20
    assert len(text) > 150_000
    assert answer.abstain is None


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(max_size=40),
    st.text(st.characters(codec=None), max_size=80),
    st.lists(st.text(st.characters(codec=None), max_size=20), max_size=3) | st.none(),
    st.booleans(),
)
def test_any_text_gets_an_answer_that_json_can_hold(bundle, title, text, targets, long):
    article = Article(title, f"{STORY} {text} {GOAL}" if long else text, targets)
    (answer,) = bundle.predict([article])
    assert json.loads(answer.model_dump_json())["version"] == bundle.version
    for decision in decisions(answer):
        for one in decision.evidence:
            sent = getattr(article, one.field)[one.start : one.end]
            assert one.text == sent.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def test_another_precision_can_be_asked_for(bundle, tiny_bundles):
    rounded = Bundle.load(tiny_bundles.merged, precision="int8")
    exact = Bundle.load(tiny_bundles.merged, precision="fp32")
    assert {task.precision for task in bundle.about.tasks.values()} == {"fp32"}
    first, second, third = (one.predict(ARTICLES[:2]) for one in (exact, rounded, bundle))
    assert first == third
    for one, other in zip(first, second, strict=True):
        exactly, roundly = one.labels["subject"].probabilities, other.labels["subject"].probabilities
        assert exactly != roundly
        assert max(abs(exactly[code] - roundly[code]) for code in exactly) < 0.05


def test_probabilities_are_those_of_predict_and_ask_not_whether_an_article_should_be_labelled(bundle, alone):
    found = bundle.probabilities("subject", ARTICLES)
    assert found.shape == (len(ARTICLES), 4)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    for row, answer in zip(found, alone, strict=True):
        if not answer.abstain:
            assert row.tolist() == list(answer.labels["subject"].probabilities.values())


def test_a_bundle_of_one_task_answers_that_task_alone(tiny_bundles, bundle, alone):
    subject, view = (Bundle.load(tiny_bundles.single[task]) for task in ("subject", "view"))
    (answer,) = subject.predict([ARTICLES[1]])
    assert (set(answer.labels), answer.targets) == ({"subject"}, [])
    assert answer.labels["subject"] == alone[1].labels["subject"]
    (answer,) = view.predict([ARTICLES[1]])
    assert (answer.labels, answer.targets) == ({}, alone[1].targets)
    assert len({subject.version, view.version, bundle.version}) == 3


def test_a_changed_network_is_refused_by_name(tiny_bundles, tmp_path):
    copy = tmp_path / "bundle"
    shutil.copytree(tiny_bundles.single["view"], copy)
    (network,) = copy.glob("networks/*/int8.onnx")
    content = bytearray(network.read_bytes())
    content[len(content) // 2] ^= 1
    network.write_bytes(content)
    with pytest.raises(NewstanceError, match=str(network)):
        Bundle.load(copy)


def test_every_file_can_be_read_by_the_servers_user(tiny_bundles):
    files = [path for path in tiny_bundles.merged.rglob("*") if path.is_file()]
    assert {oct(path.stat().st_mode & 0o444) for path in files} == {"0o444"}


def test_a_bundle_that_is_no_longer_used_leaves_memory(tiny_bundles):
    bundle = Bundle.load(tiny_bundles.single["subject"])
    networks = weakref.ref(bundle._parts.networks)
    del bundle
    gc.collect()
    assert networks() is None


def test_labelling_needs_none_of_the_libraries_of_training(tiny_bundles):
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from newstance.bundle.answers import Article\n"
        "from newstance.bundle.bundle import Bundle\n"
        "answer, = Bundle.load(Path(sys.argv[1])).predict([Article('Ferry', sys.argv[2])])\n"
        "assert answer.labels and answer.targets, answer\n"
        "heavy = 'torch transformers pandas sklearn mlflow onnx datasets sentence_transformers'.split()\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )
    command = [sys.executable, "-c", code, str(tiny_bundles.merged), STORY]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


def test_nothing_of_an_article_is_kept_after_the_answer(bundle):
    bundle.predict(ARTICLES[:2])
    assert [cache.cache_info().currsize for cache in (sentences, plain_sentences, sentence_spans)] == [0, 0, 0]
