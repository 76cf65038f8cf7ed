"""The command, from the settings file to the store."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from mlflow import MlflowClient

from champion.finished import SEEDS, write_finished
from newstance import cli
from newstance.files import read_json

# MLflow compares a DataFrame's columns with a range, which pandas 4 won't take.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Operation with range"),
    pytest.mark.usefixtures("converter"),
]
Command = Callable[..., tuple[str, str]]


@pytest.fixture
def champion(
    client: MlflowClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    """Run ``newstance champion`` in a project with one finished experiment; return what it says on both streams."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    labels = {"directory": str(SEEDS), "schemes": ["stance"]}
    params = {"labels": labels, "experiments": {"stance-ferry": "stance", "stance-bridge": "stance"}}
    Path("params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    write_finished("stance-ferry", 0.7)

    def run(*arguments: str) -> tuple[str, str]:
        monkeypatch.setattr(sys, "argv", ["newstance", "champion", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code in {0, None}
        return capsys.readouterr()

    yield run
    logging.getLogger("newstance").setLevel(logging.NOTSET)


def alias(client: MlflowClient) -> str:
    return str(client.get_model_version_by_alias("newstance-stance", "champion").version)


def test_a_dry_run_shows_the_choice_on_stdout_and_registers_nothing(champion: Command, client: MlflowClient) -> None:
    out, err = champion("--dry-run")
    assert out.splitlines()[0] == "stance"
    assert "   1  stance-ferry  0.700000     1\n" in out
    assert out.endswith("stance-ferry, seed 1, would be registered as champion. It is the first one.\n")
    assert err == ""
    assert client.search_registered_models() == []
    assert not Path("reports").exists()


def test_champions_are_registered_replaced_and_rolled_back(champion: Command, client: MlflowClient) -> None:
    out, err = champion()
    assert (out, alias(client)) == ("", "1")
    assert "stance: stance-ferry, seed 1, is registered as champion." in " ".join(err.split())
    assert read_json(Path("reports/champion.json"))["stance"]["experiment"] == "stance-ferry"

    write_finished("stance-bridge", 0.8)
    champion("--task", "stance")
    assert alias(client) == "2"

    _, err = champion("--task", "stance", "--rollback")
    said = "Champion of stance: version 1 of newstance-stance again, not version 2"
    assert f"{said}; now run `newstance export`, then `dvc commit --force export`" in " ".join(err.split())
    assert alias(client) == "1"
