"""How well a model does on the second label that it learned beside the first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, f1_score

from newstance.evaluation.summary import DIGITS
from newstance.models.transformer import TransformerClassifier


def auxiliary_metrics(model: Any, data: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Score the auxiliary label, once an article.

    Returns
    -------
    dict
        ``{"auxiliary": {split: {"accuracy": …, "macro_f1": …}}}`` for validation and test; empty for a model that has
        none.
    """
    column = getattr(model, "auxiliary", None)
    if not isinstance(model, TransformerClassifier) or column is None:
        return {}
    found = {}
    for split in ("validation", "test"):
        articles = data[split].dropna(subset=[column]).drop_duplicates("article_id")
        predicted = model.auxiliary_classes_[model.predict_auxiliary_proba(articles).argmax(axis=1)]
        truth = articles[column].to_numpy(dtype=object)
        found[split] = {
            "accuracy": round(float(accuracy_score(truth, predicted)), DIGITS),
            "macro_f1": round(float(f1_score(truth, predicted, average="macro", labels=np.unique(truth))), DIGITS),
        }
    return {"auxiliary": found}
