"""AllSides articles with political leaning: Article-Bias-Prediction (Baly et al., EMNLP 2020).

R. Baly, G. Da San Martino, J. Glass, P. Nakov, "We Can Detect Your Bias: Predicting the Political Ideology of News
Articles": 37,554 US news articles, labelled by AllSides' rating of their source, with two published splits.
"""

from __future__ import annotations

import json
import urllib.request
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from http.client import HTTPException, HTTPResponse
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
from rich.progress import Progress

from newstance.corpus import near_duplicates
from newstance.corpus.dates import parse_dates
from newstance.corpus.encoding import normalise_white_space
from newstance.corpus.masking import mask_articles, recurrent_lines
from newstance.corpus.published_outlets import Outlets, shared_identities
from newstance.errors import NewstanceError
from newstance.files import atomic_path, write_parquet
from newstance.settings import DATA_DIR, NearDuplicateSettings

NAME = "allsides"
REPOSITORY = "ramybaly/Article-Bias-Prediction"
COMMIT = "ced8111a720948e6a410e52031ace99c4e53f096"
HOME = f"https://codeload.github.com/{REPOSITORY}/zip/{COMMIT}"
# Of `_HASHED`, ordered by id (`content_sha256`).
SHA256 = "e59739cebebc3b6564908c4c909574aafa075656ceae2ea7fcb0007688404c46"
TIMEOUT = 60  # seconds
RANDOM, MEDIA, MEDIA_CLEAN = "random", "media", "media-clean"
EXCLUDED = "excluded"

_COLUMNS = ["id", "topic", "source", "source_url", "date", "title", "content", "bias", "split_random", "split_media"]
_HASHED = ["id", "topic", "source", "source_url", "bias", "split_random", "split_media", "content"]
_FIELDS = {"id": "ID", "bias": "bias_text"}  # where the JSON files name them differently
_SPLIT_NAMES = {"train": "train", "valid": "validation", "test": "test"}


def read_allsides(downloads: Path, progress: Progress) -> pd.DataFrame:
    """Read the collection, verified by the hash of its content, and clean it.

    Parameters
    ----------
    downloads
        Where the collection is put when the data directory (environment variable NEWSTANCE_DATA_DIR) doesn't have it
        as ``allsides/articles.parquet``.
    progress
        Shows the download.

    Returns
    -------
    DataFrame
        The article columns (`url` is the address of the site, `outlet` the source's name), `topic`, `bias`,
        `split_random`, `split_media` (a split, or ``excluded`` where the authors put the article in none). White
        space is normalised; no text is empty, none occurs twice.

    Raises
    ------
    NewstanceError
        When the collection can't be had, or isn't the published one.
    """
    path = DATA_DIR / NAME / "articles.parquet" if DATA_DIR else None
    if path is None or not path.is_file():
        path = _downloaded(downloads / NAME, progress)
    return _cleaned(_read_table(path))


def _read_table(path: Path) -> pd.DataFrame:
    try:
        table: pd.DataFrame = pq.read_table(path, columns=_COLUMNS).to_pandas()
    except (OSError, ValueError) as error:
        raise NewstanceError(f"{path} can't be read as the AllSides table: {' '.join(str(error).split())}.") from None
    if missing := [name for name in _COLUMNS if name not in table.columns]:
        raise NewstanceError(f"{path} lacks the column(s) {', '.join(missing)}; it isn't the AllSides table.")
    _check(table, str(path))
    return table


def _check(table: pd.DataFrame, source: str) -> None:
    if (found := content_sha256(table)) != SHA256:
        raise NewstanceError(
            f"{source} holds articles with sha256 {found}, expected {SHA256}: it isn't {REPOSITORY} at {COMMIT[:8]}."
        )


