from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from newstance.reporting.drawing import house_style
from newstance.reporting.tradeoffs import candidates, frontier, learning_curve


@pytest.fixture(autouse=True)
def style():
    with house_style():
        yield


def test_only_models_in_earnest_that_saw_all_of_train_are_drawn(study_results):
    assert set(candidates(study_results["topic"], "prediction").index) == {
        "topic-linear",
        "topic-embeddings",
        "topic-transformer",
        "topic-transformer-128",
        "topic-transformer-512",
        "topic-ensemble",
    }
    assert set(candidates(study_results["stance"], "training").index) == {"stance-linear", "stance-topics-too"}


def test_costs_have_the_unit_of_the_axis(study_results):
    topic = study_results["topic"]
    assert candidates(topic, "prediction").loc["topic-transformer", "cost"] == pytest.approx(30)
    assert candidates(topic, "training").loc["topic-transformer", "cost"] == 14


def test_the_title_names_both_ends_of_the_frontier_and_the_key_all_of_it(study_results):
    topic = study_results["topic"]
    on = candidates(topic, "prediction").query("on").sort_values("cost")
    cheap, best = on.iloc[0], on.iloc[-1]
    assert (cheap["title"], best["title"]) == ("Topic linear", "Topic transformer")
    title = frontier(topic, "prediction").title
    assert f"from 0.4 ms (Topic linear, {cheap['macro_f1']:.3f})" in title
    assert title.endswith(f"to 30 ms (Topic transformer, {best['macro_f1']:.3f})")


def test_hardware_is_named_only_where_there_are_several(study_results):
    assert "different hardware" in frontier(study_results["stance"], "training").caption
    assert "different hardware" not in frontier(study_results["topic"], "training").caption
    title = frontier(study_results["stance"], "training").title
    assert title.startswith("Frontier of training time on stance: one model, macro-F1 for 1 min (Stance topics too, ")


def test_an_ensemble_of_unknown_training_time_is_left_out_of_that_figure_only(study_results):
    cost = study_results["topic"].tables["cost"]
    cost.loc[cost["experiment"] == "topic-ensemble", "training_minutes"] = np.nan
    assert "topic-ensemble" not in candidates(study_results["topic"], "training").index
    assert "topic-ensemble" in candidates(study_results["topic"], "prediction").index


def test_the_learning_curve_states_its_ends(study_results):
    table = study_results["topic"].tables["learning_curve"].set_index("experiment")["macro_f1"]
    title = learning_curve(study_results["topic"]).title
    for kind in ("linear", "transformer"):
        first, last = table[f"topic-{kind}-10%"], table[f"topic-{kind}"]
        assert f"{kind} from {first:.3f} with 6 to {last:.3f} with 60" in title


def test_missing_intervals_still_draw_valid_svg(study_results):
    topic = study_results["topic"]
    tables = {name: table.copy() for name, table in topic.tables.items()}
    for name in ("comparison", "learning_curve"):
        tables[name][["macro_f1_low", "macro_f1_high"]] = np.nan
    without = replace(topic, tables=tables)
    for chart in (frontier(without, "prediction"), learning_curve(without)):
        ElementTree.fromstring(chart.svg)
        assert "nan" not in (chart.title + chart.svg).lower().replace("font", "")
