"""Models that see a part of what they should not need, beside the full text and the masked text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import pandas as pd

from newstance.audit.corpus import AuditedCorpus
from newstance.audit.names import Name
from newstance.audit.scores import Scored, difference
from newstance.audit.shared import Shared
from newstance.audit.thresholds import BOILERPLATE_ARTICLES
from newstance.corpus.masking import mask_articles
from newstance.evaluation.outcomes import Outcomes
from newstance.models.build import build
from newstance.models.settings import (
    CategoryFeatures,
    FeatureSettings,
    LinearModel,
    LinearSvmSettings,
    LogisticRegressionSettings,
    MajorityModel,
    ModelSettings,
    TfidfFeatures,
)
from newstance.scheme import Scheme
from newstance.settings import EvaluationSettings

MODEL_COLUMNS = ["model", "kind", "units", "accuracy", "accuracy_low", "accuracy_high"]
MODEL_COLUMNS += ["macro_f1", "macro_f1_low", "macro_f1_high", "gain", "gain_low", "gain_high", "share_of_full"]
MAJORITY, OUTLET_ONLY, DATE_ONLY, LENGTH_ONLY = "majority", "outlet only", "date only", "length only"
BYLINE_ONLY, NAMES_ONLY, BOILERPLATE_ONLY = "byline only", "names only", "boilerplate only"
TARGET_ONLY, TITLE_TARGET = "target only", "title and target"
FULL, FULL_ON_MASKED, MASKED = "full text", "full text, tested on masked", "masked text"
REFERENCE, SHORTCUT, PARTIAL, TEXT = "majority", "shortcut", "partial input", "text"
LENGTH_BINS = 10
# What a shortcut needs and says when it isn't there.
NOTHING_FOUND = {
    BYLINE_ONLY: "No author signs two articles of train: what bylines tell can't be audited.",
    NAMES_ONLY: "No outlet, author or section is named in two articles of train: what names tell can't be audited.",
    TITLE_TARGET: "No word is in two titles of train: what titles tell can't be audited.",
    BOILERPLATE_ONLY: "No line of boilerplate is in two articles of train: what boilerplate tells can't be audited.",
}


@dataclass(frozen=True)
class Models:
    """The fitted models' outcomes on test.

    Attributes
    ----------
    table
        Columns `MODEL_COLUMNS`. `gain` is the accuracy minus the majority's, on the same bootstrap samples;
        `share_of_full` the gain as a part of the full text's.
    tested
        By model.
    notes
        What couldn't be audited, a sentence each.
    """

    table: pd.DataFrame
    tested: dict[str, Scored]
    notes: list[str]


@dataclass(frozen=True)
class _Shortcut:
    """A model and the column it reads; `tokens`: as words of a text, else as a category."""

    name: str
    column: str
    tokens: bool = False

    def model(self) -> LinearModel:
        # Classes are not weighted: a shortcut that knows nothing must predict as the majority does.
        classifier = LogisticRegressionSettings(C=10 if self.tokens else 1, class_weight=None)
        feature = TfidfFeatures(field="text", min_documents=1) if self.tokens else CategoryFeatures(column=self.column)
        return LinearModel(kind="linear", features=(feature,), classifier=classifier)


def _text_model(scheme: Scheme, *, title_only: bool = False) -> LinearModel:
    features: list[FeatureSettings] = [TfidfFeatures(field="title" if title_only else "article")]
    if scheme.has_targets:
        features.append(TfidfFeatures(field="target", min_documents=1))
        if not title_only:
            features.append(TfidfFeatures(field="masked_sentences", ngrams=(1, 2)))
    classifier = LinearSvmSettings(C=0.5, class_weight=None)
    return LinearModel(kind="linear", features=tuple(features), classifier=classifier)


def _frames(corpus: AuditedCorpus, shared: Shared, names: Sequence[list[Name]]) -> dict[str, pd.DataFrame]:
    """Return what the shortcuts read, a row a unit of each split."""
    found = corpus.articles.assign(
        byline=[named[0] if named else "" for named in shared.article_authors],
        names=[" ".join(map(_token, named)) for named in names],
        lines=[" ".join(map(_token, lines)) for lines in shared.article_lines],
        month=corpus.articles["published"].dt.strftime("%Y-%m"),
        size=corpus.articles["text"].map(lambda text: len(text.split())),
    )
    edges = np.unique(found.loc[found["split"] == "train", "size"].quantile(np.linspace(0, 1, LENGTH_BINS + 1)[1:-1]))
    found["length"] = np.searchsorted(edges, found["size"])
    columns = ["article_id", "byline", "names", "lines", "month", "length"]
    return {
        split: units[["article_id", "identity", "title", *(["target"] if "target" in units else [])]].merge(
            found.loc[found["split"] == split, columns], on="article_id", how="left"
        )
        for split, units in corpus.units.items()
    }


def _token(value: object) -> str:
    """Return a word that stands for a name or a line."""
    return blake2b(repr(value).encode(), digest_size=8).hexdigest()


def _shortcuts(corpus: AuditedCorpus, train: pd.DataFrame) -> tuple[list[_Shortcut], list[str]]:
    """Return the shortcuts that the data allow, and a sentence for each that they don't."""
    found, notes = [], []
    if "outlet" not in corpus.lacking:
        found.append(_Shortcut(OUTLET_ONLY, "identity"))
    if "published" not in corpus.lacking:
        found.append(_Shortcut(DATE_ONLY, "month"))
    found.append(_Shortcut(LENGTH_ONLY, "length"))
    if corpus.scheme.has_targets:
        found.append(_Shortcut(TARGET_ONLY, "target"))
    articles = train.drop_duplicates("article_id")
    for shortcut in (
        _Shortcut(BYLINE_ONLY, "byline"),
        _Shortcut(NAMES_ONLY, "names", tokens=True),
        _Shortcut(BOILERPLATE_ONLY, "lines", tokens=True),
    ):
        values = articles[shortcut.column].replace("", None).dropna()
        if (values.str.split().explode() if shortcut.tokens else values).duplicated().any():
            found.append(shortcut)
        else:
            notes.append(NOTHING_FOUND[shortcut.name])
    return found, notes


