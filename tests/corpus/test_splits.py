import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstance.corpus.splits import check_labels, check_splits, folds, make_splits, summarise
from newstance.errors import NewstanceError
from newstance.scheme import Label, Scheme
from newstance.settings import SplitSettings

CODES = ["left", "center", "right"]
LABELS = tuple(Label(code=code, name=code, definition=code) for code in CODES)
LEANING = Scheme(name="leaning", kind="single-label", title="Leaning", annotations="leanings.csv", labels=LABELS)
VIEW = Scheme(name="view", kind="target-dependent", title="View", annotations="views.csv", labels=LABELS)
SETTINGS = SplitSettings()


def leanings(labels: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame({"article_id": list(labels), "leaning": list(labels.values())}, dtype="str")


def split_leanings(groups, training, reference, settings=SETTINGS) -> pd.DataFrame:
    articles = pd.DataFrame({"article_id": list(groups), "group": list(groups.values())}, dtype="str")
    return make_splits(
        articles, {"leaning": LEANING}, {"leaning": leanings(training)}, {"leaning": leanings(reference)}, settings
    )


@st.composite
def corpora(draw):
    """Articles with arbitrary groups; some have a training label, some a reference label, some neither."""
    ids = [f"a{number}" for number in range(draw(st.integers(1, 40)))]
    groups = {article_id: f"g{draw(st.integers(0, 25))}" for article_id in ids}
    training = {name: draw(st.sampled_from(CODES)) for name in ids if draw(st.booleans())}
    reference = {name: draw(st.sampled_from(CODES)) for name in ids if draw(st.integers(0, 3)) == 0}
    return groups, training, reference


@given(corpora(), st.integers(0, 5))
def test_groups_never_cross_and_test_is_what_the_reference_labelled(corpus, seed):
    groups, training, reference = corpus
    splits = split_leanings(groups, training, reference, SplitSettings(seed=seed))
    assert splits["article_id"].tolist() == [name for name in groups if name in training or name in reference]
    used = splits[splits["split"] != "excluded"]
    assert len(used[["group", "split"]].drop_duplicates()) == used["group"].nunique()
    if reference:
        assert set(splits.loc[splits["split"] == "test", "article_id"]) == set(reference)
    test_groups = set(splits.loc[splits["split"] == "test", "group"])
    assert set(splits.loc[splits["split"] == "excluded", "group"]) <= test_groups


@given(corpora())
def test_every_label_outside_test_occurs_in_train(corpus):
    groups, training, reference = corpus
    splits = split_leanings(groups, training, reference).set_index("article_id")["split"]
    outside = {label for name, label in training.items() if splits[name] in {"train", "validation"}}
    assert {label for name, label in training.items() if splits[name] == "train"} == outside


def many(count: int) -> dict[str, str]:
    """Labels of `count` articles: six in ten left, three center, one right."""
    return {f"a{number}": CODES[(number % 10 >= 6) + (number % 10 == 9)] for number in range(count)}


def test_validation_is_a_tenth_and_keeps_the_shares_of_the_labels():
    training = many(1000)
    splits = split_leanings({name: f"g{name}" for name in training}, training, {"a0": "left"}, SETTINGS)
    validation = splits[splits["split"] == "validation"]["article_id"].map(training).value_counts()
    assert len(splits[splits["split"] == "validation"]) == pytest.approx(100, abs=1)
    assert validation[CODES].tolist() == [pytest.approx(60, abs=1), pytest.approx(30, abs=1), pytest.approx(10, abs=1)]


def test_without_a_reference_a_stratified_fifth_is_test():
    training = many(500)
    splits = split_leanings({name: f"g{name}" for name in training}, training, {})
    check_splits(splits)
    test = splits[splits["split"] == "test"]["article_id"].map(training).value_counts()
    assert test[CODES].tolist() == [pytest.approx(60, abs=1), pytest.approx(30, abs=1), pytest.approx(10, abs=1)]
    assert not (splits["split"] == "excluded").any()


def test_equal_seeds_split_alike_and_other_seeds_differently():
    training = many(300)
    groups = {name: f"g{name}" for name in training}
    first = split_leanings(groups, training, {})
    pd.testing.assert_frame_equal(first, split_leanings(groups, training, {}))
    assert not first.equals(split_leanings(groups, training, {}, SplitSettings(seed=1)))


def test_articles_that_share_a_group_with_a_test_article_are_excluded():
    groups = {**{name: f"g{name}" for name in many(40)}, "twin": "ga0"}
    splits = split_leanings(groups, {**many(40), "twin": "left"}, {"a0": "left"}).set_index("article_id")["split"]
    assert splits["a0"] == "test"
    assert splits["twin"] == "excluded"


def test_targets_alone_are_stratified_by_the_articles_most_frequent_label():
    rows = [
        (f"a{number}", target, "right" if number % 5 == 0 and target != "Rome" else "left")
        for number in range(200)
        for target in ("Oslo", "Rome", "Bern")
    ]
    training = pd.DataFrame(rows, columns=["article_id", "target", "view"])
    articles = pd.DataFrame({"article_id": [f"a{number}" for number in range(200)]})
    articles["group"] = articles["article_id"]
    splits = make_splits(articles, {"view": VIEW}, {"view": training}, {"view": training[:0]}, SETTINGS)
    check_splits(splits)
    test = splits.loc[splits["split"] == "test", "article_id"].str[1:].astype(int)
    assert (test % 5 == 0).sum() == pytest.approx(8, abs=1)
    assert len(test) == pytest.approx(40, abs=1)


def test_an_article_labelled_in_one_scheme_only_is_split_too():
    stances = pd.DataFrame({"article_id": ["extra"], "target": ["Oslo"], "view": ["left"]})
    training = {"leaning": leanings(many(20)), "view": stances}
    none = {"leaning": leanings({}), "view": stances[:0]}
    ids = [*many(20), "extra"]
    articles = pd.DataFrame({"article_id": ids, "group": ids})
    splits = make_splits(articles, {"view": VIEW, "leaning": LEANING}, training, none, SETTINGS)
    assert splits.set_index("article_id").loc["extra", "split"] == "train"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("a", "g", "train"), ("a", "h", "test")], "article 'a' occurs twice"),
        ([("a", "g", "train"), ("b", "g", "test"), ("c", "h", "validation")], "group 'g' lies in more than one split"),
        ([("a", "g", "train"), ("b", "h", "test"), ("c", "h", "excluded")], "'validation' is empty"),
    ],
)
def test_wrong_splits_are_refused(rows, message):
    with pytest.raises(NewstanceError, match=message):
        check_splits(pd.DataFrame(rows, columns=["article_id", "group", "split"]))


