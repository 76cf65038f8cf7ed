from __future__ import annotations

import re
from pathlib import Path

import pytest

from audit.planted import LABELS, clean_data, prefixed, scheme
from newstance.audit.page import Audit
from newstance.audit.run import audit
from newstance.audit.verdict import Severity, verdict
from newstance.corpus.published_outlets import Outlet, Outlets
from newstance.settings import EvaluationSettings

SETTINGS = EvaluationSettings(resamples=200)
LINE_TEXT = "Thousands of happy readers get the ferry news of our page every single morning of the week."


def _audit(data: dict, out: Path, **options: object) -> Audit:
    return audit(data, scheme(), out, settings=SETTINGS, **options)


def _severities(result: Audit) -> dict[str, Severity]:
    return {finding.subject: finding.severity for finding in result.findings}


def _leaking() -> dict:
    """Plant outlets in both splits and bylines that predict, a line of boilerplate and duplicates."""
    data = clean_data()
    authors = dict(zip(LABELS, ("Ada Brink", "Nils Holm", "Eva Lund"), strict=True))
    data["test"].loc[:39, "outlet"] = data["test"].loc[:39, "leaning"].map(lambda label: f"The {label} voice")
    data["train"]["outlet"] = data["train"]["leaning"].map(lambda label: f"The {label} voice")
    data["test"].loc[70:75, "text"] = data["train"].loc[70:75, "text"].to_numpy()
    data["test"].loc[70:75, "leaning"] = data["train"].loc[70:75, "leaning"].to_numpy()
    for split in ("train", "test"):
        data[split] = prefixed(data[split], range(20), LINE_TEXT)
        byline = "By " + data[split]["leaning"].map(authors) + "\n"
        data[split]["text"] = byline.where(data[split].index < 60, "") + data[split]["text"]
    return data


@pytest.fixture(scope="module")
def leaking(tmp_path_factory: pytest.TempPathFactory) -> tuple[Audit, Path]:
    folder = tmp_path_factory.mktemp("leaking")
    return _audit(_leaking(), folder), folder


def test_a_clean_set_gets_a_clean_verdict(tmp_path: Path) -> None:
    result = _audit(clean_data(), tmp_path)

    assert set(_severities(result).values()) == {Severity.CLEAN}
    assert verdict(result.findings).startswith("Clean: ")


def test_planted_leaks_are_found(leaking: tuple[Audit, Path]) -> None:
    result, _ = leaking

    severities = _severities(result)
    assert severities["shared outlets"] is Severity.LEAK
    assert severities["near-duplicates"] is Severity.LEAK
    assert severities["shared authors"] is Severity.LEAK
    assert severities["shortcut: outlet only"] is Severity.LEAK
    assert severities["shortcut: byline only"] is Severity.LEAK
    assert severities["shortcut: date only"] is Severity.CLEAN
    assert result.findings[0].severity is Severity.LEAK
    assert re.match(r"Leak: .*shared outlets", verdict(result.findings))


def test_a_line_of_boilerplate_that_tells_nothing_is_to_be_watched(tmp_path: Path) -> None:
    data = clean_data()
    for split in ("train", "test"):
        data[split] = prefixed(data[split], range(20), LINE_TEXT)

    result = _audit(data, tmp_path)

    assert _severities(result)["shared boilerplate"] is Severity.WATCH
    assert verdict(result.findings) == "No leak; to be watched: shared boilerplate."


def test_outlets_of_one_identity_are_found_by_the_mapping_alone(tmp_path: Path) -> None:
    data = clean_data()
    data["test"].loc[:29, "outlet"] = "Gazette A (Web)"
    outlets = Outlets(outlets=(Outlet(name="Gazette A", sources=("Train Gazette A", "Gazette A (Web)")),))

    without, mapped = _audit(data, tmp_path / "a"), _audit(data, tmp_path / "b", outlets=outlets)

    assert _severities(without)["shared outlets"] is Severity.CLEAN
    assert _severities(mapped)["shared outlets"] is Severity.WATCH
    assert "30 of 90 test articles" in next(one.text for one in mapped.findings if one.subject == "shared outlets")


def test_equal_data_give_equal_bytes(leaking: tuple[Audit, Path], tmp_path: Path) -> None:
    _, first = leaking

    _audit(_leaking(), tmp_path)

    files = sorted(path.name for path in first.iterdir())
    assert {"leaning.html", "leaning.md", "leaning-shared.svg", "leaning-shortcuts.svg", "leaning-slices.svg"} <= set(
        files
    )
    for name in files:
        assert (first / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_the_page_quotes_a_few_words_and_all_else_nothing(leaking: tuple[Audit, Path]) -> None:
    _, folder = leaking

    quoted = " ".join(LINE_TEXT.casefold().split()[:12])
    html = (folder / "leaning.html").read_text(encoding="utf-8")
    assert f"{quoted} …" in html
    assert LINE_TEXT.casefold() not in html.casefold()
    for path in [*folder.glob("*.csv"), *folder.glob("*.md"), *folder.glob("*.svg")]:
        assert "thousands of happy" not in path.read_text(encoding="utf-8").casefold(), path


def test_the_page_is_self_contained_and_shows_every_figure_and_finding(leaking: tuple[Audit, Path]) -> None:
    result, folder = leaking

    html = (folder / "leaning.html").read_text(encoding="utf-8")
    assert not re.search(r"<(?:script|link(?! rel=\"icon\")|img)", html)
    assert html.count("<svg") == len(list(folder.glob("*.svg")))
    assert verdict(result.findings) in html
    assert html.count('id="reading"') == 1
    markdown = (folder / "leaning.md").read_text(encoding="utf-8")
    assert all(f"]({path.name})" in markdown for path in folder.glob("*.svg"))


def test_missing_columns_are_said_in_a_sentence(tmp_path: Path) -> None:
    data = {split: table.drop(columns=["outlet", "published", "url"]) for split, table in clean_data().items()}

    result = _audit(data, tmp_path)

    assert verdict(result.findings).startswith("Clean: ")
    for kind in ("html", "md"):
        page = (tmp_path / f"leaning.{kind}").read_text(encoding="utf-8")
        assert "The data have no outlets" in page
        assert "The data have no dates" in page
