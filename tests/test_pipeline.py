from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml

from newstance import pipeline
from newstance.corpus.prepared import read_prepared
from newstance.errors import NewstanceError
from newstance.evaluation.compare import compare, write_tables
from newstance.evaluation.plots import write_plot_data
from newstance.experiment import run_experiment
from newstance.files import read_json, read_parquet, write_csv, write_text
from newstance.reporting.page import write_report
from newstance.settings import PLOTS, PREPARED, REPORTS, RUNS, TABLES, Settings, load_settings
from projects import ARTICLES, GOLD, OUTLETS, SHORT, SKIPPED, TARGETS, TWINS, UNSEEN_TARGET, write_project

Change = Callable[[pd.DataFrame], pd.DataFrame]
CORPUS = Path("corpus.csv")
COPY = Path("data/raw/articles.csv")
LEANINGS = ["left", "center", "right"]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of a project in the working directory, of which no stage has run."""
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    return load_settings()


@pytest.fixture
def leaning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The same for a project with one task of its own and without reference labels."""
    write_project(tmp_path, leaning=True)
    monkeypatch.chdir(tmp_path)
    return load_settings()


def change(path: Path, how: Change) -> None:
    write_csv(path, how(pd.read_csv(path, dtype="str", keep_default_na=False)))


def prepare(settings: Settings) -> None:
    pipeline.fetch_corpus(settings)
    pipeline.clean(settings)
    pipeline.label(settings)
    pipeline.split(settings)


def run_and_report(settings: Settings) -> pd.DataFrame:
    """Run all experiments, compare them and write the report; return the comparison."""
    folders = [
        run_experiment(Path("experiments") / f"{name}.yaml", settings, track=False) for name in settings.experiments
    ]
    tables = compare(folders, PREPARED, settings)
    write_tables(tables, TABLES)
    write_plot_data(tables, RUNS, settings.labels.load_schemes(), PLOTS)
    write_report(TABLES, REPORTS, settings)
    return tables["comparison"]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.slow
def test_a_corpus_with_two_tasks_goes_from_its_table_to_the_report(settings: Settings) -> None:
    prepare(settings)
    comparison = run_and_report(settings)
    assert set(comparison["experiment"]) == set(settings.experiments)
    protocols = comparison.groupby("task")["protocol"].agg(set).to_dict()
    assert protocols == {
        "subject": {"standard", "outlet-held-out"},
        "view": {"standard", "outlet-held-out", "unseen-target"},
    }
    for name in settings.experiments:
        metrics = read_json(RUNS / name / "metrics.json")
        row = comparison[(comparison["experiment"] == name) & (comparison["protocol"] == "standard")].iloc[0]
        assert row["macro_f1"] == pytest.approx(metrics["test"]["macro_f1"], abs=1e-6)
    scores = comparison[comparison["protocol"] == "standard"].set_index("experiment")["macro_f1"]
    for task in ("subject", "view"):
        assert scores[f"{task}-logreg"] > scores[f"{task}-majority"] + 0.2
    expected = "ablations agreement annotators auxiliary cleaning comparison confusion confusion_sources cost errors"
    expected += " labels learning_curve near_duplicates paired_tests per_class reliability slices splits"
    assert names(TABLES) == {f"{name}.csv" for name in expected.split()}
    page = (REPORTS / "index.html").read_text(encoding="utf-8")
    assert "TF-IDF + linear SVM" in page
    assert "Subject" in page
    assert "View" in page


def test_a_scheme_of_ones_own_needs_files_only_and_no_reference_annotator(leaning: Settings) -> None:
    prepare(leaning)
    data = read_prepared("leaning")
    assert {split: set(table["leaning"]) for split, table in data.items()}["train"] == set(LEANINGS)
    assert set(data["test"]["annotator"]) == {"A"}
    assert len(data["test"]) == pytest.approx(0.3 * ARTICLES, abs=3)
    comparison = run_and_report(leaning)
    assert list(comparison["task"].unique()) == ["leaning"]
    assert comparison["best"].sum() == 2, "one experiment, under both protocols"
    assert "Leaning" in (REPORTS / "comparison.md").read_text(encoding="utf-8")
    assert pd.read_csv(TABLES / "annotators.csv").empty, "there is no reference to hold an annotator against"


def test_the_main_job_waits_for_neither_the_study_nor_the_published_data_sets() -> None:
    root = Path(__file__).parents[1]
    others = [Path("study"), Path("published")]
    outs = [out for folder in others for out in files_of("outs", root / folder / "dvc.yaml", root)]
    deps = files_of("deps", root / "dvc.yaml", root)
    assert {root / folder / "dvc.lock" for folder in others} <= set(deps), "their results are followed all the same"
    assert len(outs) > 20
    assert not [(dep, out) for dep in deps for out in outs if dep.is_relative_to(out) or out.is_relative_to(dep)]