@pytest.fixture
def data() -> dict[str, pd.DataFrame]:
    columns = ["article_id", "group", "outlet", "target", "view"]
    train = [
        ("1", "g1", "north", "Oslo", "left"),
        ("2", "g2", "south", "Rome", "right"),
        ("3", "wire", "north", "Rome", "left"),
        ("4", "wire", "south", "Rome", "left"),
        ("5", "g5", "", "Rome", "center"),
    ]
    validation = [("6", "g6", "north", "Bern", "left"), ("7", "g7", "south", "Rome", "left")]
    test = [
        ("8", "g8", "north", "Rome", "left"),
        ("8", "g8", "north", "Bern", "left"),
        ("9", "g9", "south", "Kyiv", "right"),
        ("10", "g10", "", "Oslo", "left"),
    ]
    rows = {"train": train, "validation": validation, "test": test}
    return {split: pd.DataFrame(part, columns=columns) for split, part in rows.items()}


def test_standard_protocol_is_the_splits_as_they_are(data):
    (fold,) = folds(data, VIEW)
    assert (fold.protocol, fold.name) == ("standard", "standard")
    assert [fold.train, fold.validation, fold.test] == [data["train"], data["validation"], data["test"]]


def test_each_outlet_is_held_out_with_the_groups_that_occur_in_it(data):
    north, south = folds(data, VIEW, "outlet-held-out")
    assert [north.name, south.name] == ["north", "south"]
    assert north.train["article_id"].tolist() == ["2", "5"]
    assert north.validation["article_id"].tolist() == ["7"]
    assert north.test["article_id"].tolist() == ["8", "8"]
    assert south.train["article_id"].tolist() == ["1", "5"]


