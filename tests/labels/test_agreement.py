import warnings

import krippendorff
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score

from newstance.labels.agreement import (
    AGREEMENT_COLUMNS,
    REFERENCE_COLUMNS,
    agreement_table,
    cohen_kappa,
    macro_f1,
    nominal_alpha,
    observed_agreement,
    reference_agreement,
)
from newstance.scheme import Label, Scheme
from newstance.settings import EvaluationSettings

CODES = ["left", "center", "right"]
LABELS = tuple(Label(code=code, name=code, definition=code) for code in CODES)
LEANING = Scheme(
    name="leaning", kind="single-label", title="Leaning", annotations="leanings.csv", skip="skip", labels=LABELS
)
VIEW = Scheme(name="view", kind="target-dependent", title="View", annotations="views.csv", labels=LABELS)
SETTINGS = EvaluationSettings(resamples=300)

label_pairs = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=40)


def confusion_of(pairs: list[tuple[int, int]]) -> np.ndarray:
    matrix = np.zeros((3, 3))
    for first, second in pairs:
        matrix[first, second] += 1
    return matrix


@given(label_pairs)
def test_kappa_and_alpha_equal_the_libraries(pairs):
    first, second = map(list, zip(*pairs, strict=True))
    confusion = confusion_of(pairs)
    if len({*first, *second}) == 1:
        assert np.isnan(cohen_kappa(confusion))
        assert np.isnan(nominal_alpha(confusion))
    else:
        assert cohen_kappa(confusion) == pytest.approx(cohen_kappa_score(first, second))
        expected = krippendorff.alpha([first, second], level_of_measurement="nominal")
        assert nominal_alpha(confusion) == pytest.approx(expected)


@given(label_pairs)
def test_accuracy_and_macro_f1_equal_scikit_learn(pairs):
    reference, predicted = zip(*pairs, strict=True)
    assert observed_agreement(confusion_of(pairs)) == pytest.approx(accuracy_score(reference, predicted))
    assert macro_f1(confusion_of(pairs), 3) == pytest.approx(f1_score(reference, predicted, average="macro"))


@given(label_pairs, label_pairs)
def test_measures_of_a_stack_are_the_measures_of_its_matrices(one, other):
    stack = np.stack([confusion_of(one), confusion_of(other)])
    for measure in (cohen_kappa, nominal_alpha, lambda matrix: macro_f1(matrix, 3)):
        np.testing.assert_allclose(measure(stack), [measure(stack[0]), measure(stack[1])])


