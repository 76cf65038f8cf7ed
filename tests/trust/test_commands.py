"""`newstance labels check` and `newstance labels agreement` in a small project."""

import contextlib

import numpy as np
import pandas as pd
import pytest

from newstance import cli
from newstance.trust import checks
from projects import prepare, write_project

SUBJECTS, VIEWS = "labels/subjects.csv", "labels/views.csv"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    write_project(folder)
    prepare(folder)
    return folder


@pytest.fixture
def project(prepared, monkeypatch):
    monkeypatch.chdir(prepared)
    before = {name: (prepared / name).read_bytes() for name in (SUBJECTS, VIEWS)}
    yield prepared
    for name, content in before.items():
        (prepared / name).write_bytes(content)


@pytest.fixture
def newstance(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["newstance", *arguments])
        with pytest.raises(SystemExit) as ended, contextlib.suppress(BrokenPipeError):
            cli.main()
        return ended.value.code, *capsys.readouterr()

    return run


def append(path, *rows):
    with path.open("a", encoding="utf-8") as stream:
        stream.writelines(f"{row}\n" for row in rows)


@pytest.fixture
def doubted(monkeypatch):
    """Let the judge, who takes seconds and an encoder, be sure of the label that each unit has but the first."""

    def probabilities(units, scheme, aliases):
        given = [scheme.codes.index(code) for code in units[scheme.name]]
        given[0] = (given[0] + 1) % len(scheme.codes)
        return np.full((len(units), len(scheme.codes)), 0.02) + 0.94 * np.eye(len(scheme.codes))[given]

    monkeypatch.setattr(checks, "held_out_probabilities", probabilities)


def test_sound_labels_are_status_0(project, newstance):
    status, out, _ = newstance("labels", "check", "--no-suspects")
    assert (status, out) == (0, "0 problems, 0 suspects\n")


def test_all_problems_are_listed_at_once_with_their_places_and_status_1(project, newstance):
    lines = len((project / SUBJECTS).read_text(encoding="utf-8").splitlines())
    append(
        project / SUBJECTS,
        "n000,A,sport,",
        "n001,C,opera,",
        "n002,C,sport",
        "nowhere,C,sport,sport",
        "n004,Zo-e,sport,",
        ",C,sport,",
    )
    append(project / VIEWS, "n999,A,Mayor Lund,for")
    status, out, _ = newstance("labels", "check", "--no-suspects", "--output", "found.csv")
    assert status == 1
    assert out.splitlines()[-1] == "8 problems, 0 suspects"
    first = f"problem  {SUBJECTS}, row {lines + 1}, column 'article_id': 'n000' is labelled a second time by the same"
    assert out.splitlines()[0].startswith(first)
    table = pd.read_csv(project / "found.csv", keep_default_na=False)
    assert table[["kind", "task", "row", "column"]].to_numpy().tolist()[:7] == [
        ["conflict", "subject", lines + 1, "article_id"],
        ["scheme", "subject", lines + 2, "subject"],
        ["scheme", "subject", lines + 3, ""],
        ["scheme", "subject", lines + 4, "second_subject"],
        ["article", "subject", lines + 4, "article_id"],
        ["annotator", "subject", lines + 5, "annotator"],
        ["scheme", "subject", lines + 6, "article_id"],
    ]
    assert table["text"].str.endswith(".").all()


def test_a_time_to_come_is_a_problem(project, newstance):
    path = project / SUBJECTS
    lines = path.read_text(encoding="utf-8").splitlines()
    late = [f"{lines[0]},labelled_at", *lines[1:], "n001,C,sport,,2199-01-01T00:00:00Z"]
    path.write_text("\n".join(late) + "\n", encoding="utf-8")
    status, out, _ = newstance("labels", "check", "--no-suspects")
    assert status == 1
    assert out.splitlines()[0].startswith(
        f"problem  {SUBJECTS}, row {len(late)}, column 'labelled_at': '2199-01-01T00:00:00Z' is yet to come"
    )


def test_what_annotators_say_differently_is_named_until_the_reference_settles_it(project, newstance):
    append(project / SUBJECTS, "n030,C,sport,", "n030,D,health,")
    status, out, _ = newstance("labels", "check", "--no-suspects")
    lines = len((project / SUBJECTS).read_text(encoding="utf-8").splitlines())
    assert status == 0
    assert f"row {lines}, column 'subject': article 'n030': " in out
    assert "'C' says 'sport' and 'D' says 'health'; settle it with newstance label --pass adjudicate." in out
    append(project / SUBJECTS, "n030,gold,health,")
    assert newstance("labels", "check", "--no-suspects")[1] == "0 problems, 0 suspects\n"


