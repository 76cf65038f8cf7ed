from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.kinds import CLASSIFIERS, FEATURES, model
from newstance.bundle.answers import Article
from newstance.bundle.bundle import Bundle
from newstance.bundle.manifest import MANIFEST, Manifest, file_hashes, read_manifest, write_manifest
from newstance.bundle.networks import GRAPHS
from newstance.champion.convert import convert, merge
from newstance.corpus.prepared import read_prepared
from newstance.errors import NewstanceError
from newstance.evaluation.calibration import apply_temperature
from newstance.files import read_json, read_parquet
from newstance.models import persistence
from newstance.settings import RUNS, load_settings
from tiny_bundle import CHAMPIONS, TEMPERATURE, TinyBundles, small_novelty


@pytest.fixture
def project(tiny_bundles: TinyBundles, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tiny_bundles.project)
    return tiny_bundles.project


@pytest.fixture
def other_run(tiny_bundles: TinyBundles, tmp_path: Path, project: Path) -> Path:
    """A copy of a run folder that a test may change."""
    folder = tmp_path / "run"
    shutil.copytree(tiny_bundles.run_folder("view"), folder)
    return folder


def articles(table: pd.DataFrame) -> list[Article]:
    targets = table["target"] if "target" in table else [""] * len(table)
    rows = zip(table["title"], table["text"], targets, strict=True)
    return [Article(title, text, [target]) for title, text, target in rows]


# Where the processor is quick at it, training computes frozen embeddings with fewer digits.
@pytest.mark.parametrize(("task", "tolerance"), [("subject", 2e-3), ("view", 1e-5), ("leaning", 1e-5)])
def test_a_bundle_gives_the_probabilities_of_the_run_from_which_it_was_made(
    task: str, tolerance: float, tiny_bundles: TinyBundles, project: Path
) -> None:
    bundle = Bundle.load(tiny_bundles.single[task])
    codes = bundle.schemes[task].codes
    predictions = read_parquet(RUNS / CHAMPIONS[task] / "predictions.parquet")
    test = read_prepared(task)["test"]
    rows = predictions[(predictions["split"] == "test") & (predictions["protocol"] == "standard")]
    assert rows["article_id"].tolist() == test["article_id"].tolist()
    expected = apply_temperature(rows[[f"raw_{code}" for code in codes]].to_numpy(), TEMPERATURE)
    np.testing.assert_allclose(bundle.probabilities(task, articles(test)), expected, atol=tolerance)


@pytest.mark.parametrize(("task", "kind"), [("subject", "ensemble"), ("view", "linear"), ("leaning", "linear")])
def test_the_manifest_says_where_the_champion_comes_from_and_how_it_scored(
    task: str, kind: str, tiny_bundles: TinyBundles
) -> None:
    manifest, _ = read_manifest(tiny_bundles.single[task])
    (info,) = manifest.tasks.values()
    run = tiny_bundles.run_folder(task)
    assert (info.experiment, info.seed, info.kind) == (CHAMPIONS[task], 1, kind)
    assert info.run_id == read_json(run / "run.json")["id"]
    assert info.data == read_json(run / "settings.json")["data"]
    metrics = read_json(run / "metrics.json")
    assert info.metrics["validation/macro_f1"] == metrics["validation"]["macro_f1"]
    assert info.metrics["test/accuracy"] == metrics["test"]["accuracy"]


def test_encoders_that_read_the_same_and_share_layers_are_in_one_graph(tiny_bundles: TinyBundles) -> None:
    # The fine-tuned encoder has the frozen one's lower layer, and the frozen one reads shorter passages as well.
    graphs = [read_json(path)["encoders"] for path in tiny_bundles.single["subject"].glob(f"{GRAPHS}/*/outputs.json")]
    assert sorted(map(len, graphs)) == [1, 2]
    (alone,), both = sorted(graphs, key=len)
    assert alone in both
    linear = [read_json(path)["encoders"] for path in tiny_bundles.single["view"].glob(f"{GRAPHS}/*/outputs.json")]
    assert linear == [[alone]], "without a transformer, the frozen one alone is needed"


def test_bundles_hold_numbers_and_no_code(tiny_bundles: TinyBundles) -> None:
    suffixes = {path.suffix for path in tiny_bundles.merged.rglob("*") if path.is_file()}
    assert suffixes == {".json", ".safetensors", ".onnx"}
    assert str(tiny_bundles.project.parent).encode() not in b"".join(
        path.read_bytes() for path in tiny_bundles.merged.rglob("*") if path.is_file()
    )


def test_the_bundles_of_all_tasks_abstain_from_the_same_articles(tiny_bundles: TinyBundles) -> None:
    hashes = [file_hashes(bundle) for bundle in tiny_bundles.single.values()]
    for name in ("novelty.safetensors", "novelty.json"):
        assert len({one[name] for one in hashes}) == 1


