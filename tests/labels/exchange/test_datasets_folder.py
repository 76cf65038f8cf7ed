import pandas as pd
import pytest
from datasets import load_dataset

from exchanged import TOPIC
from newstance.errors import NewstanceError
from newstance.labels.exchange import datasets_folder
from newstance.labels.exchange.content import ARTICLE_PART, Content, label_columns


@pytest.fixture
def content():
    units = pd.DataFrame([["1", *ARTICLE_PART], ["2", *ARTICLE_PART]], columns=["article_id", *ARTICLE_PART])
    rows = [["1", "A", "sport", "weather", "2017-02-07T12:00:00Z"], ["1", "B", "skip", "", ""]]
    return Content(TOPIC, units, pd.DataFrame(rows, columns=label_columns(TOPIC), dtype="str"))


def test_the_library_opens_the_folder_with_labels_as_classes(tmp_path, content):
    datasets_folder.write(tmp_path / "topics", content)
    data = load_dataset(str(tmp_path / "topics"), split="train", cache_dir=str(tmp_path / "cache"))
    assert data.column_names == [*label_columns(TOPIC), *ARTICLE_PART]
    assert data.features["topic"].names == [*TOPIC.codes, "skip"]
    assert data["topic"][:] == [1, 3]
    assert data["second"][:] == [2, None]
    assert data["text"][:] == ["text", "text"]


def test_the_card_counts_labels_and_annotators(tmp_path, content):
    datasets_folder.write(tmp_path / "topics", content)
    card = (tmp_path / "topics/README.md").read_text(encoding="utf-8")
    assert "2 decisions on 1 articles" in card
    assert '- `sport` (Sport & more): about "sport" <only>; 1 decisions' in card
    assert "- `skip`: not a news text; 1 decisions" in card
    assert "- A: 1 decisions\n- B: 1 decisions" in card


def test_labels_as_text_and_without_times_are_read_too(tmp_path):
    table = pd.DataFrame({"article_id": ["1"], "annotator": ["A"], "topic": ["sport"], "second": [None]})
    table.to_parquet(tmp_path / "mine.parquet")
    assert datasets_folder.read(tmp_path, TOPIC).to_numpy().tolist() == [["1", "A", "sport", "", ""]]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"article_id": ["1"], "annotator": ["A"]}, r"mine\.parquet lacks the column\(s\) topic, second"),
        (
            {"article_id": ["1"], "annotator": ["A"], "topic": ["opera"], "second": [""]},
            "row 1, column 'topic': 'opera'",
        ),
    ],
)
def test_a_foreign_folder_is_refused_with_its_place(tmp_path, table, message):
    pd.DataFrame(table).to_parquet(tmp_path / "mine.parquet")
    with pytest.raises(NewstanceError, match=message):
        datasets_folder.read(tmp_path, TOPIC)


def test_a_folder_without_data_and_a_damaged_file_are_refused(tmp_path):
    with pytest.raises(NewstanceError, match="has no Parquet file"):
        datasets_folder.read(tmp_path, TOPIC)
    (tmp_path / "mine.parquet").write_bytes(b"PAR1")
    with pytest.raises(NewstanceError, match="can't be read as Parquet"):
        datasets_folder.read(tmp_path, TOPIC)
