import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_predict

from models.kinds import ALIASES, CLASSIFIERS, FEATURES, SVM, majority, model, transformer
from newstance.errors import NewstanceError
from newstance.models.build import build
from newstance.models.settings import EnsembleModel, TransformerModel
from newstance.models.transformer import TransformerClassifier

STANCES = ["against", "favor", "neutral"]


def assert_probabilities(probabilities, rows):
    assert probabilities.shape == (rows, len(STANCES))
    assert (probabilities >= 0).all()
    assert np.allclose(probabilities.sum(axis=1), 1)


@pytest.mark.parametrize("classifier", CLASSIFIERS)
@pytest.mark.parametrize("feature", FEATURES)
def test_every_feature_learns_with_every_classifier(articles, small_backbone, feature, classifier):
    fitted = model([FEATURES[feature]], CLASSIFIERS[classifier], small_backbone).fit(articles, articles["stance"])
    assert fitted.classes_.tolist() == STANCES
    assert_probabilities(fitted.predict_proba(articles), len(articles))
    assert (fitted.predict(articles) == articles["stance"]).mean() > articles["stance"].value_counts(
        normalize=True
    ).max()


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_all_features_work_side_by_side(articles, small_backbone, classifier):
    fitted = model([*FEATURES.values()], CLASSIFIERS[classifier], small_backbone).fit(articles, articles["stance"])
    assert_probabilities(fitted.predict_proba(articles), len(articles))
    assert (fitted.predict(articles) == articles["stance"]).all()


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_models_can_be_cloned_and_cross_validated(articles, small_backbone, classifier):
    unfitted = model([*FEATURES.values()], CLASSIFIERS[classifier], small_backbone)
    copy = clone(unfitted)
    assert repr(copy) == repr(unfitted)
    args = {"cv": 3, "method": "predict_proba"}
    probabilities = cross_val_predict(unfitted, articles, articles["stance"], **args)
    assert_probabilities(probabilities, len(articles))
    assert np.allclose(cross_val_predict(copy, articles, articles["stance"], **args), probabilities)


def test_a_new_row_is_judged_by_what_was_learnt(articles):
    fitted = model([FEATURES["words"]], SVM).fit(articles, articles["stance"])
    new = articles.head(2).assign(
        title="Pier", text=["A wonderful pier, all praised it.", "A terrible waste, condemned."]
    )
    assert fitted.predict(new).tolist() == ["favor", "against"]


def test_masked_sentences_hide_the_target_and_its_aliases(articles):
    masked = {"kind": "tfidf", "field": "masked_sentences", "min_documents": 1}
    fitted = model([masked], SVM).fit(articles, articles["stance"])
    words = fitted.named_steps["features"].get_params()["0-tfidf"][-1].vocabulary_
    assert "target" in words
    assert not {"ferry", "bridge"} & set(words)
    boats = articles.assign(text=articles["text"].str.replace("ferry", "boat"))
    ferries = articles["target"] == "ferry"
    assert np.allclose(fitted.predict_proba(boats[ferries]), fitted.predict_proba(articles[ferries]))


def test_rows_are_judged_one_by_one_whatever_their_index_and_further_columns(articles, small_backbone):
    fitted = model([*FEATURES.values()], SVM, small_backbone).fit(articles, articles["stance"])
    shuffled = articles.sample(frac=1, random_state=1).assign(note=3)[["note", *articles.columns[::-1]]]
    expected = fitted.predict_proba(articles)[shuffled.index]
    assert np.allclose(fitted.predict_proba(shuffled), expected, atol=1e-2)


def test_an_unseen_category_counts_as_none(articles):
    fitted = model([FEATURES["category"]], SVM).fit(articles, articles["stance"])
    probabilities = fitted.predict_proba(articles.head(2).assign(outlet=["Unheard Times", "New Planet"]))
    assert_probabilities(probabilities, 2)
    assert probabilities[0].tolist() == probabilities[1].tolist()
    assert not np.allclose(probabilities[0], fitted.predict_proba(articles.head(1))[0])


def test_a_missing_column_is_named(articles):
    fitted = model([FEATURES["words"], FEATURES["category"]], SVM).fit(articles, articles["stance"])
    with pytest.raises(NewstanceError, match=r"column\(s\) outlet, which"):
        fitted.predict_proba(articles.drop(columns="outlet"))


