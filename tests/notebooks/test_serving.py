from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from fake_bundle import ABOUT, FakeBundle
from newstance.bundle.answers import Article
from newstance.bundle.manifest import Manifest, write_manifest
from newstance.errors import NewstanceError
from newstance.files import file_sha256, write_csv, write_text
from newstance.notebooks import serving
from newstance.notebooks.serving import (
    Asked,
    Champion,
    answers_table,
    ask,
    ask_about_own_articles,
    card_beginning,
    champions_table,
    chance,
    find_champions,
    proposals_in_words,
    proposed_targets,
    warning,
)
from newstance.settings import CorpusSettings, Settings
from newstance.tracking.registry import Registered

CARD = "# Topic: a model\n\nWhat it does.\n\n## Intended use\n\nResearch.\n\n## Limits\n\nMany.\n"
VERSION = Registered("newstance-topic", "4", None, None)


def write_bundle(folder: Path, content: str) -> Path:
    write_text(folder / "tasks/topic/model.json", content)
    write_text(folder / "targets.json", folder.name)  # differs, as it does in a bundle of several tasks
    hashes = {name: file_sha256(folder / name) for name in ("tasks/topic/model.json", "targets.json")}
    write_manifest(folder, Manifest(package="0.1.0", tasks={"topic": ABOUT.tasks["topic"]}, files=hashes))
    return folder


