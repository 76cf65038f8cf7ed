"""How often articles are wrongly refused, and how often texts that are no English news are rightly refused.

    python benchmarks/abstention.py [--texts 60] [--out benchmarks/abstention.csv]

Limits were chosen on the validation articles, with a look at such other texts; the gold test articles and the second
half of each other source, part `test` of the table, are for the report alone. The other texts lie on any machine that
newstance is installed on (Python files, docstrings, licences and READMEs of the installed packages, message
catalogues of the system), are made from validation or test articles (words shuffled; lines wrapped) or are written
below. Writes two tables: shares refused by source and reason, and beside it abstention_words.csv, how good the topic
of an article is that is cut to its first words. Needs the prepared data (`dvc repro split`); a few minutes.
Milliseconds are processor time.
"""

from __future__ import annotations

import argparse
import ast
import email
import gettext
import json
import random
import string
import sysconfig
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import islice
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, roc_auc_score
from statsmodels.stats.proportion import proportion_confint

from newstance.bundle.abstention import LAYOUT_RULES, NEIGHBOURS, PROSE_RULES, NearestTraining, TextCheck
from newstance.corpus.encoding import normalise_white_space
from newstance.corpus.prepared import read_prepared
from newstance.files import write_csv
from newstance.labels.annotations import read_annotations, skipped_ids
from newstance.models.embeddings import FrozenEncoder, embedding_cache
from newstance.models.settings import DEFAULT_BACKBONE
from newstance.pipeline import read_raw
from newstance.settings import CACHE, REPORTS, load_settings

REASONS = ["too-short", "not-english", "not-news-like", "out-of-distribution"]
TRIED_NEIGHBOURS = [1, 3, 5, 10, 20, 50]
FIRST_WORDS = [10, 20, 30, 40, 50, 75, 100, 200]
PACKAGES = Path(sysconfig.get_paths()["purelib"])
LOCALES = Path("/usr/share/locale")
Texts = list[tuple[str, str]]  # title, text

FOREIGN = [
    "Der Stadtrat hat am Dienstagabend nach langer Debatte beschlossen, die alte Brücke über den Fluss im "
    "nächsten Jahr zu sperren. Die Bürgermeisterin sagte, die Sicherheit der Menschen gehe vor. Händler aus "
    "der Altstadt fürchten, dass Kunden ausbleiben, und verlangen eine Entschädigung. Die Arbeiten sollen "
    "achtzehn Monate dauern und rund vierzig Millionen Euro kosten, von denen das Land die Hälfte trägt.",
    "Le conseil municipal a décidé mardi soir, après un long débat, de fermer le vieux pont l'année prochaine. "
    "La maire a déclaré que la sécurité des habitants passait avant tout. Les commerçants du centre craignent "
    "de perdre leurs clients et demandent une compensation. Les travaux doivent durer dix-huit mois et coûter "
    "près de quarante millions d'euros, dont la moitié sera payée par la région.",
    "El ayuntamiento decidió el martes por la noche, tras un largo debate, cerrar el viejo puente el próximo "
    "año. La alcaldesa dijo que la seguridad de los vecinos es lo primero. Los comerciantes del centro temen "
    "perder clientes y piden una indemnización. Las obras durarán dieciocho meses y costarán unos cuarenta "
    "millones de euros, de los que la región pagará la mitad.",
    "Городской совет во вторник вечером после долгих споров решил закрыть старый мост в следующем году. Мэр "
    "заявила, что безопасность жителей важнее всего. Торговцы из центра опасаются потерять покупателей и "
    "требуют возмещения. Работы продлятся восемнадцать месяцев и обойдутся примерно в сорок миллионов, "
    "половину из которых заплатит область.",
    "市议会在周二晚上经过长时间的辩论之后决定明年关闭河上的旧桥。市长表示，居民的安全是第一位的。市中心的"
    "商人担心会失去顾客，要求得到补偿。工程预计持续十八个月，费用大约四千万元，其中一半由省政府承担。反对"
    "派议员认为，应该先修建一座临时桥梁，否则两岸的交通将会中断，学生和病人都要绕行很远的路。",
    "Gemeenteraad besloot dinsdagavond na een lang debat om de oude brug over de rivier volgend jaar te "
    "sluiten. De burgemeester zei dat de veiligheid van de inwoners voorgaat. Winkeliers in het centrum vrezen "
    "dat klanten wegblijven en eisen een vergoeding. Het werk duurt achttien maanden en kost ongeveer veertig "
    "miljoen euro.",
]
UNLIKE_NEWS = [
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et "
    "dolore magna aliqua. Ut enim ad minim veniam, quis nostrud exercitation ullamco laboris nisi ut aliquip "
    "ex ea commodo consequat. Duis aute irure dolor in reprehenderit in voluptate velit esse cillum dolore eu "
    "fugiat nulla pariatur. Excepteur sint.",
    "\n".join(
        """Walking home along the river
        With the lanterns burning low
        I can hear the water singing
        Of a town I used to know
        Oh the ferry leaves at midnight
        And I have no place to go
        Carry me home, carry me home
        Where the winter lilies grow
        Walking home along the river
        With the lanterns burning low
        Carry me home, carry me home
        Of a town I used to know""".split("\n        ")
    ),
    "\n".join(
        """Lentil soup for four
        200 g red lentils
        1 onion, chopped
        2 carrots, sliced
        1 tbsp olive oil
        1 litre vegetable stock
        1 tsp cumin
        salt and pepper
        Rinse the lentils
        Fry the onion in the oil
        Add carrots, cumin and lentils
        Pour in the stock
        Simmer for 25 minutes
        Season and serve with bread""".split("\n        ")
    ),
    "\n".join(
        f"{word.title()} and {other} news - https://example.org/{word}/{other}"
        for word, other in zip(
            "river harbour council budget museum school ferry garden market theatre".split(),
            "bridge dock vote tax exhibition strike timetable show prices season".split(),
            strict=True,
        )
    ),
    "Home\nWorld\nPolitics\nBusiness\nSport\nCulture\nWeather\nSign in\nSubscribe\nNewsletters\nMost read\nContact us\n"
    "Terms of use\nPrivacy policy\nCookie settings\nAbout\nJobs\nAdvertise with us\nFollow us\nDownload the app\n" * 2,
    "Buy now and save on all our wonderful offers today. " * 20,
]


