import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from newstance.errors import NewstanceError
from newstance.models import backbone, embeddings
from newstance.models.embeddings import FrozenEncoder, StaticEncoder, embedding_cache
from newstance.models.settings import DEFAULT_BACKBONE

TEXTS = [
    "The ferry crosses the harbour every hour.",
    "A boat sails over the sea.",
    "Parliament passed the budget after a long debate about taxes.",
    "Goal!",
    "",
]


@pytest.fixture(scope="module")
def encoder() -> FrozenEncoder:
    return FrozenEncoder(DEFAULT_BACKBONE).fit([])


@pytest.fixture(scope="module")
def vectors(encoder) -> np.ndarray:
    return encoder.transform(TEXTS)


@pytest.fixture
def static(small_backbone) -> StaticEncoder:
    return StaticEncoder(small_backbone, dimensions=16).fit([])


@pytest.fixture
def no_encoding(monkeypatch):
    def refuse(self, texts):
        pytest.fail(f"{texts} are encoded")

    monkeypatch.setattr(FrozenEncoder, "_encode", refuse)


def test_texts_about_the_same_are_nearer_than_others(vectors):
    similarity = vectors @ vectors.T
    assert similarity[0, 1] > 0.4 > similarity[0, 2]
    assert similarity[0, 1] > similarity[1, 2]


def test_embeddings_are_of_unit_length(vectors, small_backbone):
    assert vectors.shape == (len(TEXTS), 384)
    unnormalised = FrozenEncoder(small_backbone).fit([])  # its folder says nothing of a last step that normalises
    for embedded in (vectors, unnormalised.transform(TEXTS)):
        assert embedded.dtype == np.float32
        assert np.allclose(np.linalg.norm(embedded, axis=1), 1, atol=1e-2)


def test_an_embedding_depends_neither_on_order_nor_on_its_batch(encoder, vectors):
    backwards = encoder.transform(TEXTS[::-1])[::-1]
    alone = np.concatenate([encoder.transform([text]) for text in TEXTS])
    for other in (backwards, alone):
        assert np.abs(other - vectors).max() < 0.02  # a tenth of bfloat16's steps near 1 over 384 dimensions


def test_longer_texts_are_cut():
    short = FrozenEncoder(DEFAULT_BACKBONE, max_tokens=8).fit([])
    beginning, whole = short.transform(["one two three four five six", "one two three four five six seven eight"])
    assert np.allclose(beginning, whole, atol=1e-5)
    different = FrozenEncoder(DEFAULT_BACKBONE).fit([]).transform(["one two three four five six seven eight"])
    assert not np.allclose(whole, different[0], atol=1e-2)


def test_an_encoder_must_be_fitted():
    with pytest.raises((NotFittedError, AttributeError)):
        FrozenEncoder(DEFAULT_BACKBONE).transform(TEXTS)


def test_cached_embeddings_equal_computed_ones(encoder, vectors, tmp_path):
    with embedding_cache(tmp_path):
        computed = encoder.transform(TEXTS)
        read = encoder.transform(TEXTS)
    assert np.abs(computed - vectors).max() < 0.02
    assert read.tolist() == computed.tolist()


@pytest.mark.usefixtures("vectors")
def test_inside_the_cache_no_text_is_encoded_twice(encoder, tmp_path, monkeypatch):
    encoded = []
    original = FrozenEncoder._encode
    monkeypatch.setattr(FrozenEncoder, "_encode", lambda self, texts: encoded.extend(texts) or original(self, texts))
    with embedding_cache(tmp_path):
        twice = encoder.transform(["ferry", "bridge", "ferry"])
        encoder.transform(["bridge", "boat"])
    with embedding_cache(tmp_path):
        encoder.transform(["boat", "ferry"])
    assert sorted(encoded) == ["boat", "bridge", "ferry"]
    assert twice[0].tolist() == twice[2].tolist() != twice[1].tolist()


def test_the_cache_is_kept_and_read_only_inside_its_context(encoder, tmp_path, no_encoding):
    path = tmp_path / f"{encoder.weights_hash_[:16]}-256.npz"
    embeddings._write_cache(path, {embeddings.sha256(b"ferry").hexdigest(): np.ones(384, np.float32)})
    before = path.read_bytes()
    with embedding_cache(tmp_path):
        assert encoder.transform(["ferry"]).tolist() == np.ones((1, 384)).tolist()
    with pytest.raises(pytest.fail.Exception):
        encoder.transform(["ferry"])
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [before]


