"""Splits over articles, made once and shared by all tasks, and the protocols that are derived from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from newstance.errors import NewstanceError
from newstance.scheme import SPLITS, Scheme
from newstance.settings import SplitSettings

EXCLUDED = "excluded"
STANDARD, OUTLET_HELD_OUT, UNSEEN_TARGET = "standard", "outlet-held-out", "unseen-target"
SUMMARY_COLUMNS = ["task", "protocol", "fold", "split", "label", "articles", "units", "share"]
ALL_LABELS = "(all)"


def make_splits(
    articles: pd.DataFrame,
    schemes: Mapping[str, Scheme],
    training: Mapping[str, pd.DataFrame],
    reference: Mapping[str, pd.DataFrame],
    settings: SplitSettings,
) -> pd.DataFrame:
    """Split the labelled articles.

    `test` is what the reference annotator labelled in any scheme; where there is no such article, a random
    stratified part. `validation` is a random stratified part of the other labelled articles, `train` the rest.
    Near-duplicate groups go to one split as a whole; articles that share a group with a test article are
    ``excluded``. Every label outside test occurs in train.

    Parameters
    ----------
    articles
        Columns `article_id` and `group`.
    schemes
        By name; validation is stratified by the first single-label scheme, or, without one, by the most frequent
        label of the article in the first scheme.
    training, reference
        For each scheme the resolved labels (`newstance.labels.annotations.resolve`) of the training annotators and
        of the reference annotator; a table may be empty.
    settings
        Seed and sizes, as shares of groups.

    Returns
    -------
    DataFrame
        Columns `article_id`, `group`, `split`: one row a labelled article, in the order of `articles`.
    """
    labels = _article_labels(schemes, training, reference).merge(articles[["article_id", "group"]], on="article_id")
    table = articles.loc[articles["article_id"].isin(labels["article_id"]), ["article_id", "group"]]
    table = table.reset_index(drop=True).assign(split="train")
    generator = np.random.default_rng(settings.seed)
    test_ids = {article_id for labelled in reference.values() for article_id in labelled["article_id"]}
    if table["article_id"].isin(test_ids).any():
        test_groups = table.loc[table["article_id"].isin(test_ids), "group"]
    else:
        test_groups = pd.Series(_draw_groups(labels, settings.test, generator))
        test_ids = set(table.loc[table["group"].isin(test_groups), "article_id"])
    table.loc[table["group"].isin(test_groups), "split"] = EXCLUDED
    table.loc[table["article_id"].isin(test_ids), "split"] = "test"
    validation_groups = _draw_groups(labels[~labels["group"].isin(test_groups)], settings.validation, generator)
    table.loc[table["group"].isin(validation_groups), "split"] = "validation"
    return table


def _article_labels(
    schemes: Mapping[str, Scheme], training: Mapping[str, pd.DataFrame], reference: Mapping[str, pd.DataFrame]
) -> pd.DataFrame:
    """All labels of all articles (`article_id`, `label`), those to stratify by first, the frequent ones first."""
    ordered = sorted(schemes.values(), key=lambda scheme: scheme.has_targets)
    tables = []
    for scheme in ordered:
        labels = pd.concat([reference[scheme.name], training[scheme.name]]).drop_duplicates(scheme.unit)
        counts = (
            labels.groupby(["article_id", scheme.name], sort=True).size().sort_values(ascending=False, kind="stable")
        )
        table = counts.reset_index()[["article_id", scheme.name]].rename(columns={scheme.name: "label"})
        tables.append(table.assign(label=scheme.name + ":" + table["label"]))
    return pd.concat(tables, ignore_index=True)


def _draw_groups(labels: pd.DataFrame, share: float, generator: np.random.Generator) -> list[str]:
    """Draw a share of the groups, stratified by their first label.

    Systematic sampling: the groups in random order within each label, every 1/share-th taken from a random start.
    scikit-learn's stratified splitters need as many articles of a class as folds, which rare classes don't have.
    """
    strata = labels.drop_duplicates("group").sort_values("group")[["group", "label"]]
    strata = strata.assign(order=generator.permutation(len(strata))).sort_values(["label", "order"])
    steps = np.floor(np.arange(len(strata) + 1) * share + generator.random())
    drawn = set(strata.loc[np.diff(steps) > 0, "group"])
    if not drawn and len(strata) > 1:
        drawn = {strata["group"].iloc[generator.integers(len(strata))]}
    for _, groups in labels.groupby("label")["group"]:
        if drawn.issuperset(groups):
            drawn.remove(min(groups))
    return sorted(drawn)


def check_splits(splits: pd.DataFrame) -> None:
    """Check that the splits are disjoint, leak no group and are there.

    Raises
    ------
    NewstanceError
        When an article occurs twice, a group lies in two splits, or train, validation or test is empty.
    """
    twice = splits.loc[splits["article_id"].duplicated(), "article_id"]
    if len(twice):
        raise NewstanceError(f"Splits: article '{twice.iloc[0]}' occurs twice; article ids must be unique.")
    used = splits[splits["split"] != EXCLUDED]
    homes = used.groupby("group")["split"].nunique()
    if (homes > 1).any():
        raise NewstanceError(
            f"Splits: group '{homes.index[homes > 1][0]}' lies in more than one split; make them anew."
        )
    for split in SPLITS:
        if not (used["split"] == split).any():
            raise NewstanceError(
                f"Splits: '{split}' is empty; {len(splits)} labelled articles are too few, label more."
            )


def check_labels(splits: pd.DataFrame, scheme: Scheme, labels: pd.DataFrame) -> dict[str, int]:
    """Check that there are labels to learn, and count those that are too rare to be in every split.

    Parameters
    ----------
    splits
        As `make_splits` returns it.
    scheme
        The task's scheme.
    labels
        All resolved labels of the task.

    Returns
    -------
    dict
        The labels with fewer groups of near-duplicates than there are splits, and how many they have.

    Raises
    ------
    NewstanceError
        When the articles of train have fewer than two labels.
    """
    table = labels.merge(splits, on="article_id")
    known = sorted(set(table.loc[table["split"] == "train", scheme.name]))
    if len(known) < 2:
        only = f"only the label '{known[0]}'" if known else "no label"
        raise NewstanceError(f"Task '{scheme.name}': the articles of train have {only}; label more of other ones.")
    groups = table.groupby(scheme.name)["group"].nunique()
    counts = {code: int(groups.get(code, 0)) for code in scheme.codes}
    return {code: count for code, count in counts.items() if count < len(SPLITS)}


@dataclass(frozen=True)
class Fold:
    """One division of prepared data: the rows to train on, to choose by and to test on.

    Articles without a label are part of it where weak labels can be made for them.
    """

    protocol: str
    name: str
    train: pd.DataFrame
    validation: pd.DataFrame
    test: pd.DataFrame
    unlabelled: pd.DataFrame | None = None


def folds(
    data: Mapping[str, pd.DataFrame],
    scheme: Scheme,
    protocol: str = STANDARD,
    unlabelled: pd.DataFrame | None = None,
) -> list[Fold]:
    """Divide prepared data by a protocol.

    Parameters
    ----------
    data
        The prepared tables by split (`newstance.corpus.prepared.read_prepared`).
    scheme
        The task's scheme.
    protocol
        ``standard``: the splits as they are. ``outlet-held-out``: a fold an outlet, tested on that outlet's test
        articles, trained on the other outlets without the groups that occur in it. ``unseen-target``: tested on the
        test pairs whose target occurs neither in train nor in validation.
    unlabelled
        Articles for weak labels (`newstance.corpus.prepared.read_unlabelled`); they are divided as train is.

    Raises
    ------
    NewstanceError
        When the protocol is unknown, or can't be followed with this scheme or these data.
    """
    if protocol == STANDARD:
        return [Fold(protocol, protocol, data["train"], data["validation"], data["test"], unlabelled)]
    if protocol == OUTLET_HELD_OUT:
        return list(_outlet_folds(data, scheme, unlabelled))
    if protocol == UNSEEN_TARGET:
        return [_unseen_target_fold(data, scheme)]
    known = ", ".join((STANDARD, OUTLET_HELD_OUT, UNSEEN_TARGET))
    raise NewstanceError(f"Unknown protocol '{protocol}'; use one of {known}.")


def _outlet_folds(data: Mapping[str, pd.DataFrame], scheme: Scheme, unlabelled: pd.DataFrame | None) -> Iterator[Fold]:
    everything = pd.concat([*data.values(), unlabelled])
    # An article of one's own may name no outlet; "no outlet" is nothing that could be held out.
    for outlet in sorted(set(data["test"]["outlet"]) - {""}):
        held = everything.loc[everything["outlet"] == outlet, "group"]
        train, validation = (_without(outlet, held, data[split]) for split in ("train", "validation"))
        for split, table in (("train", train), ("validation", validation)):
            if table.empty:
                raise NewstanceError(
                    f"Protocol '{OUTLET_HELD_OUT}', task '{scheme.name}': without '{outlet}' there is nothing left "
                    f"in {split}; it needs several outlets, so leave it out of the experiment's 'protocols'."
                )
        test = data["test"][data["test"]["outlet"] == outlet].reset_index(drop=True)
        free = None if unlabelled is None else _without(outlet, held, unlabelled)
        yield Fold(OUTLET_HELD_OUT, outlet, train, validation, test, free)


def _without(outlet: str, held: pd.Series[str], table: pd.DataFrame) -> pd.DataFrame:
    return table[~table["group"].isin(held) & (table["outlet"] != outlet)].reset_index(drop=True)


def unseen_targets(data: Mapping[str, pd.DataFrame]) -> pd.Series[bool]:
    """Say for each test pair whether its target occurs neither in train nor in validation."""
    known = pd.concat([data["train"]["target"], data["validation"]["target"]])
    return ~data["test"]["target"].isin(known)


def _unseen_target_fold(data: Mapping[str, pd.DataFrame], scheme: Scheme) -> Fold:
    if not scheme.has_targets:
        raise NewstanceError(f"Protocol '{UNSEEN_TARGET}' needs targets, which task '{scheme.name}' doesn't have.")
    unseen = data["test"][unseen_targets(data)].reset_index(drop=True)
    if unseen.empty:
        raise NewstanceError(
            f"Protocol '{UNSEEN_TARGET}', task '{scheme.name}': every target of test occurs in training."
        )
    return Fold(UNSEEN_TARGET, UNSEEN_TARGET, data["train"], data["validation"], unseen)


def summarise(scheme: Scheme, protocol_folds: list[Fold]) -> pd.DataFrame:
    """Count articles and labelled units by fold, split and label.

    Returns
    -------
    DataFrame
        Columns `SUMMARY_COLUMNS`; `share` is the label's share of the split's units. The label ``(all)`` counts the
        whole split (an article with several targets counts under each of its labels, but once there).
    """
    rows = []
    for fold in protocol_folds:
        for split, table in zip(SPLITS, (fold.train, fold.validation, fold.test), strict=True):
            parts = {ALL_LABELS: table, **{code: table[table[scheme.name] == code] for code in scheme.codes}}
            for label, part in parts.items():
                share = len(part) / max(len(table), 1)
                counts = (part["article_id"].nunique(), len(part), share)
                rows.append([scheme.name, fold.protocol, fold.name, split, label, *counts])
    return pd.DataFrame(rows, columns=SUMMARY_COLUMNS)
