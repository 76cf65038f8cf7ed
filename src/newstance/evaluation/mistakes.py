"""Mistakes of an experiment on test, beside what the annotators said of the same units."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from newstance.corpus.splits import ALL_LABELS, STANDARD
from newstance.evaluation.experiments import Experiment
from newstance.evaluation.paired import holm
from newstance.scheme import Scheme

SHOWN_ERRORS = 20
ERROR_COLUMNS = ["experiment", "article_id", "outlet", "target", "label", "predicted", "confidence", "secondary"]
ERROR_COLUMNS += ["disputed", "annotators"]
COUNTS = ["units", "disputed", "as_annotator", "as_secondary"]
SOURCE_COLUMNS = ["experiment", "label", "predicted", *COUNTS, "expected_share", "p_disputed", "p_disputed_holm"]


def judged_units(
    experiment: Experiment, units: pd.DataFrame, annotations: pd.DataFrame, scheme: Scheme
) -> pd.DataFrame:
    """Put what the experiment predicts beside what the annotators said.

    Parameters
    ----------
    experiment
        Its prediction is the label with the highest calibrated probability, mean over seeds.
    units
        The prepared test table.
    annotations
        As `newstance.labels.annotations.read_annotations` returns them; may be empty.
    scheme
        The task's.

    Returns
    -------
    DataFrame
        One row a unit: article_id, outlet, target ("" without targets), label, predicted, confidence, secondary (the
        label's second one, or ""), annotators (what each annotator other than the one whose label counts said,
        ``A sport, B health``; "" where there is none), disputed (whether one of them gave another label than the
        one that counts, which is so whenever two of them disagree), as_annotator (whether one of them gave the
        predicted label).
    """
    outcomes = experiment.evaluations[STANDARD].outcomes
    probabilities = np.mean([seed.probabilities for seed in outcomes], axis=0)
    table = pd.DataFrame(
        {
            "article_id": units["article_id"].to_numpy(),
            "outlet": units["outlet"].to_numpy(),
            "target": units["target"].to_numpy() if scheme.has_targets else "",
            "label": units[scheme.name].to_numpy(),
            "predicted": np.array(scheme.codes, dtype=object)[probabilities.argmax(axis=1)],
            "confidence": probabilities.max(axis=1),
            "secondary": units[scheme.secondary].fillna("").to_numpy() if scheme.secondary else "",
            "counts": units["annotator"].to_numpy(),
        }
    )
    key = ["article_id", "target"] if scheme.has_targets else ["article_id"]
    given = annotations[[*scheme.unit, "annotator", scheme.name]].rename(columns={scheme.name: "given"})
    said = table.reset_index().merge(given, on=key).query("annotator != counts").sort_values(["index", "annotator"])
    by_unit = said.assign(
        annotators=said["annotator"] + " " + said["given"],
        disputed=said["given"] != said["label"],
        as_annotator=said["given"] == said["predicted"],
    ).groupby("index")
    table["annotators"] = by_unit["annotators"].agg(", ".join).reindex(table.index).fillna("")
    for name in ("disputed", "as_annotator"):
        table[name] = by_unit[name].any().reindex(table.index, fill_value=False)
    return table.drop(columns="counts")


def confident_errors(judged: pd.DataFrame) -> pd.DataFrame:
    """Return the most confident mistakes, the most confident first; columns `ERROR_COLUMNS` without the experiment."""
    wrong = judged[judged["label"] != judged["predicted"]]
    ordered = wrong.sort_values(["confidence", "article_id", "target"], ascending=[False, True, True])
    return ordered.head(SHOWN_ERRORS)[ERROR_COLUMNS[1:]]


def confusion_sources(judged: pd.DataFrame) -> pd.DataFrame:
    """Count, for every confused pair of labels, how many of its mistakes lie where annotators disagree.

    Only units that another annotator labelled than the one whose label counts are looked at.

    Parameters
    ----------
    judged
        As `judged_units` returns them.

    Returns
    -------
    DataFrame
        Columns `SOURCE_COLUMNS` without the experiment. First all mistakes together (label and predicted ``(all)``),
        then the most frequent confusion: units mistaken, those of them that are disputed, those where the prediction
        is what an annotator said, those where it is the second label, the share of all units that is disputed (what
        to expect of mistakes that have nothing to do with the annotators' disagreements), and the one-sided binomial
        test that the mistakes are disputed more often than that, for pairs also with Holm's correction.
    """
    annotated = judged[judged["annotators"] != ""]
    wrong = annotated[annotated["label"] != annotated["predicted"]]
    if wrong.empty:
        return pd.DataFrame(columns=SOURCE_COLUMNS[1:])
    wrong = wrong.assign(units=1, as_secondary=wrong["predicted"] == wrong["secondary"])
    pairs = wrong.groupby(["label", "predicted"], as_index=False)[COUNTS].sum()
    pairs = pairs.sort_values(["units", "label", "predicted"], ascending=[False, True, True])
    total = wrong[COUNTS].sum().to_frame().T.assign(label=ALL_LABELS, predicted=ALL_LABELS)
    table = pd.concat([total, pairs], ignore_index=True)
    share = float(annotated["disputed"].mean())
    counts = zip(table["disputed"], table["units"], strict=True)
    p_values = [binomtest(int(k), int(n), share, alternative="greater").pvalue for k, n in counts]
    table = table.assign(expected_share=share, p_disputed=p_values)
    table["p_disputed_holm"] = holm(table["p_disputed"].iloc[1:]).reindex(table.index)
    return table[SOURCE_COLUMNS[1:]]
