import logging
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pytest

from newstance import cli
from newstance.doctor import Finding
from newstance.errors import NewstanceError

COMMANDS = "fetch clean labels split run track compare report readme champion articles doctor notebooks prepare".split()
COMMANDS += ["audit", "drift", "init", "search"]
# typer reads both: a colour forced from outside would stand between the words that are looked for.
PLAIN = {**os.environ, "COLUMNS": "80", "_TYPER_FORCE_DISABLE_TERMINAL": "1"}


class Done(NamedTuple):
    status: object
    stdout: str
    stderr: str


@pytest.fixture
def newstance(tmp_path, monkeypatch, capsys):
    """Run the command line in an empty folder, in this process: importing everything anew takes a second."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(logging.getLogger(), "handlers", [])

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["newstance", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return Done(ended.value.code, *capsys.readouterr())

    yield run
    logging.getLogger("newstance").setLevel(logging.NOTSET)


def python(program: str, *arguments: str, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, env=PLAIN, capture_output=True, text=True, check=False, timeout=60, **options)


def test_help_shows_every_command_with_a_line_and_waits_for_no_heavy_library():
    heavy = "{'torch', 'mlflow', 'sklearn', 'datasets', 'transformers', 'matplotlib'}"
    program = (
        "import sys, newstance.cli\n"
        "try: newstance.cli.main()\n"
        f"finally: print(*({heavy} & set(sys.modules)), file=sys.stderr)"
    )
    done = python(program, "--help")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert [name for name in COMMANDS if not any(line.startswith(f"│ {name} ") for line in lines)] == []
    assert max(map(len, lines)) <= 80
    assert "…" not in done.stdout
    assert done.stderr.strip() == ""


def test_the_version_is_shown(newstance):
    assert newstance("--version") == (0, f"newstance {version('newstance')}\n", "")


@pytest.mark.parametrize(
    "command",
    [
        ["fetch"],
        ["clean"],
        ["labels", "collect"],
        ["split"],
        ["run", "a.yaml"],
        ["labels", "next", "topic"],
        ["labels", "weak"],
        ["compare"],
    ],
)
def test_a_missing_settings_file_is_one_sentence_and_status_2(newstance, tmp_path, command):
    assert newstance(*command) == (2, "", "Error: params.yaml does not exist.\n")
    assert list(tmp_path.iterdir()) == []


def test_a_message_is_shown_as_it_is_in_one_line(newstance, monkeypatch):
    message = "a[b].yaml: key 'x:key:y' has [red]no[/red] \\value\\, " + "and so it goes on " * 8 + "to the end."

    def load_settings(_):
        raise NewstanceError(message.replace("has ", "has\n  "))

    monkeypatch.setattr("newstance.cli.pipeline.load_settings", load_settings)
    assert newstance("fetch").stderr == f"Error: {message}\n"


def test_a_typo_in_an_experiment_names_file_and_key(newstance, tmp_path):
    (tmp_path / "params.yaml").write_text("experiments: {}\n", encoding="utf-8")
    (tmp_path / "mine.yaml").write_text("title: Mine\ntask: topic\nmodle: {kind: majority}\n", encoding="utf-8")
    done = newstance("run", "mine.yaml")
    assert done.status == 2
    assert done.stderr.startswith("Error: mine.yaml: ")
    assert "unknown key 'modle'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_comparing_nothing_says_what_to_add(newstance, tmp_path):
    (tmp_path / "mine.yaml").write_text("experiments: {}\n", encoding="utf-8")
    done = newstance("compare", "--params", "mine.yaml")
    assert done == (
        2,
        "",
        "Error: mine.yaml: key 'experiments' names none; add NAME: task for a file in experiments/.\n",
    )


def test_tracking_what_is_no_run_folder_is_one_sentence(newstance, tmp_path):
    done = newstance("track", "nowhere")
    assert (done.status, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: nowhere")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--task", "stanse"], "'stanse' is no task of params.yaml; the tasks are topic, stance."),
        (["--rollback"], "--rollback changes one task's champion: give --task TASK with it, and nothing else."),
        (
            ["--rollback", "--task", "stance", "--dry-run"],
            "--rollback changes one task's champion: give --task TASK with it, and nothing else.",
        ),
        (["--dry-run"], "No experiment of task 'topic' is finished; run one first (newstance run or dvc repro)."),
    ],
)
def test_a_champion_that_cannot_be_chosen_is_one_sentence_and_nothing_is_made(newstance, tmp_path, arguments, sentence):
    (tmp_path / "params.yaml").write_text("experiments: {topic-svm: topic}\n", encoding="utf-8")
    assert newstance("champion", *arguments) == (2, "", f"Error: {sentence}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["params.yaml"]


@pytest.mark.parametrize("arguments", [["nothing"], ["fetch", "--nothing"], ["articles"]])
def test_wrong_usage_is_status_2_without_traceback(newstance, arguments):
    done = newstance(*arguments)
    assert (done.status, done.stdout) == (2, "")
    assert "Usage: newstance" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ([], ["said", "warned"]),
        (["-q"], ["warned"]),
        (["-v"], ["DEBUG detailed", "INFO said", "WARNING warned"]),
    ],
)
def test_quiet_and_verbose_say_less_and_more_on_stderr_only(newstance, monkeypatch, options, shown):
    def examine(_):
        log = logging.getLogger("newstance.experiment.run")
        log.debug("detailed")
        log.info("said")
        log.warning("warned")
        logging.getLogger("another.library").info("chattered")
        return [Finding("ok", "Python", "3")]

    monkeypatch.setattr("newstance.doctor.examine", examine)
    done = newstance(*options, "doctor")
    assert [" ".join(line.split()) for line in done.stderr.splitlines()] == shown
    assert done.stdout == "ok      Python  3\n\n0 wrong, 0 not there yet\n"


STOPPED = "import newstance.cli, newstance.doctor\ndef examine(_): {}\nnewstance.doctor.examine = examine\n"


def test_an_unexpected_error_keeps_its_traceback():
    done = python(STOPPED.format("return 1 / 0") + "newstance.cli.main()", "doctor")
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback (most recent call last)")
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")


def test_ctrl_c_ends_with_status_130_and_no_traceback():
    done = python(STOPPED.format("raise KeyboardInterrupt") + "newstance.cli.main()", "doctor")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_articles_are_shown_one_after_the_other(newstance, tmp_path):
    for name in ("ferry", "tram"):
        text = f"The {name} is back\n\nPorto: The {name} runs again.\n\nJoin our channel on WhatsApp\n"
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
    done = newstance("articles", "tram.txt", "ferry.txt")
    assert (done.status, done.stderr) == (0, "")
    tram, ferry = done.stdout.split("\n\n", 1)
    assert tram.startswith("article_id  tram\ntitle       The tram is back\n")
    assert ferry.startswith("article_id  ferry\n")
    assert "dateline    Porto\n" in ferry
    assert ferry.endswith("stripped    promotion: Join our channel on WhatsApp\n\n")


def test_good_articles_are_shown_and_each_bad_one_is_named(newstance, tmp_path):
    (tmp_path / "ferry.txt").write_text("Ferry is back\n\nIt sails again.\n", encoding="utf-8")
    (tmp_path / "empty.txt").touch()
    (tmp_path / "latin.txt").write_bytes("Fähre\n\nSie fährt.\n".encode("latin-1"))
    (tmp_path / "folder.txt").mkdir()
    done = newstance("articles", "empty.txt", "latin.txt", "ferry.txt", "nowhere.txt", "folder.txt")
    assert done.status == 2
    assert "title       Ferry is back\n" in done.stdout
    assert done.stdout.count("article_id") == 1
    assert done.stderr.splitlines() == [
        "Error: empty.txt has no title; write it in the first line, and the text under it.",
        "Error: latin.txt is not UTF-8 (byte 1); save it as UTF-8.",
        "Error: nowhere.txt does not exist.",
        "Error: folder.txt can't be read: Is a directory.",
    ]


def test_doctor_fails_on_wrong_settings_and_makes_nothing(newstance, tmp_path):
    (tmp_path / "params.yaml").write_text("experimnets: {}\n", encoding="utf-8")
    done = newstance("doctor")
    assert (done.status, done.stderr) == (1, "")
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("wrong"))
    assert line.split() == "wrong settings params.yaml: unknown key 'experimnets'.".split()
    assert done.stdout.splitlines()[-1].startswith("1 wrong, ")
    assert [path.name for path in tmp_path.iterdir()] == ["params.yaml"]


def test_doctor_is_content_with_what_is_not_there_yet(newstance, tmp_path):
    (tmp_path / "params.yaml").write_text("labels: {schemes: [stance]}\n", encoding="utf-8")
    (tmp_path / "seeds").symlink_to(Path(__file__).parents[1] / "seeds")
    done = newstance("doctor")
    assert (done.status, done.stderr) == (0, "")
    assert any(line.split()[:4] == ["not", "yet", "raw", "corpus"] for line in done.stdout.splitlines())