def test_articles_without_a_label_are_divided_as_train_is(data):
    rows = [("11", "g11", "north"), ("12", "g8", "south"), ("13", "g13", "south"), ("14", "g14", "")]
    unlabelled = pd.DataFrame(rows, columns=["article_id", "group", "outlet"])
    (fold,) = folds(data, VIEW, unlabelled=unlabelled)
    assert fold.unlabelled is unlabelled
    north, south = folds(data, VIEW, "outlet-held-out", unlabelled)
    assert north.unlabelled["article_id"].tolist() == ["13", "14"], "12 tells a story of the north"
    assert south.unlabelled["article_id"].tolist() == ["11", "14"]
    assert north.train["article_id"].tolist() == ["2", "5"]
    unlabelled.loc[2, "group"] = "g5"
    assert folds(data, VIEW, "outlet-held-out", unlabelled)[1].train["article_id"].tolist() == ["1"]


def test_unseen_targets_are_those_that_neither_train_nor_validation_has(data):
    (fold,) = folds(data, VIEW, "unseen-target")
    assert fold.test["target"].tolist() == ["Kyiv"]
    assert fold.train is data["train"]
    assert fold.validation is data["validation"]


def test_protocols_that_cannot_be_followed_are_refused(data):
    with pytest.raises(NewstanceError, match="Unknown protocol 'held-out'; use one of standard"):
        folds(data, VIEW, "held-out")
    with pytest.raises(NewstanceError, match="needs targets, which task 'leaning' doesn't have"):
        folds(data, LEANING, "unseen-target")
    with pytest.raises(NewstanceError, match="every target of test occurs"):
        folds({**data, "test": data["test"].assign(target="Rome")}, VIEW, "unseen-target")
    with pytest.raises(NewstanceError, match="without 'one' there is nothing left in train"):
        folds({split: table.assign(outlet="one") for split, table in data.items()}, VIEW, "outlet-held-out")


def test_summary_counts_articles_and_units_by_label(data):
    table = summarise(VIEW, folds(data, VIEW)).set_index(["split", "label"])
    assert table.loc[("test", "(all)"), ["articles", "units", "share"]].tolist() == [3, 4, 1]
    assert table.loc[("test", "left"), ["articles", "units", "share"]].tolist() == [2, 3, 0.75]
    assert table.loc[("test", "center"), ["articles", "units", "share"]].tolist() == [0, 0, 0]
    assert len(summarise(VIEW, folds(data, VIEW, "outlet-held-out"))) == 2 * 3 * 4


def test_labels_too_rare_for_three_splits_are_counted_near_duplicates_once():
    labels = {f"l{number}": "left" for number in range(10)} | {"c1": "center", "c2": "center", "c3": "center"}
    groups = {name: name for name in labels} | {"c3": "c2"}
    splits = split_leanings(groups, labels, {})
    assert check_labels(splits, LEANING, leanings(labels)) == {"center": 2, "right": 0}


def test_one_label_alone_is_nothing_to_learn():
    labels = {f"l{number}": "left" for number in range(10)}
    splits = split_leanings({name: name for name in labels}, labels, {})
    with pytest.raises(NewstanceError, match="articles of train have only the label 'left'; label more of other ones"):
        check_labels(splits, LEANING, leanings(labels))
    with pytest.raises(NewstanceError, match="articles of train have no label"):
        check_labels(splits, LEANING, leanings({}))