def in_fixed_order(paths: Iterator[Path]) -> list[Path]:
    """Order files by the hash of their names, so that the first ones are a sample of all."""
    return sorted(paths, key=lambda path: sha256(str(path.relative_to(PACKAGES)).encode()).hexdigest())


def read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (UnicodeDecodeError, OSError):
        return ""


def long_enough(texts: Iterator[str]) -> Iterator[tuple[str, str]]:
    return (("", text) for text in texts if len(text.split()) >= 60)


def code() -> Iterator[tuple[str, str]]:
    return long_enough(read(path)[:6000] for path in in_fixed_order(PACKAGES.rglob("*.py")))


def docstrings() -> Iterator[tuple[str, str]]:
    """The longest docstring of a file."""
    for path in in_fixed_order(PACKAGES.rglob("*.py")):
        try:
            nodes = list(ast.walk(ast.parse(read(path))))
        except (SyntaxError, ValueError):
            continue
        kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
        found = [ast.get_docstring(node) or "" for node in nodes if isinstance(node, kinds)]
        yield from long_enough(iter([max(found, key=len, default="")]))


def licences() -> Iterator[tuple[str, str]]:
    """Those whose wording differs after the line of the copyright."""
    paths = (path for path in PACKAGES.rglob("LICEN[SC]E*") if path.suffix in {"", ".txt", ".md", ".rst"})
    wordings = {" ".join(text.split())[200:600]: text for text in map(read, in_fixed_order(paths))}
    return long_enough(iter(wordings.values()))


def readmes() -> Iterator[tuple[str, str]]:
    paths = in_fixed_order(PACKAGES.glob("*.dist-info/METADATA"))
    return long_enough(str(email.message_from_string(read(path)).get_payload()) for path in paths)


def translations() -> Iterator[tuple[str, str]]:
    """Messages of the system in other languages than English, a text a language."""
    done = set()
    for path in sorted(LOCALES.glob("*/LC_MESSAGES/*.mo")):
        language = path.parts[-3].split("_")[0].split("@")[0]
        if language in done | {"en"}:
            continue
        with path.open("rb") as stream:
            catalogue = vars(gettext.GNUTranslations(stream))["_catalog"]
        pairs = [pair for pair in catalogue.items() if all(isinstance(part, str) for part in pair)]
        messages = [message for key, message in pairs if key and message != key and len(message) > 30]
        text = " ".join(sorted(messages))[:2500]
        if len(text) > 1200:
            done.add(language)
            yield "", text