@pytest.fixture(scope="module")
def annotated() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sixty articles of two outlets with two targets each; B copies A in the first outlet and guesses in the other."""
    generator = np.random.default_rng(5)
    units = [(f"n{number}", target) for number in range(60) for target in ("Oslo", "Rome")]
    rows = []
    for article_id, target in units:
        label = CODES[generator.integers(3)]
        other = label if int(article_id[1:]) < 30 else CODES[generator.integers(3)]
        rows += [(article_id, "A", target, label), (article_id, "B", target, other)]
    rows += [("n1", "lonely", "Bern", "left"), ("dropped", "A", "Oslo", "left"), ("dropped", "B", "Oslo", "right")]
    articles = pd.DataFrame(
        {"article_id": [f"n{number}" for number in range(60)], "outlet": ["one"] * 30 + ["two"] * 30}
    )
    return pd.DataFrame(rows, columns=["article_id", "annotator", "target", "view"]), articles


def test_table_has_overall_classes_and_outlets_for_pairs_with_common_units(annotated):
    table = agreement_table(*annotated, VIEW, SETTINGS)
    assert list(table.columns) == AGREEMENT_COLUMNS
    assert set(table["pair"]) == {"A-B"}
    assert table["slice"].tolist() == ["overall", *["class"] * 3, *["outlet"] * 2]
    assert table["value"].tolist() == ["", *CODES, "one", "two"]
    assert table["units"].tolist()[:1] + table["units"].tolist()[-2:] == [120, 60, 60]


def test_table_values_equal_the_libraries_on_every_slice(annotated):
    annotations, articles = annotated
    table = agreement_table(annotations, articles, VIEW, SETTINGS).set_index("value")
    wide = annotations.pivot_table(index=["article_id", "target"], columns="annotator", values="view", aggfunc="first")
    wide = wide.dropna(subset=["A", "B"]).reset_index().merge(articles, on="article_id")
    assert table.loc["", "kappa"] == pytest.approx(cohen_kappa_score(wide["A"], wide["B"]))
    assert table.loc["left", "kappa"] == pytest.approx(cohen_kappa_score(wide["A"] == "left", wide["B"] == "left"))
    assert table.loc["left", "units"] == ((wide["A"] == "left") | (wide["B"] == "left")).sum()
    two = wide[wide["outlet"] == "two"]
    coded = [[CODES.index(label) for label in two[annotator]] for annotator in ("A", "B")]
    assert table.loc["two", "alpha"] == pytest.approx(krippendorff.alpha(coded, level_of_measurement="nominal"))
    assert table.loc["one", ["kappa", "alpha", "kappa_low", "alpha_high"]].tolist() == [1, 1, 1, 1]


def test_interval_equals_a_plain_bootstrap_over_articles(annotated):
    annotations, articles = annotated
    row = agreement_table(annotations, articles, VIEW, SETTINGS).iloc[0]
    kept = annotations[annotations["article_id"].isin(articles["article_id"])]
    wide = kept.pivot_table(index=["article_id", "target"], columns="annotator", values="view", aggfunc="first")
    by_article = [part for _, part in wide.dropna(subset=["A", "B"])[["A", "B"]].groupby(level=0)]
    generator = np.random.default_rng(1)
    kappas = []
    for _ in range(300):
        drawn = pd.concat([by_article[index] for index in generator.integers(60, size=60)])
        kappas.append(cohen_kappa_score(drawn["A"], drawn["B"]))
    low, high = np.quantile(kappas, [0.025, 0.975])
    assert row["kappa_low"] == pytest.approx(low, abs=0.03)
    assert row["kappa_high"] == pytest.approx(high, abs=0.03)


def test_units_of_one_article_are_drawn_together():
    """With one article there is nothing to draw, however many units it has."""
    rows = [("a", who, str(n), CODES[n % 2 if who == "A" else n % 3]) for n in range(30) for who in ("A", "B")]
    annotations = pd.DataFrame(rows, columns=["article_id", "annotator", "target", "view"])
    row = agreement_table(annotations, pd.DataFrame({"article_id": ["a"], "outlet": ["one"]}), VIEW, SETTINGS).iloc[0]
    assert row["kappa_low"] == row["kappa"] == row["kappa_high"] < 1


def test_equal_seeds_give_equal_tables_and_undefined_measures_are_missing(annotated):
    annotations, articles = annotated
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first = agreement_table(annotations, articles, VIEW, SETTINGS)
        pd.testing.assert_frame_equal(first, agreement_table(annotations, articles, VIEW, SETTINGS))
        unanimous = agreement_table(annotations.assign(view="left"), articles, VIEW, SETTINGS).iloc[0]
    assert unanimous["agreement"] == 1
    assert unanimous[["kappa", "kappa_low", "alpha", "alpha_high"]].isna().all()


def test_one_annotator_alone_gives_empty_tables():
    annotations = pd.DataFrame({"article_id": ["a", "b"], "annotator": "A", "leaning": ["left", "right"]})
    articles = pd.DataFrame({"article_id": ["a", "b"], "outlet": "one"})
    table = agreement_table(annotations, articles, LEANING, SETTINGS)
    assert table.empty
    assert list(table.columns) == AGREEMENT_COLUMNS
    scores = reference_agreement(annotations, articles, LEANING, "gold", SETTINGS)
    assert scores.empty
    assert list(scores.columns) == REFERENCE_COLUMNS


def test_annotators_are_scored_against_the_reference_as_models_are():
    reference = [*CODES, "left", "skip", "center"]
    annotator = ["left", "center", "left", "skip", "left", "center"]
    ids = [str(number) for number in range(6)]
    annotations = pd.concat(
        [
            pd.DataFrame({"article_id": ids, "annotator": "A", "leaning": annotator}),
            pd.DataFrame({"article_id": ids, "annotator": "gold", "leaning": reference}),
        ]
    )
    articles = pd.DataFrame({"article_id": ids, "outlet": "one"})
    scores = reference_agreement(annotations, articles, LEANING, "gold", SETTINGS)
    row = scores.set_index("annotator").loc["A"]
    judged = [(truth, label) for truth, label in zip(reference, annotator, strict=True) if truth != "skip"]
    truth, labels = zip(*judged, strict=True)
    assert len(scores) == 1
    assert row["units"] == 5
    assert row["accuracy"] == pytest.approx(0.6)
    assert row["macro_f1"] == pytest.approx(f1_score(truth, labels, labels=CODES, average="macro"))
    assert row["accuracy_low"] < row["accuracy"] < row["accuracy_high"]
    assert row["macro_f1_low"] < row["macro_f1"] < row["macro_f1_high"]
