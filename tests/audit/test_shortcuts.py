from __future__ import annotations

import pytest

from audit.planted import LABELS, clean_data, prefixed, scheme
from newstance.audit import shortcuts
from newstance.audit.corpus import read_corpus
from newstance.audit.names import find_names
from newstance.audit.scores import difference
from newstance.audit.shared import find_shared
from newstance.audit.shortcuts import (
    BOILERPLATE_ONLY,
    BYLINE_ONLY,
    DATE_ONLY,
    FULL,
    FULL_ON_MASKED,
    LENGTH_ONLY,
    MAJORITY,
    MASKED,
    MODEL_COLUMNS,
    NAMES_ONLY,
    NOTHING_FOUND,
    OUTLET_ONLY,
    TARGET_ONLY,
    TITLE_TARGET,
    Models,
    fit_models,
)
from newstance.settings import EvaluationSettings

SETTINGS = EvaluationSettings(resamples=200)


def _models(data: dict, **options: bool) -> Models:
    corpus = read_corpus(data, scheme(**options))
    shared = find_shared(corpus)
    return fit_models(corpus, shared, find_names(corpus, shared.article_authors), SETTINGS, seed=1)


def test_on_clean_data_the_text_is_above_the_majority_and_shortcuts_are_not() -> None:
    models = _models(clean_data())

    table = models.table.set_index("model")
    assert models.table.columns.tolist() == MODEL_COLUMNS
    assert table.index.tolist() == [MAJORITY, OUTLET_ONLY, DATE_ONLY, LENGTH_ONLY, FULL, FULL_ON_MASKED, MASKED]
    assert table.loc[FULL, "gain_low"] > 0.2
    assert (table.loc[[OUTLET_ONLY, DATE_ONLY, LENGTH_ONLY], "gain_low"] <= 0).all()
    assert [note.split()[1] for note in models.notes] == ["author", "outlet,", "line"]


@pytest.mark.parametrize("shortcut", [OUTLET_ONLY, DATE_ONLY, LENGTH_ONLY, BYLINE_ONLY, NAMES_ONLY, BOILERPLATE_ONLY])
def test_a_planted_shortcut_predicts_the_label(shortcut: str) -> None:
    data = clean_data()
    months = dict(zip(LABELS, ("2017-01-05", "2017-02-05", "2017-03-05"), strict=True))
    authors = dict(zip(LABELS, ("Ada Brink", "Nils Holm", "Eva Lund"), strict=True))
    for split, table in data.items():
        if shortcut == OUTLET_ONLY:
            table["outlet"] = "The " + table["leaning"]
        if shortcut == DATE_ONLY:
            table["published"] = table["leaning"].map(months).astype("datetime64[ns]")
        if shortcut == LENGTH_ONLY:
            table["text"] += table["leaning"].map(
                dict(zip(LABELS, ("", " and so on" * 9, " and so on" * 30), strict=True))
            )
        lines = {
            BYLINE_ONLY: "By " + table["leaning"].map(authors) + "\n",
            NAMES_ONLY: "By " + table["leaning"].map(authors) + "\n",
            BOILERPLATE_ONLY: "Everybody reads the news from the " + table["leaning"] + ".\n",
        }
        if shortcut in lines:
            data[split] = table.assign(text=lines[shortcut] + table["text"])

    row = _models(data).table.set_index("model").loc[shortcut]

    assert row["accuracy"] == 1.0
    assert row["share_of_full"] >= 1.0


def test_masking_takes_away_what_names_told() -> None:
    data = clean_data()
    for split, table in data.items():
        for label in LABELS:
            rows = table.index[table["leaning"] == label]
            data[split].loc[rows, "outlet"] = f"{label.title()} Gazette"
            data[split] = prefixed(data[split], rows, f"The {label.title()} Gazette has learned this.")

    tested = _models(data).tested

    drop, low, _ = difference(tested[FULL], tested[FULL_ON_MASKED])
    assert tested[FULL].columns()["accuracy"] == 1.0
    assert drop > 0.1
    assert low > 0
    assert tested[MASKED].columns()["accuracy"] < 1.0


def test_pairs_have_the_target_as_a_shortcut_and_the_title_as_a_part_of_the_input() -> None:
    data = clean_data(targets=True)
    for table in data.values():
        table.loc[table["target"] == "the tram", "leaning"] = "left"

    table = _models(data, targets=True).table.set_index("model")

    assert table.loc[MAJORITY, "units"] == len(data["test"])
    assert table.loc[TARGET_ONLY, "gain"] >= 0
    assert table.loc[TITLE_TARGET, "kind"] == "partial input"


@pytest.mark.parametrize("title", ["", None])
def test_pairs_without_titles_are_audited_all_the_same(title: str | None) -> None:
    data = {split: table.drop(columns="title") for split, table in clean_data(targets=True).items()}
    if title is not None:
        data = {split: table.assign(title=title) for split, table in data.items()}

    models = _models(data, targets=True)

    assert TITLE_TARGET not in models.tested
    assert NOTHING_FOUND[TITLE_TARGET] in models.notes


def test_boilerplate_that_is_rare_in_test_is_masked_there_as_it_is_in_train() -> None:
    lines = dict(zip(LABELS, ("Read more of this.", "Our office is open.", "Write to us."), strict=True))
    data = clean_data()
    for split, rows in {"train": range(180), "test": range(12)}.items():
        for row in rows:
            data[split] = prefixed(data[split], [row], lines[data[split]["leaning"][row]])
    corpus = read_corpus(data, scheme())

    masked = shortcuts._masked(corpus)

    assert [table["text"].str.contains("|".join(lines.values())).sum() for table in masked.values()] == [0, 0]


def test_columns_that_are_lacking_have_no_shortcut() -> None:
    data = {split: table.drop(columns=["outlet", "published"]) for split, table in clean_data().items()}

    assert not {OUTLET_ONLY, DATE_ONLY} & set(_models(data).tested)
