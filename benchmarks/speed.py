"""Measure what newstance does faster than the stock way, as ratios in one run: python benchmarks/speed.py.

Needs the prepared data (`make reproduce`); leave the machine alone meanwhile. Writes nothing.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import skops.io
from sentence_transformers import SentenceTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from newstance.corpus.prepared import read_prepared
from newstance.evaluation.intervals import evaluate
from newstance.evaluation.outcomes import Outcomes
from newstance.models.backbone import backbone_folder
from newstance.models.embeddings import FrozenEncoder
from newstance.models.settings import DEFAULT_BACKBONE
from newstance.models.tfidf import PlainTfidf
from newstance.settings import EvaluationSettings

REPEATS = 3


def seconds(work: Callable[[], object]) -> float:
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return median(times)


def show(name: str, stock: float, ours: float) -> None:
    print(f"{name:<58}{stock:8.2f} s{ours:8.2f} s{stock / ours:7.1f} x")


def encoding(texts: list[str]) -> None:
    """Embed 256 articles of up to 256 tokens: the library in single precision, and bfloat16 where there is any."""
    stock = SentenceTransformer(str(backbone_folder(DEFAULT_BACKBONE)), device="cpu")
    stock.max_seq_length = 256
    ours = FrozenEncoder(DEFAULT_BACKBONE).fit(texts)
    ours.transform(texts[:8])
    show(
        f"embed {len(texts)} articles: float32, autocast",
        seconds(lambda: stock.encode(texts, batch_size=32, normalize_embeddings=True, show_progress_bar=False)),
        seconds(lambda: ours.transform(texts)),
    )


def saving(texts: list[str]) -> None:
    """Save a fitted TF-IDF: scikit-learn's class, and the one with plain integers."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.skops"
        stock, ours = (kind(max_features=50_000).fit(texts) for kind in (TfidfVectorizer, PlainTfidf))
        show(
            f"save TF-IDF of {len(ours.vocabulary_)} terms with skops",
            seconds(lambda: skops.io.dump(stock, path)),
            seconds(lambda: skops.io.dump(ours, path)),
        )


def solving(texts: list[str], labels: list[str]) -> None:
    """Fit logistic regression on TF-IDF: scikit-learn's default solver, and the one that newstance takes."""
    matrix = PlainTfidf(sublinear_tf=True, min_df=2).fit_transform(texts)

    def fit(solver: str) -> LogisticRegression:
        return LogisticRegression(C=3, class_weight="balanced", max_iter=500, solver=solver).fit(matrix, labels)

    show("fit logistic regression: lbfgs, newton-cg", seconds(lambda: fit("lbfgs")), seconds(lambda: fit("newton-cg")))


def bootstrap() -> None:
    """Interval of macro-F1: scikit-learn in a loop, and one matrix product for all metrics."""
    generator = np.random.default_rng(0)
    units, classes, resamples = 750, 17, 500
    labels = generator.integers(classes, size=units)
    probabilities = generator.dirichlet(np.full(classes, 0.3), size=units)
    predicted = probabilities.argmax(axis=1)
    codes = [f"c{number}" for number in range(classes)]
    outcomes = Outcomes(codes, np.arange(units), labels, probabilities, probabilities)

    def loop() -> None:
        for _ in range(resamples):
            drawn = generator.integers(units, size=units)
            f1_score(labels[drawn], predicted[drawn], average="macro")

    settings = EvaluationSettings(resamples=resamples)
    show(
        f"bootstrap {resamples} times: macro-F1 alone, all metrics",
        seconds(loop),
        seconds(lambda: evaluate([outcomes], settings)),
    )


def main() -> None:
    table = read_prepared("topic")["train"]
    texts = [f"{title}. {text}" for title, text in zip(table["title"], table["text"], strict=True)]
    print(f"{'':<58}{'stock':>10}{'newstance':>10}{'ratio':>8}")
    encoding(texts[:256])
    saving(texts)
    solving(texts, table["topic"].tolist())
    bootstrap()


if __name__ == "__main__":
    main()
