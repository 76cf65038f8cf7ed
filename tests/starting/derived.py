"""The templates of a new project that follow from this project's own files. Run as a program, it writes them anew."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "src/newstance/starting/templates"
# The stages that a project of one's own has too, and whose code it doesn't hold.
STAGES = "fetch clean label split experiment weak_experiment ensemble compare report champion export".split()
ELSEWHERE = ("src/", "benchmarks/", "published/", "study/")
IGNORED_ELSEWHERE = ("/study", "!/study", "/published", "!/published", "*.egg-info", ".venv", "/keys")
MODELS = {"single-label": "topic", "target-dependent": "stance"}
KINDS = {
    "single-label": ["majority", "tfidf-svm", "tfidf-encoder-svm"],
    "target-dependent": ["majority", "tfidf-svm", "tfidf-encoder-svm", "target-only"],
}
HEADING = "# The pipeline: `dvc repro` runs what has changed. Settings: params.yaml.\n"


def derived() -> dict[str, str]:
    """Return the templates' content by file name."""
    # Not under the name dvc.yaml: MLflow keeps copies of the package, and DVC takes each dvc.yaml in a project for one.
    files = {"pipeline.yaml": _pipeline(), "dvcignore": _lines(".dvcignore"), "gitignore": _lines(".gitignore")}
    for kind, task in MODELS.items():
        for name in KINDS[kind]:
            files[f"{kind}-{name}.yaml"] = _experiment(task, name)
    return files


def _pipeline() -> str:
    content = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
    stages = {name: stage for name, stage in content["stages"].items() if name in STAGES}
    for stage in stages.values():
        _forget_code(stage.get("do", stage))
    pipeline = {"stages": stages, "plots": content["plots"]}
    return HEADING + yaml.dump(pipeline, Dumper=Plain, sort_keys=False, width=120)


def _forget_code(stage: dict[str, Any]) -> None:
    stage["deps"] = [path for path in stage["deps"] if not path.startswith(ELSEWHERE)]
    if not stage["deps"]:
        del stage["deps"]


class Plain(yaml.SafeDumper):
    """Writes a value that occurs twice twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _lines(name: str) -> str:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return "".join(f"{line}\n" for line in lines if not line.startswith(IGNORED_ELSEWHERE))


def _experiment(task: str, name: str) -> str:
    """An experiment of this project, on the standard splits alone: few articles can't spare an outlet."""
    text = (ROOT / f"experiments/{task}-{name}.yaml").read_text(encoding="utf-8")
    # What a search tries is for those who search, and for more articles.
    text = re.sub(r"^search:.*\n(?: .*\n)*", "", text, flags=re.MULTILINE)
    kept = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    # Few articles may have few targets, each of which is one text to TF-IDF.
    kept = kept.replace("{kind: tfidf, field: target}", "{kind: tfidf, field: target, min_documents: 1}")
    return f"{kept.replace(f'task: {task}', 'task: SCHEME')}\nprotocols: [standard]\n"


if __name__ == "__main__":
    for name, text in derived().items():
        (TEMPLATES / name).write_text(text, encoding="utf-8")