def random_characters() -> Iterator[tuple[str, str]]:
    chance = random.Random(1)
    while True:
        signs = chance.choice([string.ascii_lowercase, string.ascii_letters + string.digits])
        yield "", " ".join("".join(chance.choices(signs, k=chance.randint(2, 9))) for _ in range(100))


def shuffled(articles: Texts) -> Texts:
    chance = random.Random(1)
    return [(title, " ".join(chance.sample(text.split(), len(text.split())))) for title, text in articles]


def wrapped(articles: Texts) -> Texts:
    return [(title, textwrap.fill(text, 60)) for title, text in articles]


def quoting(articles: Texts) -> Texts:
    """Articles with a foreign quotation in the middle, as long as the shortest of them."""
    halves = [(title, text[: len(text) // 2], text[len(text) // 2 :]) for title, text in articles]
    quotations = [FOREIGN[number % len(FOREIGN)] for number in range(len(halves))]
    return [
        (title, f'{before} "{quotation}" {after}')
        for (title, before, after), quotation in zip(halves, quotations, strict=True)
    ]


def skipped() -> Texts:
    """What the annotators marked as no article: captions, programme notes, lists of links."""
    settings = load_settings()
    scheme = settings.labels.load_schemes()["topic"]
    annotations = read_annotations(scheme, settings.labels.directory)
    ids = skipped_ids(annotations, scheme, (*settings.labels.training, settings.labels.reference))
    raw = read_raw(settings.corpus)
    rows = raw[raw["article_id"].isin(ids)].map(
        lambda cell: normalise_white_space(cell) if isinstance(cell, str) else cell
    )
    return [(title, text) for title, text in zip(rows["title"], rows["text"], strict=True)]


def as_texts(table: pd.DataFrame) -> Texts:
    return list(zip(table["title"], table["text"], strict=True))


def sources(texts: int, validation: Texts, test: Texts) -> dict[str, tuple[bool, Texts, Texts]]:
    """By name: whether the texts are news, those that limits may be chosen on, and those that they are tested on."""
    made: dict[str, Callable[[Texts], Texts]] = {
        "articles, lines of 60 characters": wrapped,
        "articles with a foreign quotation": quoting,
    }
    table = {"articles": (True, validation, test)}
    validation, test = (found[:: len(found) // texts or 1][:texts] for found in (validation, test))
    table |= {name: (True, change(validation), change(test)) for name, change in made.items()}
    others: dict[str, Iterator[tuple[str, str]]] = {
        "Python files": code(),
        "docstrings": docstrings(),
        "licences": licences(),
        "READMEs": readmes(),
        "messages in other languages": translations(),
        "random characters": random_characters(),
        "tables (CSV)": (("", read(path)) for path in sorted(REPORTS.rglob("*.csv"))),
        "prose in other languages": (("", text) for text in FOREIGN),
        "songs, recipes, links, filler": (("", text) for text in UNLIKE_NEWS),
        "skipped by the annotators": iter(skipped()),
    }
    halves = {name: list(islice(found, 2 * texts)) for name, found in others.items()}
    table |= {name: (False, found[::2], found[1::2]) for name, found in halves.items()}
    table["words of articles shuffled"] = (False, shuffled(validation), shuffled(test))
    return table


def print_extremes(articles: Texts) -> None:
    for rule in (*LAYOUT_RULES, *PROSE_RULES):
        values = [rule.measure(text[:6000]) for _, text in articles]
        low, high = np.quantile(values, [0.01, 0.99])
        print(
            f"{rule.measure.__name__:<20} limit {rule.limit:<6} validation {min(values):.3f} to {max(values):.3f}, "
            f"98 % between {low:.3f} and {high:.3f}"
        )


def outcomes(found: Texts, vectors: np.ndarray, check: TextCheck, nearest: NearestTraining) -> dict[str, float]:
    """Shares refused by reason, as the bundle checks: the text first, then the distance of what is left."""
    started = time.process_time()
    by_text = [check.check(title, text) for title, text in found]
    milliseconds = (time.process_time() - started) / len(found) * 1000
    by_distance = [nearest.check(vector) for vector in vectors]
    refused = [first or second for first, second in zip(by_text, by_distance, strict=True)]
    reasons = Counter(abstention.reason for abstention in refused if abstention)
    low, high = proportion_confint(reasons.total(), len(found), method="wilson")
    return {
        **{reason.replace("-", "_"): reasons[reason] / len(found) for reason in REASONS},
        "refused": reasons.total() / len(found),
        "refused_low": low,
        "refused_high": high,
        "far_whatever_the_text": sum(abstention is not None for abstention in by_distance) / len(found),
        "text_check_ms": milliseconds,
    }


def cut_articles(
    data: dict[str, pd.DataFrame], embed: Callable[[Texts], np.ndarray], train: np.ndarray, nearest: NearestTraining
) -> pd.DataFrame:
    """Validation articles of which only the first words are known: the topics that a model of train gives them, and
    the share that is refused, were there no least number of words.
    """
    validation, truth = data["validation"], data["validation"]["topic"].astype("str").to_numpy()
    model = LogisticRegression(C=10, class_weight="balanced", max_iter=500)
    model.fit(train, data["train"]["topic"].astype("str"))
    rows = []
    for words in [*FIRST_WORDS, None]:
        cut = [(title, " ".join(text.split()[:words])) for title, text in as_texts(validation)]
        vectors = embed(cut)
        predicted = model.predict(vectors)
        rows.append(
            {
                "first_words": words or "all",
                "articles": len(cut),
                "accuracy": float((predicted == truth).mean()),
                "macro_f1": f1_score(truth, predicted, average="macro"),
                "refused": outcomes(cut, vectors, TextCheck(min_words=0), nearest)["refused"],
            }
        )
        print(json.dumps(rows[-1]), flush=True)
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=60, help="most texts of a source in either half")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".csv"))
    chosen = parser.parse_args()
    data = read_prepared("topic")
    articles = {split: as_texts(table) for split, table in data.items()}
    encoder = FrozenEncoder(DEFAULT_BACKBONE, max_tokens=256).fit([])

    def embed(texts: Texts) -> np.ndarray:
        return encoder.transform([f"{title}. {text}" for title, text in texts])

    with embedding_cache(CACHE / "embeddings"):
        vectors = {split: embed(texts) for split, texts in articles.items()}
    check = TextCheck()
    check.warm()
    print_extremes(articles["validation"])
    checks = {k: NearestTraining.fit(vectors["train"], vectors["validation"], k) for k in TRIED_NEIGHBOURS}
    nearest = checks[NEIGHBOURS]
    single = [timed(nearest, vector) for vector in vectors["validation"]]
    print(f"distance to {len(vectors['train'])} articles: {median(single):.2f} ms")
    rows = []
    areas: dict[int, list[tuple[float, float]]] = {k: [] for k in TRIED_NEIGHBOURS}
    for name, (is_news, *parts) in sources(chosen.texts, articles["validation"], articles["test"]).items():
        for part, found in zip(("validation", "test"), parts, strict=True):
            split_vectors = vectors[part] if name == "articles" else embed(found)
            row = outcomes(found, split_vectors, check, nearest)
            rows.append({"source": name, "is_news": is_news, "part": part, "texts": len(found), **row})
            print(json.dumps(rows[-1]), flush=True)
            if part == "validation" and not is_news:
                for k, check_of_k in checks.items():
                    areas[k].append(area(check_of_k, vectors["validation"], split_vectors))
    for k, found in areas.items():
        means = np.mean(found, axis=0)
        print(
            f"{k} neighbours: area under ROC {means[0]:.3f}, detected {means[1]:.3f}, validation, mean of the sources"
        )
    write_csv(chosen.out, pd.DataFrame(rows))
    write_csv(
        chosen.out.with_name(f"{chosen.out.stem}_words.csv"), cut_articles(data, embed, vectors["train"], nearest)
    )


def timed(nearest: NearestTraining, vector: np.ndarray) -> float:
    started = time.process_time()
    nearest.check(vector)
    return (time.process_time() - started) * 1000


def area(nearest: NearestTraining, news: np.ndarray, others: np.ndarray) -> tuple[float, float]:
    """Area under the ROC curve, and the share of other texts that is too far."""
    distances = np.array([nearest.distance(vector) for vector in (*news, *others)])
    truth = [0] * len(news) + [1] * len(others)
    return roc_auc_score(truth, distances), float((distances[len(news) :] > nearest.threshold).mean())


if __name__ == "__main__":
    main()
