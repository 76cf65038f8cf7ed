"""An ensemble of finished experiments: its weights are chosen on validation, its members are loaded as they are."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from newstance.corpus.prepared import fingerprint
from newstance.corpus.splits import STANDARD, Fold
from newstance.errors import NewstanceError
from newstance.evaluation.outcomes import CALIBRATED
from newstance.experiment.fit import Candidate, Fitted, Setup, temperature_of
from newstance.files import read_json, read_parquet
from newstance.models.ensemble import EnsembleClassifier
from newstance.models.persistence import load
from newstance.models.settings import EnsembleModel
from newstance.scheme import Scheme
from newstance.settings import Settings

Array = NDArray[np.float64]


@dataclass(frozen=True)
class _Member:
    """One seed of a finished run: where its model is, and its calibrated probabilities on validation."""

    folder: Path
    temperature: float
    validation: Array

    @classmethod
    def read(cls, folder: Path, seed: int, fold: Fold, scheme: Scheme) -> _Member:
        settings = read_json(folder / "settings.json")
        if settings["data"] != fingerprint(scheme.name):
            raise NewstanceError(f"{folder} was made from other data than data/prepared holds; run it again.")
        seeds = settings["seeds"]
        own = seed if seed in seeds else seeds[0]  # a deterministic member has one seed only
        part = folder / "seeds" / str(own)
        temperature = float(read_json(part / "calibration.json")["temperature"])
        found = read_parquet(folder / "predictions.parquet")
        chosen = (found["seed"] == own) & (found["protocol"] == STANDARD) & (found["split"] == "validation")
        units = fold.validation[["article_id"]].assign(target=fold.validation["target"] if scheme.has_targets else "")
        columns = [CALIBRATED + code for code in scheme.codes]
        matched = units.merge(found[chosen], on=["article_id", "target"], how="left", validate="one_to_one")
        if len(matched) != len(units) or bool(matched[columns].isna().any(axis=None)):
            raise NewstanceError(f"{folder / 'predictions.parquet'} lacks units of validation; run it again.")
        return cls(part / "model", temperature, matched[columns].to_numpy(dtype=np.float64))


def check_declared(name: str, model: EnsembleModel, settings: Settings) -> None:
    """Check that an ensemble's members are those that params.yaml has DVC wait for.

    Raises
    ------
    NewstanceError
        Names the experiment.
    """
    declared = {**settings.ensembles, **settings.study_ensembles}.get(name)
    if declared is not None and declared.members != model.members:
        raise NewstanceError(
            f"experiments/{name}.yaml and params.yaml name different members of the ensemble; make them equal."
        )


def check_members(name: str, model: EnsembleModel, settings: Settings) -> None:
    """Check that an ensemble's members are finished and have their models here, and `check_declared`.

    Raises
    ------
    NewstanceError
        Names the experiment and the member.
    """
    check_declared(name, model, settings)
    for member in model.members:
        folder = settings.run_folder(member)
        if not (folder / "run.json").is_file():
            raise NewstanceError(
                f"The ensemble '{name}' needs the experiment '{member}', which has no run; run it first "
                f"(newstance run experiments/{member}.yaml)."
            )
        if not any((folder / "seeds").glob("*/model")):
            raise NewstanceError(
                f"The ensemble '{name}' needs the model of '{member}', of which {folder} has the results alone; "
                "fetch it (dvc pull), or make it again by running that experiment."
            )


def fit_ensemble(
    setup: Setup,
    model: EnsembleModel,
    fold: Fold,
    settings: Settings,
    seed: int,
    on_candidate: Callable[[Candidate], None],
) -> Fitted:
    """Choose the weights on validation, and put the ensemble together.

    Parameters
    ----------
    setup, model
        The experiment, and its model.
    fold
        Its validation part is what the members' predictions are of.
    settings
        Where the members' runs are.
    seed
        Members with several seeds take part with this one.
    on_candidate
        Called after each combination of the grid.

    Raises
    ------
    NewstanceError
        When a member has no run, or one of other data.
    """
    started = time.perf_counter()
    scheme = setup.scheme
    members = [_Member.read(settings.run_folder(name), seed, fold, scheme) for name in model.members]
    truth = fold.validation[scheme.name].to_numpy(dtype=object)
    tried: list[tuple[Candidate, list[float], Array]] = []
    for values, candidate in setup.experiment.candidates():
        weights = _weights(cast(EnsembleModel, candidate))
        predicted = np.einsum("m,muc->uc", weights, np.stack([member.validation for member in members]))
        result = Candidate.of(values, predicted, truth, scheme)
        on_candidate(result)
        tried.append((result, weights, predicted))
    chosen, weights, predicted = max(tried, key=lambda one: one[0].rank)
    ensemble = EnsembleClassifier(
        [load(member.folder) for member in members], weights, [member.temperature for member in members]
    )
    temperature = temperature_of(predicted, truth, ensemble.classes_, scheme)
    seconds = time.perf_counter() - started
    training: dict[str, Any] = {"members": list(model.members), "weights": weights}
    return Fitted(ensemble, temperature, predicted, chosen, [one[0] for one in tried], seconds, training)


def _weights(model: EnsembleModel) -> list[float]:
    others = len(model.members) - 1
    return [model.weight, *[(1 - model.weight) / others] * others]
