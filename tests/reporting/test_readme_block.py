import shutil

import pytest

from newstance.errors import NewstanceError
from newstance.reporting.readme import block, headline, study, update

BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"
STUDY_BEGIN, STUDY_END = "<!-- study:begin -->", "<!-- study:end -->"


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
    assert "| experiment | kind | macro-F1 | accuracy | lenient accuracy | macro-F1, outlet-held-out |" in topic
    assert "| experiment | kind | macro-F1 | accuracy | macro-F1, outlet-held-out | macro-F1, unseen-target |" in stance
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


@pytest.fixture
def with_study(readme, study_project, elsewhere):
    """A README with both blocks, in a folder with the study's tables where the study writes them."""
    shutil.copytree(study_project.tables, elsewhere / "study/reports/tables")
    readme.write_text(f"{BEGIN}\n{END}\nbetween\n{STUDY_BEGIN}\n{STUDY_END}\nlast\n", encoding="utf-8")
    return readme


def test_both_blocks_are_updated_and_nothing_else(with_study, study_project):
    assert update(with_study, study_project.tables, study_project.settings)
    text = with_study.read_text(encoding="utf-8")
    assert f"{END}\nbetween\n{STUDY_BEGIN}\n" in text
    assert text.endswith(f"{STUDY_END}\nlast\n")
    assert block(with_study) == headline(study_project.tables, study_project.settings)
    assert block(with_study, "study") == study(study_project.tables, study_project.settings)
    assert not update(with_study, study_project.tables, study_project.settings)


def test_the_study_shows_the_best_of_each_kind_goals_and_a_line_an_ablation(study_project, elsewhere):
    goals = elsewhere / "study/goals.yaml"
    goals.parent.mkdir()
    goals.write_text("goals:\n  - {task: topic, metric: accuracy, at_least: 0.01}\n")
    topic, stance = study(study_project.tables, study_project.settings).split("#### ")[1:]
    titles = [line.split(" | ")[1] for line in topic.splitlines() if line.startswith("| Topic")]
    assert sorted(titles) == ["ensemble", "linear", "transformer"]
    assert "| accuracy | ≥ 0.01 |" in topic
    assert "| reached |" in topic
    assert "\n- **Length.** How many tokens of an article the model reads: " in topic
    assert "- **" not in stance
    assert "≥" not in stance
    assert "Made on 1 x Loom 9, 2 threads (1 experiment); 2 cores, Abacus 3000, 2 threads (2 experiments)." in stance
    assert "(study/reports/comparison.md)" in stance


def test_a_study_that_was_not_compared_leaves_its_block_empty(with_study, study_project, tmp_path):
    update(with_study, study_project.tables, study_project.settings, tmp_path / "nothing")
    assert block(with_study, "study") == ""


def test_a_single_marker_of_the_study_is_an_error(with_study, study_project):
    with_study.write_text(f"{BEGIN}\n{END}\n{STUDY_END}\n", encoding="utf-8")
    with pytest.raises(NewstanceError, match=r"must hold the lines '<!-- study:begin -->' and"):
        update(with_study, study_project.tables, study_project.settings)
