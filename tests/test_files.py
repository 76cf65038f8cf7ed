from pathlib import Path

import pandas as pd
import pytest
from pydantic import BaseModel, ConfigDict

from newstance.errors import NewstanceError
from newstance.files import (
    atomic_path,
    file_sha256,
    read_json,
    read_parquet,
    read_settings,
    remove,
    write_csv,
    write_json,
    write_parquet,
    write_text,
)


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    inner: Inner


def broken_write(path: Path) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text("half", encoding="utf-8")
        raise KeyboardInterrupt


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "table.csv"
    write_text(path, "whole")
    with pytest.raises(KeyboardInterrupt):
        broken_write(path)
    assert path.read_text(encoding="utf-8") == "whole"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_takes_the_place_of_an_older_one(tmp_path):
    for content in ("old", "new"):
        with atomic_path(tmp_path / "run") as temporary:
            temporary.mkdir()
            (temporary / content).touch()
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_json_has_no_nan_and_a_broken_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="Out of range float"):
        write_json(tmp_path / "a.json", {"score": float("nan")})
    assert list(tmp_path.iterdir()) == []
    write_text(tmp_path / "b.json", "{")
    with pytest.raises(NewstanceError, match=r"b\.json is not valid JSON"):
        read_json(tmp_path / "b.json")
    with pytest.raises(NewstanceError, match=r"c\.json is missing"):
        read_json(tmp_path / "c.json")


def test_tables_come_back_and_broken_ones_are_named(tmp_path):
    table = pd.DataFrame({"article_id": ["7", "8"], "score": [0.25, 1 / 3]})
    write_parquet(tmp_path / "t.parquet", table)
    pd.testing.assert_frame_equal(read_parquet(tmp_path / "t.parquet"), table)
    write_csv(tmp_path / "t.csv", table)
    assert (tmp_path / "t.csv").read_bytes() == b"article_id,score\n7,0.250000\n8,0.333333\n"
    write_text(tmp_path / "bad.parquet", "no table")
    with pytest.raises(NewstanceError, match=r"bad\.parquet can't be read as Parquet"):
        read_parquet(tmp_path / "bad.parquet")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name: x\ninner: {size: 1}\nnmae: y\n", "unknown key 'nmae'"),
        ("name: x\ninner: {size: 1, sise: 2}\n", "unknown key 'inner.sise'"),
        ("inner: {size: 1}\n", "key 'name' is missing"),
        ("name: x\ninner: {size: big}\n", "key 'inner.size': .*got 'big'"),
        ("- name\n", "must hold a mapping"),
        ("name: [x\n", "is not valid YAML"),
    ],
)
def test_wrong_settings_name_file_and_key(tmp_path, text, problem):
    write_text(tmp_path / "s.yaml", text)
    with pytest.raises(NewstanceError, match=rf"s\.yaml.*{problem}"):
        read_settings(tmp_path / "s.yaml", Outer)


def test_hashing_reads_the_whole_file_and_removing_twice_is_fine(tmp_path):
    write_text(tmp_path / "a", "abc")
    assert file_sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    for _ in range(2):
        remove(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []
