"""The README's block about the champions in use."""

import json
from pathlib import Path

import pandas as pd
import pytest

from newstance.errors import NewstanceError
from newstance.files import write_text
from newstance.reporting.serving import serving
from newstance.settings import LabelSettings, Settings

SEEDS = Path(__file__).parents[2] / "seeds"
SETTINGS = Settings(labels=LabelSettings(directory=SEEDS, schemes=("topic",)))
VERIFICATION = {
    "units": 275,
    "precision": "int8",
    "same_labels_fp32": 1.0,
    "same_labels_int8": 0.9964,
    "mean_difference_int8": 0.00083,
    "max_difference_int8": 0.0928,
    "drop_evidence": 0.0184,
    "drop_random": -0.007,
}
CHAMPION = {"topic": {"experiment": "topic-ensemble", "candidates": [{}, {}, {}], "verification": VERIFICATION}}
SPEED = [
    ("compare", "newstance serve", "articles_a_second", 41.27),
    ("compare", "newstance serve", "p50_ms", 750.4),
    ("compare", "mlflow models serve", "articles_a_second", 12.0),
    ("compare", "mlflow models serve", "speedup", 3.44),
    ("compare", "mlflow models serve", "p99_ratio", 0.551),
    ("single", "Bundle.predict, evidence 3", "p50_ms", 39.6),
    ("single", "Bundle.predict, evidence 3", "p99_ms", 52.1),
    ("single", "newstance, HTTP", "p50_ms", 44.6),
    ("start", "newstance", "seconds_to_ready", 1.34),
    ("soak", "newstance", "minutes", 10),
    ("soak", "newstance", "requests_a_second", 11.2),
    ("soak", "newstance", "failed", 0),
    ("soak", "newstance", "requests", 6720),
    ("soak", "newstance", "memory_growth_percent", 1.26),
    ("overload", "newstance", "neither_200_nor_503", 0),
    ("overload", "newstance", "recovery_seconds", 1.5),
]
ABSTENTION = [
    ("articles", True, "validation", 275, 0.5),
    ("articles", True, "test", 750, 0.0173),
    ("Python files", False, "test", 60, 1.0),
    ("tables (CSV)", False, "test", 20, 0.9),
    ("skipped by the annotators", False, "test", 27, 0.11),
]
TARGETS = [("validation", "all", 0.9), ("test", "all", 0.528), ("test", "known", 0.723), ("test", "unseen", 0.256)]


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    speed = pd.DataFrame(SPEED, columns=["part", "system", "measure", "value"])
    speed.assign(hardware="2 cores, Abacus 3000").to_csv(tmp_path / "serving.csv", index=False)
    abstention = pd.DataFrame(ABSTENTION, columns=["source", "is_news", "part", "texts", "refused"])
    abstention.to_csv(tmp_path / "abstention.csv", index=False)
    pd.DataFrame(TARGETS, columns=["part", "targets", "recall"]).to_csv(tmp_path / "targets.csv", index=False)
    write_text(tmp_path / "champion.json", json.dumps(CHAMPION))
    return tmp_path


def test_the_block_says_what_was_verified_and_measured(measured: Path) -> None:
    text = " ".join(serving(SETTINGS, measured / "champion.json", measured).split())
    assert "**Topic** (topic-ensemble, chosen from 3 on validation)" in text
    assert "the label of the trained model to 99.6 % of 275 validation units" in text
    assert "falls by 0.018 on average, without another one drawn at random by −0.007" in text
    assert "1.7 % of gold test articles are refused by mistake" in text
    assert "Of 80 other texts of 2 kinds" in text
    assert "97.5 % are refused; of captions and programme notes only 11 %" in text
    assert "hold 53 % of the targets that annotators chose (72 % of those seen in training, 26 % of the others)" in text
    assert "| newstance serve | 41.3 | 750 | – | – | – |" in text
    assert "| mlflow models serve | 12.0 | – | – | 0.55 × | 3.4 × |" in text
    assert "Made on 2 cores, Abacus 3000. The goals: at least 3.0 ×" in text
    assert "takes 40 ms on one core (99th percentile 52 ms), 45 ms over HTTP" in text
    assert "ready 1.3 s after its start" in text
    assert "10 minutes at 11 articles a second: 0 of 6,720 requests failed, and memory grew by 1.3 %" in text
    assert "0 answers were neither 200 nor 503, and times were back to normal 1.5 s afterwards" in text


def test_what_was_not_measured_is_left_out(measured: Path) -> None:
    speed = pd.read_csv(measured / "serving.csv")
    speed[speed["part"] == "compare"].to_csv(measured / "serving.csv", index=False)
    text = serving(SETTINGS, measured / "champion.json", measured)
    assert "| newstance serve | 41.3 | 750 | – | – | – |" in text
    assert "ready" not in text
    assert "minutes at" not in text


def test_without_a_champion_there_is_nothing_to_say(measured: Path) -> None:
    assert serving(SETTINGS, measured / "no.json", measured) == ""


def test_a_missing_measurement_is_named(measured: Path) -> None:
    (measured / "targets.csv").unlink()
    with pytest.raises(NewstanceError, match=r"targets\.csv is missing; measure it again"):
        serving(SETTINGS, measured / "champion.json", measured)