def test_the_majority_model_returns_the_frequencies_of_the_training_labels(articles):
    fitted = majority().fit(articles, articles["stance"])
    assert fitted.classes_.tolist() == STANCES
    assert np.allclose(fitted.predict_proba(articles[["title"]].head(3)), [[0.3, 0.4, 0.3]] * 3)
    assert set(fitted.predict(articles)) == {"favor"}
    assert np.allclose(
        cross_val_predict(clone(fitted), articles, articles["stance"], cv=2, method="predict_proba").sum(1), 1
    )


def test_settings_of_the_classifier_are_respected(articles):
    bold, shy = (
        model([FEATURES["words"]], {"kind": "logistic-regression", "C": penalty}).fit(articles, articles["stance"])
        for penalty in (100, 0.01)
    )
    assert bold.predict_proba(articles).max(axis=1).min() > 0.9
    assert shy.predict_proba(articles).max() < 0.4
    classifiers = [model([FEATURES["words"]], settings, seed=5)[-1] for settings in CLASSIFIERS.values()]
    assert [classifiers[0].C, classifiers[1].C, classifiers[2].alpha] == [10, 1, 0.1]
    assert classifiers[1].random_state == 5


@pytest.mark.parametrize("kind", ["logistic-regression", "linear-svm"])
@pytest.mark.parametrize("weight", ["balanced", None])
def test_classes_are_weighed_as_the_settings_say(kind, weight):
    assert model([FEATURES["words"]], {"kind": kind, "class_weight": weight})[-1].class_weight == weight


def test_settings_of_tfidf_are_respected(articles):
    def vocabulary(**settings):
        feature = {"kind": "tfidf", "field": "text", "min_documents": 1} | settings
        fitted = model([feature], SVM).fit(articles, articles["stance"])
        return set(fitted.named_steps["features"].transformer_list[0][1][-1].vocabulary_)

    words = vocabulary()
    assert {"a", "and", "kilometres"} <= words
    assert {"ferry", "bridge", "a"} <= vocabulary(min_documents=2) < words
    assert words.isdisjoint(vocabulary(ngrams=(2, 2)))
    assert "praised the" in vocabulary(ngrams=(2, 2))
    assert len(vocabulary(max_features=7)) == 7
    assert {"a", "and"}.isdisjoint(vocabulary(stop_words="english"))
    assert {len(piece) for piece in vocabulary(analyzer="char_wb", ngrams=(2, 3))} == {2, 3}


def test_a_weight_multiplies_its_features_and_no_others(articles):
    words = FEATURES["words"]
    plain, heavy = (
        model([words, words | {"weight": weight}], SVM).named_steps["features"].fit_transform(articles).toarray()
        for weight in (1, 3)
    )
    half = plain.shape[1] // 2
    assert np.allclose(heavy[:, :half], plain[:, :half])
    assert np.allclose(heavy[:, half:], 3 * plain[:, half:])


def test_only_sentence_fields_carry_the_aliases():
    features = [FEATURES["words"], FEATURES["characters"], FEATURES["sentiment"]]
    unfitted = model(features, SVM)
    fields = [part[0] for _, part in unfitted.named_steps["features"].transformer_list]
    assert [field.aliases for field in fields] == [None, ALIASES, ALIASES]


def test_a_transformer_has_every_setting_and_the_seed():
    settings = TransformerModel(kind="transformer", targets="pair", truncation="windows", frozen_layers=2, dropout=0.3)
    unfitted = build(settings, ALIASES, 7)
    assert isinstance(unfitted, TransformerClassifier)
    expected = settings.model_dump(exclude={"kind", "pretraining"}) | {"seed": 7, "aliases": ALIASES}
    assert unfitted.get_params() == expected


def test_only_a_transformer_that_reads_targets_carries_the_aliases():
    found = [transformer("", targets=targets).aliases for targets in ("pair", "shared", None)]
    assert found == [ALIASES, ALIASES, None]


def test_an_ensemble_is_not_built():
    with pytest.raises(TypeError, match="put together from finished runs"):
        build(EnsembleModel(kind="ensemble", members=("a", "b")), {}, 1)
