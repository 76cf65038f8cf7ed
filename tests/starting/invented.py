"""Two label schemes that newstance doesn't bring, and any number of short articles made up for them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from newstance.files import write_text

# What each frame dwells on: who acts, what they do, and with what.
FRAMES = {
    "money": (
        "The treasurer|An accountant|The chamber of commerce|A local banker|The auditor|One shop owner",
        "counted|priced|budgeted for|reckoned with|put a figure on|set aside",
        "higher fees|new loans|lost wages|cheaper tickets|a deficit|fresh investment|rising rents|tax receipts",
    ),
    "safety": (
        "The fire chief|A paramedic|The police sergeant|The inspector|A lifeguard|One engineer on duty",
        "warned of|inspected|reported|guarded against|investigated|wrote down",
        "a cracked beam|blocked exits|two injuries|faulty brakes|dark corners|a broken alarm|slippery steps",
    ),
    "fairness": (
        "The ombudsman|A tenants' lawyer|The equality officer|A pensioner|The charity's director|One wheelchair user",
        "complained about|appealed against|petitioned over|objected to|asked a judge about|campaigned over",
        "unequal access|biased rules|ignored rights|broken promises|discrimination|an unjust waiting list",
    ),
    "nature": (
        "A botanist|The park ranger|The bird society|A beekeeper|The river warden|One young forester",
        "counted|protected|watched|planted|measured|mourned",
        "nesting swallows|old oaks|polluted mud|wild orchids|falling water|rare beetles|a dying hedge|otter tracks",
    ),
}
TONES = {
    "warm": "praised|thanked|welcomed|applauded|admired|cheered",
    "plain": "described|mentioned|listed|visited|named|noted",
    "cold": "condemned|mocked|rejected|blamed|scolded|doubted",
}
TARGETS = ("Mayor Lund", "the Harbour Bridge", "Tarn Railways")
WHEN = "on Monday|early on Tuesday|late on Wednesday|last Thursday|during Friday's meeting|over the weekend|at noon"
WHERE = "near the old market|beside the canal|outside the town hall|in Eastfield|along Mill Lane|at the ferry pier"
CLOSE = "and nobody disagreed|while neighbours listened|before the crowd left|though rain fell|as children watched"
ARTICLES = 200


@dataclass(frozen=True)
class Invented:
    """An article that was made up, and what it was made to be."""

    article_id: str
    title: str
    text: str
    frame: str
    target: str
    tone: str


def invent(count: int = ARTICLES, seed: int = 11) -> list[Invented]:
    """Make articles up; frames and tones take turns, so that each has about as many."""
    generator = np.random.default_rng(seed)

    def pick(choices: str) -> str:
        return str(generator.choice(choices.split("|")))

    def sentence(frame: str) -> str:
        who, does, what = (pick(part) for part in FRAMES[frame])
        return f"{who} {does} {what} {pick(WHERE)} {pick(WHEN)}, {pick(CLOSE)}."

    made = []
    for number in range(count):
        frame, tone = list(FRAMES)[number % 4], list(TONES)[number % 3]
        target = TARGETS[number % 5 % 3]
        # One sentence in five is of another frame, so that no model is always right.
        sentences = [sentence(frame if generator.random() < 0.8 else pick("|".join(FRAMES))) for _ in range(6)]
        sentences.insert(2, f"Many people {pick(TONES[tone])} {target} {pick(WHEN)} {pick(WHERE)}.")
        sentences.insert(5, f"A letter {pick(TONES[tone])} {target} {pick(WHERE)} {pick(WHEN)}, {pick(CLOSE)}.")
        who, does, what = (pick(part) for part in FRAMES[frame])
        text = " ".join(sentences[:4]) + "\n\n" + " ".join(sentences[4:])
        made.append(Invented(f"text-{number:03}", f"{who} {does} {what}", text, frame, target, tone))
    return made


def write_articles(folder: Path, articles: list[Invented]) -> None:
    """Write each as a text file."""
    for one in articles:
        write_text(folder / f"{one.article_id}.txt", f"{one.title}\n\n{one.text}\n")


def write_schemes(folder: Path) -> list[Path]:
    """Write frame.yaml (single-label, with examples) and tone.yaml (target-dependent)."""
    frame = {
        "name": "frame",
        "kind": "single-label",
        "title": "Frame",
        "annotations": "frames.csv",
        "labels": [
            {"code": code, "name": code, "definition": f"the article is about {code}", "examples": [what.split("|")[0]]}
            for code, (_, _, what) in FRAMES.items()
        ],
    }
    tone = {
        "name": "tone",
        "kind": "target-dependent",
        "title": "Tone",
        "annotations": "tones.csv",
        "labels": [{"code": code, "name": code, "definition": f"{code} toward the target"} for code in TONES],
    }
    paths = []
    for scheme in (frame, tone):
        paths.append(folder / f"{scheme['name']}.yaml")
        write_text(paths[-1], yaml.safe_dump(scheme, sort_keys=False))
    return paths
