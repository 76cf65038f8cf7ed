import pandas as pd
import pytest

from newstance.errors import NewstanceError
from newstance.reporting.series import chart_name, read_series, series_chart, series_table

SPLITS = {"random": "AllSides, random split", "media": "AllSides, media split", "clean": "AllSides, media-clean split"}


@pytest.fixture
def series(published):
    """The series of the committed results."""
    (found,) = read_series(published)
    return found


def compared(published) -> pd.DataFrame:
    table = pd.read_csv(published / "reports/tables/comparison.csv")
    return table[table["task"].str.startswith("leaning_") & (table["protocol"] == "standard")]


def edit(published, task, model, **values) -> None:
    path = published / "reports/tables/comparison.csv"
    table = pd.read_csv(path, keep_default_na=False)
    here = (table["task"] == task) & (table["title"] == model)
    assert here.sum() == 1
    for name, value in values.items():
        table.loc[here, name] = value
    table.to_csv(path, index=False)


def cells(series) -> dict[str, list[str]]:
    return {row[0].text: [cell.text for cell in row[1:]] for row in series_table(series).rows}


def test_every_experiment_of_the_series_stands_in_it_once_with_its_score(series, published):
    table = compared(published)
    assert len(series.scores) == len(table)
    for row in table.to_dict("records"):
        split, *masked = row["task"].removeprefix("leaning_").split("_")
        title = row["title"] + (", outlet names masked" if masked else "")
        shown = cells(series)[title][list(SPLITS).index(split)]
        assert shown.removeprefix("★ ") == f"{row['macro_f1']:.3f}"


def test_each_benchmark_has_one_model_that_validation_chose_among_both_forms_of_the_text(published):
    edit(published, "leaning_media_masked", "TF-IDF + linear SVM", validation_macro_f1=0.99)
    (series,) = read_series(published)
    stars = [[line for line, scores in cells(series).items() if scores[place].startswith("★")] for place in range(3)]
    assert [len(one) for one in stars] == [1, 1, 1]
    assert stars[1] == ["TF-IDF + linear SVM, outlet names masked"]


def test_a_control_is_not_chosen_however_well_it_does(published):
    edit(published, "leaning_media", "Majority", validation_macro_f1=0.99)
    (series,) = read_series(published)
    assert not cells(series)["Majority"][1].startswith("★")


def test_masked_texts_stand_below_the_same_models_others(series):
    for model in series.models:
        if model.endswith(", outlet names masked"):
            assert series.models[series.models.index(model) - 1] == model.removesuffix(", outlet names masked")


def test_a_model_without_a_run_on_a_benchmark_has_a_dash_there_and_no_mark(published):
    path = published / "reports/tables/comparison.csv"
    table = pd.read_csv(path, keep_default_na=False)
    gone = (table["task"] == "leaning_media") & (table["title"] == "Majority")
    table[~gone].to_csv(path, index=False)
    (series,) = read_series(published)
    assert cells(series)["Majority"][1] == "–"
    assert series_chart(series).svg.startswith("<svg")


def test_two_experiments_of_one_title_are_named(published):
    edit(published, "leaning_media", "Majority", title="TF-IDF + linear SVM")
    with pytest.raises(NewstanceError, match=r"on 'AllSides, media split' have the title 'TF-IDF \+ linear SVM'"):
        read_series(published)


def test_the_figure_states_what_validation_chose_and_fits_its_width(series):
    chart = series_chart(series)
    chart.figure.canvas.draw()
    width = chart.figure.get_window_extent().width
    boxes = [text.get_window_extent() for text in chart.figure.texts] + [
        one.get_window_extent() for one in chart.figure.legends
    ]
    assert len(boxes) == 2
    assert all(box.x0 >= 0 and box.x1 <= width for box in boxes)
    best = series.scores[series.scores["chosen"]]
    assert all(f"{score:.3f}" in chart.title for score in best["macro_f1"])


def test_figures_are_named_for_their_series(series):
    assert chart_name(series) == "leaning-of-allsides-articles-series"


def test_without_published_results_there_is_no_series(tmp_path, published):
    assert read_series(tmp_path) == []
    text = (published / "references.yaml").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if "series:" not in line]
    (published / "references.yaml").write_text("\n".join(lines), encoding="utf-8")
    assert read_series(published) == []
