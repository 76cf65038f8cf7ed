import json

import pytest

from downloads import ending_midway, files_below
from newstance.corpus import newsmtsc
from newstance.errors import NewstanceError
from newstance.files import file_sha256

SENTENCES = [
    ("s1", "The mayor opened the bridge.", [("The mayor", 6)]),
    ("s2", "Lund blamed Tarn for the delay.", [("Lund", 4), ("Tarn", 2)]),
]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder in the place of the public home, with a train part whose hash is the expected one."""
    lines = [
        json.dumps(
            {
                "primary_gid": name,
                "sentence_normalized": sentence,
                "targets": [{"mention": mention, "polarity": polarity} for mention, polarity in targets],
            }
        )
        for name, sentence, targets in SENTENCES
    ]
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "train.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.setattr(newsmtsc, "DATA_DIR", None)
    monkeypatch.setattr(newsmtsc, "HOME", folder.as_uri())
    monkeypatch.setitem(newsmtsc.SHA256, "train", file_sha256(folder / "train.jsonl"))
    return folder


def test_a_part_is_downloaded_once_with_a_row_a_target(home, tmp_path):
    table = newsmtsc.read_newsmtsc("train", tmp_path / "downloads")
    assert table[["article_id", "target", "stance"]].to_numpy().tolist() == [
        ["s1", "The mayor", "favor"],
        ["s2", "Lund", "neutral"],
        ["s2", "Tarn", "against"],
    ]
    assert table["text"].iloc[0] == SENTENCES[0][1]
    (home / "train.jsonl").unlink()
    assert len(newsmtsc.read_newsmtsc("train", tmp_path / "downloads")) == 3


def test_a_file_in_the_data_directory_is_read_in_place(home, tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    home.rename(tmp_path / "data/newsmtsc")
    monkeypatch.setattr(newsmtsc, "DATA_DIR", tmp_path / "data")
    assert len(newsmtsc.read_newsmtsc("train", tmp_path / "downloads")) == 3
    assert not (tmp_path / "downloads").exists()


def test_another_file_than_the_published_one_is_refused_and_not_kept(home, tmp_path):
    with (home / "train.jsonl").open("a", encoding="utf-8") as stream:
        stream.write("{}\n")
    with pytest.raises(NewstanceError, match=r"train\.jsonl has sha256 .* it isn't NewsMTSC"):
        newsmtsc.read_newsmtsc("train", tmp_path / "downloads")
    assert files_below(tmp_path / "downloads") == []


def test_what_cannot_be_downloaded_says_where_to_put_it(home, tmp_path, monkeypatch):
    with pytest.raises(NewstanceError, match="set NEWSTANCE_DATA_DIR to a folder with newsmtsc/devtest_rw"):
        newsmtsc.read_newsmtsc("devtest_rw", tmp_path / "downloads")
    with ending_midway() as address:
        monkeypatch.setattr(newsmtsc, "HOME", address)
        with pytest.raises(NewstanceError, match="can't be downloaded from"):
            newsmtsc.read_newsmtsc("train", tmp_path / "downloads")
    assert files_below(tmp_path / "downloads") == []
