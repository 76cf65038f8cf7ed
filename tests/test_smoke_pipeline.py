"""The whole pipeline on a slice of the real corpus, by the commands that users type.

Two things are as in nobody's first steps, so that one pipeline proves them too: its runs go to an MLflow server with
PostgreSQL as its store, and there is a third label scheme, `sphere`, that no code knows.
"""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from mlflow import MlflowClient

from mlflow_server import running_mlflow
from newstance import load_champion
from newstance.bundle.answers import Article
from newstance.settings import load_settings
from newstance.tracking.store import PARENT

ROOT = Path(__file__).parents[1]
# The topics that a third scheme calls public; all others are private.
PUBLIC = ["conflict", "crime", "economy", "education", "labour", "politics", "society"]
GOLDEN = Path(__file__).with_name("golden_smoke.json")
pytestmark = pytest.mark.slow


def run(*command: str, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def client(postgres, tmp_path_factory) -> Iterator[MlflowClient]:
    store = postgres.create("mlflow")
    with running_mlflow(store, tmp_path_factory.mktemp("mlflow")) as uri, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", uri)
        patch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "120")  # seconds: both cores may be busy
        yield MlflowClient(tracking_uri=uri)


@pytest.fixture(scope="module")
def project(client, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("smoke") / "project"
    run("make", "smokefiles", f"SMOKE={folder}", cwd=ROOT)
    add_a_third_scheme(folder)
    change(folder / "experiments/topic-transformer.yaml", lambda experiment: experiment["model"].update(epochs=1))
    change(folder / "experiments/topic-tfidf-encoder-svm.yaml", lambda experiment: experiment.update(seeds=[1]))
    run("dvc", "repro", cwd=folder)
    return folder


def add_a_third_scheme(project: Path) -> None:
    """Make the scheme `sphere` and its labels from the topics, with two experiments: data alone, no code."""
    scheme = {
        "name": "sphere",
        "kind": "single-label",
        "title": "Sphere",
        "annotations": "spheres.csv",
        "labels": [
            {"code": "public", "name": "public life", "definition": "what the state and society at large deal with"},
            {"code": "private", "name": "private life", "definition": "everything else"},
        ],
    }
    write_yaml(project / "seeds/schemes/sphere.yaml", scheme)
    topics = pd.read_csv(project / "seeds/topics.csv", dtype=str).query("topic != 'skip'")
    spheres = topics["topic"].isin(PUBLIC).map({True: "public", False: "private"})
    topics[["article_id", "annotator"]].assign(sphere=spheres).to_csv(project / "seeds/spheres.csv", index=False)
    experiments = {}
    for name in ("majority", "tfidf-svm"):
        settings = yaml.safe_load((project / f"experiments/topic-{name}.yaml").read_text(encoding="utf-8"))
        write_yaml(project / f"experiments/sphere-{name}.yaml", {**settings, "task": "sphere"})
        experiments[f"sphere-{name}"] = "sphere"
    change(project / "params.yaml", lambda params: params["labels"]["schemes"].append("sphere"))
    change(project / "params.yaml", lambda params: params["experiments"].update(experiments))


def change(path: Path, how: Callable[[dict[str, Any]], object]) -> None:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    how(content)
    write_yaml(path, content)


def write_yaml(path: Path, content: object) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def test_every_experiment_has_a_run_folder_and_a_row(project):
    experiments = set(load_settings(project / "params.yaml").names())
    comparison = pd.read_csv(project / "reports/tables/comparison.csv")
    assert set(comparison["experiment"]) == experiments == {path.name for path in (project / "runs").iterdir()}
    assert (project / "reports/index.html").stat().st_size > 100_000


def test_the_server_s_database_holds_each_experiment_once_with_a_run_a_seed(project, client, postgres):
    runs = client.search_runs([found.experiment_id for found in client.search_experiments()])
    parents = {one.info.run_id: one for one in runs if PARENT not in one.data.tags}
    names = [one.data.tags["newstance.experiment"] for one in parents.values()]
    assert sorted(names) == sorted(load_settings(project / "params.yaml").names())
    assert {one.info.status for one in runs} == {"FINISHED"}
    assert postgres.ask("mlflow", "SELECT COUNT(*) FROM runs") == [(len(runs),)]
    assert not list(project.glob("mlflow.db*")), "nothing goes to a file beside it"
    for run_id, parent in parents.items():
        folder = project / "runs" / parent.data.tags["newstance.experiment"]
        scores = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
        assert sum(one.data.tags.get(PARENT) == run_id for one in runs) == len(scores["seeds"])
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        assert parent.data.metrics["test/macro_f1"] == pytest.approx(metrics["test"]["macro_f1"])
        assert {"settings.json", "metrics.json", "figures"} <= {file.path for file in client.list_artifacts(run_id)}
    assert not (project / "mlartifacts").exists(), "artifacts lie with the server"


def test_a_run_that_is_tracked_again_stays_one(project, client):
    said = run("newstance", "track", "runs/topic-tfidf-svm", cwd=project)
    experiment = client.get_experiment_by_name("newstance-topic").experiment_id
    found = client.search_runs([experiment], "tags.`newstance.experiment` = 'topic-tfidf-svm'")
    assert sum(PARENT not in one.data.tags for one in found) == 1, said


def test_the_champions_are_registered_with_the_server(project, client):
    champions = json.loads((project / "reports/champion.json").read_text(encoding="utf-8"))
    assert set(champions) == {"topic", "stance", "sphere"}
    for task, champion in champions.items():
        version = client.get_model_version_by_alias(f"newstance-{task}", "champion")
        assert version.tags["newstance.experiment"] == champion["experiment"]


def test_the_slice_is_cleaned_and_scored_as_recorded(project):
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    cleaning = pd.read_csv(project / "reports/tables/cleaning.csv")
    assert cleaning[["rule", "dropped", "changed", "rows_left"]].to_numpy().tolist() == golden["cleaning"]
    for experiment, macro_f1 in golden["macro_f1"].items():
        metrics = json.loads((project / "runs" / experiment / "metrics.json").read_text(encoding="utf-8"))
        # Other processors may round otherwise, which moves a borderline article or two.
        assert metrics["test"]["macro_f1"] == pytest.approx(macro_f1, abs=0.03), experiment


def test_the_bundle_holds_the_best_on_validation_and_answers_as_the_models_that_were_trained(project):
    comparison = pd.read_csv(project / "reports/tables/comparison.csv")
    best = comparison[comparison["best"] & (comparison["protocol"] == "standard")].set_index("task")["experiment"]
    bundle = load_champion(project / "bundle")
    assert {task: info.experiment for task, info in bundle.about.tasks.items()} == best.to_dict()
    record = json.loads((project / "reports/champion.json").read_text(encoding="utf-8"))
    for task, info in bundle.about.tasks.items():
        verification = record[task]["verification"]
        assert info.precision == verification["precision"]
        assert verification["same_labels_fp32"] >= 0.98
        assert verification["macro_f1_framework"] - verification[f"macro_f1_{info.precision}"] <= 0.005
        predictions = pd.read_parquet(project / "runs" / info.experiment / "predictions.parquet")
        test = predictions.query("protocol == 'standard' and split == 'test' and seed == @info.seed").head(40)
        texts = pd.read_parquet(project / f"data/prepared/{task}/test.parquet").drop_duplicates("article_id")
        units = test[["article_id", "target"]].merge(texts[["article_id", "title", "text"]], on="article_id")
        articles = [Article(unit.title, unit.text, [unit.target] if unit.target else []) for unit in units.itertuples()]
        expected = test[[f"prob_{code}" for code in bundle.schemes[task].codes]].to_numpy()
        assert abs(bundle.probabilities(task, articles) - expected).mean() < 0.01


def test_mlflow_serves_the_champion_with_the_answers_of_the_bundle(project):
    texts = pd.read_parquet(project / "data/prepared/topic/test.parquet").head(4)
    rows = pd.concat([texts, texts.head(1).assign(text="Too short.")])[["title", "text"]].reset_index(drop=True)
    (project / "rows.json").write_text(json.dumps({"dataframe_split": rows.to_dict(orient="split")}), encoding="utf-8")
    serving = ["mlflow", "models", "predict", "-m", "models:/newstance-topic@champion", "--env-manager", "local"]
    command = [*serving, "-i", "rows.json", "-t", "json", "-o", "answers.json"]
    run(*command, cwd=project)
    answers = json.loads((project / "answers.json").read_text(encoding="utf-8"))["predictions"]
    articles = [Article(title, text, []) for title, text in zip(rows["title"], rows["text"], strict=True)]
    for row, answer in zip(answers, load_champion(project / "bundle").predict(articles), strict=True):
        decision = answer.labels.get("topic")
        assert row["label"] == (decision.label if decision else None)
        assert row["abstain"] == (answer.abstain.reason if answer.abstain else None)
        for code, probability in (decision.probabilities if decision else {}).items():
            assert row[code] == pytest.approx(probability, abs=1e-6)
    assert answers[-1]["abstain"] == "too-short"


def test_no_group_lies_in_two_splits_of_the_prepared_data(project):
    for task in ("topic", "stance", "sphere"):
        splits = [
            pd.read_parquet(project / f"data/prepared/{task}/{name}.parquet", columns=["group"])
            for name in ("train", "validation", "test")
        ]
        groups = [set(table["group"]) for table in splits]
        assert len(set.union(*groups)) == sum(len(part) for part in groups)


def test_a_second_repro_does_nothing(project):
    assert "up to date" in run("dvc", "repro", cwd=project)


def test_a_changed_experiment_runs_again_alone_with_what_follows(project):
    experiment = project / "experiments/topic-tfidf-svm.yaml"
    before = experiment.read_text(encoding="utf-8")
    experiment.write_text(before + "# another line\n", encoding="utf-8")
    planned = run("dvc", "repro", "--dry", cwd=project)
    experiment.write_text(before, encoding="utf-8")
    stages = [line.split("'")[1] for line in planned.splitlines() if line.startswith("Running stage")]
    assert stages[0] == "experiment@topic-tfidf-svm"
    assert set(stages) <= {"experiment@topic-tfidf-svm", "compare", "report"}


def test_the_same_experiment_again_gives_the_same_metrics(project):
    folder = project / "runs/topic-tfidf-svm"
    first = {name: (folder / name).read_bytes() for name in ("metrics.json", "scores.json", "predictions.parquet")}
    run("dvc", "repro", "--force", "--single-item", "experiment@topic-tfidf-svm", cwd=project)
    assert {name: (folder / name).read_bytes() for name in first} == first


def test_metrics_and_plots_can_be_shown(project):
    shown = json.loads(run("dvc", "metrics", "show", "--json", cwd=project))
    assert "runs/topic-tfidf-svm/metrics.json" in shown[""]["data"]
    run("dvc", "plots", "show", "--out", "plots", cwd=project)
    assert "vega" in (project / "plots/index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("notebook", sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9]*.py")))