def content_sha256(table: pd.DataFrame) -> str:
    """Return the SHA-256 over the articles' ids, labels, splits and texts, whatever their order and file format."""
    digest = sha256()
    for row in table[_HASHED].sort_values("id").itertuples(index=False):
        cells = ["" if pd.isna(cell) else str(cell) for cell in row]
        digest.update("\t".join([*cells[:-1], sha256(cells[-1].encode()).hexdigest()]).encode() + b"\n")
    return digest.hexdigest()


def _cleaned(table: pd.DataFrame) -> pd.DataFrame:
    articles = pd.DataFrame(
        {
            "article_id": table["id"],
            "outlet": table["source"].str.strip(),
            "url": table["source_url"].str.strip(),
            "published": _dates(table["date"]),
            "title": table["title"].map(normalise_white_space),
            "subtitle": "",
            "text": table["content"].map(normalise_white_space),
            "topic": table["topic"],
            "bias": table["bias"],
            "split_random": table["split_random"].map(_SPLIT_NAMES).fillna(EXCLUDED),
            "split_media": table["split_media"].map(_SPLIT_NAMES).fillna(EXCLUDED),
        }
    )
    kept = (articles["text"] != "") & ~articles["text"].duplicated()
    return articles[kept].reset_index(drop=True)


def _dates(dates: pd.Series[str]) -> pd.Series[pd.Timestamp]:
    """Parse dates: 2016-05-18, and a few in the American form 5/18/16."""
    american = pd.to_datetime(dates, format="%m/%d/%y", errors="coerce")
    return parse_dates(dates).fillna(american.astype("datetime64[ns]"))


class Collection:
    """The collection as the tasks need it: read once, grouped once, masked once.

    Parameters
    ----------
    articles
        As `read_allsides` returns them.
    outlets
        Who is who.
    settings
        How near-duplicates are found.
    words
        How many of an article's first words are compared for that, boilerplate apart.
    recurrent
        Paragraphs that stand in at least so many articles are boilerplate.
    """

    def __init__(
        self, articles: pd.DataFrame, outlets: Outlets, settings: NearDuplicateSettings, words: int, recurrent: int
    ) -> None:
        sources = articles["outlet"]
        self._outlets = outlets
        self._recurrent = recurrent
        self._sources = pd.DataFrame({"source": sources, "host": articles["url"]})
        named = [outlets.outlet(source, host) for source, host in zip(sources, articles["url"], strict=True)]
        compared = pd.DataFrame(
            {"article_id": articles["article_id"], "text": _beginnings(articles["text"], words, recurrent)}
        )
        self.articles = articles.assign(
            outlet=pd.Series(named, index=articles.index, dtype="str"),
            group=near_duplicates.find(compared, settings)[0],
        )
        self._masked: pd.DataFrame | None = None

    @property
    def masked(self) -> pd.DataFrame:
        """The same articles with outlets, bylines and boilerplate masked."""
        if self._masked is None:
            self._masked = mask_articles(self.articles, self._outlets, self._recurrent)
        return self._masked

    def splits(self, name: str) -> tuple[pd.Series[str], list[tuple[str, pd.Series[bool]]]]:
        """Return the split of every article, and what each rule took from train and validation.

        Parameters
        ----------
        name
            ``random`` or ``media``, as the authors published them; ``media-clean``: test is that of ``media``, and
            train and validation lose every article of an outlet or author of test, then every near-duplicate.

        Returns
        -------
        splits : Series of str
            train, validation, test or excluded.
        removed : list of (str, Series of bool)
            Rule and whether it removed the article, in the order of the rules.
        """
        splits = self.articles[f"split_{RANDOM if name == RANDOM else MEDIA}"].copy()
        removed = []
        if name == MEDIA_CLEAN:
            test = splits == "test"
            groups = self.articles.loc[test, "group"]
            rules = {
                "outlet or author of test": shared_identities(self._sources, test, self._outlets),
                "near-duplicate of test": self.articles["group"].isin(groups),
            }
            for rule, found in rules.items():
                gone = found & splits.isin(["train", "validation"])
                splits[gone] = EXCLUDED
                removed.append((rule, gone))
        return splits, removed


