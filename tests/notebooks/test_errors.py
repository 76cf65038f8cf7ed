from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from newstance.errors import NewstanceError
from newstance.notebooks import errors
from newstance.reporting.results import TaskResults
from newstance.settings import EvaluationSettings
from notebooks.asked_bundle import STANCES, TOPICS, AskedBundle

SETTINGS = EvaluationSettings(resamples=200)
SCHEMES = AskedBundle.schemes
OUTLETS = ["BBC", "TASS"]
ARTICLES = 40


def comparison(task: str, *protocols: str) -> pd.DataFrame:
    rows = [
        {
            "task": task,
            "protocol": protocol,
            "experiment": f"{task}-svm",
            "title": "A machine",
            "role": "baseline",
            "kind": "linear",
            "rank": 1,
            "best": True,
            "units": ARTICLES,
            **{f"{score}{end}": 0.7 for score in ("accuracy", "macro_f1") for end in ("", "_low", "_high")},
        }
        for protocol in ("standard", *protocols)
    ]
    return pd.DataFrame(rows)


def sources(task: str, disputed: int, p: float) -> pd.DataFrame:
    first, second = SCHEMES[task].codes[:2]
    columns = ["label", "predicted", "units", "disputed", "as_annotator", "as_secondary"]
    rows = [("(all)", "(all)", 20, disputed, 3, 0), (first, second, 12, disputed, 3, 0), (second, first, 8, 0, 0, 0)]
    table = pd.DataFrame(rows, columns=columns).assign(experiment=f"{task}-svm", expected_share=0.1)
    return table.assign(p_disputed=[p, p, 1.0], p_disputed_holm=[np.nan, 2 * p, 1.0])


def slice_rows(task: str) -> pd.DataFrame:
    rows = [("outlet", "BBC", 0.6), ("outlet", "TASS", 0.9), ("length", "under 200", 0.7)]
    if SCHEMES[task].has_targets:
        rows += [("target_frequency", "unseen", 0.5), ("target_frequency", "20 and over", 0.8)]
    table = pd.DataFrame(rows, columns=["slice", "value", "accuracy"]).assign(experiment=f"{task}-svm", units=10)
    return table.assign(accuracy_low=table["accuracy"] - 0.1, accuracy_high=table["accuracy"] + 0.1)


def mistake_rows(task: str) -> pd.DataFrame:
    first, second = SCHEMES[task].codes[:2]
    row = {"experiment": f"{task}-svm", "outlet": "BBC", "target": "Mayor Lund", "label": first, "predicted": second}
    row |= {"secondary": second if task == "topic" else "", "annotators": f"A {second}", "disputed": True}
    return pd.DataFrame(
        [{**row, "article_id": f"n{number}", "confidence": 0.99 - number / 100} for number in range(12)]
    )


def results(task: str, *, disputed: int = 10, p: float = 0.001, protocols: tuple[str, ...] = ("outlet-held-out",)):
    tables = {
        "comparison": comparison(task, *protocols),
        "confusion_sources": sources(task, disputed, p),
        "slices": slice_rows(task),
        "errors": mistake_rows(task),
    }
    return TaskResults(SCHEMES[task], 0.95, "gold", tables)


def units(task: str) -> pd.DataFrame:
    codes = SCHEMES[task].codes
    numbers = np.arange(ARTICLES)
    table = pd.DataFrame({"article_id": [f"n{number}" for number in numbers], "split": "test"})
    table["outlet"] = np.array(OUTLETS)[numbers % 2]
    table["title"], table["text"], table["target"] = "word " * 20, "The whole text.", "Mayor Lund"
    return table.assign(**{task: np.array(codes)[numbers % len(codes)]})


def predictions(task: str) -> pd.DataFrame:
    """Right under the standard protocol; where TASS is held out, its articles are wrong."""
    codes, table = SCHEMES[task].codes, units(task)
    parts = []
    for protocol in ("standard", "outlet-held-out"):
        shift = ((table["outlet"] == "TASS") & (protocol != "standard")).to_numpy().astype(int)
        chosen = (np.arange(ARTICLES) + shift) % len(codes)
        part = pd.DataFrame({"seed": 1, "protocol": protocol, "split": "test", "article_id": table["article_id"]})
        part["target"] = table["target"] if SCHEMES[task].has_targets else ""
        part["label"] = table[task]
        for place, code in enumerate(codes):
            part[f"prob_{code}"] = part[f"raw_{code}"] = (chosen == place).astype(float)
        parts.append(part)
    return pd.concat(parts)


def project(**found: TaskResults) -> SimpleNamespace:
    found = found or {"topic": results("topic"), "stance": results("stance")}
    return SimpleNamespace(results=found, prepared=units, predictions=lambda name: predictions(name.split("-")[0]))


def texts(chart, axes: int = 0) -> list[str]:
    return [label.get_text() for label in chart.figure.axes[axes].get_yticklabels()]