def files_of(kind: str, pipeline: Path, root: Path) -> list[Path]:
    """Return what the stages of a pipeline's file name as dependencies or outputs; those of a loop stay patterns."""
    found = []
    for stage in yaml.safe_load(pipeline.read_text(encoding="utf-8"))["stages"].values():
        one = stage.get("do", stage)
        names = [name if isinstance(name, str) else next(iter(name)) for name in one.get(kind, [])]
        found += [(pipeline.parent / one.get("wdir", ".") / name).resolve() for name in names]
    return found


def test_every_stage_reads_only_what_the_one_before_wrote(settings: Settings) -> None:
    pipeline.fetch_corpus(settings)
    CORPUS.unlink()
    pipeline.clean(settings)
    COPY.rename("elsewhere.csv")
    with pytest.raises(NewstanceError, match=r"articles\.csv does not exist"):
        pipeline.label(settings)
    Path("elsewhere.csv").rename(COPY)
    pipeline.label(settings)
    COPY.unlink()
    Path("labels/subjects.csv").unlink()
    pipeline.split(settings)
    assert len(read_prepared("subject")["test"]) == GOLD


def test_a_stage_without_the_one_before_says_which_file_is_missing(settings: Settings) -> None:
    with pytest.raises(NewstanceError, match=r"data/raw/articles\.csv does not exist"):
        pipeline.clean(settings)
    pipeline.fetch_corpus(settings)
    for stage in (pipeline.label, pipeline.split):
        with pytest.raises(NewstanceError, match=r"data/clean/articles\.parquet is missing"):
            stage(settings)
    pipeline.clean(settings)
    with pytest.raises(NewstanceError, match=r"data/labels/subject\.parquet is missing"):
        pipeline.split(settings)


def test_all_stages_give_the_same_bytes_again(settings: Settings) -> None:
    def contents() -> dict[Path, bytes]:
        return {path: path.read_bytes() for top in ("data", "reports") for path in Path(top).rglob("*.*")}

    prepare(settings)
    first = contents()
    prepare(settings)
    assert contents() == first


def test_texts_that_are_short_or_skipped_are_dropped_and_counted(settings: Settings) -> None:
    prepare(settings)
    ids = set(read_parquet(pipeline.ARTICLES)["article_id"])
    assert len(ids) == ARTICLES - 2
    assert not {SHORT, SKIPPED} & ids
    dropped = pd.read_csv(TABLES / "cleaning.csv").set_index("rule")["dropped"]
    assert dropped["under 20 words"] == 1
    assert dropped["skipped in the labels"] == 1
    labels = pd.read_csv(TABLES / "labels.csv", na_filter=False)
    counts = labels.set_index(["task", "annotator"])["of_dropped_articles"]
    for task in ("subject", "view"):
        assert counts[task].to_dict() == {"A": 2, "B": 0, "gold": 0, "(all)": 2}, "A labelled both, B neither"
        for table in read_prepared(task).values():
            assert not {SHORT, SKIPPED} & set(table["article_id"])


def test_the_reference_annotators_word_on_what_is_no_article_comes_first(settings: Settings) -> None:
    reference = f"n{ARTICLES - 1:03}"

    def skip(table: pd.DataFrame) -> pd.DataFrame:
        of_reference = (table["article_id"] == reference) & (table["annotator"] == "A")
        table.loc[of_reference, ["subject", "second_subject"]] = ["skip", ""]
        return table

    change(Path("labels/subjects.csv"), skip)
    prepare(settings)
    assert reference in set(read_prepared("subject")["test"]["article_id"])


def test_groups_and_splits_are_those_of_the_labels(settings: Settings) -> None:
    prepare(settings)
    articles = read_parquet(pipeline.ARTICLES).set_index("article_id")
    assert articles.loc[TWINS[0], "group"] == articles.loc[TWINS[1], "group"]
    pairs = pd.read_csv(TABLES / "near_duplicates.csv")
    assert pairs[["first", "second"]].to_numpy().tolist() == [list(TWINS)]
    for task in ("subject", "view"):
        data = read_prepared(task)
        assert set(data["test"]["annotator"]) == {"gold"}
        assert set(data["train"]["annotator"]) == {"A"}
        groups = [set(table["group"]) for table in data.values()]
        assert len(set.union(*groups)) == sum(map(len, groups))
    assert "subject" in read_prepared("view")["train"]
    assert UNSEEN_TARGET not in set(read_prepared("view")["train"]["target"])


