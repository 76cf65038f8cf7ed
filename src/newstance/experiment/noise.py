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

    A fast baseline (TF-IDF and frozen embeddings, logistic regression) predicts every unit while articles of its
    group are held out; cleanlab compares its probabilities with the labels given and counts how many of each class
    must be wrong.

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

    labels = train[scheme.name].to_numpy(dtype=object)
    classes, numbers = np.unique(labels, return_inverse=True)
    folds = GroupKFold(min(FOLDS, train["group"].nunique())).split(train, labels, train["group"])
    probabilities = np.full((len(train), len(classes)), 1e-9)
    for kept, held_out in folds:
        model = build(_judge(scheme), aliases, seed=0).fit(train.iloc[kept], labels[kept])
        columns = np.searchsorted(classes, model.classes_)
        probabilities[np.ix_(held_out, columns)] += model.predict_proba(train.iloc[held_out])
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    wrong: NDArray[np.bool_] = find_label_issues(numbers, probabilities, filter_by="both", n_jobs=1)
    return wrong


def _judge(scheme: Scheme) -> LinearModel:
    """Return a model that is quick, and of another family than the one that learns from what it leaves."""
    fields = ("article", "target", "masked_sentences") if scheme.has_targets else ("article",)
    return LinearModel(
        kind="linear",
        features=(*(TfidfFeatures(field=field) for field in fields), EncoderFeatures(field="article")),
        classifier=LogisticRegressionSettings(class_weight=None),
    )
