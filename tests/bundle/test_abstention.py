import json
import random
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newstance.bundle import abstention
from newstance.bundle.abstention import NearestTraining, TextCheck
from newstance.errors import NewstanceError

TITLE = "Council votes to close the old bridge"
NEWS = (
    "The city council voted on Tuesday evening to close the old bridge over the river next year. The mayor said that "
    "the safety of the people who cross it every day had to come first. Shopkeepers in the centre fear that they will "
    'lose customers. "Nobody has asked us what it means for our families," said Mary Holm, who runs a bakery beside '
    "the bridge. The work will take eighteen months and will cost about 40 million euros, half of which the region is "
    "to pay. A vote on the details is expected in May, after the engineers have handed in a second report."
)
GERMAN = (
    "Der Stadtrat hat am Dienstagabend nach langer Debatte beschlossen, die alte Brücke über den Fluss im Mai "
    "zu sperren. Die Bürgermeisterin sagte, die Sicherheit der Menschen gehe vor."
)
CHINESE = "市议会在周二晚上经过长时间的辩论之后决定明年关闭河上的旧桥。市长表示，居民的安全是第一位的。" * 3
CODE = (
    "def area(points):\n    total = 0\n    for (x, y) in points:\n        total += x * y  # [m^2]\n    return total\n"
    * 4
)
SONG = "Walking home along the river\nWith the lanterns burning low\nI can hear the water singing\nOf a town\n" * 4
TABLE = "\n".join(f"{year},{year % 7}.{year % 9},{year * 3},open" for year in range(1950, 2010))
CONTENT = """
harbour ferry timetable council budget museum school garden market theatre bridge repair mayor shopkeeper winter summer
engineer report bakery family customer region million euro debate opposition library hospital nurse strike wage teacher
exam storm flood rescue farmer harvest price wheat export minister treaty border guard refugee camp charity volunteer
football coach final referee stadium concert singer album painter gallery
""".split()
LINKS = "\n".join(f"Read more about the harbour, part {part}" for part in range(20))


def reason(text, title="", **settings):
    found = TextCheck(**settings).check(title, text)
    return found and found.reason


def shuffled(text):
    return " ".join(random.Random(1).sample(text.split(), len(text.split())))


@pytest.mark.parametrize("title", [TITLE, "", TITLE.upper(), TITLE.title()])
def test_news_is_not_refused_whatever_its_title_looks_like(title):
    assert TextCheck().check(title, NEWS) is None


@pytest.mark.parametrize("width", [40, 60, 80])
def test_news_is_not_refused_for_its_line_breaks(width):
    assert reason(textwrap.fill(NEWS, width)) is None
    assert reason(NEWS.replace(". ", ".\n\n")) is None


def test_news_with_a_foreign_quotation_is_not_refused():
    assert reason(f'{NEWS} "{GERMAN[:120]}," the visitor said. {NEWS}') is None


@pytest.mark.parametrize(
    ("text", "language"),
    [(GERMAN * 3, "German"), (CHINESE, "Chinese"), (f"{GERMAN} {GERMAN} English title here", "German")],
)
def test_another_language_is_named(text, language):
    found = TextCheck().check("", text)
    assert found.reason == "not-english"
    assert language in found.detail


def test_a_language_without_spaces_is_foreign_and_not_too_short():
    assert len(CHINESE.split()) == 1
    assert reason(CHINESE) == "not-english"


@pytest.mark.parametrize("words", [0, 1, 3, 20, 49])
def test_a_few_words_are_too_short(words):
    found = TextCheck().check("", " ".join(NEWS.split()[:words]))
    assert found.reason == "too-short"
    assert f"{words} words" in found.detail


@pytest.mark.parametrize("text", ["", " \n ", "12 34 56", "?", "\ud800", "\0"])
def test_next_to_nothing_is_too_short_and_no_error(text):
    assert reason(text) == "too-short"


def test_the_title_counts_and_the_least_number_of_words_is_a_setting():
    first = " ".join(NEWS.split()[:45])
    assert reason(first) == "too-short"
    assert reason(first, title=TITLE) is None
    assert reason(first, min_words=45) is None
    assert reason(NEWS, min_words=1000) == "too-short"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (CODE, "code"),
        (TABLE, "table"),
        (SONG, "lines are short"),
        (LINKS, "lines are short"),
        ("The offer ends today and nobody should miss it at all. " * 20, "repeats itself"),
        (shuffled(NEWS), "order"),
        (shuffled(NEWS.lower().replace(".", "").replace(",", "")), "order"),
        (" ".join(NEWS.replace(".", "").split() * 2), "ends of sentences"),
        (". ".join(" ".join(CONTENT[start : start + 6]).title() for start in range(0, 60, 6)), "small ones"),
    ],
)
def test_text_that_is_no_news_is_refused_with_what_is_wrong_with_it(text, part):
    found = TextCheck().check("", text)
    assert found.reason == "not-news-like"
    assert part in found.detail


