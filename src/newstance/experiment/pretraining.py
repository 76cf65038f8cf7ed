"""Training a backbone further before it is fine-tuned; done once and kept, since it takes minutes."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score

from newstance.corpus.newsmtsc import read_newsmtsc
from newstance.experiment.environment import rank
from newstance.files import atomic_path, remove, write_json
from newstance.models.backbone import backbone_hash
from newstance.models.settings import TransformerModel
from newstance.models.transformer import TransformerClassifier
from newstance.settings import CACHE

if TYPE_CHECKING:
    from newstance.models.transformer.training import Progress

log = logging.getLogger(__name__)
BACKBONES = CACHE / "backbones"
DOWNLOADS = CACHE / "downloads"
NEWSMTSC = {
    "targets": "pair",
    "max_tokens": 128,
    "epochs": 3,
    "patience": 3,
    "batch_size": 32,
    "learning_rate": 2e-4,
    "seed": 1,
}


def pretrained(model: TransformerModel, monitor: Callable[[Progress], None]) -> str:
    """Return the backbone to fine-tune: the model's, or what becomes of it by pretraining.

    Parameters
    ----------
    model
        With `pretraining`: ``newsmtsc``, sentiment toward targets in sentences (validated on its test set of
        real-world targets, which is no test set of ours), or None.
    monitor
        Called with the progress of pretraining.

    Raises
    ------
    NewstanceError
        When the data can't be had.
    """
    if model.pretraining is None:
        return model.backbone
    key = json.dumps([model.pretraining, backbone_hash(model.backbone), NEWSMTSC])
    folder = BACKBONES / f"{model.pretraining}-{sha256(key.encode()).hexdigest()[:16]}"
    if not folder.is_dir():
        train, validation, several = (read_newsmtsc(part, DOWNLOADS) for part in ("train", "devtest_rw", "devtest_mt"))
        classifier = TransformerClassifier(model.backbone, **NEWSMTSC)  # type: ignore[arg-type]
        classifier.fit(
            train,
            train["stance"].to_numpy(dtype=object),
            validation=(validation, validation["stance"].to_numpy(dtype=object)),
            checkpoints=folder.with_suffix(".checkpoints"),
            monitor=monitor,
        )
        scores = {"devtest_rw": _macro_f1(classifier, validation), "devtest_mt": _macro_f1(classifier, several)}
        log.info("Pretraining on NewsMTSC: macro-F1 %s", scores)
        if rank() == 0:
            _save(classifier, folder, scores)
        while not folder.is_dir():  # the other processes of `accelerate launch` go on when the first has saved
            time.sleep(1)
    return str(folder)


def _macro_f1(classifier: TransformerClassifier, table: pd.DataFrame) -> float:
    truth = table["stance"].to_numpy(dtype=object)
    return float(f1_score(truth, classifier.predict(table), average="macro", labels=np.unique(truth)))


def _save(classifier: TransformerClassifier, folder: Path, scores: dict[str, float]) -> None:
    with atomic_path(folder) as temporary:
        temporary.mkdir()
        classifier.network_.backbone.save_pretrained(temporary)
        classifier.tokenizer_.save_pretrained(temporary)
        write_json(temporary / "pretraining.json", {"settings": NEWSMTSC, "macro_f1": scores})
    remove(folder.with_suffix(".checkpoints"))
