from __future__ import annotations

import re
from pathlib import Path

import pytest

from champion.finished import settings_for, write_finished
from evaluation.synthetic_runs import STUDY, write_project
from newstance.champion.choose import Candidate, candidates, code_hash, decide
from newstance.corpus.prepared import read_prepared
from newstance.errors import NewstanceError
from newstance.evaluation.compare import compare
from newstance.evaluation.summary import run_metrics, seed_metrics
from newstance.files import read_json, read_parquet, write_json
from newstance.settings import EnsembleSettings
from newstance.tracking.registry import Provenance, Registered
from runs import run_of


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def names(found: list[Candidate]) -> list[str]:
    return [one.name for one in found]


def test_candidates_stand_in_the_order_of_the_comparison_and_its_best_is_the_first(tmp_path: Path) -> None:
    project = write_project(tmp_path, STUDY)
    schemes = project.settings.labels.load_schemes()
    for folder in project.runs:
        scheme = schemes[read_json(folder / "settings.json")["task"]]
        data, predictions = read_prepared(scheme.name, project.prepared), read_parquet(folder / "predictions.parquet")
        write_json(folder / "metrics.json", run_metrics(predictions, data, scheme))
        write_json(folder / "scores.json", {"seeds": seed_metrics(predictions, data, scheme), "search": []})
        write_json(folder / "run.json", run_of())
    table = compare(project.runs, project.prepared, project.settings, project.labels)["comparison"]
    settings = project.settings.model_copy(update={"experiments": {one.name: one.task for one in STUDY}})
    for task in schemes:
        ranks = table[(table["task"] == task) & (table["protocol"] == "standard")].sort_values("rank")
        found = candidates(task, settings)
        assert names(found) == list(ranks[ranks["role"] == "baseline"]["experiment"])
        assert found[0].name == ranks[ranks["best"]]["experiment"].item()


def test_scores_on_test_have_no_say() -> None:
    write_finished("stance-a", 0.7, test=0.1)
    write_finished("stance-b", 0.6, test=0.9)
    settings = settings_for("stance-a", "stance-b")
    before = candidates("stance", settings)
    assert names(before) == ["stance-a", "stance-b"]
    for name in ("stance-a", "stance-b"):
        metrics = Path("runs", name, "metrics.json")
        write_json(metrics, {"validation": read_json(metrics)["validation"]})
        scores = read_json(metrics.with_name("scores.json"))
        del scores["seeds"]["1"]["test"]
        write_json(metrics.with_name("scores.json"), scores)
    assert [one.provenance for one in candidates("stance", settings)] == [one.provenance for one in before]


def test_ties_go_to_the_fit_on_all_labels_then_to_the_lower_log_loss_then_to_the_name() -> None:
    write_finished("stance-a", 0.7, refit=False, log_loss=0.1)
    write_finished("stance-b", 0.7, log_loss=0.6)
    write_finished("stance-d", 0.7, log_loss=0.5)
    write_finished("stance-c", 0.7, log_loss=0.5)
    found = candidates("stance", settings_for("stance-a", "stance-b", "stance-d", "stance-c"))
    assert names(found) == ["stance-c", "stance-d", "stance-b", "stance-a"]


def test_experiments_are_compared_by_their_mean_and_give_their_best_seed() -> None:
    write_finished("stance-lucky", {1: 0.5, 2: 0.9})
    write_finished("stance-steady", {7: 0.75, 5: 0.76, 3: 0.76, 9: 0.74})
    first, second = candidates("stance", settings_for("stance-lucky", "stance-steady"))
    assert (first.name, first.seed, first.seed_macro_f1) == ("stance-steady", 3, 0.76)
    assert first.macro_f1 == pytest.approx(0.7525)
    assert (second.name, second.seed, second.seed_macro_f1) == ("stance-lucky", 2, 0.9)
    assert first.provenance.run_id == read_json(Path("runs/stance-steady/run.json"))["id"]


def test_only_finished_experiments_in_earnest_of_the_default_set_are_candidates() -> None:
    for name, role in {"stance-ferry": "baseline", "stance-blind": "control", "stance-majority": "majority"}.items():
        write_finished(name, 0.6 if role == "baseline" else 0.9, role=role)
    write_finished("stance-both", 0.5, model={"kind": "ensemble", "members": ["stance-ferry", "stance-ferry"]})
    settings = settings_for(
        *("stance-ferry", "stance-blind", "stance-majority", "stance-not-run"),
        ensembles={"stance-both": EnsembleSettings(task="stance", members=("stance-ferry", "stance-ferry"))},
        study={"stance-long": "stance"},
    )
    assert names(candidates("stance", settings)) == ["stance-ferry", "stance-both"]


