import subprocess
import sys
from pathlib import Path

import pytest

from newstance import cli

COMMANDS = "fetch clean label split run track compare report readme articles doctor".split()


def newstance(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    program = "import newstance.cli; newstance.cli.main()"
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def test_help_shows_every_command_with_a_line():
    shown = newstance("--help").stdout
    assert [name for name in COMMANDS if f"│ {name} " not in shown] == []
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_help_waits_for_no_heavy_library():
    heavy = "{'torch', 'mlflow', 'sklearn', 'datasets', 'matplotlib'}"
    program = f"import sys, newstance.cli; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_version_is_shown():
    assert newstance("--version").stdout.startswith("newstance 0.")


@pytest.mark.parametrize("command", ["fetch", "clean", "label", "split", "compare", "report"])
def test_a_missing_settings_file_is_one_sentence_and_status_2(command, tmp_path):
    done = newstance(command, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.strip() == "Error: params.yaml does not exist."
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_a_typo_in_an_experiment_names_file_and_key(tmp_path):
    (tmp_path / "params.yaml").write_text("experiments: {}\n", encoding="utf-8")
    (tmp_path / "mine.yaml").write_text("title: Mine\ntask: topic\nmodle: {kind: majority}\n", encoding="utf-8")
    done = newstance("run", "mine.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "mine.yaml" in done.stderr
    assert "unknown key 'modle'" in done.stderr
    assert "Traceback" not in done.stderr


def test_comparing_nothing_says_what_to_add(tmp_path):
    (tmp_path / "params.yaml").write_text("experiments: {}\n", encoding="utf-8")
    done = newstance("compare", cwd=tmp_path)
    assert done.returncode == 2
    assert "key 'experiments' names none" in done.stderr


def test_good_articles_are_shown_though_another_is_bad(tmp_path):
    good = tmp_path / "ferry.txt"
    good.write_text("Ferry is back\n\nPorto: The ferry sails again.\n\nJoin our channel on WhatsApp\n", "utf-8")
    (tmp_path / "empty.txt").write_text("", encoding="utf-8")
    done = newstance("articles", "empty.txt", "ferry.txt", "nowhere.txt", cwd=tmp_path)
    assert done.returncode == 2
    assert "title       Ferry is back" in done.stdout
    assert "dateline    Porto" in done.stdout
    assert "stripped    Join our channel on WhatsApp" in done.stdout
    assert "empty.txt has no title" in done.stderr
    assert "nowhere.txt does not exist" in done.stderr


def test_an_unexpected_error_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr(cli, "app", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main()


def test_quiet_says_nothing_and_doctor_fails_on_wrong_settings(tmp_path):
    (tmp_path / "params.yaml").write_text("experimnets: {}\n", encoding="utf-8")
    done = newstance("-q", "doctor", cwd=tmp_path)
    assert done.returncode == 1
    assert "unknown key 'experimnets'" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["params.yaml"]
