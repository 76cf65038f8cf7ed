from typing import get_args

import pandas as pd
import pytest

from newstance.experiment.settings import Aspect
from newstance.files import write_csv, write_parquet
from newstance.reporting.analysis import (
    ASPECTS,
    ablation_finding,
    ablation_table,
    auxiliary_table,
    compared_aspects,
    curve_table,
    errors_table,
    leads,
    sources_table,
    sources_texts,
    throughput_table,
)
from newstance.reporting.results import THROUGHPUT_COLUMNS, read_tables, task_results


def texts(table):
    """The cells of a table as rows of words, notes included."""
    return [[f"{cell.text} {cell.note}".strip() for cell in row] for row in table.rows]


@pytest.fixture
def results(write, both_tasks, settings):
    return {part.scheme.name: part for part in task_results(read_tables(write(both_tasks)), settings)}


def test_every_aspect_that_an_experiment_may_name_is_explained():
    assert set(ASPECTS) == set(get_args(Aspect))


def test_aspects_are_compared_with_the_reference_first(study_results):
    found = compared_aspects(study_results["topic"])
    assert list(found) == ["length", "learning-curve"]
    rows = found["length"]
    assert {row["reference"] for row in rows} == {rows[0]["experiment"]}
    assert compared_aspects(study_results["stance"]) == {}


def test_an_ablation_is_told_in_one_sentence(study_results):
    topic = study_results["topic"]
    rows = compared_aspects(topic)["length"]
    below = sum(row["p_bootstrap_holm"] < 0.05 and row["difference"] < 0 for row in rows)
    text = ablation_finding(topic, "length", rows)
    assert text.startswith("How many tokens of an article the model reads: best on validation is Topic transformer, ")
    assert f"; {below} of 2 others " in text
    assert text.count(".  ") == 0
    assert text.endswith(".")


def test_an_experiment_that_is_higher_on_test_is_named(study_results):
    topic = study_results["topic"]
    rows = compared_aspects(topic)["length"]
    assert "the highest on test" not in ablation_finding(topic, "length", [rows[0] | {"macro_f1": 1.0}, *rows[1:]])
    higher = [rows[0], rows[1] | {"macro_f1": 0.999, "title": "Hare"}, rows[2]]
    assert ablation_finding(topic, "length", higher).endswith("; the highest on test is Hare, 0.999.")


def test_the_ablation_table_shows_the_reference_and_differences(study_results):
    topic = study_results["topic"]
    rows = compared_aspects(topic)["length"]
    shown = texts(ablation_table(topic, rows))
    assert shown[0][0].startswith("Topic transformer ★ (2 seeds, SD of macro-F1 0.")
    assert shown[0][4:] == ["reference", "–", "14", "30"]
    test = rows[1]
    assert shown[1][4].startswith(f"{test['difference']:+.3f}".replace("-", "−") + " [")


def test_tables_without_rows_are_left_out(results):
    for part in results.values():
        assert curve_table(part) is None
        assert auxiliary_table(part) is None
    assert throughput_table(pd.DataFrame(columns=THROUGHPUT_COLUMNS)) is None


def test_second_labels_and_curves_are_listed(study_results):
    assert texts(auxiliary_table(study_results["stance"])) == [
        ["Stance topics too", "topic", "validation", "0.750", "0.700"],
        ["Stance topics too", "topic", "test", "0.750", "0.700"],
    ]
    assert [row[:3] for row in texts(curve_table(study_results["topic"]))][:2] == [
        ["linear", "10 %", "6"],
        ["linear", "25 %", "15"],
    ]


def test_the_benchmark_is_read_from_its_own_place(study_project, elsewhere):
    speeds = [["stock", 256, 3.9, 1.0, 0.7, 0.6, 0.8, "2 cores"], ["ours", 256, 16.0, 4.1, 0.71, 0.61, 0.81, "2 cores"]]
    write_csv(elsewhere / "benchmarks/train_throughput.csv", pd.DataFrame(speeds, columns=THROUGHPUT_COLUMNS))
    shown = texts(throughput_table(read_tables(study_project.tables)["throughput"]))
    assert shown[1] == ["ours", "2 cores", "256", "16", "4.10", "0.710 [0.610, 0.810]"]


def test_mistakes_say_what_was_meant_predicted_and_annotated(results):
    shown = texts(errors_table(results["stance"], {}))
    assert len(shown) == 3
    assert shown[0] == ["00", "BBC", "Ada Brink", "favor", "neutral", "A neutral, B favor (disputed)", "0.990"]
    assert "(second label)" in texts(errors_table(results["topic"], {}))[0][3]


def test_a_mistake_begins_with_its_article_only_where_a_beginning_is_given(results):
    cell = errors_table(results["topic"], {"01": "Ferry late: The ferry came late."}).rows[1][0]
    assert (cell.text, cell.note) == ("01", "Ferry late: The ferry came late.")


def test_leads_are_title_and_first_characters_of_the_prepared_articles(elsewhere):
    assert leads("stance") == {}
    articles = {"article_id": ["7", "7"], "title": ["Rowers"] * 2, "text": ["They rowed on. " * 40] * 2}
    write_parquet(elsewhere / "data/prepared/stance/test.parquet", pd.DataFrame(articles))
    (lead,) = leads("stance").values()
    assert lead.startswith("Rowers: They rowed on. They")
    assert lead.endswith(" …")
    assert 180 < len(lead) - len("Rowers: ") <= 200


def test_confusions_that_follow_the_annotators_are_told_from_those_that_do_not(results):
    share, following, others = sources_texts(results["topic"])
    first, second, third = results["topic"].scheme.codes[:3]
    assert share.startswith(f"Of 40 mistakes of {results['topic'].best['title']}, 12 (30.0 %) lie where an annotator")
    assert "for 5.0 % of all articles (one-sided binomial test: p < 0.001)" in share
    assert share.endswith("In 10 the prediction is what an annotator said; in 6 it is the article's second label.")
    assert following.endswith(f": {first} read as {second} (9 of 20 disputed).")
    assert f"{second} read as {third} (3 of 19 disputed); {third} read as {first}" in others
    assert "second label" not in sources_texts(results["stance"])[0]


def test_the_table_of_confusions_leaves_out_single_mistakes_and_says_so(results):
    table = sources_table(results["topic"])
    assert [row[2] for row in texts(table)] == ["40", "20", "19"]
    assert texts(table)[1][3:] == ["9", "1.0", "8", "2", "< 0.001"]
    assert table.caption.endswith("1 pair with a single mistake left out.")
