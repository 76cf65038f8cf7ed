from __future__ import annotations

import logging
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from champion.fakes import Converter
from champion.finished import settings_for, write_finished
from newstance import tracking
from newstance.champion.choose import code_hash
from newstance.champion.register import RECORD, make_plan, register_champions
from newstance.errors import NewstanceError
from newstance.files import read_json
from newstance.settings import Settings
from newstance.tracking import registry
from tracking.contents import found

# MLflow compares a DataFrame's columns with a range, which pandas 4 won't take.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Operation with range"),
    pytest.mark.usefixtures("client", "converter"),
]
NAME = "newstance-stance"


@pytest.fixture
def settings() -> Settings:
    return settings_for("stance-ferry", "stance-bridge")


def versions(client: MlflowClient) -> list[int]:
    return sorted(int(version.version) for version in client.search_model_versions(f"name = '{NAME}'"))


def champion(client: MlflowClient) -> tuple[int, str]:
    version = client.get_model_version_by_alias(NAME, "champion")
    return int(version.version), version.tags["newstance.experiment"]


def test_the_best_experiment_becomes_a_version_with_card_tags_and_alias(
    client: MlflowClient, converter: Converter, settings: Settings, tmp_path: Path
) -> None:
    folder = write_finished("stance-ferry", {1: 0.70, 2: 0.72})
    write_finished("stance-bridge", 0.6)
    register_champions(["stance"], settings)

    assert converter.converted == [("stance-ferry", 2)]
    version = client.get_model_version_by_alias(NAME, "champion")
    identity = read_json(folder / "run.json")
    assert version.tags == {
        "newstance.experiment": "stance-ferry",
        "newstance.seed": "2",
        "newstance.run_id": identity["id"],
        "newstance.data": "0123456789abcdef" * 4,
        "newstance.validation_macro_f1": "0.71",
        "newstance.code": code_hash(),
        "newstance.version": registry.installed("newstance"),
    }
    _, nested = found(client, folder)
    assert version.run_id == nested[2].info.run_id
    outputs = {output.model_id for output in client.get_run(version.run_id).outputs.model_outputs}
    model_id = version.source.removeprefix("models:/")
    assert model_id in outputs
    assert client.get_logged_model(model_id).status == "READY"
    files = {file.path for file in client.list_logged_model_artifacts(model_id)}
    assert {"MLmodel", "MODEL_CARD.md", "artifacts", "code", "input_example.json", "requirements.txt"} <= files
    (card,) = Path("mlartifacts").rglob("MODEL_CARD.md")
    assert version.description.startswith("# Stance: TF-IDF + logistic regression\n")
    assert card.read_text(encoding="utf-8").startswith(version.description.partition("\n\nThe rest is in")[0])


def test_the_record_says_what_validation_chose_and_nothing_that_differs_between_stores(
    settings: Settings, use_another_store: Callable[[], MlflowClient]
) -> None:
    ferry, bridge = write_finished("stance-ferry", {1: 0.70, 2: 0.72}), write_finished("stance-bridge", 0.6)
    register_champions(["stance"], settings)
    ids = {folder.name: read_json(folder / "run.json")["id"] for folder in (ferry, bridge)}
    assert read_json(RECORD) == {
        "stance": {
            "experiment": "stance-ferry",
            "seed": 2,
            "run_id": ids["stance-ferry"],
            "data": "0123456789abcdef" * 4,
            "code": code_hash(),
            "validation_macro_f1": 0.71,
            "seed_validation_macro_f1": 0.72,
            "candidates": [
                {"experiment": "stance-ferry", "run_id": ids["stance-ferry"], "validation_macro_f1": 0.71},
                {"experiment": "stance-bridge", "run_id": ids["stance-bridge"], "validation_macro_f1": 0.6},
            ],
            "verification": {
                "max_probability_difference": 0.000012,
                "macro_f1_framework": 0.7,
                "macro_f1_bundle": 0.699,
            },
        }
    }
    first = RECORD.read_bytes()
    RECORD.unlink()
    use_another_store()
    register_champions(["stance"], settings)
    assert RECORD.read_bytes() == first


