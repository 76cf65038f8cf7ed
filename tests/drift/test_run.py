"""New articles against a bundle that knows ferries from football by counting words."""

import json

import numpy as np
import pandas as pd
import pytest

from newstance import cli
from newstance.bundle.abstention import NearestTraining
from newstance.bundle.answers import Abstention, Answer, Decision, TargetAnswer
from newstance.bundle.bundle import Bundle
from newstance.corpus.prepared import read_prepared
from newstance.drift.page import is_drift, verdict
from newstance.drift.ranking import queue
from newstance.drift.run import compare, read_articles, read_reference
from newstance.errors import NewstanceError
from newstance.files import write_text
from newstance.scheme import Label, Scheme
from newstance.settings import EvaluationSettings
from projects import SUBJECTS, prepare, write_project

SETTINGS = EvaluationSettings(resamples=200)
WORDS = sorted({word for some in SUBJECTS.values() for word in some.split()})
CODES = list(SUBJECTS)
LABELS = tuple(Label(code=code, name=code, definition=code) for code in CODES)
SUBJECT = Scheme(name="subject", kind="single-label", title="Subject", annotations="s.csv", labels=LABELS)
VIEW = Scheme(name="view", kind="target-dependent", title="View", annotations="v.csv", labels=LABELS)


class CountingBundle:
    """Embeds articles as counts of words, and labels them by the subject with most of them."""

    def __init__(self):
        self.schemes = {"subject": SUBJECT, "view": VIEW}

    def embed(self, articles):
        counts = np.array([[0.1 + one.text.split().count(word) for word in WORDS] for one in articles])
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)

    @property
    def nearest(self):
        return NearestTraining(np.eye(len(WORDS)), 1, 1)

    def predict(self, articles, *, evidence):
        return [self._answer(one.text) for one in articles]

    def _answer(self, text):
        if "opera" in text:
            refusal = Abstention(reason="out-of-distribution", detail="Opera.")
            return Answer(labels={}, targets=[], abstain=refusal, version="1")
        counts = np.array([sum(text.split().count(word) for word in SUBJECTS[code].split()) for code in CODES]) + 1
        shares = dict(zip(CODES, (counts / counts.sum()).tolist(), strict=True))
        code = max(shares, key=shares.get)
        decision = Decision(label=code, name=code, probability=shares[code], probabilities=shares, top=[], evidence=[])
        targets = [TargetAnswer(target=name, proposed=True, mentioned=True, labels={"view": decision}) for name in "PQ"]
        return Answer(labels={"subject": decision}, targets=targets, version="1")


def articles(subjects, count, seed, extra=""):
    """Write made-up articles of some subjects as rows."""
    generator = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        words = generator.choice(SUBJECTS[subjects[number % len(subjects)]].split(), 12)
        rows.append({"article_id": f"new-{number}", "title": "News", "text": " ".join([*words, extra])})
    return rows


def table(folder, rows, name="new.jsonl"):
    write_text(folder / name, "\n".join(map(json.dumps, rows)))
    return folder / name


@pytest.fixture
def reference(tmp_path):
    return read_articles([table(tmp_path, articles(CODES, 90, seed=1), "reference.jsonl")])


def test_articles_of_the_same_kind_do_not_drift(tmp_path, reference):
    new = read_articles([table(tmp_path, articles(CODES, 45, seed=2))])
    found = compare(reference, new, CountingBundle(), SETTINGS)
    assert not is_drift(found)
    assert verdict(found).startswith("No drift seen: a classifier tells 45 new articles from 90 held-out ones with AUC")
    assert (found.tasks["p"] > 0.05).all()
    assert found.sizes == (90, 45, 45)


def test_another_domain_drifts_and_its_labels_shift(tmp_path, reference):
    new = read_articles([table(tmp_path, articles(["sport"], 40, seed=2))])
    found = compare(reference, new, CountingBundle(), SETTINGS)
    assert is_drift(found)
    assert verdict(found).startswith(("Strong drift", "Clear drift"))
    assert "the labels of subject and view shift" in verdict(found)
    shares = found.labels.set_index(["task", "label"]).loc[("subject", "sport")]
    assert shares["new_low"] > shares["reference_high"]