def test_agreement_is_of_the_training_annotators_and_with_the_reference(settings: Settings) -> None:
    prepare(settings)
    agreement = pd.read_csv(TABLES / "agreement.csv")
    assert set(agreement["task"]) == {"subject", "view"}
    reference = pd.read_csv(TABLES / "annotators.csv")
    assert {"A", "B"} <= set(reference["annotator"])


@pytest.mark.parametrize("file", ["subjects", "views"])
def test_a_label_for_an_unknown_article_is_an_error_that_names_both(settings: Settings, file: str) -> None:
    path = Path(f"labels/{file}.csv")
    change(path, lambda table: pd.concat([table, table.tail(1).assign(article_id="n999")]))
    pipeline.fetch_corpus(settings)
    pipeline.clean(settings)
    with pytest.raises(NewstanceError, match=rf"labels/{file}\.csv, column 'article_id': .* no article 'n999'"):
        pipeline.label(settings)


def test_labels_that_are_refused_leave_the_earlier_ones_in_place(settings: Settings) -> None:
    prepare(settings)
    before = {path: path.read_bytes() for path in Path("data/labels").iterdir()}
    # The second file is the broken one: the first is through by then.
    change(Path("labels/views.csv"), lambda table: pd.concat([table, table.tail(1).assign(article_id="n999")]))
    with pytest.raises(NewstanceError, match="n999"):
        pipeline.label(settings)
    assert {path: path.read_bytes() for path in Path("data/labels").iterdir()} == before


def test_a_scheme_that_is_no_longer_named_leaves_no_labels(settings: Settings) -> None:
    prepare(settings)
    labels = settings.labels.model_copy(update={"schemes": ("subject",)})
    pipeline.label(settings.model_copy(update={"labels": labels}))
    assert names(Path("data/labels")) == {"subject.parquet"}


def test_a_second_fetch_brings_the_changed_table(settings: Settings) -> None:
    assert pipeline.fetch_corpus(settings) == COPY
    assert COPY.read_bytes() == CORPUS.read_bytes()
    change(CORPUS, lambda table: table.assign(title="Changed " + table["title"]))
    pipeline.fetch_corpus(settings)
    assert COPY.read_bytes() == CORPUS.read_bytes()
    assert pipeline.read_raw(settings.corpus)["title"].str.startswith("Changed ").all()
    assert names(COPY.parent) == {"articles.csv"}


@pytest.mark.parametrize(
    ("how", "problem"),
    [
        (lambda table: table.drop(columns="text"), r"corpus\.csv lacks the column\(s\) text"),
        (lambda table: table.assign(article_id="n001"), r"corpus\.csv: row \d+, column 'article_id'"),
        (lambda table: table.assign(published="the other day"), r"corpus\.csv: row 1, column 'published'"),
    ],
)
def test_a_broken_table_is_refused_by_fetch_and_the_earlier_copy_stays(
    settings: Settings, how: Change, problem: str
) -> None:
    pipeline.fetch_corpus(settings)
    before = COPY.read_bytes()
    change(CORPUS, how)
    with pytest.raises(NewstanceError, match=problem) as caught:
        pipeline.fetch_corpus(settings)
    assert "data/raw" not in str(caught.value)
    assert COPY.read_bytes() == before


def test_a_missing_table_is_named(settings: Settings) -> None:
    CORPUS.unlink()
    with pytest.raises(NewstanceError, match=r"^corpus\.csv does not exist; correct the setting 'corpus\.path'"):
        pipeline.fetch_corpus(settings)
    assert not COPY.exists()


def test_the_table_may_be_of_any_of_the_formats(settings: Settings) -> None:
    table = pd.read_csv(CORPUS, dtype="str", keep_default_na=False)
    pipeline.fetch_corpus(settings)
    expected = pipeline.read_raw(settings.corpus)
    table.to_json("corpus.jsonl", orient="records", lines=True)
    table.to_parquet("corpus.parquet")
    for suffix in (".jsonl", ".parquet"):
        corpus = settings.corpus.model_copy(update={"path": Path(f"corpus{suffix}")})
        assert pipeline.fetch_corpus(settings.model_copy(update={"corpus": corpus})).suffix == suffix
        pd.testing.assert_frame_equal(pipeline.read_raw(corpus), expected)


