from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from newstance.errors import NewstanceError
from newstance.serving.keys import Keys, make_key


def test_the_file_holds_hashes_from_which_no_key_can_be_read(tmp_path: Path) -> None:
    key, line = make_key("ada")
    assert line == f"ada:{sha256(key.encode()).hexdigest()}"
    assert key not in line
    (tmp_path / "keys").write_text(f"# who may ask\n\n{line}\n")
    keys = Keys(tmp_path / "keys", "NO_SUCH_VARIABLE")
    assert keys.owner(key) == "ada"
    assert keys.owner(line.partition(":")[2]) is None
    assert keys.owner("") is None


def test_two_keys_are_never_the_same() -> None:
    assert make_key("ada")[0] != make_key("ada")[0]


def test_the_variable_holds_plain_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYS", f"{'a' * 20}, {'b' * 20},")
    keys = Keys(None, "KEYS")
    assert [keys.owner(letter * 20) for letter in "abc"] == ["keys-1", "keys-2", None]


def test_without_file_and_variable_there_are_no_keys() -> None:
    assert not Keys(None, "NO_SUCH_VARIABLE")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "holds no key"),
        ("# nothing\n", "holds no key"),
        ("a-plain-key-by-mistake\n", "line 1 is not 'name:sha256'"),
        (f"ada:{'0' * 64}\nada:{'1' * 64}\n", "line 2: the name 'ada' is there twice"),
        (f"ada:{'0' * 63}\n", "line 1"),
    ],
)
def test_a_wrong_file_is_refused_without_repeating_it(tmp_path: Path, content: str, complaint: str) -> None:
    (tmp_path / "keys").write_text(content)
    with pytest.raises(NewstanceError, match=complaint) as refused:
        Keys(tmp_path / "keys", "NO_SUCH_VARIABLE")
    assert "mistake" not in str(refused.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NewstanceError, match="can't be read"):
        Keys(tmp_path / "keys", "NO_SUCH_VARIABLE")


def test_a_guessable_key_in_the_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYS", "secret")
    with pytest.raises(NewstanceError, match="fewer than 20") as refused:
        Keys(None, "KEYS")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a" * 65, "a\nb"])
def test_a_name_that_would_break_the_file_is_refused(name: str) -> None:
    with pytest.raises(NewstanceError, match="can't name a key"):
        make_key(name)


def test_reloading_takes_and_gives_leave_and_a_wrong_file_changes_nothing(tmp_path: Path) -> None:
    (old, old_line), (new, new_line) = make_key("old"), make_key("new")
    file = tmp_path / "keys"
    file.write_text(old_line)
    keys = Keys(file, "NO_SUCH_VARIABLE")
    file.write_text(new_line)
    keys.reload()
    assert (keys.owner(old), keys.owner(new)) == (None, "new")
    file.write_text("broken")
    with pytest.raises(NewstanceError):
        keys.reload()
    assert keys.owner(new) == "new"
