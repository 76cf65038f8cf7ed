"""The model as MLflow serves it ("models from code"): MLflow copies this file and runs it; it is not for import."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from newstance.evaluation.calibration import apply_temperature
from newstance.models.persistence import load


class CalibratedClassifier(PythonModel):
    """A saved classifier with its temperature."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the classifier and its temperature from the logged artifacts."""
        self.classifier = load(Path(context.artifacts["model"]))
        calibration = json.loads(Path(context.artifacts["calibration"]).read_text(encoding="utf-8"))
        self.temperature = float(calibration["temperature"])
        self.codes = list(context.model_config["codes"])
        self.columns = list(context.model_config["columns"])

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Label articles, or article-target pairs.

        Parameters
        ----------
        context
            Not used: `load_context` has read all of it.
        model_input
            One row a unit; an optional column that is absent counts as empty.
        params
            None are defined.

        Returns
        -------
        DataFrame
            Column `label`, then one column of calibrated probabilities a code of the scheme, in its order.
        """
        units = model_input.reindex(columns=self.columns).astype("str").fillna("")
        raw = pd.DataFrame(self.classifier.predict_proba(units), columns=list(self.classifier.classes_))
        # A code that training never saw has probability zero, as in the run folder's predictions.
        probabilities = apply_temperature(raw.reindex(columns=self.codes, fill_value=0.0).to_numpy(), self.temperature)
        answer = pd.DataFrame(probabilities, columns=self.codes, index=model_input.index)
        answer.insert(0, "label", answer.idxmax(axis=1))
        return answer


set_model(CalibratedClassifier())
