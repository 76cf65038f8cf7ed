from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
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


def broken_folder(path: Path) -> None:
    with atomic_path(path) as temporary:
        temporary.mkdir()
        (temporary / "half").touch()
        raise KeyboardInterrupt


@pytest.mark.parametrize("write", [broken_write, broken_folder])
def test_a_failed_first_write_leaves_nothing(tmp_path, write):
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_makes_nothing_is_an_error_and_keeps_the_old_file(tmp_path):
    write_text(tmp_path / "old", "whole")
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "old"):
        pass
    assert [path.read_text(encoding="utf-8") for path in tmp_path.iterdir()] == ["whole"]


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


def test_a_failed_folder_leaves_the_old_one_whole(tmp_path):
    write_text(tmp_path / "run" / "old", "whole")
    with pytest.raises(KeyboardInterrupt):
        broken_folder(tmp_path / "run")
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == ["run", "run/old"]


def test_a_folder_takes_the_place_of_a_file(tmp_path):
    write_text(tmp_path / "run", "a file")
    with atomic_path(tmp_path / "run") as temporary:
        temporary.mkdir()
    assert (tmp_path / "run").is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_text_is_utf_8_with_unix_line_ends_in_a_folder_made_for_it(tmp_path):
    write_text(tmp_path / "a" / "b" / "c.txt", "Éire\n–\n")
    assert (tmp_path / "a" / "b" / "c.txt").read_bytes() == "Éire\n–\n".encode()


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_json_has_no_nan(tmp_path, number):
    with pytest.raises(ValueError, match="Out of range float"):
        write_json(tmp_path / "a.json", {"score": [float(number)]})
    assert list(tmp_path.iterdir()) == []


def test_json_does_not_depend_on_the_order_of_keys(tmp_path):
    write_json(tmp_path / "a.json", {"b": {"d": 1, "c": "é"}, "a": None})
    write_json(tmp_path / "b.json", {"a": None, "b": {"c": "é", "d": 1}})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert "é" in (tmp_path / "a.json").read_text(encoding="utf-8")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_json_comes_back(value):
    with TemporaryDirectory() as folder:
        write_json(Path(folder) / "a.json", value)
        assert read_json(Path(folder) / "a.json") == value


def test_a_broken_or_missing_json_file_is_named(tmp_path):
    write_text(tmp_path / "b.json", '{"a": 1,\n')
    with pytest.raises(NewstanceError, match=r"b\.json is not valid JSON \(line 2: "):
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
    with pytest.raises(NewstanceError, match=r"none\.parquet is missing; run the step that writes it"):
        read_parquet(tmp_path / "none.parquet")


def test_packed_columns_come_back_exactly_and_take_less_room(tmp_path):
    probabilities = np.random.default_rng(7).dirichlet([0.3] * 8, size=500)
    table = pd.DataFrame(probabilities, columns=[f"prob_{code}" for code in "abcdefgh"]).assign(unit="a unit")
    write_parquet(tmp_path / "plain.parquet", table)
    write_parquet(tmp_path / "packed.parquet", table, packed=list(table.columns[:-1]))
    pd.testing.assert_frame_equal(read_parquet(tmp_path / "packed.parquet"), table, check_exact=True)
    plain, packed = ((tmp_path / f"{name}.parquet").stat().st_size for name in ("plain", "packed"))
    assert packed < 0.85 * plain


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name: x\ninner: {size: 1}\nnmae: y\n", "unknown key 'nmae'"),
        ("name: x\ninner: {size: 1, sise: 2}\n", "unknown key 'inner.sise'"),
        ("inner: {size: 1}\n", "key 'name' is missing"),
        ("name: x\ninner: {size: big}\n", "key 'inner.size': .*got 'big'"),
        ("- name\n", "must hold a mapping"),
        ("", "must hold a mapping"),
        ("name: [x\n", "is not valid YAML"),
        ("nmae: x\ninner: {size: 1}\n", "key 'name' is missing; unknown key 'nmae'"),
    ],
)
def test_wrong_settings_name_file_and_key(tmp_path, text, problem):
    write_text(tmp_path / "s.yaml", text)
    with pytest.raises(NewstanceError, match=rf"s\.yaml.*{problem}"):
        read_settings(tmp_path / "s.yaml", Outer)


def test_missing_and_undecodable_settings_are_named(tmp_path):
    with pytest.raises(NewstanceError, match=r"none\.yaml does not exist"):
        read_settings(tmp_path / "none.yaml", Outer)
    (tmp_path / "latin.yaml").write_bytes("name: Fähre\n".encode("latin-1"))
    with pytest.raises(NewstanceError, match=r"latin\.yaml is not valid YAML"):
        read_settings(tmp_path / "latin.yaml", Outer)


def test_good_settings_are_typed(tmp_path):
    write_text(tmp_path / "s.yaml", "name: x\ninner: {size: 1}\n")
    assert read_settings(tmp_path / "s.yaml", Outer) == Outer(name="x", inner=Inner(size=1))


def test_hashing_reads_the_whole_file_and_removing_twice_is_fine(tmp_path):
    content = bytes(range(256)) * 8193  # more than two pieces
    (tmp_path / "a").write_bytes(content)
    assert file_sha256(tmp_path / "a") == sha256(content).hexdigest()
    write_text(tmp_path / "b" / "c", "in a folder")
    for _ in range(2):
        remove(tmp_path / "a")
        remove(tmp_path / "b")
    assert list(tmp_path.iterdir()) == []
