import errno
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors import SafetensorError

from models.transformer.killed import SETTINGS
from models.transformer.news import classifier, news
from newstance.errors import NewstanceError
from newstance.models.transformer import training
from newstance.models.transformer.checkpoints import SEAL, newest_whole

TABLE = news()
STEPS = 4  # an epoch


class KilledError(BaseException):
    """Ends a training where a signal would."""


@pytest.fixture(autouse=True)
def every_step_is_logged(monkeypatch):
    monkeypatch.setattr(training, "LOGGED_STEPS", 1)


def train(backbone, checkpoints, monitor=lambda _: None, **settings):
    """What a fitted classifier predicts, and its history."""
    fitted = classifier(backbone, **SETTINGS | settings).fit(
        TABLE, TABLE["stance"], validation=(TABLE, TABLE["stance"]), checkpoints=checkpoints, monitor=monitor
    )
    return fitted.predict_proba(TABLE).tolist(), fitted.history_


@pytest.fixture(scope="module")
def uninterrupted(tiny_backbone, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "LOGGED_STEPS", 1)
        return train(tiny_backbone, tmp_path_factory.mktemp("whole"))


def killed_at(step):
    def watch(progress):
        if progress.step >= step:
            raise KilledError

    return watch


def interrupt(backbone, checkpoints, step, **settings):
    with pytest.raises(KilledError):
        train(backbone, checkpoints, killed_at(step), **settings)


def first_seen(seen):
    return min(progress.step for progress in seen)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("step", "where", "left"),
    [(STEPS + 2, "logged", ["checkpoint-4"]), (2 * STEPS, "saved", ["checkpoint-4", "checkpoint-8"])],
)
def test_a_killed_training_ends_as_if_it_had_not_been(tiny_backbone, tmp_path, uninterrupted, step, where, left):
    tests = Path(__file__).parents[2]
    command = [sys.executable, "-m", "models.transformer.killed", tiny_backbone, str(tmp_path / "c"), str(step), where]
    environment = os.environ | {"PYTHONPATH": str(tests), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert names(tmp_path / "c") == left
    seen = []
    assert train(tiny_backbone, tmp_path / "c", seen.append) == uninterrupted
    assert first_seen(seen) == step // STEPS * STEPS + 1


def test_a_training_killed_before_its_first_checkpoint_starts_anew(tiny_backbone, tmp_path, uninterrupted):
    interrupt(tiny_backbone, tmp_path, 2)
    assert names(tmp_path) == []
    assert train(tiny_backbone, tmp_path) == uninterrupted


def test_a_training_may_be_killed_again_and_again(tiny_backbone, tmp_path, uninterrupted):
    for step in (STEPS + 1, STEPS + 2, 3 * STEPS):
        interrupt(tiny_backbone, tmp_path, step)
    assert train(tiny_backbone, tmp_path) == uninterrupted


def test_a_training_killed_after_its_last_checkpoint_is_not_repeated(tiny_backbone, tmp_path, uninterrupted):
    assert train(tiny_backbone, tmp_path) == uninterrupted
    seen = []
    assert train(tiny_backbone, tmp_path, seen.append) == uninterrupted
    assert seen == []


@pytest.mark.parametrize("killed", [3 * STEPS + 1, None])
def test_early_stopping_counts_the_epochs_before_an_interruption(tiny_backbone, tmp_path, monkeypatch, killed):
    settings = {"epochs": 8, "patience": 3}
    scores = [0.5, 0.8, 0.3, 0.4, 0.6]

    def script(left):
        left = iter(left)
        monkeypatch.setattr(training, "f1_score", lambda *_, **__: next(left))

    script(scores)
    expected = train(tiny_backbone, tmp_path / "whole", **settings)
    assert expected[1]["best_epoch"] == 2
    assert len(expected[1]["epochs"]) == 5
    script(scores)
    if killed:
        interrupt(tiny_backbone, tmp_path / "cut", killed, **settings)
        script(scores[3:])
    else:  # after it had stopped, and before its model was saved
        train(tiny_backbone, tmp_path / "cut", **settings)
        script([])
    assert train(tiny_backbone, tmp_path / "cut", **settings) == expected


def shortened(path):
    path.write_bytes(path.read_bytes()[:-8])


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("model.safetensors", shortened),
        ("optimizer.pt", shortened),
        ("rng_state.pth", lambda path: path.write_bytes(b"")),
        ("trainer_state.json", lambda path: path.write_text("{}")),
        ("scheduler.pt", Path.unlink),
        (SEAL, Path.unlink),  # killed while the checkpoint was written
        (SEAL, lambda path: path.write_text("{")),
    ],
)
def test_a_damaged_newest_checkpoint_is_left_out_with_a_warning(
    tiny_backbone, tmp_path, uninterrupted, caplog, name, damage
):
    interrupt(tiny_backbone, tmp_path, 2 * STEPS + 1)
    assert names(tmp_path) == ["checkpoint-4", "checkpoint-8"]
    damage(tmp_path / "checkpoint-8" / name)
    seen = []
    assert train(tiny_backbone, tmp_path, seen.append) == uninterrupted
    assert first_seen(seen) == STEPS + 1
    assert [record.message for record in caplog.records if record.name.startswith("newstance")] == [
        f"Checkpoint {tmp_path / 'checkpoint-8'} is damaged or was never finished; training goes on from an older one."
    ]


def test_without_its_best_epoch_a_checkpoint_is_of_no_use(tiny_backbone, tmp_path, monkeypatch, caplog):
    def script():
        left = iter([0.9, 0.1, 0.2, 0.3])
        monkeypatch.setattr(training, "f1_score", lambda *_, **__: next(left))

    script()
    expected = train(tiny_backbone, tmp_path / "whole")
    script()
    interrupt(tiny_backbone, tmp_path / "cut", 3 * STEPS + 1)
    assert names(tmp_path / "cut") == ["checkpoint-12", "checkpoint-4"]
    shortened(tmp_path / "cut" / "checkpoint-4" / "model.safetensors")
    script()
    assert train(tiny_backbone, tmp_path / "cut") == expected
    assert [re.search(r"checkpoint-\d+", record.message)[0] for record in caplog.records] == [
        "checkpoint-12",
        "checkpoint-4",
    ]


# What a full disk looks like to those who write the parts of a checkpoint (seen on a full tmpfs).
FULL = [
    ("newstance.models.transformer.training.seal", OSError(errno.ENOSPC, "No space left on device")),
    (
        "safetensors.torch.save_file",
        SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
    ),
    ("torch.save", RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 64 vs 0")),
]


@pytest.mark.parametrize(("writer", "problem"), FULL)
def test_a_full_disk_is_one_clear_error_and_the_older_checkpoint_is_used(
    tiny_backbone, tmp_path, uninterrupted, writer, problem
):
    def fill(progress):
        if progress.step > STEPS:
            patch.setattr(writer, fail)

    def fail(*_, **__):
        raise problem

    with pytest.MonkeyPatch.context() as patch:
        with pytest.raises(
            NewstanceError, match=f"^No checkpoint can be written to {tmp_path}, where [0-9]+ MB"
        ) as error:
            train(tiny_backbone, tmp_path, fill)
        assert str(problem) in str(error.value)
        assert "Make room and run the same command again" in str(error.value)
        assert "\n" not in str(error.value)
    seen = []
    assert train(tiny_backbone, tmp_path, seen.append) == uninterrupted
    assert first_seen(seen) == STEPS + 1


def test_without_a_folder_nothing_is_kept(tiny_backbone, uninterrupted, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert train(tiny_backbone, None) == uninterrupted
    assert names(tmp_path) == []


def test_a_folder_without_checkpoints_has_none(tmp_path):
    assert newest_whole(tmp_path) is None
    assert newest_whole(tmp_path / "missing") is None
