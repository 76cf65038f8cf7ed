import pytest

from newstance.errors import NewstanceError
from newstance.reporting.readme import BEGIN, END, block, headline, update


@pytest.fixture
def readme(tmp_path):
    path = tmp_path / "README.md"
    path.write_text(f"# Title\n\n{BEGIN}\nold\n{END}\n\nafter\n", encoding="utf-8")
    return path


def test_update_rewrites_the_block_only_and_tells_whether_it_changed(readme, write, both_tasks, settings):
    tables = write(both_tasks)
    assert update(readme, tables, settings)
    text = readme.read_text(encoding="utf-8")
    assert text.startswith(f"# Title\n\n{BEGIN}\n")
    assert text.endswith(f"{END}\n\nafter\n")
    assert block(readme) == headline(tables, settings)
    assert not update(readme, tables, settings)
    both_tasks["topic"].experiments = {"one": ("Another", "baseline", 0.9)}
    assert update(readme, write(both_tasks), settings)


@pytest.mark.parametrize("text", ["no markers", f"{BEGIN}\n", f"{END}\n{BEGIN}\n", f"{BEGIN}\n{BEGIN}\n{END}\n"])
def test_wrong_markers_are_an_error_and_leave_the_file(readme, write, both_tasks, settings, text):
    readme.write_text(text, encoding="utf-8")
    with pytest.raises(NewstanceError, match=r"must hold the lines '<!-- results:begin -->' and"):
        update(readme, write(both_tasks), settings)
    assert readme.read_text(encoding="utf-8") == text


def test_a_missing_readme_is_an_error(tmp_path, settings):
    with pytest.raises(NewstanceError, match=r"absent\.md does not exist"):
        update(tmp_path / "absent.md", tmp_path, settings)


def test_headline_has_a_table_a_sentence_and_a_figure_a_task(write, both_tasks, settings):
    text = headline(write(both_tasks), settings)
    topic, stance = text.split("### ")[1:]
    assert "| experiment | role | macro-F1 | accuracy | lenient accuracy | macro-F1, outlet-held-out |" in topic
    assert "| experiment | role | macro-F1 | accuracy | macro-F1, outlet-held-out | macro-F1, unseen-target |" in stance
    assert "](reports/figures/topic-forest.svg)" in topic
    assert "](reports/figures/stance-forest.svg)" in stance
    for part in (topic, stance):
        assert "the best on validation, scores macro-F1" in part
        assert "Annotators A and B agree on" in part


def test_an_experiment_without_a_further_protocol_gets_a_dash(write, both_tasks, settings):
    tables = write({"stance": both_tasks["stance"]})
    path = tables / "comparison.csv"
    kept = [line for line in path.read_text().splitlines() if "unseen-target,stance-majority" not in line]
    path.write_text("\n".join(kept) + "\n")
    (line,) = [line for line in headline(tables, settings).splitlines() if line.startswith("| Majority")]
    assert line.endswith("| – |")
