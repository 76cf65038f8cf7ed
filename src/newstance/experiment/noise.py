"""Label errors in the training data, found by confident learning (Northcutt et al. 2021)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold

from newstance.models.build import build
from newstance.models.mentions import Aliases
from newstance.models.settings import EncoderFeatures, LinearModel, LogisticRegressionSettings, TfidfFeatures
from newstance.scheme import Scheme

FOLDS = 5


def label_errors(train: pd.DataFrame, scheme: Scheme, aliases: Aliases) -> NDArray[np.bool_]:
    """Say which training labels are probably wrong.

    cleanlab compares the probabilities of `held_out_probabilities` with the labels given and counts how many of each
    class must be wrong.

    Parameters
    ----------
    train
        Prepared data, columns `group` and the label among them.
    scheme
        The task's scheme.
    aliases
        Further names of targets.

    Returns
    -------
    ndarray of bool, shape (units,)
    """
    from cleanlab.filter import find_label_issues  # noqa: PLC0415  (imports half a second of code)

    classes, numbers = np.unique(train[scheme.name].to_numpy(dtype=object), return_inverse=True)
    probabilities = held_out_probabilities(train, scheme, aliases)[:, [scheme.codes.index(code) for code in classes]]
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    wrong: NDArray[np.bool_] = find_label_issues(numbers, probabilities, filter_by="both", n_jobs=1)
    return wrong


def held_out_probabilities(labelled: pd.DataFrame, scheme: Scheme, aliases: Aliases) -> NDArray[np.float64]:
    """Predict every unit by a model that has seen nothing of the article's group.

    The model is a fast baseline (TF-IDF and frozen embeddings, logistic regression). Parameters are those of
    `label_errors`.

    Returns
    -------
    ndarray of shape (units, codes)
        In the scheme's order; no probability is 0.
    """
    labels = labelled[scheme.name].to_numpy(dtype=object)
    probabilities = np.full((len(labelled), len(scheme.codes)), 1e-9)
    folds = GroupKFold(min(FOLDS, labelled["group"].nunique())).split(labelled, labels, labelled["group"])
    for kept, held_out in folds:
        model = build(_judge(scheme), aliases, seed=0).fit(labelled.iloc[kept], labels[kept])
        columns = [scheme.codes.index(code) for code in model.classes_]
        probabilities[np.ix_(held_out, columns)] += model.predict_proba(labelled.iloc[held_out])
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return probabilities


def _judge(scheme: Scheme) -> LinearModel:
    """Return a model that is quick, and of another family than the one that learns from what it leaves."""
    words = [TfidfFeatures(field="article")]
    if scheme.has_targets:
        # Each target is one text, however many articles it occurs in: with few targets no word would be in two of them.
        words += [TfidfFeatures(field="target", min_documents=1), TfidfFeatures(field="masked_sentences")]
    return LinearModel(
        kind="linear",
        features=(*words, EncoderFeatures(field="article")),
        classifier=LogisticRegressionSettings(class_weight=None),
    )
