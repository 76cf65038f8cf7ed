import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstance.reporting import words
from newstance.reporting.results import read_tables, task_results


@given(st.floats(-1, 1))
def test_signed_scores_round_to_three_decimals_and_zero_has_no_sign(value):
    text = words.signed(value)
    assert float(text.replace("−", "-")) == pytest.approx(value, abs=0.0005001)
    assert text[0] in "+−" or text == "0.000"


def test_missing_numbers_are_dashes_and_missing_intervals_nothing():
    assert {show(np.nan) for show in (words.score, words.signed, words.p_value, words.count, words.milliseconds)} == {
        "–"
    }
    assert (
        words.with_interval({"accuracy": 0.5, "accuracy_low": np.nan, "accuracy_high": np.nan}, "accuracy") == "0.500"
    )


def test_small_p_values_are_bounds_and_counts_are_grouped():
    assert [words.p_value(value) for value in (0.0002, 0.0421)] == ["< 0.001", "0.042"]
    assert [words.count(value) for value in (1627.0, 2.5)] == ["1,627", "2.5"]
    assert [words.plural(number, "pair") for number in (1, 2)] == ["1 pair", "2 pairs"]
    assert words.milliseconds(0.0012345) == "1.23"


@pytest.fixture
def results(write, both_tasks, settings):
    def found(**changes):
        for task in both_tasks.values():
            for name, value in changes.items():
                setattr(task, name, value)
        return {part.scheme.name: part for part in task_results(read_tables(write(both_tasks)), settings)}

    return found


def test_description_says_kind_labels_and_test_size_in_two_sentences(results):
    found = results()
    topic, stance = (words.description(found[name]) for name in ("topic", "stance"))
    assert topic.startswith("Every article gets one of 17 labels: arts, culture")
    assert "lenient accuracy also accepts" in topic
    assert stance.startswith("Every pair of an article and a target gets one of 3 labels: in favor; neutral; against. ")
    assert f"{found['stance'].best['units']:,} test pairs from" in stance
    assert "lenient" not in stance


def test_finding_names_the_best_on_validation_and_who_exceeds_it_on_test(results):
    part = results(
        best="topic-bayes",
        experiments={"topic-svm": ("SVM", "baseline", 0.9), "topic-bayes": ("Bayes", "baseline", 0.4)},
    )["topic"]
    finding = words.finding(part)
    assert finding.startswith(f"Bayes, the best on validation, scores macro-F1 {part.best['macro_f1']:.3f} [")
    assert f"the highest macro-F1 there is that of SVM, {part.ranked.loc['topic-svm', 'macro_f1']:.3f}" in finding
    assert "control" not in finding


def test_finding_counts_the_tests_that_pass_the_level(results):
    part = results()["topic"]
    tests = part.tables["paired_tests"]
    tests.loc[:, "p_bootstrap_holm"] = 0.2
    macro = tests.index[(tests["protocol"] == "standard") & (tests["metric"] == "macro_f1")]
    tests.loc[macro[-2:], "p_bootstrap_holm"] = 0.049
    assert f"2 of {len(macro)} others are below it at the 5 % level" in words.finding(part)
    assert "the best control on validation, TF-IDF of the title only" in words.finding(part)


def test_a_single_experiment_is_called_the_only_one(results):
    part = results(experiments={"only": ("Majority", "majority", 0.3)}, best="only")["topic"]
    assert words.finding(part).startswith("Majority is the only experiment so far and scores macro-F1")
    assert ";" not in words.finding(part)


def test_agreement_leaves_out_pairs_with_the_reference_and_carries_the_caveat(results):
    text = words.agreement(results()["stance"])
    assert text.startswith("Annotators A and B agree on 95.2 % of 1,627 pairs: Cohen's kappa 0.942 [0.921, 0.960], ")
    assert "and gold agree" not in text
    assert "B macro-F1 0.955 [0.930, 0.970]" in text
    assert "an upper mark, not what an independent annotator would reach" in text


def test_agreement_is_empty_without_annotators(results):
    assert words.agreement(results(annotators=())["topic"]) == ""


def test_the_best_is_compared_with_the_best_linear_baseline_unless_it_is_that(results, study_results):
    assert "best linear baseline" not in words.finding(results()["topic"])
    topic = study_results["topic"]
    test = topic.tests(topic.best_linear, "macro_f1")[topic.best["experiment"]]
    expected = (
        f"against the best linear baseline, Topic embeddings, its macro-F1 differs by {test['difference']:+.3f} ["
    )
    assert expected in words.finding(topic)


def test_every_hardware_is_named_with_its_experiments(study_results):
    assert words.hardware(study_results["topic"]) == "Made on 2 cores, Abacus 3000, 2 threads (13 experiments)."