def test_outside_the_cache_nothing_is_written(encoder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ZeroDivisionError), embedding_cache(tmp_path / "cache"):
        raise ZeroDivisionError
    encoder.transform(["ferry"])
    assert list(tmp_path.iterdir()) == []


def test_the_cache_holds_no_texts(encoder, tmp_path):
    with embedding_cache(tmp_path):
        encoder.transform(["confidential ferry"])
    (path,) = tmp_path.iterdir()
    with np.load(path, allow_pickle=False) as stored:
        assert stored["vectors"].shape == (1, 384)
        assert stored["keys"].tolist() == [embeddings.sha256(b"confidential ferry").hexdigest()]


def test_other_lengths_and_weights_are_cached_apart(encoder, tmp_path):
    with embedding_cache(tmp_path):
        encoder.transform(["ferry"])
        FrozenEncoder(DEFAULT_BACKBONE, max_tokens=16).fit([]).transform(["ferry"])
    assert len(list(tmp_path.iterdir())) == 2


def test_an_interrupted_run_goes_on_where_it_stopped(encoder, tmp_path, monkeypatch):
    calls = []

    def stop_at_the_second(self, texts):
        calls.append(texts)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return np.array([[len(text)] for text in texts], np.float32)

    monkeypatch.setattr(embeddings, "CHUNK", 2)
    monkeypatch.setattr(FrozenEncoder, "_encode", stop_at_the_second)
    with embedding_cache(tmp_path):
        with pytest.raises(KeyboardInterrupt):
            encoder.transform(["a", "bb", "ccc", "dddd"])
        assert encoder.transform(["a", "bb", "ccc", "dddd"]).tolist() == [[1], [2], [3], [4]]
    assert calls == [["dddd", "ccc"], ["bb", "a"], ["bb", "a"]]


def test_changed_weights_are_refused(tmp_path, no_encoding):
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"weights of yesterday")
    encoder = FrozenEncoder(str(tmp_path)).fit([])
    weights.write_bytes(b"weights of today")
    backbone.backbone_hash.cache_clear()  # a new process
    with pytest.raises(NewstanceError, match="has other weights than this model was trained with"):
        encoder.transform(["ferry"])


def test_static_vectors_know_which_words_are_alike(static):
    ferry, boat, budget = static.transform(["the new ferry", "an old boat", "the minister of the budget"])
    assert ferry @ boat > ferry @ budget
    assert boat @ ferry > boat @ budget


def test_static_embeddings_are_of_unit_length_unless_no_word_is_known(static):
    vectors = static.transform(["ferry", "the ferry and the boat of the captain " * 100, ""])
    assert vectors.shape == (3, 16)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), [1, 1, 0], atol=1e-3)


def test_static_embeddings_are_means_over_the_whole_text(static):
    one, many = static.transform(["ferry budget", "ferry budget " * 2000])
    assert np.allclose(one, many, atol=1e-3)
    one, other = static.transform(["ferry " * 2000, "ferry " * 2000 + "budget " * 4000])
    assert not np.allclose(one, other, atol=1e-1)


def test_a_static_encoder_ignores_the_texts_of_fit(small_backbone, static):
    other = StaticEncoder(small_backbone, dimensions=16).fit(["budget"] * 5)
    assert other.transform(TEXTS).tolist() == static.transform(TEXTS).tolist()


def test_a_clone_of_a_static_encoder_is_unfitted_and_fits_to_the_same(static):
    before = static.transform(TEXTS)
    copy = clone(static)
    assert copy.get_params() == static.get_params()
    assert not hasattr(copy, "vectors_")
    assert copy.fit([]).transform(TEXTS).tolist() == before.tolist()


def test_a_static_encoder_fitted_anew_forgets_its_old_vectors(small_backbone):
    encoder = StaticEncoder(small_backbone, dimensions=16).fit([])
    assert encoder.transform(["ferry"]).shape == (1, 16)
    assert encoder.set_params(dimensions=8).fit([]).transform(["ferry"]).shape == (1, 8)


def test_a_distilled_encoder_is_kept_in_the_cache(small_backbone, static, tmp_path, monkeypatch):
    with embedding_cache(tmp_path):
        first = StaticEncoder(small_backbone, dimensions=16).fit([]).transform(TEXTS)
        monkeypatch.setattr("model2vec.distill.distill", lambda *_, **__: pytest.fail("distilled twice"))
        embeddings._distilled.cache_clear()  # a new process
        second = StaticEncoder(small_backbone, dimensions=16).fit([]).transform(TEXTS)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == ["", ".npz"]
    assert second.tolist() == first.tolist()
    assert np.allclose(first, static.transform(TEXTS), atol=1e-3)
