import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstance.files import write_json
from newstance.notebooks import comparison
from newstance.reporting.goals import Goal
from newstance.reporting.results import COLUMNS, TaskResults
from newstance.scheme import Label, Scheme

CODES = ("sport", "health", "weather")
LABELS = tuple(Label(code=code, name=code.title(), definition="") for code in CODES)
SCHEME = Scheme(name="topic", kind="single-label", title="Topic", annotations="topics.csv", labels=LABELS)
ENDS = (("low", -1), ("high", 1))
SCORES = ("accuracy", "macro_f1", "balanced_accuracy", "log_loss", "ece", "ece_uncalibrated", "lenient_accuracy")


def row(name: str, macro_f1: float, half: float = 0.05, **more: object) -> dict[str, object]:
    """A row of the comparison; its title is its name in capitals, the rank is the place in the table."""
    about = {"experiment": name, "title": name.upper(), "role": "baseline", "kind": "linear", "aspects": ""}
    about |= {"protocol": "standard", "train_share": 1.0, "refit": True, "hardware": "2 cores", "seeds": 1}
    about |= {"units": 100, "articles": 100, "train_units": 900, "validation_macro_f1": macro_f1}
    scores = dict.fromkeys(SCORES, macro_f1) | {"ece": 0.1, "ece_uncalibrated": 0.3}
    scores |= {f"{name}_{end}": value + sign * half for name, value in scores.items() for end, sign in ENDS}
    return about | scores | {"macro_f1_seed_sd": float("nan")} | more


def paired(name: str, difference: float, half: float, p: float, holm: float, metric: str = "macro_f1") -> dict:
    row = {"experiment": name, "reference": "best", "metric": metric, "protocol": "standard", "difference": difference}
    row |= {"low": difference - half, "high": difference + half, "p_bootstrap": p, "p_bootstrap_holm": holm}
    return row | {"p_mcnemar": float("nan"), "p_mcnemar_holm": float("nan")}


def results(rows: list[dict], tests: list[dict] = [], **tables: pd.DataFrame) -> TaskResults:  # noqa: B006
    """The results of a task; the first row is the best on validation."""
    ranks = {name: rank for rank, name in enumerate(dict.fromkeys(row["experiment"] for row in rows), 1)}
    ranked = [row | {"rank": ranks[row["experiment"]], "best": ranks[row["experiment"]] == 1} for row in rows]
    found = {name: pd.DataFrame(columns=columns) for name, columns in COLUMNS.items()}
    found["comparison"] = pd.DataFrame(ranked).assign(task="topic")
    found["paired_tests"] = pd.DataFrame(tests, columns=COLUMNS["paired_tests"]).assign(task="topic")
    return TaskResults(SCHEME, 0.95, "gold", found | tables)


MAJORITY = row("majority", 0.1, role="majority", kind="majority")
FOUR = results(
    [row("best", 0.7), row("near", 0.65), row("far", 0.5), MAJORITY],
    [
        paired("near", -0.05, 0.03, 0.02, 0.06),
        paired("far", -0.2, 0.05, 0.001, 0.003),
        paired("majority", -0.6, 0.05, 0.001, 0.003),
        paired("near", 0.4, 0.03, 0.9, 0.9, metric="accuracy"),
    ],
)


def test_the_differences_are_those_of_macro_f1_to_the_best_without_the_majority():
    rows = comparison.compared_rows(FOUR)
    assert [(row["experiment"], row["difference"], row["differs"]) for row in rows] == [
        ("near", -0.05, False),
        ("far", -0.2, True),
    ]


def test_the_title_counts_what_differs_after_holm_and_names_the_nearest():
    chart = comparison.differences(FOUR)
    assert chart.title == (
        "Topic: 1 of 2 others differs from BEST by more than chance explains; the nearest, NEAR, by "
        "−0.050 [−0.080, −0.020]"
    )


def test_filled_marks_are_differences_that_stand_after_holm():
    (axes,) = comparison.differences(FOUR).figure.axes
    faces = [container.lines[0].get_markerfacecolor() for container in axes.containers]
    assert faces[0] == "white"
    assert faces[1] != "white"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["NEAR", "FAR"]


