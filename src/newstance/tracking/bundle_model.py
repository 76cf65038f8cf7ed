"""A bundle as MLflow serves it ("models from code"): MLflow copies this file and runs it; it is not for import."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from newstance.bundle.answers import Answer, Article
from newstance.bundle.bundle import Bundle


class BundleModel(PythonModel):
    """The bundle of one task: it answers as the same bundle does behind the API."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the bundle from the logged artifacts; its hashes are checked."""
        self.bundle = Bundle.load(Path(context.artifacts["bundle"]))
        self.scheme = self.bundle.schemes[context.model_config["task"]]

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Label articles, or article-target pairs.

        Parameters
        ----------
        context
            Not used: `load_context` has read all of it.
        model_input
            One row a unit: `title`, `text` and, where the task has targets, `target`.
        params
            None are defined.

        Returns
        -------
        DataFrame
            Column `label`, then one column of calibrated probabilities a code of the scheme, in its order, then
            `abstain`: why the article is not labelled. What does not apply is None.
        """
        targets = [[target] for target in model_input["target"]] if self.scheme.has_targets else [[]] * len(model_input)
        units = zip(model_input["title"], model_input["text"], targets, strict=True)
        articles = [Article(title, text, target) for title, text, target in units]
        rows = [self._row(answer) for answer in self.bundle.predict(articles, evidence=0)]
        # Objects, since JSON knows null but not the NaN that a column of numbers would hold after an abstention.
        columns = ["label", *self.scheme.codes, "abstain"]
        return pd.DataFrame(rows, columns=columns, index=model_input.index, dtype=object)

    def _row(self, answer: Answer) -> dict[str, Any]:
        if answer.abstain:
            return dict.fromkeys(["label", *self.scheme.codes]) | {"abstain": answer.abstain.reason}
        labels = answer.targets[0].labels if self.scheme.has_targets else answer.labels
        decision = labels[self.scheme.name]
        return {"label": decision.label, **decision.probabilities, "abstain": None}


set_model(BundleModel())