def test_ones_own_articles_join_the_corpus_and_its_sample(settings: Settings) -> None:
    body = "A rower told us that the pier had been mended twice since spring and would hold for years to come now. "
    write_text(Path("own/pier.txt"), f"Pier mended\n\n{body * 2}\n")
    corpus = settings.corpus.model_copy(update={"sample": 60})
    changed = settings.model_copy(update={"corpus": corpus})
    labels = Path("labels/subjects.csv")
    write_text(labels, labels.read_text() + "pier,B,transport,\n")
    prepare(changed)
    articles = read_parquet(pipeline.ARTICLES)
    assert len(articles) == 61
    assert "pier" in set(articles["article_id"])
    tables = read_prepared("subject")
    (row,) = [row for table in tables.values() for row in table.itertuples() if row.article_id == "pier"]
    assert (row.annotator, row.subject, row.outlet) == ("B", "transport", "")


@pytest.fixture
def own_alone(settings: Settings) -> Settings:
    """The same without the table: what there is of its articles lies in `own` as text files."""
    for row in pd.read_csv(CORPUS, keep_default_na=False).itertuples():
        write_text(Path(f"own/{row.article_id}.txt"), f"outlet: {row.outlet}\n\n{row.title}\n\n{row.text}\n")
    return settings.model_copy(update={"corpus": settings.corpus.model_copy(update={"source": "own", "path": None})})


def test_ones_own_articles_can_be_the_whole_corpus(own_alone: Settings) -> None:
    CORPUS.unlink()
    prepare(own_alone)
    articles = read_parquet(pipeline.ARTICLES)
    made = {f"n{number:03}" for number in range(ARTICLES)}
    assert set(articles["article_id"]) == made - {SHORT, SKIPPED}
    assert sum(map(len, read_prepared("subject").values())) > 0
    assert names(Path("data/raw")) == set()


def test_no_article_of_ones_own_is_said(own_alone: Settings) -> None:
    for path in Path("own").iterdir():
        path.unlink()
    pipeline.fetch_corpus(own_alone)
    with pytest.raises(NewstanceError, match="own holds no articles; put them there as"):
        pipeline.clean(own_alone)


def test_rare_labels_are_named(leaning: Settings, caplog: pytest.LogCaptureFixture) -> None:
    def forget_most(table: pd.DataFrame) -> pd.DataFrame:
        left = table["leaning"] == "left"
        return pd.concat([table[~left], table[left].head(1)])

    change(Path("labels/leanings.csv"), forget_most)
    prepare(leaning)
    assert "Task 'leaning': 'left' has 1 article. A label needs three articles" in caplog.text


def test_a_task_whose_targets_all_occur_in_train_has_no_unseen_ones(settings: Settings) -> None:
    change(Path("labels/views.csv"), lambda table: table[table["target"] != UNSEEN_TARGET])
    prepare(settings)
    assert set(read_prepared("view")["test"]["target"]) <= set(TARGETS)
    protocols = set(pd.read_csv(TABLES / "splits.csv")["protocol"])
    assert protocols == {"standard", "outlet-held-out"}
    folder = run_experiment(Path("experiments/view-logreg.yaml"), settings, track=False)
    assert set(read_json(folder / "metrics.json")) == {"validation", "test", "outlet-held-out"}


@pytest.mark.parametrize("outlet", ["", "Harbour Post"], ids=["no outlet", "one outlet"])
def test_a_corpus_without_several_outlets_has_the_standard_protocol_only(leaning: Settings, outlet: str) -> None:
    change(CORPUS, lambda table: table.assign(outlet=outlet))
    prepare(leaning)
    assert set(pd.read_csv(TABLES / "splits.csv")["protocol"]) == {"standard"}
    experiment = Path("experiments/leaning-logreg.yaml")
    settings = yaml.safe_load(experiment.read_text())
    experiment.write_text(yaml.safe_dump({**settings, "protocols": ["standard"]}))
    folder = run_experiment(experiment, leaning, track=False)
    assert set(read_json(folder / "metrics.json")) == {"validation", "test"}


def test_validation_of_a_single_outlet_leaves_the_standard_protocol(leaning: Settings) -> None:
    prepare(leaning)
    validation = set(read_prepared("leaning")["validation"]["article_id"])
    change(
        CORPUS,
        lambda table: table.assign(outlet=table["outlet"].mask(table["article_id"].isin(validation), OUTLETS[0])),
    )
    prepare(leaning)
    assert set(read_prepared("leaning")["validation"]["article_id"]) == validation
    assert set(pd.read_csv(TABLES / "splits.csv")["protocol"]) == {"standard"}


def test_the_split_table_has_a_fold_an_outlet(settings: Settings) -> None:
    prepare(settings)
    table = pd.read_csv(TABLES / "splits.csv")
    folds = table[table["protocol"] == "outlet-held-out"].groupby("task")["fold"].agg(set).to_dict()
    assert folds == {"subject": set(OUTLETS), "view": set(OUTLETS)}
    assert set(table.loc[table["protocol"] == "unseen-target", "task"]) == {"view"}
