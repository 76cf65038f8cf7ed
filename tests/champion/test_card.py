from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from champion.fakes import Verification
from champion.finished import settings_for
from evaluation.synthetic_runs import Project, write_project
from newstance.champion.card import model_card
from newstance.champion.choose import Candidate
from newstance.evaluation.compare import compare, write_tables
from newstance.evaluation.runs import read_runs
from newstance.settings import Settings
from newstance.tracking.folder import Identity
from newstance.tracking.registry import DESCRIPTION_LENGTH, shortened
from runs import run_of

BEST = "stance-strong"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that is compared, so that a card can say how its experiments score."""
    project = write_project(tmp_path_factory.mktemp("project"), resamples=100)
    write_tables(compare(project.runs, project.prepared, project.settings, project.labels), project.tables)
    return project


def candidate(project: Project, name: str = BEST, **changes: float) -> Candidate:
    (run,) = (run for run in read_runs(project.runs) if run.settings.experiment == name)
    table = pd.read_csv(project.tables / "comparison.csv")
    score = table[table["experiment"] == name]["validation_macro_f1"].iloc[0]
    known = {"macro_f1": float(score), "seed": 2, "seed_macro_f1": 0.654321}
    return Candidate(run, Identity.model_validate(run_of("5" * 32)), **{**known, **changes})


def card_of(project: Project, one: Candidate, settings: Settings | None = None) -> str:
    return model_card(one, Verification(), "m1l2f3", settings or project.settings, project.tables)


def test_a_card_has_the_scores_of_the_comparison_with_their_intervals(project: Project) -> None:
    card = card_of(project, candidate(project))
    table = pd.read_csv(project.tables / "comparison.csv")
    for row in table[table["experiment"] == BEST].itertuples():
        written = f"{row.macro_f1:.3f} [{row.macro_f1_low:.3f}, {row.macro_f1_high:.3f}]"
        assert f"| {row.protocol} | {row.units} | {written} |" in card
    for label in project.settings.labels.load_schemes()["stance"].labels:
        assert f"| {label.code} | {label.name} |" in card
    assert "| outlet | pairs | accuracy | macro-F1 |" in card
    assert "95 % bootstrap intervals over articles, means over 2 seeds" in card


def test_a_card_says_what_it_is_and_where_it_comes_from(project: Project) -> None:
    one = candidate(project)
    card = card_of(project, one)
    assert card.startswith("# Stance: Stance strong\n\nGives an article and a target one of 3 labels: ")
    for words in (
        f"macro-F1 {one.macro_f1:.3f}, mean over 2 seeds; this is seed 2, 0.654",
        "- max probability difference: 1.2e-05\n",
        "`too-short`, `not-english`, `not-news-like`, `out-of-distribution`",
        f"experiment `{BEST}`, seed 2; run `{'5' * 32}`, in MLflow `m1l2f3`",
        f"commit `{run_of()['git_commit']}`",
        one.run.settings.data,
        "MIT licence",
    ):
        assert words in card
    headings = [line for line in card.splitlines() if line.startswith("## ")]
    assert headings[:3] == ["## Intended use", "## Limits", "## Scores on test"]
    assert "\n\n\n\n" not in card


def test_a_card_quotes_the_datasheet_on_origin_and_limits(project: Project) -> None:
    settings = project.settings.model_copy(update={"labels": settings_for().labels})
    card = card_of(project, candidate(project), settings)
    assert "The annotators are large language models" in card
    assert "No person has labelled or checked them yet." in card
    assert "Do not use it to score people or outlets." in card
    assert "does not say where the labels come from" in card_of(project, candidate(project))


def test_scores_of_another_run_are_not_passed_off_as_those_of_this_one(project: Project, tmp_path: Path) -> None:
    unknown = "Not known: reports/tables/comparison.csv is missing or of another run"
    assert unknown not in card_of(project, candidate(project))
    older = candidate(project)
    for card in (
        card_of(project, candidate(project, macro_f1=older.macro_f1 + 0.01)),
        card_of(project, candidate(project, "stance-target-only")),
        model_card(older, Verification(), "m1l2f3", project.settings, tmp_path),
    ):
        assert unknown in card
        assert "## Scores by class" not in card


def test_a_card_names_the_protocols_that_were_not_measured(project: Project, tmp_path: Path) -> None:
    unmeasured = "(protocol `{}`) was not measured for this experiment"
    card = card_of(project, candidate(project))
    assert unmeasured.format("outlet-held-out") not in card
    without = model_card(candidate(project), Verification(), "m1l2f3", project.settings, tmp_path)
    for protocol in ("outlet-held-out", "unseen-target"):
        assert unmeasured.format(protocol) in without


def test_a_description_is_whole_sections_of_the_card_within_the_length_that_mlflow_holds() -> None:
    sections = [f"## Part {number}\n\n{'The ferry sails at noon. ' * 40}\n" for number in range(9)]
    card = "# Ferry\n\n" + "\n".join(sections)
    short = shortened(card)
    assert len(short) <= DESCRIPTION_LENGTH < len(card)
    kept, _, pointer = short.rpartition("\n\n")
    assert card.startswith(kept)
    assert card[len(kept) :].lstrip("\n ").startswith("## Part 4")
    assert "MODEL_CARD.md" in pointer
    assert shortened(sections[0]) == sections[0]