def test_a_lone_experiment_has_nothing_to_differ_from():
    assert comparison.differences(results([row("best", 0.7), MAJORITY])) == "There is nothing to compare BEST with."


def test_an_overlap_that_misleads_is_told_with_its_paired_difference_and_corrected_p():
    text = comparison.overlap_in_words(FOUR)
    assert "The interval of NEAR, 0.650 [0.600, 0.700], overlaps that of BEST, 0.700 [0.650, 0.750]." in text
    assert "excludes zero (p 0.020). Among 3 comparisons" in text
    assert text.endswith("makes it 0.060, and the difference no longer stands.")


def test_a_difference_that_stands_is_said_to_stand():
    found = results([row("best", 0.7), row("near", 0.65)], [paired("near", -0.05, 0.03, 0.01, 0.01)])
    assert comparison.overlap_in_words(found).endswith("and the difference stands.")


def test_an_overlap_with_a_difference_that_may_be_zero_needs_no_correction():
    found = results([row("best", 0.7), row("near", 0.69)], [paired("near", -0.01, 0.03, 0.4, 0.4)])
    text = comparison.overlap_in_words(found)
    assert "may be zero too (p 0.400)" in text
    assert "Holm" not in text


def test_intervals_apart_give_no_example_of_an_overlap():
    found = results([row("best", 0.7), row("far", 0.5)], [paired("far", -0.2, 0.03, 0.01, 0.01)])
    assert comparison.overlap_in_words(found) == "**Topic.** No interval overlaps that of BEST."


@given(st.lists(st.floats(0.05, 0.95), min_size=4, max_size=4))
def test_overlapping_intervals_overlap_both_ways(ends):
    one, other = ({"macro_f1_low": min(pair), "macro_f1_high": max(pair)} for pair in (ends[:2], ends[2:]))
    shares_a_point = max(one["macro_f1_low"], other["macro_f1_low"]) <= min(
        one["macro_f1_high"], other["macro_f1_high"]
    )
    assert comparison._overlap(one, other) == comparison._overlap(other, one) == shares_a_point


def test_the_majority_shows_what_macro_f1_counts():
    assert "accuracy is 0.100, its macro-F1 0.100: the mean of F1 over 3 labels" in comparison.majority_in_words(FOUR)
    assert comparison.majority_in_words(results([row("best", 0.7)])) == ""