def test_refused_articles_are_counted_and_stand_in_the_queue_where_no_target_is_needed(tmp_path, reference):
    rows = articles(CODES, 30, seed=2)
    rows[7]["text"] = "opera " * 12
    found = compare(reference, read_articles([table(tmp_path, rows)]), CountingBundle(), SETTINGS)
    assert found.abstentions[1][0] == pytest.approx(1 / 30)
    assert found.reasons == {"out-of-distribution": 1}
    assert len(found.queues["subject"]) == 30
    assert found.queues["subject"].set_index("article_id").loc["new-7", "reason"] == "refused: out-of-distribution"
    assert len(found.queues["view"]) == 2 * 29
    assert list(found.queues["view"].columns) == ["article_id", "target", "rank", "score", "reason"]


def test_all_new_articles_are_ranked_however_few_are_compared(tmp_path, reference, monkeypatch):
    monkeypatch.setattr("newstance.drift.run.MOST", 25)
    found = compare(
        reference, read_articles([table(tmp_path, articles(CODES, 40, seed=2))]), CountingBundle(), SETTINGS
    )
    assert found.sizes == (90, 25, 40)
    assert len(found.queues["subject"]) == 40


def test_far_and_doubtful_units_come_first_each_with_its_reason():
    rows = [["a", "", "sport", 0.9], ["b", "", "sport", 0.4], ["c", "", "health", 0.8]]
    decisions = pd.DataFrame(rows, columns=["article_id", "target", "label", "probability"])
    ranked = queue(decisions, {"a": 0.1, "b": 0.2, "c": 0.3}, SUBJECT, {})
    assert ranked["article_id"].tolist() == ["b", "c", "a"]
    assert ranked["rank"].tolist() == [1, 2, 3]
    assert ranked["reason"].tolist() == [
        "the champion is unsure (sport, 0.40)",
        "unlike the training articles (distance 0.30)",
        "unlike the training articles (distance 0.10)",
    ]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (articles(CODES, 5, 1), "5 new articles are too few to see drift; give 20 or more"),
        ([*articles(CODES, 30, 1), {"article_id": "new-3", "title": "", "text": ""}], "'new-3' comes twice"),
        ([*articles(CODES, 30, 1), {"title": "x"}], r"new\.jsonl, row 31: The line lacks the key\(s\) text"),
    ],
)
def test_unfit_articles_are_refused(tmp_path, rows, message):
    with pytest.raises(NewstanceError, match=message):
        read_articles([table(tmp_path, rows)])


def test_the_command_compares_with_what_was_held_out_and_writes_page_tables_and_queues(tmp_path, monkeypatch, capsys):
    write_project(tmp_path)
    prepare(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Bundle, "load", lambda path: CountingBundle())
    held_out, _ = read_reference(["subject", "view"], 1)
    tested = {name for task in ("subject", "view") for name in read_prepared(task)["test"]["article_id"]}
    assert set(held_out) == tested, "what a champion may have been fitted on in the end is no reference"
    assert len(set(held_out)) == len(held_out)
    rows = articles(["sport"], 30, seed=2)
    rows[3]["text"] = "opera " * 12
    path = table(tmp_path, rows)
    monkeypatch.setattr("sys.argv", ["newstance", "drift", str(path), "--output", "out"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    said = capsys.readouterr().out.strip()
    page = (tmp_path / "out/drift.md").read_text(encoding="utf-8")
    assert f"**{said}**" in page
    assert "Refused new articles: out-of-distribution 1.\n" in page
    assert "penalty" not in page
    assert "| rank | article_id | target | reason |" in page
    names = sorted(one.name for one in (tmp_path / "out").iterdir())
    assert names == ["drift.md", "labels.csv", "measures.csv", "queue-subject.csv", "queue-view.csv", "tasks.csv"]
    assert pd.read_csv(tmp_path / "out/queue-subject.csv")["rank"].tolist() == list(range(1, 31))