def test_a_notebook_runs_on_the_slice_and_says_so(project, notebook):
    stored = json.loads((project / f"notebooks/{notebook}.ipynb").read_text(encoding="utf-8"))
    outputs = [output for cell in stored["cells"] for output in cell.get("outputs", [])]
    texts = ["".join(output.get("data", {}).get("text/markdown", "")) for output in outputs]
    assert any("reads the smoke slice" in text for text in texts)
    assert [output for output in outputs if output["output_type"] == "error"] == []
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 2
    assert (project / f"reports/notebooks/{notebook}.html").stat().st_size > 50_000


def test_the_third_scheme_is_served_beside_the_others(project):
    bundle = load_champion(project / "bundle")
    assert bundle.schemes["sphere"].codes == ["public", "private"]
    assert bundle.probabilities("sphere", [Article("A vote", "Parliament votes.", [])]).sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("notebook", "shown"),
    [
        ("02_labels", ["what the state and society at large deal with"]),
        ("03_baselines_and_transformers", ["**Sphere.** Majority gives every article", "every sphere experiment"]),
        ("04_errors_and_explanations", ["Sphere"]),
    ],
)
def test_the_third_scheme_stands_in_the_notebooks(project, notebook, shown):
    stored = (project / f"notebooks/{notebook}.ipynb").read_text(encoding="utf-8")
    for text in shown:
        assert text in stored, text