def test_the_findings_name_the_champion(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_json(comparison.CHAMPION, {"topic": {"experiment": "near"}})
    assert comparison.findings([FOUR]).endswith("The champion, the model that is served, is NEAR.")
    write_json(comparison.CHAMPION, {})
    assert "champion" not in comparison.findings([FOUR])


def classes(*support: int) -> pd.DataFrame:
    table = pd.DataFrame({"label": CODES[: len(support)], "support": support})
    return table.assign(task="topic", protocol="standard", experiment="best")


@pytest.mark.parametrize(
    ("support", "told"),
    [
        ((80, 15, 5), "1 of 3 labels in test have fewer than 10 articles. Together they are 5.0 % of test, but 33.3 %"),
        ((95, 5, 0), "1 of 2 labels in test"),
        ((80, 15, 10), "Every label in test has at least 10 articles."),
    ],
)
def test_rare_labels_weigh_more_in_macro_f1_than_in_test(support, told):
    assert told in comparison.classes_in_words(results([row("best", 0.7)], per_class=classes(*support)))


def test_without_a_study_a_sentence_stands_for_its_figures():
    assert comparison.curve({}, "topic").startswith("The long experiments (`make study`) have not run")
    assert comparison.curve({"topic": FOUR}, "topic").endswith("a learning curve of topic.")
    assert comparison.ablations_in_words({}).endswith("such a comparison.")


def test_a_learning_curve_is_drawn_where_the_study_has_one():
    points = [["linear", "a", share, 900 * share, 0.5, 0.4 + share / 5, 0.4, 0.7] for share in (0.5, 1.0)]
    table = pd.DataFrame(points, columns=[name for name in COLUMNS["learning_curve"] if name != "task"])
    study = {"topic": results([row("best", 0.7)], learning_curve=table.assign(task="topic"))}
    assert "linear from 0.500 with 450 to 0.600 with 900" in comparison.curve(study, "topic").title


def test_the_calibration_of_models_in_earnest_is_counted():
    worse = row("near", 0.6, ece=0.4)
    control = row("control", 0.5, role="control", ece=0.9)
    text = comparison.calibration_in_words(results([row("best", 0.7), worse, control]))
    assert "lowers the error of 1 of 2 models, in the median from 0.300 to 0.250" in text


def costs(**seconds: float) -> pd.DataFrame:
    rows = [[name, value, value, True, True] for name, value in seconds.items()]
    columns = ["experiment", "predict_seconds_per_unit", "training_minutes", "prediction_frontier", "training_frontier"]
    return pd.DataFrame(rows, columns=columns).assign(task="topic")


def test_the_cost_compares_the_ends_of_the_frontier():
    found = results([row("best", 0.7), row("cheap", 0.6)], cost=costs(best=0.02, cheap=0.001))
    text = comparison.cost_in_words(found)
    assert text == (
        "**Topic.** BEST takes 20 times as long as CHEAP (20 ms against 1 ms per article), for +0.100 macro-F1 on test."
    )


def test_times_of_other_hardware_are_not_compared():
    rows = [row("best", 0.7), row("cheap", 0.6, hardware="1 x GPU")]
    assert "nothing to trade" in comparison.cost_in_words(results(rows, cost=costs(best=0.02, cheap=0.001)))


def test_each_protocol_tells_of_the_best_model_and_the_best_control_that_followed_it():
    there = {"protocol": "outlet-held-out"}
    control = {"role": "control"}
    rows = [row("best", 0.7), row("near", 0.65), row("target", 0.4, **control)]
    rows += [row("near", 0.6, **there), row("target", 0.2, **there, **control)]
    text = comparison.protocols_in_words(results(rows))
    assert (
        "- outlet-held-out (100 of 100 test articles): NEAR 0.650 → 0.600 [0.550, 0.650]; TARGET 0.400 → 0.200" in text
    )
    assert comparison.protocols_in_words(FOUR) == f"**Topic.** {comparison.NO_PROTOCOL}"


def goal(metric: str, at_least: float, task: str = "topic", protocol: str = "standard") -> Goal:
    return Goal(task=task, metric=metric, at_least=at_least, protocol=protocol)


def test_goals_stand_beside_what_was_reached():
    table = comparison.goals([FOUR], (goal("macro_f1", 0.8), goal("accuracy", 0.6), goal("accuracy", 0.9, "stance")))
    assert "| Topic | BEST | macro-F1 | ≥ 0.8 | 0.700 \\[0.650, 0.750\\] | missed by 0.100 |" in table
    assert "| accuracy | ≥ 0.6 |" in table
    assert "0.9" not in table
    assert comparison.goals([FOUR], ()) == "No goals are set."


@pytest.mark.parametrize(
    ("at_least", "told"),
    [
        ([0.7], "1 of 1 goal is reached."),
        ([0.71, 0.8, 0.6], "1 of 3 goals is reached. Of the missed ones, 1 lies within the score's interval, "),
        ([0.75, 0.74], "None of 2 goals are reached. Of the missed ones, 2 lie within the score's interval, "),
        ([0.76], "Of the missed ones, 0 lie within the score's interval, "),
    ],
)
def test_goals_are_counted_as_reached_within_the_interval_or_beyond(at_least, told):
    text = comparison.goals_in_words([FOUR], tuple(goal("macro_f1", value) for value in at_least))
    assert told in text
    assert ("missed" in text) == (text != "1 of 1 goal is reached.")


def test_goals_of_a_protocol_that_the_best_did_not_follow_are_not_counted():
    wanted = (goal("macro_f1", 0.5, protocol="outlet-held-out"),)
    assert comparison.goals_in_words([FOUR], wanted) == "Nothing was to be reached."
