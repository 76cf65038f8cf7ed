"""A small collection of the form of AllSides' articles, as a table and as the repository's archive."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pandas as pd

ROOT = "Article-Bias-Prediction-0123"
BIASES = ("left", "center", "right")
# Outlets of train, validation and test of the media split, and their addresses.
HOMES = {
    "train": [
        ("Harbour", "www.harbour.com"),
        ("Harbour (Web)", "www.ferry.org"),
        ("Guest", "m.ferry.org"),
        ("Inland", "www.inland.net"),
    ],
    "valid": [("Valley", "www.valley.org"), ("Anna Berg", "www.valley.org")],
    "test": [("Ferry", "www.ferry.org"), ("Anna Berg", "www.quay.net")],
}
OUTLETS = """
outlets:
  - {name: Harbour, sources: [Harbour, Harbour (Web)], hosts: [harbour.com], names: [Harbour]}
  - {name: Ferry, hosts: [ferry.org], names: [The Ferry, Ferry]}
authors: [Anna Berg]
unnamed: [Guest]
"""
WORDS = "rowers crew tide noon rain boat quay wind sail harbour ferry coast storm".split()


def table(articles: int = 6) -> pd.DataFrame:
    """Return so many articles a source, every one of its own words."""
    rows = []
    for split, sources in HOMES.items():
        for source, host in sources:
            for number in range(articles):
                place = len(rows)
                text = " ".join(f"{WORDS[(place * 7 + word) % 13]}{place}" for word in range(30))
                rows.append(
                    {
                        "id": f"a{place:03}",
                        "topic": "elections" if number % 2 else "sport",
                        "source": source,
                        "source_url": host,
                        "date": "2016-05-18" if number else "5/18/16",
                        "title": f" Rowers {place}  leave ",
                        "content": f"The {source} said : {text} .\nThe Ferry told all .",
                        "bias": BIASES[number % 3],
                        "split_random": None if number == 5 else ("train", "valid", "test")[place % 3],
                        "split_media": split,
                    }
                )
    return pd.DataFrame(rows)


def write_archive(path: Path, articles: pd.DataFrame) -> None:
    """Write the articles as GitHub's archive of the repository has them."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{ROOT}/README.md", "Articles")
        for row in articles.to_dict("records"):
            names = ("topic", "source", "source_url", "date", "title", "content")
            fields = {name: row[name] for name in names} | {"ID": row["id"], "bias_text": row["bias"]}
            fields |= {"bias": BIASES.index(row["bias"]), "url": "", "authors": "", "content_original": ""}
            archive.writestr(f"{ROOT}/data/jsons/{row['id']}.json", json.dumps(fields))
        for kind in ("random", "media"):
            for split in ("train", "valid", "test"):
                rows = articles[articles[f"split_{kind}"] == split]
                lines = [f"{row.id}\t{BIASES.index(row.bias)}" for row in rows.itertuples()]
                archive.writestr(f"{ROOT}/data/splits/{kind}/{split}.tsv", "\n".join(["ID\tbias", *lines]) + "\n")
