"""Notebook 5: texts that are better not labelled, and how often such texts and news are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from newstance.bundle.answers import Article
from newstance.bundle.bundle import Bundle
from newstance.notebooks.corpus import percent
from newstance.notebooks.estimates import Mean
from newstance.reporting import words
from newstance.reporting.drawing import (
    BLUE,
    DARK,
    ORANGE,
    PURPLE,
    VERMILLION,
    Chart,
    finish,
    house_style,
    label_rows,
    new_figure,
)
from newstance.reporting.results import Row, records

MEASURED = Path("benchmarks/abstention.csv")
ANSWERED = "answered"
NEWS = "articles"  # as the table names the articles of the corpus
REASONS = {
    "too-short": (PURPLE, "...."),
    "not-english": (ORANGE, "////"),
    "not-news-like": (BLUE, ""),
    "out-of-distribution": (VERMILLION, "xxxx"),
}

FRESH = Article(
    "School bus drivers in Lindmark win a second escort",
    "After six weeks of talks, the district council agreed on Wednesday to pay a second adult on every "
    "school bus that carries more than thirty children. The drivers had asked for it since a fall on the hill road in "
    "January, in which two pupils broke an arm.\n\n"
    "The measure costs the district a quarter of a million crowns a year, and it begins after Easter. A member of "
    "the opposition voted against it and called it a costly answer to a single accident; the headmistress of the "
    "largest school thanked the drivers for not giving up.\n\n"
    '"We can look at the road now, and not into the mirror," said one of them after the vote. Parents will be told '
    "next week which stops move.",
    ("school bus drivers",),
)

# One text of every kind, written for this notebook.
TEXTS = {
    "two sentences of news": (
        "Ferry back in service",
        "The ferry between both towns runs again since Monday morning. Its engine had been repaired for three weeks.",
    ),
    "news in German": (
        "Fähre fährt wieder",
        "Seit Montag fährt die Fähre zwischen den beiden Städten wieder. Drei Wochen lang lag sie in der Werft, weil "
        "der Motor nach einem Brand im Maschinenraum ersetzt werden musste. Der Kapitän sagte, die Fahrgäste hätten "
        "viel Geduld gezeigt. Die Gemeinde will im Sommer eine zweite Fähre mieten, damit Schüler und Pendler nicht "
        "noch einmal den langen Weg über die Brücke nehmen müssen. Über die Kosten streitet der Rat noch.",
    ),
    "a program": (
        "",
        "def fare(zone, age, now):\n    price = ZONES[zone] * (0.5 if age < 14 else 1.0)\n    if now.hour in PEAK:\n"
        "        price += SURCHARGE\n    return round(price, 2)\n\n\nclass Ticket:\n"
        "    def __init__(self, zone, age):\n"
        "        self.zone, self.age = zone, age\n\n    def buy(self, purse, now):\n        cost = fare(self.zone, "
        "self.age, now)\n        if purse.money < cost:\n            raise ValueError('too little money')\n"
        "        purse.money -= cost\n        return {'zone': self.zone, 'paid': cost, 'at': now.isoformat()}\n" * 2,
    ),
    "a recipe": (
        "Leek soup for four",
        "three large leeks\ntwo potatoes\none onion\nbutter\nsalt and pepper\na litre of stock\na cup of cream\n"
        "Wash and slice the leeks\nPeel the potatoes\nMelt butter in a pot\nAdd leeks and onion\nStir until soft\n"
        "Add potatoes and stock\nSimmer for half an hour\nBlend until smooth\nStir in the cream\nSeason to taste\n"
        "Serve with toast",
    ),
    "terms of a contract": (
        "",
        "The tenant shall keep the premises in good repair and shall not assign this lease without the written consent "
        "of the landlord. Where a payment falls due on a public holiday, it shall be deemed to be due on the day that "
        "follows. No waiver of any provision hereof is effective unless it is made in writing and signed by the party "
        "against whom it is asserted. The headings of the clauses serve for convenience only and do not affect their "
        "construction. If any clause is held to be void, the remaining clauses stay in force as if it had never been "
        "a part of this agreement.",
    ),
    "a fairy tale": (
        "The miller's lantern",
        "Once upon a time there lived a miller who owned a lantern that never went out. Every night he hung it over "
        "the wheel, and every night an owl came and asked him for its light. One winter the river froze, and the "
        "miller gave the owl what it wanted, since he had no corn to grind. The owl flew away with the flame in its "
        "beak and set it in the sky, where it still shines above the mill. From that night on the miller slept until "
        "the morning, and he was the happiest man between the hills and the sea.",
    ),
}


def try_texts(bundle: Bundle) -> pd.DataFrame:
    """Ask the bundle about a text of every kind; to be shown."""
    rows = []
    answers = bundle.predict([Article(title, text, ()) for title, text in TEXTS.values()], evidence=0)
    for (kind, (title, text)), answer in zip(TEXTS.items(), answers, strict=True):
        length = words.count(len(f"{title} {text}".split()))
        if answer.abstain:
            rows.append([kind, length, f"refused: {answer.abstain.reason}", answer.abstain.detail])
        else:
            labels = ", ".join(f"{one.label} ({one.probability:.2f})" for one in answer.labels.values())
            rows.append([kind, length, f"{ANSWERED}: {labels}", words.MISSING])
    return pd.DataFrame(rows, columns=["text", "words", "what comes back", "why"])


def tried_in_words(tried: pd.DataFrame) -> str:
    """Count the texts that were refused, and say what to make of the others."""
    answered = tried.loc[tried["what comes back"].str.startswith(ANSWERED), "text"].tolist()
    refused = f"{words.count(len(tried) - len(answered))} of {words.plural(len(tried), 'text')} are refused"
    if not answered:
        return f"{refused}."
    return f"{refused}; not so {', '.join(answered)}. For what slips through there is still the probability to look at."


def read_measured(path: Path = MEASURED) -> pd.DataFrame | None:
    """Read what the benchmark measured on held-back texts; None where its table isn't here."""
    if not path.is_file():
        return None
    table = pd.read_csv(path)
    return table[table["part"] == "test"].reset_index(drop=True)