def test_annotators_between_whom_the_reference_decided_are_not_said_to_differ(project, newstance):
    generator = np.random.default_rng(1)
    codes = ["transport", "sport", "health"]
    rows = []
    for number in range(72):
        first, second = generator.choice(codes, 2)
        names = {"E": first, "F": second, "gold": generator.choice([first, second])}
        rows += [f"n{number:03},{name},{code}," for name, code in names.items()]
    header = (project / SUBJECTS).read_text(encoding="utf-8").splitlines()[0]
    (project / SUBJECTS).write_text(f"{header}\n", encoding="utf-8")
    append(project / SUBJECTS, *rows)
    assert "agrees with the others" not in newstance("labels", "check", "--no-suspects", "--task", "subject")[1]


def test_only_the_named_task_is_checked(project, newstance):
    append(project / VIEWS, "n999,A,Mayor Lund,for")
    assert newstance("labels", "check", "--no-suspects", "--task", "subject")[0] == 0
    assert newstance("labels", "check", "--no-suspects", "--task", "view")[0] == 1
    status, _, error = newstance("labels", "check", "--task", "mood")
    assert status == 2
    assert "has no task 'mood'; it has subject, view" in error


def test_suspects_are_named_with_their_row_and_fail_only_when_strict(project, newstance, doubted):
    status, out, _ = newstance("labels", "check", "--task", "view")
    assert status == 0
    *named, last = out.splitlines()
    assert last == "0 problems, 1 suspect"
    (line,) = named
    place = int(line.partition(", row ")[2].partition(",")[0])
    row = (project / VIEWS).read_text(encoding="utf-8").splitlines()[place - 1].split(",")
    assert line.startswith(f"suspect  {VIEWS}, row {place}, column 'view': article '{row[0]}' toward '{row[2]}' has")
    assert f"has the label '{row[3]}'" in line
    assert newstance("labels", "check", "--task", "view", "--strict")[0] == 1


def test_of_many_suspects_the_first_are_shown_and_all_are_written(project, newstance, monkeypatch, tmp_path):
    monkeypatch.setattr(checks, "SUSPECTS_SHOWN", 2)
    append(project / SUBJECTS, *(f"n{number:03},C,sport," for number in range(10, 16)))
    output = tmp_path / "found.csv"
    status, out, _ = newstance("labels", "check", "--no-suspects", "--task", "subject", "--output", str(output))
    assert status == 0
    *named, hidden, last = out.splitlines()
    written = pd.read_csv(output)
    assert set(written["kind"]) == {"conflict"}
    assert len(written) > 3
    assert [line.partition(": ")[2] for line in named] == written["text"].head(2).tolist()
    assert hidden == f"{len(written) - 2} more suspects are not shown; --output FILE writes all to a CSV."
    assert last == f"0 problems, {len(written)} suspects"


def test_an_annotator_who_differs_is_a_suspect(project, newstance):
    table = pd.read_csv(project / SUBJECTS, dtype=str, keep_default_na=False)
    gold = table[table["annotator"] == "gold"]
    copies = [gold.assign(annotator=name) for name in ("C", "D")]
    turned = gold.assign(annotator="E", subject=np.roll(gold["subject"], 1), second_subject="")
    pd.concat([table, *copies, turned]).to_csv(project / SUBJECTS, index=False)
    status, out, _ = newstance("labels", "check", "--no-suspects", "--task", "subject")
    assert status == 0
    assert "'E' agrees with the others by kappa" in out
    assert out.splitlines()[-1] == "0 problems, 1 suspect"


def test_agreement_is_shown_by_pair_label_and_week_with_its_meaning(project, newstance):
    append(project / SUBJECTS, "n068,B,sport,", "n001,C,sport,")
    table = pd.read_csv(project / SUBJECTS, dtype=str, keep_default_na=False)
    table["labelled_at"] = ["2026-11-02T10:00:00Z"] * len(table)
    table.to_csv(project / SUBJECTS, index=False)
    status, out, _ = newstance("labels", "agreement", "subject")
    assert status == 0
    assert [f"Subject, by {part}" in out for part in ("annotators", "label", "week")] == [True] * 3
    assert "2026-W45" in out
    text = " ".join(out.split())
    assert "Subject: A and B agree on" in text
    assert "a model that scores above that by the labels of one of them has learned" in " ".join(text.split())
    assert "Scored by gold as models are, A reaches macro-F1" in text