def project(folder: Path = Path("seeds/articles")) -> SimpleNamespace:
    schemes = FakeBundle().schemes
    topics = pd.DataFrame({"article_id": ["ferry", "n1"], "topic": ["labour", "sport"], "split": ["train", "test"]})
    stances = pd.DataFrame(
        {"article_id": ["ferry"] * 2, "target": ["Mayor", "Union"], "stance": ["neutral", "favor"], "split": "train"}
    )
    return SimpleNamespace(
        settings=Settings(corpus=CorpusSettings(own_articles=folder)),
        schemes=schemes,
        results={},
        prepared=lambda task: {"topic": topics, "stance": stances}[task],
    )


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A registry with a champion of topic, whose files are those of the exported bundle."""
    registered, exported = (write_bundle(tmp_path / name, "weights") for name in ("registered", "exported"))

    @contextmanager
    def opened(command):
        found = SimpleNamespace(run_id="0123456789abcdef", description=CARD)
        yield SimpleNamespace(get_model_version=lambda name, version: found)

    monkeypatch.setattr(serving, "opened_to_read", opened)
    monkeypatch.setattr(serving.registry, "champion", lambda task: VERSION)
    monkeypatch.setattr(serving.registry, "fetch_bundle", lambda task, folder: registered)
    return SimpleNamespace(registered=registered, exported=exported)


def test_a_champion_whose_files_were_exported_answers(store):
    (champion,) = find_champions(project(), store.exported)
    assert champion.registration.exported
    assert "version 4 of `newstance-topic` has the alias `champion`" in champion.says
    assert "that is what answers" in champion.says


def test_an_older_export_is_told(store):
    (champion,) = find_champions(project(), write_bundle(store.exported.parent / "older", "other weights"))
    assert not champion.registration.exported
    assert "`newstance export`" in champion.says


@pytest.mark.parametrize("reason", ["absent", "mlflow is not installed."])
def test_without_a_registered_champion_the_exported_bundle_answers(store, monkeypatch, reason):
    def champion(task):
        if reason != "absent":
            raise NewstanceError(reason)

    monkeypatch.setattr(serving.registry, "champion", champion)
    (found,) = find_champions(project(), store.exported)
    assert found.registration is None
    assert "only the exported bundle" in found.says
    assert reason == "absent" or reason in found.says
    assert "no model card" in card_beginning(found)
    assert champions_table([found], project())["registered as"].tolist() == ["–"]


def test_the_table_names_version_run_and_scores(store):
    row = champions_table(find_champions(project(), store.exported), project()).iloc[0]
    assert row["registered as"] == "newstance-topic, version 4"
    assert row["run in MLflow"] == "01234567 (topic-fake, seed 1)"
    assert row["macro-F1, test"] == "0.500"
    assert row["macro-F1, validation"] == "–"


def test_a_card_is_quoted_from_its_beginning(store):
    (champion,) = find_champions(project(), store.exported)
    assert card_beginning(champion).splitlines() == [
        "> **Topic: a model**", "> ", "> What it does.", "> ", "> **Intended use**", "> ", "> Research.",
    ]  # fmt: skip


def test_own_articles_are_asked_about_with_the_targets_and_labels_of_their_author(tmp_path):
    write_text(tmp_path / "ferry.txt", "Ferry crews walk out\n\nThe crews of the ferry walked out on Monday.\n")
    write_text(tmp_path / "unlabelled.txt", "Ferry crews are back\n\nThe crews of the ferry came back on Tuesday.\n")
    ferry, unlabelled = ask_about_own_articles(project(tmp_path), FakeBundle())
    assert ferry.article.targets == ["Mayor", "Union"]
    assert ferry.given == {("topic", ""): "labour", ("stance", "Mayor"): "neutral", ("stance", "Union"): "favor"}
    assert ferry.met
    assert unlabelled.article.targets is None
    assert not unlabelled.met
    table = answers_table([ferry, unlabelled])
    assert table["question"].tolist() == ["topic", "stance toward Mayor", "stance toward Union", "topic"]
    assert table["its author's label"].tolist() == ["labour", "neutral", "favor", "–"]


def test_without_own_articles_the_reader_is_told_where_to_put_one(tmp_path):
    with pytest.raises(NewstanceError, match="has no article; put one there"):
        ask_about_own_articles(project(tmp_path), FakeBundle())


def test_an_abstention_has_its_reason_in_the_table():
    (row,) = answers_table([ask("short", Article("", "Word"), warm())]).to_dict("records")
    assert row["answer"] == "not labelled: too-short"


def warm() -> FakeBundle:
    bundle = FakeBundle()
    bundle.predict([])
    return bundle


def asked(name: str, split: str) -> Asked:
    return Asked(name, Article("", ""), warm().predict([Article("", "two words")])[0], {}, split)


def test_articles_that_models_have_met_are_told_from_others():
    both = warning([asked("old", "train"), asked("tuned", "validation"), asked("new", "")])
    assert "learnt from 2 of these 3 articles" in both
    assert "not from `new`" in both
    assert "none of these" in warning([asked("new", ""), asked("tested", "test")])


def test_proposed_targets_stand_beside_those_that_were_named():
    named = ask("a", Article("", "two words", ("Mayor", "Union")), warm())
    table = proposed_targets([named], warm())
    assert table.iloc[0].tolist() == ["a", "–", "Mayor; Union"]


@pytest.mark.parametrize(
    ("probability", "written"), [(1.0, "> 0.99"), (0.994, "0.99"), (0.5, "0.50"), (0.006, "0.01"), (0.0, "< 0.01")]
)
def test_no_probability_is_written_as_if_it_were_certain(probability, written):
    assert chance(probability) == written


def test_how_good_proposals_are_is_read_from_the_benchmark_or_said_to_be_missing(tmp_path):
    path = tmp_path / "targets.csv"
    assert "is not here" in proposals_in_words(path)
    columns = "part targets articles recall recall_low recall_high precision precision_low precision_high".split()
    rows = [["validation", "all", 9, *[0.1] * 6], ["test", "all", 750, 0.53, 0.5, 0.55, 0.38, 0.36, 0.4]]
    write_csv(path, pd.DataFrame(rows, columns=columns))
    text = proposals_in_words(path)
    assert "750 test articles" in text
    assert "53\xa0%\xa0[50,\xa055]" in text
    assert "38\xa0%\xa0[36,\xa040]" in text


def test_the_next_champion_or_why_there_is_none_is_said_for_every_task(monkeypatch):
    def plan(task, settings):
        if task == "stance":
            raise NewstanceError("No experiment has run.")
        return SimpleNamespace(conclusion=lambda planned: "a, seed 1, would be registered." if planned else "")

    monkeypatch.setattr(serving, "make_plan", plan)
    assert serving.next_champions(project()) == (
        "- **topic**: a, seed 1, would be registered.\n- **stance**: No experiment has run."
    )


def test_a_champion_without_registration_says_the_task():
    assert Champion("topic", ABOUT.tasks["topic"], None, "Nothing.").says.startswith("**topic**: Nothing.")
