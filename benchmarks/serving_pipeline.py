"""The stock way to serve a fine-tuned transformer: `pipeline` of transformers behind FastAPI.

    python benchmarks/serving_pipeline.py PORT

It has the transformer among the members of the topic champion, in single precision: less work than the whole ensemble.
Its network is BERT, the mean over the tokens and a linear head, which no class of the library is; so there is one here,
and its first answer is compared with the member's. A request has a thread, and the model one request at a time, as
https://huggingface.co/docs/transformers/pipeline_webserver advises; without that, threads fight for the cores.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from safetensors.torch import load_file
from transformers import AutoConfig, AutoTokenizer, BertModel, BertPreTrainedModel, logging, pipeline
from transformers.modeling_outputs import SequenceClassifierOutput

from newstance.bundle.manifest import read_manifest
from newstance.files import read_json
from newstance.models.persistence import load
from newstance.serving.engine import PROBE
from newstance.settings import BUNDLE, RUNS

TASK = "topic"


class MeanPooledBert(BertPreTrainedModel):
    """The network of `newstance.models.transformer`, as the library wants a sequence classifier."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.backbone = BertModel(config, add_pooling_layer=False)
        self.head = torch.nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()

    def forward(self, input_ids: Any, attention_mask: Any, **_: Any) -> SequenceClassifierOutput:
        states = self.backbone(input_ids, attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1)
        return SequenceClassifierOutput(logits=self.head((states * mask).sum(1) / mask.sum(1)))


def champion_transformer() -> Path:
    """Find the fine-tuned transformer among the members of the champion."""
    info = read_manifest(BUNDLE)[0].tasks[TASK]
    model = RUNS / info.experiment / "seeds" / str(info.seed) / "model"
    found = sorted(model.rglob("transformer/model.safetensors"))
    if not found:
        raise SystemExit(f"The champion {info.experiment} has no fine-tuned transformer in {model}.")
    return found[0].parent


class Classifier:
    """The pipeline."""

    def __init__(self, folder: Path) -> None:
        logging.set_verbosity_error()  # it lists all classes that it knows better
        about = read_json(folder / "classifier.json")
        config = AutoConfig.from_pretrained(folder / "backbone", id2label=dict(enumerate(about["classes"])))
        model = MeanPooledBert(config).eval()
        model.load_state_dict(load_file(folder / "model.safetensors"))
        tokenizer = AutoTokenizer.from_pretrained(folder / "backbone")
        self._pipeline = pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu")
        self._max_tokens = about["parameters"]["max_tokens"]
        self._lock = threading.Lock()

    def scores(self, title: str, text: str) -> list[dict[str, Any]]:
        with self._lock:
            return self._pipeline(f"{title}. {text}", truncation=True, max_length=self._max_tokens, top_k=None)

    def require_answers_of(self, folder: Path) -> None:
        member = load(folder)
        (expected,) = member.predict_proba(pd.DataFrame([{"title": PROBE.title, "text": PROBE.text}]))
        given = {score["label"]: score["score"] for score in self.scores(PROBE.title, PROBE.text)}
        if not np.allclose([given[label] for label in member.classes_], expected, atol=1e-5):
            raise SystemExit("The pipeline doesn't answer as the champion's transformer does.")


class Body(BaseModel):
    title: str
    text: str


def application() -> FastAPI:
    folder = champion_transformer()
    classifier = Classifier(folder)
    classifier.require_answers_of(folder.parent)
    app = FastAPI()

    @app.get("/ping")
    def ping() -> str:
        return "ready"

    @app.post("/classify")
    def classify(body: Body) -> list[dict[str, Any]]:
        return classifier.scores(body.title, body.text)

    return app


if __name__ == "__main__":
    uvicorn.run(application(), port=int(sys.argv[1]), log_level="warning")