def test_the_same_run_is_registered_once_and_a_lost_record_is_written_again(
    client: MlflowClient, converter: Converter, settings: Settings
) -> None:
    write_finished("stance-ferry", 0.7)
    register_champions(["stance"], settings)
    record = RECORD.read_bytes()
    register_champions(["stance"], settings)
    assert converter.converted == [("stance-ferry", 1)]
    RECORD.unlink()
    register_champions(["stance"], settings)
    assert converter.converted == [("stance-ferry", 1)] * 2
    assert RECORD.read_bytes() == record
    write_finished("stance-bridge", 0.6)
    register_champions(["stance"], settings)
    assert converter.converted == [("stance-ferry", 1)] * 2
    assert len(read_json(RECORD)["stance"]["candidates"]) == 2
    assert versions(client) == [1]


def test_a_better_candidate_replaces_the_champion_and_names_it(client: MlflowClient, settings: Settings) -> None:
    write_finished("stance-ferry", 0.7)
    register_champions(["stance"], settings)
    write_finished("stance-bridge", 0.8)
    register_champions(["stance"], settings)
    assert champion(client) == (2, "stance-bridge")
    assert client.get_model_version(NAME, "2").tags["newstance.replaced_version"] == "1"


def test_a_worse_candidate_is_recorded_but_replaces_the_champion_by_force_only(
    client: MlflowClient, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    write_finished("stance-ferry", 0.7)
    register_champions(["stance"], settings)
    write_finished("stance-ferry", 0.65)  # run again, and worse
    caplog.set_level(logging.INFO, "newstance")
    register_champions(["stance"], settings)
    (message,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert message.startswith("stance: stance-ferry, seed 1, is not registered as champion. Its macro-F1")
    assert read_json(RECORD)["stance"]["validation_macro_f1"] == 0.65
    assert versions(client) == [1]
    register_champions(["stance"], settings, force=True)
    assert champion(client) == (2, "stance-ferry")
    assert versions(client) == [1, 2]


def test_a_refused_bundle_leaves_registry_and_record_as_they_were(
    client: MlflowClient, converter: Converter, settings: Settings
) -> None:
    write_finished("stance-ferry", 0.7)
    register_champions(["stance"], settings)
    record = RECORD.read_bytes()
    write_finished("stance-bridge", 0.8)
    converter.refuse = True
    with pytest.raises(NewstanceError, match="answers otherwise"):
        register_champions(["stance"], settings)
    assert (champion(client), versions(client), RECORD.read_bytes()) == ((1, "stance-ferry"), [1], record)


def test_the_alias_moves_last_so_that_a_failure_leaves_the_old_champion(
    client: MlflowClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_finished("stance-ferry", 0.7)
    register_champions(["stance"], settings)
    write_finished("stance-bridge", 0.8)

    def fail(*_: object) -> None:
        raise MlflowException("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(MlflowClient, "set_registered_model_alias", fail)
        with pytest.raises(NewstanceError, match=r"the disk is full.*run `newstance champion` again"):
            register_champions(["stance"], settings)
    assert champion(client) == (1, "stance-ferry")
    assert read_json(RECORD)["stance"]["experiment"] == "stance-ferry"
    register_champions(["stance"], settings)
    assert champion(client)[1] == "stance-bridge"


def test_a_champion_that_another_process_set_meanwhile_is_not_overwritten(
    client: MlflowClient, converter: Converter, settings: Settings
) -> None:
    write_finished("stance-ferry", 0.7)
    register_champions(["stance"], settings)
    write_finished("stance-bridge", 0.8)
    verify = converter.verify

    def verify_slowly(*arguments: object) -> object:
        client.delete_registered_model_alias(NAME, "champion")
        return verify(*arguments)

    sys.modules["newstance.champion.verify"].verify = verify_slowly
    with pytest.raises(NewstanceError, match="Another process has set the champion of 'stance' meanwhile"):
        register_champions(["stance"], settings)
    assert versions(client) == [1]


def test_no_task_is_registered_when_another_has_no_candidate(client: MlflowClient, settings: Settings) -> None:
    write_finished("stance-ferry", 0.7)
    with pytest.raises(NewstanceError, match="'topic'"):
        register_champions(["stance", "topic"], settings)
    assert client.search_registered_models() == []


def test_a_plan_explains_itself_and_leaves_no_trace(
    client: MlflowClient, converter: Converter, settings: Settings, tmp_path: Path
) -> None:
    write_finished("stance-ferry", {1: 0.7, 4: 0.72})
    Path("mlflow.db").unlink()
    before = sorted(tmp_path.rglob("*"))
    plan = make_plan("stance", settings)
    assert plan.describe().splitlines() == [
        "stance",
        "rank  experiment    macro-F1  seed",
        "   1  stance-ferry  0.710000     4",
        "Without stance-bridge: not run here.",
        "Champion: none.",
        "stance-ferry, seed 4, would be registered as champion. It is the first one.",
    ]
    assert sorted(tmp_path.rglob("*")) == before
    assert converter.converted == []


def test_a_plan_beside_a_champion_names_it_and_leaves_the_store_alone(
    client: MlflowClient, settings: Settings, tmp_path: Path
) -> None:
    write_finished("stance-ferry", 0.7)
    register_champions(["stance"], settings)
    write_finished("stance-ferry", 0.65)
    files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    last = make_plan("stance", settings).describe().splitlines()[-2:]
    assert last[0] == "Champion: stance-ferry, seed 1, version 1 of newstance-stance."
    assert last[1].startswith("stance-ferry, seed 1, would not be registered as champion. Its macro-F1")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == files


def test_a_rollback_gives_the_alias_back_step_by_step(client: MlflowClient, settings: Settings) -> None:
    for number, score in enumerate([0.6, 0.7, 0.8], start=1):
        write_finished("stance-ferry", score)
        register_champions(["stance"], settings)
        assert champion(client)[0] == number
    before, now = registry.roll_back("stance")
    assert (before.version, now.version, champion(client)[0]) == ("3", "2", 2)
    registry.roll_back("stance")
    assert champion(client)[0] == 1
    with pytest.raises(NewstanceError, match="version 1, replaced no other version"):
        registry.roll_back("stance")


def test_what_was_rolled_back_returns_by_force_alone(client: MlflowClient, settings: Settings) -> None:
    for score in (0.6, 0.7):
        write_finished("stance-ferry", score)
        register_champions(["stance"], settings)
    registry.roll_back("stance")
    (plan,) = register_champions(["stance"], settings)
    assert plan.decision.reason == "It was rolled back, as version 2; --force brings it again."
    assert (plan.refused, champion(client)[0], versions(client)) == (True, 1, [1, 2])
    register_champions(["stance"], settings, force=True)
    assert champion(client)[0] == 3
    (plan,) = register_champions(["stance"], settings)
    assert not plan.refused
    write_finished("stance-ferry", 0.8)
    register_champions(["stance"], settings)
    assert champion(client)[0] == 4, "another run was never rolled back"


def test_a_rollback_without_a_champion_or_to_a_deleted_version_is_refused(
    client: MlflowClient, settings: Settings
) -> None:
    with pytest.raises(NewstanceError, match=r"newstance-stance .* has no champion"):
        registry.roll_back("stance")
    for score in (0.6, 0.7):
        write_finished("stance-ferry", score)
        register_champions(["stance"], settings)
    client.delete_model_version(NAME, "1")
    with pytest.raises(NewstanceError, match="has no version 1 any more"):
        registry.roll_back("stance")
    assert champion(client)[0] == 2


def test_a_version_made_by_other_means_is_not_replaced(client: MlflowClient, settings: Settings) -> None:
    client.create_registered_model(NAME)
    client.create_model_version(NAME, "file:///somewhere/else")
    client.set_registered_model_alias(NAME, "champion", "1")
    write_finished("stance-ferry", 0.7)
    register_champions(["stance"], settings)
    assert versions(client) == [1]
    register_champions(["stance"], settings, force=True)
    assert champion(client) == (2, "stance-ferry")
    assert registry.roll_back("stance")[1].version == "1"


def test_without_mlflow_or_a_store_one_sentence_says_so(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    write_finished("stance-ferry", 0.7)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
    with pytest.raises(NewstanceError, match=r"MLFLOW_TRACKING_URI.*run `newstance champion` again"):
        register_champions(["stance"], settings)
    monkeypatch.setattr(tracking.store, "available", lambda: False)
    with pytest.raises(NewstanceError, match=r"newstance\[tracking\]"):
        make_plan("stance", settings)