def _share_words(titles: pd.Series[str]) -> bool:
    """Say whether a word is in two different titles, without which a model of titles has nothing to read."""
    words = pd.Series(titles.unique()).str.lower().str.findall(r"\w{2,}").map(set).explode().dropna()
    return bool(words.duplicated().any())


@dataclass(frozen=True)
class _Bench:
    """Fits models on train and tests them."""

    corpus: AuditedCorpus
    settings: EvaluationSettings
    seed: int

    def fit(self, model: ModelSettings, train: pd.DataFrame) -> Any:
        labels = self.corpus.units["train"][self.corpus.scheme.name].to_numpy(dtype=object)
        return build(model, {}, self.seed).fit(train, labels)

    def test(self, fitted: Any, units: pd.DataFrame) -> Scored:
        codes = self.corpus.scheme.codes
        # A class that train lacks is never predicted.
        found = pd.DataFrame(fitted.predict_proba(units), columns=fitted.classes_)
        probabilities = found.reindex(columns=codes, fill_value=0.0).to_numpy()
        articles = units["article_id"].to_numpy(dtype=str)
        outcomes = Outcomes(codes, articles, self.corpus.labels("test"), probabilities, probabilities)
        return Scored.of(outcomes, self.settings)


def fit_models(
    corpus: AuditedCorpus, shared: Shared, names: Sequence[list[Name]], settings: EvaluationSettings, seed: int
) -> Models:
    """Fit every model on train and test it.

    Parameters
    ----------
    corpus, shared
        What is audited.
    names
        Of each article (`newstance.audit.names.find_names`).
    settings
        Of the bootstrap.
    seed
        Of the classifiers.
    """
    bench = _Bench(corpus, settings, seed)
    frames = _frames(corpus, shared, names)
    shortcuts, notes = _shortcuts(corpus, frames["train"])
    kinds, tested = {MAJORITY: REFERENCE}, {}
    tested[MAJORITY] = bench.test(bench.fit(MajorityModel(kind="majority"), frames["train"]), frames["test"])
    for shortcut in shortcuts:
        train, test = (frames[split].assign(text=frames[split][shortcut.column]) for split in ("train", "test"))
        tested[shortcut.name] = bench.test(bench.fit(shortcut.model(), train), test)
        kinds[shortcut.name] = SHORTCUT
    if corpus.scheme.has_targets and _share_words(corpus.units["train"]["title"]):
        model = bench.fit(_text_model(corpus.scheme, title_only=True), corpus.units["train"])
        tested[TITLE_TARGET] = bench.test(model, corpus.units["test"])
        kinds[TITLE_TARGET] = PARTIAL
    elif corpus.scheme.has_targets:
        notes.append(NOTHING_FOUND[TITLE_TARGET])
    tested |= _text_models(bench)
    kinds |= dict.fromkeys((FULL, FULL_ON_MASKED, MASKED), TEXT)
    return Models(_table(tested, kinds), tested, notes)


def _text_models(bench: _Bench) -> dict[str, Scored]:
    """Test the full text's model on both forms of test, and the masked text's on its own."""
    corpus, settings = bench.corpus, _text_model(bench.corpus.scheme)
    model = bench.fit(settings, corpus.units["train"])
    masked = _masked(corpus)
    tested = {FULL: bench.test(model, corpus.units["test"]), FULL_ON_MASKED: bench.test(model, masked["test"])}
    tested[MASKED] = bench.test(bench.fit(settings, masked["train"]), masked["test"])
    return tested


def _masked(corpus: AuditedCorpus) -> dict[str, pd.DataFrame]:
    """Return the units of train and test with masked titles and texts.

    All articles are masked together: what is boilerplate in one split is so in the other, too.
    """
    articles = corpus.articles.drop(columns="outlet").rename(columns={"identity": "outlet"})
    masked = mask_articles(articles, corpus.outlets, BOILERPLATE_ARTICLES, columns=("title", "text"))
    return {
        split: corpus.units[split]
        .drop(columns=["title", "text"])
        .merge(masked.loc[masked["split"] == split, ["article_id", "title", "text"]], on="article_id", how="left")
        for split in ("train", "test")
    }


def _table(tested: Mapping[str, Scored], kinds: Mapping[str, str]) -> pd.DataFrame:
    full = difference(tested[FULL], tested[MAJORITY])[0]
    rows = []
    for name, model in tested.items():
        gain, low, high = difference(model, tested[MAJORITY])
        share = gain / full if full > 0 else np.nan
        gains = {"gain": gain, "gain_low": low, "gain_high": high, "share_of_full": share}
        rows.append({"model": name, "kind": kinds[name], "units": model.units, **model.columns(), **gains})
    return pd.DataFrame(rows, columns=MODEL_COLUMNS)