def test_the_two_kinds_of_tasks_are_told_apart_and_both_are_needed():
    assert errors.tasks(project()) == ("topic", "stance")
    with pytest.raises(NewstanceError, match="with targets and of one without"):
        errors.tasks(project(topic=results("topic")))


def test_it_is_said_whether_the_best_model_is_the_one_that_is_served():
    served = {"topic": "topic-svm", "stance": "stance-other"}
    infos = {task: SimpleNamespace(experiment=name, title="Another") for task, name in served.items()}
    text = errors.models_in_words(project(), SimpleNamespace(about=SimpleNamespace(tasks=infos)))
    topic, stance = text.splitlines()
    assert topic.endswith("it is also the champion.")
    assert stance.endswith("**Another** is the champion.")
    assert "macro-F1 0.700 [0.700, 0.700] on test" in topic


def test_mistakes_that_follow_the_annotators_are_said_to_and_filled():
    (chart,) = errors.disagreements(project(topic=results("topic")))
    assert chart.title.startswith("Mistakes on topic lie more often than others where annotators disagree: 50")
    assert "10\xa0% of all articles" in chart.title
    assert texts(chart) == ["all mistakes (20)", "sport read as economy (12)", "economy read as sport (8)"]
    filled, hollow = chart.figure.axes[0].containers
    assert filled.lines[0].get_ydata().tolist() == [0, 1]
    assert hollow.lines[0].get_ydata().tolist() == [2]
    assert hollow.lines[0].get_markerfacecolor() == "white"


def test_mistakes_that_do_not_follow_the_annotators_are_said_not_to():
    (chart,) = errors.disagreements(project(topic=results("topic", disputed=2, p=0.6)))
    assert "not shown to lie more often" in chart.title


def test_a_task_without_a_second_annotator_has_no_figure_of_disagreements():
    alone = results("topic")
    alone.tables["confusion_sources"] = alone.tables["confusion_sources"].iloc[:0]
    assert errors.disagreements(project(topic=alone)) == []


def test_the_table_of_mistakes_quotes_titles_and_says_what_annotators_said():
    lines = errors.mistakes_table(project(), "topic").splitlines()
    assert len(lines) == 2 + errors.SHOWN_MISTAKES
    assert lines[2].count("word") == 12
    assert "| 0.99 | A economy (predicted: the second label) |" in lines[2]
    assert "target" not in lines[0]
    stance = errors.mistakes_table(project(), "stance").splitlines()
    assert "| Mayor Lund | favor | neutral | 0.99 | A neutral |" in stance[2]


def test_a_task_without_mistakes_is_told_in_a_sentence():
    faultless = results("topic")
    faultless.tables["errors"] = faultless.tables["errors"].iloc[:0]
    assert errors.mistakes_table(project(topic=faultless), "topic") == "A machine makes no mistake on topic."
    button = errors.mistakes_browser(project(topic=faultless), "topic").children[1]
    assert button.disabled


def test_an_article_is_shown_after_a_click_and_put_away_with_the_next_choice():
    choice, button, text = errors.mistakes_browser(project(), "stance").children
    assert text.value == ""
    assert all(name.count("word") <= 12 for name, _ in choice.options)
    button.click()
    assert text.value.endswith("The whole text.")
    choice.value = 3
    assert text.value == ""


def test_slices_stand_in_panels_with_their_sizes():
    chart = errors.slices(results("stance"))
    assert [axes.get_title(loc="left") for axes in chart.figure.axes] == list(errors.SLICES.values())
    assert texts(chart, 2) == ["unseen (n = 10)", "20 and over (n = 10)"]
    assert "0.500 [0.400, 0.600] for targets unseen in training, 0.800 [0.700, 0.900] for those" in chart.title


def test_without_targets_the_title_names_the_best_and_the_worst_outlet():
    title = errors.slices(results("topic")).title
    assert title == "Accuracy on topic runs from 0.600 [0.500, 0.700] on BBC to 0.900 [0.800, 1.000] on TASS"


def test_held_out_outlets_are_compared_on_the_same_units():
    found = errors.held_out(project())
    assert [one.results.scheme.name for one in found] == ["topic", "stance"]
    by_outlet = found[0].units.groupby("outlet")[["seen", "held_out"]].mean()
    assert by_outlet.loc["BBC"].tolist() == [1, 1]
    assert by_outlet.loc["TASS"].tolist() == [1, 0]
    chart = errors.held_out_chart(found, SETTINGS)
    assert chart.title.startswith("Accuracy that is lost on an outlet which training never saw: 0.500 [")
    assert texts(chart) == OUTLETS


def test_an_experiment_that_was_not_fitted_without_outlets_is_not_compared():
    found = errors.held_out(project(topic=results("topic", protocols=()), stance=results("stance")))
    assert [one.results.scheme.name for one in found] == ["stance"]


def test_schemes_of_the_tests_have_the_labels_they_should():
    assert (SCHEMES["topic"].codes, SCHEMES["stance"].codes) == (TOPICS, STANCES)
