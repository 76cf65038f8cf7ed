import base64

import pandas as pd
import pytest

from newstance.notebooks import outlets
from newstance.notebooks.outlets import FEWEST, OutletStances
from newstance.scheme import Label, Scheme
from newstance.settings import EvaluationSettings

SETTINGS = EvaluationSettings(resamples=200)
VIEW = Scheme(
    name="view",
    kind="target-dependent",
    title="View",
    annotations="views.csv",
    labels=tuple(
        Label(code=code, name=name, definition="") for code, name in (("f", "pro"), ("e", "even"), ("a", "contra"))
    ),
)


def pairs(target: str = "ferry", **of_outlets: str) -> pd.DataFrame:
    """One article a letter (f, e, a), by outlet; all of one topic and month."""
    rows = [[target, outlet, letter] for outlet, letters in of_outlets.items() for letter in letters]
    table = pd.DataFrame(rows, columns=["target", "outlet", "view"])
    ids = [f"{target}{number}" for number in range(len(table))]
    return table.assign(article_id=ids, topic="sport", published=pd.Timestamp("2017-02-03"))


DIFFERENT = pairs(Post="a" * 12, Times="f" * 10, Echo="e" * 6, Few="a")
ALIKE = pairs(Post="afe" * 4, Times="fea" * 4)


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_outlets_are_counted_toward_one_target_and_articles_without_an_outlet_left_out():
    units = pd.concat(
        [DIFFERENT, pairs("tram", Post="f"), pairs("ferry").reindex([0]).assign(target="ferry", outlet="")]
    )
    table = outlets.toward(units, "ferry", VIEW, SETTINGS).set_index("group")
    assert table["pairs"].to_dict() == {"Post": 12, "Times": 10, "Echo": 6, "Few": 1}
    assert table.loc["Post", ["favor", "against"]].tolist() == [0, 1]


def test_the_finding_names_two_outlets_whose_intervals_lie_apart():
    found = outlets.finding(outlets.toward(DIFFERENT, "ferry", VIEW, SETTINGS), "ferry", VIEW)
    assert plain(found).startswith(
        "Outlets differ toward ferry: 100 % [76, 100] of Post's articles are contra, 0 % [0, 28]"
    )
    assert found.endswith("Times's")


def test_no_difference_is_claimed_where_intervals_overlap_or_outlets_have_few_articles():
    found = outlets.finding(outlets.toward(ALIKE, "ferry", VIEW, SETTINGS), "ferry", VIEW)
    assert "can't be told apart" in found
    few = pairs(Post="a" * (FEWEST - 1), Times="f" * 20)
    assert "nothing to compare" in outlets.finding(outlets.toward(few, "ferry", VIEW, SETTINGS), "ferry", VIEW)


def test_the_chart_leaves_out_outlets_with_few_articles_and_says_so():
    chart = outlets.chart(DIFFERENT, "ferry", VIEW, SETTINGS)
    assert [label.get_text() for label in chart.figure.axes[0].get_yticklabels()] == ["Times", "Echo", "Post"]
    assert f"Left out, with fewer than {FEWEST}: Few." in chart.caption
    assert "nothing to compare" in outlets.chart(pairs(Post="a"), "ferry", VIEW, SETTINGS)


def test_panels_show_frequent_targets_beside_each_other_and_state_the_widest_difference():
    units = pd.concat([pairs("tram", Post="e" * 20, Times="e" * 20), DIFFERENT])
    chart = outlets.panels(units, VIEW, SETTINGS)
    assert [axes.get_title(loc="left") for axes in chart.figure.axes] == ["tram", "ferry"]
    assert "toward ferry" in chart.title
    texts = [text.get_text() for text in chart.figure.axes[0].texts]
    assert texts == ["too few", "20", "20"]  # Echo, Post, Times
    assert "nothing to draw" in outlets.panels(pairs(Post="a"), VIEW, SETTINGS)


def test_outlets_explain_all_of_the_variance_where_each_has_one_stance():
    found = outlets.explained(pairs(Post="a" * 10, Times="f" * 10), "ferry", VIEW, SETTINGS)
    assert found["share"] == pytest.approx(1)
    assert found["high"] < 0.5
    assert found["p"] == pytest.approx(1 / 201)


def test_a_difference_that_topics_make_is_not_put_down_to_outlets():
    units = pairs(Post="a" * 10 + "f", Times="f" * 10 + "a").assign(topic=["war"] * 10 + ["sport"] * 11 + ["war"])
    found = outlets.explained(units, "ferry", VIEW, SETTINGS)
    assert found["share"] > 0.5
    assert found["mean"] == pytest.approx(found["share"])
    assert found["p"] == 1
    assert "alone could make these" in outlets.explained_in_words(units, "ferry", VIEW, SETTINGS)


def test_a_difference_within_a_topic_and_month_is_not_put_down_to_these():
    units = DIFFERENT.assign(published=[pd.Timestamp("2017-02-03"), pd.NaT] * 14 + [pd.NaT])
    assert "alone don't make" in outlets.explained_in_words(units, "ferry", VIEW, SETTINGS)


def test_one_stance_for_all_leaves_nothing_to_explain():
    found = outlets.explained(pairs(Post="aa", Times="aa"), "ferry", VIEW, SETTINGS)
    assert (found["share"], found["p"]) == (0, 1)


def test_the_table_shows_all_outlets_most_in_favor_first():
    table = outlets.as_shown(outlets.toward(DIFFERENT, "ferry", VIEW, SETTINGS), VIEW)
    assert table["outlet"].tolist() == ["Times", "Echo", "Post", "Few"]
    assert plain(table["contra"].iloc[2]) == "100 % [76, 100]"
    assert list(table.columns) == ["outlet", "articles", "contra", "pro"]


def test_the_widget_offers_frequent_targets_and_shows_the_chosen_one():
    units = pd.concat([DIFFERENT, pairs("<tram>", Post="e" * 9, Echo="f" * 11), pairs("pier", Post="a")])
    widget = OutletStances(units, VIEW, SETTINGS)
    assert widget.target.options == (("ferry (29)", "ferry"), ("<tram> (20)", "<tram>"))
    assert "alt='Outlets differ toward ferry" in widget.page.value
    assert "<td>Times</td>" in widget.page.value
    widget.target.value = "<tram>"
    assert "<td>Times</td>" not in widget.page.value
    assert "stances toward &lt;tram&gt;" in widget.page.value
    assert "<tram>" not in widget.page.value
    picture = widget.page.value.split("base64,")[1].split("'")[0]
    assert base64.b64decode(picture).startswith(b"<svg")


def test_the_widget_opens_with_the_most_frequent_target_where_all_are_rare():
    widget = OutletStances(pairs("pier", Post="a"), VIEW, SETTINGS)
    assert widget.target.value == "pier"
    assert "<p>Fewer than two outlets" in widget.page.value
