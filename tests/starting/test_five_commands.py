"""From 200 unlabelled texts and two schemes that newstance doesn't know to served models, by five commands."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pandas as pd
import pytest
import yaml
from playwright.sync_api import Browser, expect

from browser import running_browser
from http_server import wait_until
from newstance import cli, load_corpus
from newstance.files import read_json, write_csv, write_text
from newstance.labels.annotations import read_annotations
from newstance.scheme import Scheme, load_schemes
from starting.invented import FRAMES, Invented, invent, write_articles, write_schemes

pytestmark = pytest.mark.slow
ON_THE_PAGE = 10
START = 300  # seconds that a command may take on a busy machine until it answers
KEPT = ("frame-majority", "frame-tfidf-svm", "tone-tfidf-svm")


def newstance(*arguments: str) -> None:
    """Run a command in this process: importing everything anew takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["newstance", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    assert ended.value.code == 0, arguments


@contextlib.contextmanager
def answering(folder: Path, *command: str) -> Iterator[str]:
    """Run a command that serves a page, in a process of its own; give its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen([sys.executable, "-m", "newstance", *command, "--port", str(port)], cwd=folder)

    def ready() -> bool:
        assert process.poll() is None, "the server ended"
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(url).is_success
        return False

    try:
        wait_until(ready, START)
        yield url
    finally:
        process.terminate()
        process.wait(START)


@dataclass(frozen=True)
class Project:
    """The finished project, and what its articles were made to be."""

    folder: Path
    articles: dict[str, Invented]

    @property
    def schemes(self) -> dict[str, Scheme]:
        return load_schemes(self.folder / "seeds/schemes", ["frame", "tone"])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=1000 * START)
    with running_browser() as found:
        yield found
    expect.set_options(timeout=5000)  # Playwright's own


@pytest.fixture(scope="module")
def project(tmp_path_factory, browser: Browser) -> Project:
    room = tmp_path_factory.mktemp("five")
    made = Project(room / "mine", {one.article_id: one for one in invent()})
    frame, tone = write_schemes(room)
    write_articles(room / "texts", list(made.articles.values()))
    with contextlib.chdir(room):
        newstance("init", "mine", "--scheme", frame.name, "--scheme", tone.name, "--articles", "texts")
    run_few_experiments(made.folder)
    label_on_the_page(made, browser)
    with contextlib.chdir(made.folder):
        label_the_rest(made)
        newstance("labels", "check")
        subprocess.run(["dvc", "repro", "--quiet"], check=True, env=dict(os.environ))
    return made


def run_few_experiments(folder: Path) -> None:
    """Leave out what takes long on one core: the encoder's features, some controls, most of the resamples."""
    params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    params["experiments"] = {name: task for name, task in params["experiments"].items() if name in KEPT}
    params["evaluation"]["resamples"] = 200
    write_text(folder / "params.yaml", yaml.safe_dump(params, sort_keys=False))


def label_on_the_page(project: Project, browser: Browser) -> None:
    """Give ten articles their frame with the keyboard."""
    with answering(project.folder, "label", "--task", "frame", "--annotator", "own") as url:
        page = browser.new_page()
        page.goto(url)
        for _ in range(ON_THE_PAGE):
            shown = page.locator("#article-id")
            expect(shown).not_to_be_empty()
            article = shown.inner_text().removeprefix("Article ")
            page.keyboard.press(str(list(FRAMES).index(project.articles[article].frame) + 1))
            expect(page.locator("#saved")).to_contain_text("Saved")
            expect(page.locator("#next")).to_be_focused()
            page.keyboard.press("Enter")
            expect(shown).not_to_have_text(f"Article {article}")
        page.close()


def label_the_rest(project: Project) -> None:
    """Bring the other labels from files."""
    done = set(read_annotations(project.schemes["frame"], project.folder / "seeds")["article_id"])
    rows = pd.DataFrame([vars(one) for one in project.articles.values()]).assign(annotator="own")
    write_csv(Path("frames.csv"), rows.loc[~rows["article_id"].isin(done), ["article_id", "annotator", "frame"]])
    write_csv(Path("tones.csv"), rows[["article_id", "annotator", "target", "tone"]])
    newstance("labels", "import", "frame", "frames.csv", "--from", "csv")
    newstance("labels", "import", "tone", "tones.csv", "--from", "csv")


def test_the_labels_of_the_page_and_of_the_files_stand_side_by_side(project):
    lines = (project.folder / "seeds/frames.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + len(project.articles)
    found = read_annotations(project.schemes["frame"], project.folder / "seeds").set_index("article_id")["frame"]
    assert found.to_dict() == {name: one.frame for name, one in project.articles.items()}


def test_both_schemes_are_prepared_compared_and_reported(project):
    data = load_corpus("tone", project.folder / "data/prepared")
    assert {"target", "tone", "frame"} <= set(data["train"].column_names)
    card = (project.folder / "data/prepared/frame/README.md").read_text(encoding="utf-8")
    assert "(for example: higher fees)" in card
    comparison = pd.read_csv(project.folder / "reports/tables/comparison.csv")
    standard = comparison[comparison["protocol"] == "standard"].set_index("experiment")
    assert set(standard.index) == set(KEPT)
    assert standard.loc["frame-tfidf-svm", "macro_f1"] > 0.8 > standard.loc["frame-majority", "macro_f1"]
    slices = pd.read_csv(project.folder / "reports/tables/slices.csv")
    assert set(slices.loc[(slices["task"] == "tone") & (slices["slice"] == "frame"), "value"]) == set(FRAMES)
    page = (project.folder / "reports/index.html").read_text(encoding="utf-8")
    assert ">Frame</h2>" in page
    assert ">Tone</h2>" in page


def test_the_champions_of_both_schemes_are_registered_and_exported(project):
    champions = read_json(project.folder / "reports/champion.json")
    assert {task: entry["experiment"] for task, entry in champions.items()} == {
        "frame": "frame-tfidf-svm",
        "tone": "tone-tfidf-svm",
    }
    assert set(read_json(project.folder / "bundle/manifest.json")["tasks"]) == {"frame", "tone"}


def test_files_are_labelled_by_both(project, monkeypatch):
    monkeypatch.chdir(project.folder)
    newstance("predict", "seeds/articles", "--targets", "Mayor Lund", "--output", "labels.parquet", "--evidence", "0")
    table = pd.read_parquet("labels.parquet")
    assert set(table["scheme"].dropna()) == {"frame", "tone"}
    frames = table[table["scheme"] == "frame"].set_index("article_id")["label"]
    right = [project.articles[name].frame == label for name, label in frames.items()]
    assert sum(right) > 0.9 * len(project.articles)


def test_the_server_answers_with_both_and_its_page_shows_them(project, browser):
    one = project.articles["text-003"]
    with answering(project.folder, "serve") as url:
        wait_until(lambda: httpx.get(f"{url}/readyz").is_success, START)
        article = {"title": one.title, "text": one.text, "targets": [one.target]}
        answer = httpx.post(f"{url}/v1/predict", json=article, timeout=START).json()
        assert answer["labels"]["frame"]["label"] == one.frame
        assert set(answer["targets"][0]["labels"]["tone"]["probabilities"]) == {"warm", "plain", "cold"}
        page = browser.new_page()
        page.goto(url)
        expect(page.locator("#tagline")).to_have_text("Frame and Tone of a news article")
        page.get_by_label("Headline").fill(one.title)
        page.get_by_label("Text", exact=True).fill(one.text)
        page.get_by_role("button", name="Analyse").click()
        expect(page.locator(".article-labels")).to_contain_text("Frame")
        expect(page.locator(".article-labels .bars")).to_contain_text("Nature")
        page.close()