def test_random_letters_are_not_taken_for_a_foreign_language():
    chance = random.Random(2)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(2, 9))) for _ in range(90)]
    found = TextCheck().check("", " ".join(words))
    assert (found.reason, "no language" in found.detail) == ("not-news-like", True)


@settings(max_examples=60)
@given(st.text(max_size=400), st.text(max_size=400), st.integers(1, 30))
def test_any_text_gets_an_answer(title, text, times):
    TextCheck(min_words=0).check(title, text * times)


def test_many_threads_load_the_language_model_once(monkeypatch):
    from py3langid.langid import LanguageIdentifier

    abstention._identifier.cache_clear()
    loads = []
    original = LanguageIdentifier.from_model_file.__func__
    monkeypatch.setattr(
        LanguageIdentifier,
        "from_model_file",
        classmethod(lambda cls, *args, **kwargs: loads.append(1) or original(cls, *args, **kwargs)),
    )
    with ThreadPoolExecutor(8) as pool:
        reasons = list(pool.map(reason, [NEWS, GERMAN * 3] * 8))
    assert reasons == [None, "not-english"] * 8
    assert loads == [1]


def test_after_warming_the_first_check_loads_nothing(monkeypatch):
    TextCheck().warm()
    misses = abstention._identifier.cache_info().misses
    TextCheck().check(TITLE, NEWS)
    assert abstention._identifier.cache_info().misses == misses


def test_neither_pandas_nor_torch_nor_scikit_learn_is_imported():
    check = (
        "import sys, newstance.bundle.abstention as a, newstance.bundle.targets\n"
        "a.TextCheck().warm()\n"
        "print([name for name in ('pandas', 'torch', 'sklearn', 'mlflow', 'transformers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def unit(rows):
    rows = np.asarray(rows, dtype=np.float64)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def random_units(seed, count, dimensions=8):
    return unit(np.random.default_rng(seed).normal(size=(count, dimensions)))


@given(st.integers(0, 1000), st.integers(1, 20))
def test_the_distance_is_the_mean_cosine_distance_to_the_nearest(seed, neighbours):
    train, vector = random_units(seed, 20).astype(np.float16), random_units(seed + 1, 1)[0]
    distances = np.sort(1 - train.astype(np.float64) @ vector)
    expected = distances[:neighbours].mean()
    assert NearestTraining(train, neighbours, 1.0).distance(vector) == pytest.approx(expected, abs=1e-5)


def test_the_threshold_refuses_the_wanted_share_of_validation():
    nearest = NearestTraining.fit(random_units(1, 300), validation := random_units(2, 200), 5, false_abstentions=0.05)
    assert sum(nearest.check(vector) is not None for vector in validation) == 10


def test_what_is_far_from_training_is_refused_with_its_distance():
    near = unit(np.hstack([np.ones((80, 1)), random_units(1, 80, 7)]))
    train, validation, typical = near[:50], near[50:79], near[79]
    nearest = NearestTraining.fit(train, validation, 5)
    assert nearest.check(typical) is None
    found = nearest.check(-train[0])
    assert found.reason == "out-of-distribution"
    assert f"{nearest.distance(-train[0]):.2f}" in found.detail


def test_a_check_survives_being_saved_as_arrays(tmp_path):
    nearest = NearestTraining.fit(random_units(1, 60), random_units(2, 40), 3)
    np.savez(tmp_path / "nearest.npz", **nearest.to_arrays())
    with np.load(tmp_path / "nearest.npz", allow_pickle=False) as arrays:
        again = NearestTraining.from_arrays(arrays)
    assert again.threshold == nearest.threshold
    assert [again.distance(vector) for vector in random_units(3, 9)] == [
        nearest.distance(vector) for vector in random_units(3, 9)
    ]
    assert all(array.dtype != object for array in nearest.to_arrays().values())


@pytest.mark.parametrize(("rows", "neighbours"), [(np.zeros((3, 4)), 4), (np.zeros((3, 4)), 0), (np.zeros(4), 1)])
def test_more_neighbours_than_articles_are_refused(rows, neighbours):
    with pytest.raises(NewstanceError, match="nearest"):
        NearestTraining(rows, neighbours, 1.0)


def test_answers_are_json():
    assert json.loads(TextCheck().check("", "").model_dump_json())["reason"] == "too-short"