def test_without_a_finished_experiment_one_is_told_to_run_one() -> None:
    write_finished("stance-majority", 0.2, role="majority")
    for settings in (settings_for("stance-not-run"), settings_for("stance-majority"), settings_for()):
        with pytest.raises(NewstanceError, match=r"'stance'.*newstance run"):
            candidates("stance", settings)


def test_scores_on_different_data_are_not_compared() -> None:
    write_finished("stance-old", 0.6, data="0" * 64)
    write_finished("stance-new", 0.7, data="1" * 64)
    with pytest.raises(NewstanceError, match=r"stance-old.*stance-new.*different data"):
        candidates("stance", settings_for("stance-old", "stance-new"))


@pytest.mark.parametrize(
    ("file", "content"),
    [("metrics.json", {"test": {"macro_f1": 0.5}}), ("scores.json", {"seeds": {}}), ("run.json", {"id": "mine"})],
)
def test_a_damaged_run_folder_is_named(file: str, content: object) -> None:
    folder = write_finished("stance-ferry", 0.6)
    write_json(folder / file, content)
    with pytest.raises(NewstanceError, match=f"runs/stance-ferry/{file}"):
        candidates("stance", settings_for("stance-ferry"))


def incumbent(**changes: object) -> Registered:
    known = {"experiment": "stance-old", "seed": 1, "run_id": "a" * 32, "data": "0123456789abcdef" * 4}
    provenance = Provenance(**{**known, "validation_macro_f1": 0.6, **changes})
    return Registered("newstance-stance", "4", provenance, "3")


@pytest.mark.parametrize(
    ("changes", "registered", "reason"),
    [
        ({}, True, "higher, 0.700000 against 0.600000 of stance-old, version 4 of newstance-stance"),
        ({"validation_macro_f1": 0.7}, True, "as high, 0.700000 against 0.700000"),
        ({"validation_macro_f1": 0.700001}, False, "lower, 0.700000 against 0.700001 .* --force"),
        ({"data": "f" * 64}, False, "validated on other data, so the scores can't be compared; --force"),
        ({"data": "f" * 64, "validation_macro_f1": 0.1}, False, "other data"),
    ],
)
def test_a_worse_or_incomparable_candidate_never_replaces_the_champion_unless_forced(
    changes: dict[str, object], registered: bool, reason: str
) -> None:
    write_finished("stance-new", 0.7)
    (candidate,) = candidates("stance", settings_for("stance-new"))
    decision = decide(candidate, incumbent(**changes), [], force=False)
    assert decision.register is registered
    assert re.search(reason, decision.reason)
    forced = decide(candidate, incumbent(**changes), [], force=True)
    assert forced.register
    assert ("by force" in forced.reason) is not registered


def test_what_was_rolled_back_is_registered_by_force_alone() -> None:
    write_finished("stance-new", 0.7)
    (candidate,) = candidates("stance", settings_for("stance-new"))
    this = incumbent(run_id=candidate.identity.id, code=code_hash())
    for before in (incumbent(), incumbent(run_id=candidate.identity.id, code="0" * 16)):
        refused = decide(candidate, before, [this], force=False)
        assert not refused.register
        assert refused.reason == "It was rolled back, as version 4; --force brings it again."
        assert decide(candidate, before, [this], force=True).register
    otherwise = incumbent(run_id=candidate.identity.id, code="1" * 16)
    old = incumbent(run_id=candidate.identity.id, code="0" * 16)
    assert decide(candidate, old, [otherwise], force=False).register, "not the conversion that was rolled back"


def test_the_first_champion_the_same_run_and_one_made_by_other_means() -> None:
    write_finished("stance-new", 0.7)
    (candidate,) = candidates("stance", settings_for("stance-new"))
    assert decide(candidate, None, [], force=False).register
    same = incumbent(run_id=candidate.identity.id, code=code_hash())
    assert not decide(candidate, same, [], force=False).register
    converted_otherwise = decide(candidate, incumbent(run_id=candidate.identity.id, code="0" * 16), [], force=False)
    assert converted_otherwise.register
    assert "other code converted it" in converted_otherwise.reason
    assert decide(candidate, incumbent(run_id=candidate.identity.id, seed=2), [], force=False).register
    foreign = decide(candidate, Registered("newstance-stance", "9", None, None), [], force=False)
    assert not foreign.register
    assert "version 9 of newstance-stance, was not made by newstance" in foreign.reason