def refused_by_kind(table: pd.DataFrame | None) -> Chart | str:
    """Draw which share of each kind of text is refused, and why; news on top."""
    if table is None:
        return f"`{MEASURED}` is not here, so there is nothing measured to draw."
    rows = table.sort_values(["is_news", "refused"], ascending=[False, True], kind="stable").reset_index(drop=True)
    title = _title(rows)
    with house_style():
        figure = new_figure(1.6 + 0.34 * len(rows), title, width=7.6)
        axes = figure.subplots()
        left = np.zeros(len(rows))
        for reason, (color, hatch) in REASONS.items():
            part = 100 * rows[reason.replace("-", "_")].to_numpy()
            axes.barh(rows.index, part, 0.66, left, color=color, hatch=hatch, edgecolor="white", label=reason)
            left += part
        lengths = 100 * np.stack([rows["refused"] - rows["refused_low"], rows["refused_high"] - rows["refused"]])
        axes.errorbar(
            left, rows.index, xerr=np.clip(lengths, 0, None), fmt="none", color=DARK, elinewidth=1.4, capsize=2
        )
        for place, texts in enumerate(rows["texts"]):
            axes.text(104, place, f"n = {words.count(texts)}", va="center", fontsize=8)
        axes.axhline(rows["is_news"].sum() - 0.5, color=DARK, linewidth=0.8)
        label_rows(axes, rows["source"].tolist(), characters=34)
        axes.set(xlim=(0, 103), xlabel="share refused, %")
        axes.grid(axis="x")
        figure.legend(loc="outside lower center", ncols=len(REASONS))
        caption = (
            "Texts that were not used to set the limits, by kind and by the reason of the refusal, with 95 % intervals "
            "(Wilson). Above the line: news, which should be answered. Below it: other texts; those skipped by the "
            "annotators are texts of the corpus that they found to be no articles. Measured by "
            "`benchmarks/abstention.py` with the champions of the whole corpus."
        )
        return finish(figure, "serving-refusals", title, caption)


def _title(rows: pd.DataFrame) -> str:
    news = next((row for row in records(rows) if row["source"] == NEWS), None)
    others = rows[~rows["is_news"]]
    wholly = int((others["refused"] == 1).sum())
    title = f"{words.count(wholly)} of {words.plural(len(others), 'kind')} of other texts are refused without exception"
    if news is None:
        return title
    return f"Of news articles {_share(news)} are refused; {title}"


def _share(row: Row) -> str:
    low, high = 100 * row["refused_low"], 100 * row["refused_high"]
    return f"{percent(row['refused'])} [{low:.1f}, {high:.1f}]"


def refusals_in_words(table: pd.DataFrame | None) -> str:
    """Name the kinds of other texts that are answered most often."""
    if table is None:
        return "The shares are measured by `benchmarks/abstention.py`."
    others = table[~table["is_news"] & (table["refused"] < 1)].sort_values("refused", kind="stable")
    if others.empty:
        return "No text of another kind was answered here."
    named = [f"“{row['source']}” ({Mean(*_estimate(row)).percent} refused)" for row in records(others)]
    return f"Not every text of another kind is refused: {'; '.join(named)}."


def _estimate(row: Row) -> tuple[float, float, float]:
    return row["refused"], row["refused_low"], row["refused_high"]
