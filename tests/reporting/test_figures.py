import re
from dataclasses import replace
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest

from newstance.reporting.drawing import house_style
from newstance.reporting.figures import charts, confusion, forest, protocols
from newstance.reporting.results import read_tables, task_results

SVG = "{http://www.w3.org/2000/svg}"
KINDS = ["forest", "protocols", "per-class", "confusion", "reliability", "frontier-prediction", "frontier-training"]


@pytest.fixture
def results(write, both_tasks, settings):
    def found(name, **changes):
        for key, value in changes.items():
            setattr(both_tasks[name], key, value)
        return task_results(read_tables(write({name: both_tasks[name]})), settings)[0]

    return found


@pytest.mark.parametrize("task", ["topic", "stance"])
def test_every_chart_is_valid_svg_with_title_description_and_ids_of_its_own(results, task):
    drawn = charts(results(task))
    assert list(drawn) == KINDS
    ids = []
    for chart in drawn.values():
        root = ElementTree.fromstring(chart.svg)
        assert root.get("role") == "img"
        assert root.find(f"{SVG}title").text == chart.title
        assert root.find(f"{SVG}desc").text == chart.caption
        here = [element.get("id") for element in root.iter() if element.get("id")]
        assert set(root.get("aria-labelledby").split()) <= set(here)
        assert set(re.findall(r'(?:href="|url\()#([^")]+)', chart.svg)) <= set(here)
        assert "data:" not in chart.svg
        ids += here
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("experiments", [
    {"best": ("TF-IDF + linear SVM", "baseline", 0.4)},
    {
        "best": ("TF-IDF + linear SVM, outlets balanced, with a long name", "baseline", 0.4),
        "second": ("Fine-tuned MiniLM, highest on test", "baseline", 0.6),
        "third": ("Majority", "majority", 0.1),
    },
])  # fmt: skip
def test_titles_and_legends_have_room_of_their_own_in_small_figures(results, experiments):
    part = results("topic", experiments=experiments, best="best", annotators=())
    with house_style():
        drawn = [forest(part), protocols(part)]
    for figure in (chart.figure for chart in drawn):
        figure.draw_without_rendering()
        (title,), (legend,), (axes,) = figure.texts, figure.legends, figure.axes
        plot = axes.get_tightbbox()
        assert legend.get_window_extent().y0 >= 0
        assert legend.get_window_extent().y1 <= plot.y0
        assert plot.y1 <= title.get_window_extent().y0
        assert title.get_window_extent().x1 <= figure.bbox.x1


def test_equal_tables_give_equal_bytes_whatever_the_users_style(results):
    part = results("stance")
    before = {kind: chart.svg for kind, chart in charts(part).items()}
    with mpl.rc_context({"font.size": 20, "svg.fonttype": "none", "axes.grid": True}):
        assert {kind: chart.svg for kind, chart in charts(part).items()} == before


def test_titles_state_what_the_numbers_say(results):
    part = results("topic")
    titles = {kind: chart.title for kind, chart in charts(part).items()}
    best = part.best
    interval = f"{best['macro_f1']:.3f} [{best['macro_f1_low']:.3f}, {best['macro_f1_high']:.3f}]"
    assert interval in titles["forest"]
    assert titles["forest"].startswith(best["title"])
    held_out = part.compared("outlet-held-out").loc[best["experiment"], "macro_f1"]
    both = f"{best['macro_f1']:.3f} standard, {held_out:.3f} outlet-held-out"
    assert titles["protocols"] == f"Macro-F1 of {best['title']}: {both}"
    expected = f"Calibration lowers the expected calibration error of {best['title']}: 0.142 before, 0.031 after"
    assert titles["reliability"] == expected
    worst = part.of_best("per_class").sort_values("f1").iloc[0]
    assert f"(F1 {worst['f1']:.3f}, " in titles["per-class"].split("weakest")[1]


@pytest.mark.parametrize(("macro_f1", "beginning"), [
    (0.99, "TF-IDF + linear SVM leads on topic: macro-F1 0.990 ["),
    (0.10, "TF-IDF + linear SVM, best on validation, scores"),
])  # fmt: skip
def test_only_the_highest_on_test_is_said_to_lead(results, macro_f1, beginning):
    part = results("topic")
    comparison = part.tables["comparison"]
    comparison.loc[comparison["best"], "macro_f1"] = macro_f1
    with house_style():
        assert forest(replace(part)).title.startswith(beginning)


def test_the_most_frequent_error_is_off_the_diagonal(results):
    part = results("stance")
    table = part.tables["confusion"]
    off = (table["label"] != table["predicted"]) & (table["experiment"] == part.best["experiment"])
    table.loc[off, "units"] = 0
    with house_style():
        assert "makes no error on test" in confusion(part).title
    table.loc[off & (table["label"] == "against") & (table["predicted"] == "neutral"), "units"] = 2.5
    with house_style():
        assert "against read as neutral (2.5 of " in confusion(part).title


def test_the_title_about_protocols_names_an_experiment_that_is_drawn(results):
    part = results("topic")
    held_out = part.compared("outlet-held-out")
    comparison = part.tables["comparison"]
    lacking = (comparison["experiment"] == part.best["experiment"]) & (comparison["protocol"] == "outlet-held-out")
    tables = {**part.tables, "comparison": comparison[~lacking]}
    second = next(row for row in part.ranked.to_dict("records") if row["experiment"] != part.best["experiment"])
    assert second["experiment"] in held_out.index
    with house_style():
        title = protocols(replace(part, tables=tables)).title
    assert title.startswith(f"Macro-F1 of {second['title']}: ")


@pytest.mark.parametrize(("changes", "missing"), [
    ({"protocols": ("standard",)}, {"protocols"}),
    ({"calibrated": False}, {"reliability"}),
    ({"timed": False}, {"frontier-prediction", "frontier-training"}),
    ({"annotators": ()}, set()),
    ({"experiments": {"only": ("One", "baseline", 0.4)}, "best": "only"}, set()),
    (
        {"experiments": {"only": ("Majority", "majority", 0.4)}, "best": "only"},
        {"frontier-prediction", "frontier-training"},
    ),
])  # fmt: skip
def test_charts_without_data_are_left_out(results, changes, missing):
    part = results("topic", **changes)
    assert set(KINDS) - set(charts(part)) == missing


def test_missing_intervals_and_absent_labels_still_draw(results):
    part = results("topic")
    for name in ("comparison", "per_class"):
        table = part.tables[name]
        table.loc[:, [column for column in table if column.endswith(("_low", "_high"))]] = np.nan
    without_weather = part.tables["per_class"].query("label != 'weather'")
    drawn = charts(replace(part, tables={**part.tables, "per_class": without_weather}))
    assert "nan" not in " ".join(chart.title + chart.caption for chart in drawn.values()).lower()
    assert "NaN" not in "".join(chart.svg for chart in drawn.values())