def test_the_same_run_again_gives_the_same_files_and_takes_the_place_of_the_old_bundle(
    tiny_bundles: TinyBundles, project: Path, tmp_path: Path
) -> None:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle/old.json").write_text("{}", encoding="utf-8")
    with small_novelty():
        convert(tiny_bundles.run_folder("subject"), 1, load_settings(), tmp_path / "bundle")
    assert file_hashes(tmp_path / "bundle") == file_hashes(tiny_bundles.single["subject"])
    assert read_manifest(tmp_path / "bundle") == read_manifest(tiny_bundles.single["subject"])


def test_a_model_that_a_bundle_can_not_hold_leaves_the_old_bundle(
    tiny_bundles: TinyBundles, other_run: Path, tmp_path: Path
) -> None:
    table = read_prepared("view")["train"]
    shutil.rmtree(other_run / "seeds/1/model")
    outlets = model([FEATURES["category"]], CLASSIFIERS["linear SVM"]).fit(table, table["view"])
    persistence.save(outlets, other_run / "seeds/1/model")
    out = tmp_path / "bundle"
    shutil.copytree(tiny_bundles.single["view"], out)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(NewstanceError, match=r"Category.*can't be exported"):
        convert(other_run, 1, load_settings(), out)
    assert sorted(tmp_path.rglob("*")) == before
    read_manifest(out)


@pytest.mark.parametrize("name", ["settings.json", "seeds/1/calibration.json", "seeds/1/model/model.json"])
def test_a_run_folder_that_lacks_a_file_is_refused_by_the_files_name(
    other_run: Path, name: str, tmp_path: Path
) -> None:
    (other_run / name).unlink()
    with pytest.raises(NewstanceError, match=name.rpartition("/")[2]):
        convert(other_run, 1, load_settings(), tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_a_merged_bundle_has_all_tasks_their_files_and_the_known_targets(tiny_bundles: TinyBundles) -> None:
    merged, _ = read_manifest(tiny_bundles.merged)
    singles = [read_manifest(bundle)[0] for bundle in tiny_bundles.single.values()]
    assert merged.tasks == {name: info for one in singles for name, info in one.tasks.items()}
    for one in singles:
        kept = {name: value for name, value in one.files.items() if name != "targets.json"}
        assert kept.items() <= merged.files.items()
    assert merged.files["targets.json"] == read_manifest(tiny_bundles.single["view"])[0].files["targets.json"]
    known = json.loads((tiny_bundles.merged / "targets.json").read_text(encoding="utf-8"))
    assert {"Mayor Lund", "the tram line", "the ferry tax"} <= set(known["known"])
    assert known["aliases"] == {"Mayor Lund": ["Lund"]}


def test_the_order_in_which_bundles_are_merged_does_not_matter(tiny_bundles: TinyBundles, tmp_path: Path) -> None:
    merge(list(tiny_bundles.single.values())[::-1], tmp_path / "bundle")
    assert read_manifest(tmp_path / "bundle") == read_manifest(tiny_bundles.merged)


def test_bundles_that_kept_different_variants_of_one_network_answer_together_as_each_does_alone(
    tiny_bundles: TinyBundles, tmp_path: Path
) -> None:
    for task, other in {"subject": "fp32", "view": "int8", "leaning": "fp32"}.items():
        folder = Path(shutil.copytree(tiny_bundles.single[task], tmp_path / task))
        for path in folder.rglob(f"{other}.onnx"):
            path.unlink()
        manifest = Manifest.model_validate(read_json(folder / MANIFEST))
        kept = "int8" if other == "fp32" else "fp32"
        tasks = {task: manifest.tasks[task].model_copy(update={"precision": kept})}
        write_manifest(folder, manifest.model_copy(update={"tasks": tasks, "files": file_hashes(folder)}))
    merge([tmp_path / task for task in CHAMPIONS], tmp_path / "merged")
    merged = Bundle.load(tmp_path / "merged")
    assert {name: info.precision for name, info in merged.about.tasks.items()} == {
        "subject": "int8",
        "view": "fp32",
        "leaning": "int8",
    }
    sentence = "The {} spoke about the old ferry and the mayor praised the tram line and condemned the bridge. "
    text = "".join(map(sentence.format, ["captain", "nurse", "union"]))
    (together,) = merged.predict([Article("Ferry", text, ["the tram line"])])
    for task in CHAMPIONS:
        (alone,) = Bundle.load(tmp_path / task).predict([Article("Ferry", text, ["the tram line"])])
        if task == "view":
            assert together.targets == alone.targets != []
        else:
            assert together.labels[task] == alone.labels[task]


def test_the_same_task_twice_is_refused_and_nothing_is_written(tiny_bundles: TinyBundles, tmp_path: Path) -> None:
    bundles = [tiny_bundles.single[task] for task in ("view", "leaning", "view")]
    with pytest.raises(NewstanceError, match=r"task 'view', which another bundle has too"):
        merge(bundles, tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_bundle_is_not_merged(tiny_bundles: TinyBundles, tmp_path: Path) -> None:
    shutil.copytree(tiny_bundles.single["view"], tmp_path / "view")
    (tmp_path / "view/targets.json").write_text("{}", encoding="utf-8")
    with pytest.raises(NewstanceError, match=r"targets\.json is not the file that was exported"):
        merge([tiny_bundles.single["leaning"], tmp_path / "view"], tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()