def _beginnings(texts: pd.Series[str], words: int, recurrent: int) -> list[str]:
    """Return the first words of every text without boilerplate, which would make unlike articles alike."""
    boilerplate = recurrent_lines(texts, recurrent)
    own = ("\n".join(line for line in text.split("\n") if line not in boilerplate) for text in texts)
    return [" ".join(text.split(None, words)[:words]) for text in own]


def _downloaded(folder: Path, progress: Progress) -> Path:
    table = folder / "articles.parquet"
    if not table.is_file():
        archive = folder / f"{COMMIT[:8]}.zip"
        _download(archive, progress)
        try:
            articles = read_archive(archive, progress)
            _check(articles, HOME)
        finally:
            archive.unlink()
        write_parquet(table, articles)
    return table


def _download(archive: Path, progress: Progress) -> None:
    try:
        with urllib.request.urlopen(HOME, timeout=TIMEOUT) as answer, atomic_path(archive) as temporary:
            _store(answer, temporary, progress)
    except (OSError, HTTPException) as error:
        raise NewstanceError(
            f"The AllSides articles can't be downloaded from {HOME} ({error}); set NEWSTANCE_DATA_DIR to a folder with "
            f"{NAME}/articles.parquet."
        ) from None


def _store(answer: HTTPResponse, path: Path, progress: Progress) -> None:
    length = int(answer.headers.get("Content-Length") or 0)
    task = progress.add_task("AllSides: download", total=length or None)
    with path.open("wb") as stream:
        while piece := answer.read(1 << 20):
            stream.write(piece)
            progress.advance(task, len(piece))
    if (found := path.stat().st_size) < length:  # nothing else says so when it is read in pieces
        raise OSError(f"the connection ended after {found:,} of {length:,} bytes")


def read_archive(archive: Path, progress: Progress) -> pd.DataFrame:
    """Read the repository's archive: data/jsons/ID.json, and data/splits/{random,media}/{train,valid,test}.tsv.

    Parameters
    ----------
    archive
        A zip file, as GitHub makes it.
    progress
        Shows how many articles are read.

    Returns
    -------
    DataFrame
        One row an article: id, topic, source, source_url, date, title, content, bias (left, center, right),
        split_random and split_media (train, valid, test or missing).

    Raises
    ------
    NewstanceError
        When the archive is damaged or of another form.
    """
    try:
        with zipfile.ZipFile(archive) as members:
            rows = list(_articles(members, progress))
            splits = {f"split_{kind}": _published_split(members, kind) for kind in (RANDOM, MEDIA)}
    except (zipfile.BadZipFile, OSError, ValueError, KeyError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise NewstanceError(f"{archive} isn't the archive of {REPOSITORY} ({reason}).") from None
    table = pd.DataFrame(rows, columns=_COLUMNS[:-2])
    for column, homes in splits.items():
        table[column] = pd.Series(table["id"].map(homes), dtype="str")
    return table


def _articles(members: zipfile.ZipFile, progress: Progress) -> Iterator[list[str]]:
    files = sorted(name for name in members.namelist() if "/data/jsons/" in name and name.endswith(".json"))
    for name in progress.track(files, description="AllSides: articles"):
        article = json.loads(members.read(name))
        yield [article[_FIELDS.get(column, column)] for column in _COLUMNS[:-2]]


def _published_split(members: zipfile.ZipFile, kind: str) -> dict[str, str]:
    """Return the split of every article id that the authors' files list."""
    root = members.namelist()[0].split("/")[0]
    homes = {}
    for split in _SPLIT_NAMES:
        lines = members.read(f"{root}/data/splits/{kind}/{split}.tsv").decode("utf-8").splitlines()
        homes.update({line.split("\t")[0]: split for line in lines[1:] if line.strip()})
    return homes
