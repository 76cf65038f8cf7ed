from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from newstance.bundle.documents import Passage
from newstance.bundle.networks import GRAPHS, Encoded, Networks, Reader
from newstance.champion import rewriting
from newstance.champion.graphs import Encoder, shared_layers, write_graph
from newstance.errors import NewstanceError
from newstance.models.transformer.network import load_backbone, load_tokenizer
from tiny_backbone import POSITIONS, write_tiny_backbone

LAYERS = 2
TEXTS = ["The council praised the new ferry and the tram.", "Goal!", "", "the mayor wants more nurses today " * 30]


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Encoder]:
    torch.set_num_threads(1)

    def load(**settings: object) -> Encoder:
        backbone = write_tiny_backbone(tmp_path_factory.mktemp("backbone"), **{"layers": LAYERS, **settings})
        return Encoder.of(load_backbone(backbone, 0.0), load_tokenizer(backbone))

    return load


@pytest.fixture(scope="module")
def encoder(load: Callable[..., Encoder]) -> Encoder:
    return load()


@pytest.fixture(scope="module")
def tuned(encoder: Encoder) -> Encoder:
    """The same encoder with another top layer."""
    module = copy.deepcopy(encoder.module)
    with torch.no_grad():
        module.encoder.layer[-1].output.dense.weight.mul_(-1)
    return Encoder(module, encoder.tokenizer, "tuned")


@pytest.fixture(scope="module")
def distilled(load: Callable[..., Encoder]) -> Encoder:
    """One whose layers have other names."""
    return load(kind="distilbert")


@pytest.fixture(scope="module")
def bundle(encoder: Encoder, tuned: Encoder, distilled: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two graphs: of the two that share layers, and of the other."""
    folder = tmp_path_factory.mktemp("graphs")
    write_graph([encoder, tuned], LAYERS - 1, TEXTS, folder)
    write_graph([distilled], 0, TEXTS, folder)
    return folder


def encode(bundle: Path, encoder: Encoder, text: str, precision: str = "fp32", tokens: int = 32) -> Encoded:
    request = Reader(encoder.weights, tokens, precision).request(Passage(text, {}))
    return Networks(bundle, 1).submit([request])[request].result(60)


def alone(encoder: Encoder, token_ids: list[int]) -> np.ndarray:
    with torch.no_grad():
        return encoder.module(input_ids=torch.tensor([token_ids])).last_hidden_state[0].numpy()


def token_ids(encoder: Encoder, text: str, tokens: int) -> list[int]:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(encoder.tokenizer)
    tokenizer.enable_truncation(tokens)
    return tokenizer.encode(text).ids


@pytest.mark.parametrize("name", ["encoder", "tuned", "distilled"])
def test_every_encoder_has_the_vectors_that_it_has_alone_in_torch(
    bundle: Path, name: str, request: pytest.FixtureRequest
) -> None:
    encoder = request.getfixturevalue(name)
    for text, tokens in [(text, 32) for text in TEXTS] + [(TEXTS[-1], POSITIONS)]:
        expected = alone(encoder, token_ids(encoder, text, tokens))
        found = encode(bundle, encoder, text, tokens=tokens)
        assert len(found.offsets) == len(expected) <= tokens
        np.testing.assert_allclose(found.states, expected, atol=1e-5)
        np.testing.assert_allclose(found.mean, expected.mean(axis=0), atol=1e-5)


def test_encoders_that_share_layers_are_one_graph_and_one_run(
    bundle: Path, encoder: Encoder, tuned: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks = Networks(bundle, 1)
    runs = []
    for graph in networks._graphs:
        run = graph.run
        monkeypatch.setattr(graph, "run", lambda *read, run=run: runs.append(read) or run(*read))
    requests = [Reader(one.weights, 16, "fp32").request(Passage("A ferry.", {})) for one in (encoder, tuned)]
    answers = {request: answer.result(60) for request, answer in networks.submit(requests).items()}
    assert runs == [("A ferry.", 16, "fp32")]
    first, second = (answers[request].states for request in requests)
    assert first.shape == second.shape
    assert not np.allclose(first, second, atol=1e-2)


def test_layers_are_counted_from_the_lowest_up_to_the_first_that_differs(
    load: Callable[..., Encoder], encoder: Encoder, tuned: Encoder, distilled: Encoder
) -> None:
    lowest = copy.deepcopy(encoder.module)
    with torch.no_grad():
        lowest.encoder.layer[0].output.dense.bias.add_(1)
    assert shared_layers(encoder, tuned) == LAYERS - 1
    assert shared_layers(encoder, encoder) == LAYERS
    assert shared_layers(encoder, Encoder(lowest, encoder.tokenizer, "lowest")) == 0
    assert shared_layers(encoder, load(seed=1)) == 0, "other embeddings"
    assert shared_layers(encoder, Encoder(encoder.module, encoder.tokenizer + " ", "other tokens")) == 0
    assert shared_layers(encoder, distilled) == shared_layers(distilled, distilled) == 0


def test_equal_weights_have_one_name_and_other_weights_another(load: Callable[..., Encoder], encoder: Encoder) -> None:
    assert load().weights == encoder.weights
    assert load(seed=1).weights != encoder.weights


@pytest.mark.parametrize("name", ["encoder", "tuned", "distilled"])
def test_vectors_of_the_8_bit_variant_are_near_the_others(
    bundle: Path, name: str, request: pytest.FixtureRequest
) -> None:
    encoder = request.getfixturevalue(name)
    for text in TEXTS:
        exact, rounded = (encode(bundle, encoder, text, precision).mean for precision in ("fp32", "int8"))
        assert not np.array_equal(exact, rounded)
        assert exact @ rounded / np.linalg.norm(exact) / np.linalg.norm(rounded) > 0.99


def test_all_matrices_of_the_8_bit_variant_have_8_bits(bundle: Path) -> None:
    for path in bundle.glob(f"{GRAPHS}/*/int8.onnx"):
        matrices = [one for one in onnx.load(path).graph.initializer if len(one.dims) == 2]
        assert {tuple(one.dims) for one in matrices} >= {(16, 16), (16, 32), (32, 16)}
        assert onnx.TensorProto.FLOAT not in {one.data_type for one in matrices}


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_runtime_makes_no_slow_normalisation_again(bundle: Path, precision: str, tmp_path: Path) -> None:
    for path in bundle.glob(f"{GRAPHS}/*/{precision}.onnx"):
        options = onnxruntime.SessionOptions()
        options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
        onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        operators = {node.op_type for node in onnx.load(tmp_path / "optimized.onnx").graph.node}
        assert "ReduceSum" in operators
        assert not [name for name in operators if "Normalization" in name]


def test_one_channel_with_large_values_spoils_the_8_bit_variant_less_than_without_smoothing(
    load: Callable[..., Encoder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = load(seed=2)
    with torch.no_grad():
        for layer in encoder.module.encoder.layer:
            for norm in (layer.attention.output.LayerNorm, layer.output.LayerNorm):
                norm.weight[3] *= 200
            for linear in (layer.intermediate.dense, layer.attention.self.query, layer.attention.self.key):
                linear.weight[:, 3] /= 200

    def error(folder: Path) -> float:
        write_graph([encoder], 0, TEXTS, folder)
        exact, rounded = (encode(folder, encoder, TEXTS[0], precision).states for precision in ("fp32", "int8"))
        others = [channel for channel in range(exact.shape[1]) if channel != 3]
        return float(np.abs(exact - rounded)[:, others].max())

    smoothed = error(tmp_path / "smoothed")
    monkeypatch.setattr(rewriting, "_smoothed", lambda linears, largest: {})
    assert smoothed < error(tmp_path / "plain") / 2


def test_a_graph_names_no_file_or_folder_of_the_machine_that_wrote_it(bundle: Path) -> None:
    files = [path for path in bundle.rglob("*") if path.is_file()]
    assert {path.name for path in files} == {"fp32.onnx", "int8.onnx", "outputs.json", "tokenizer.json"}
    for path in files:
        content = path.read_bytes()
        for word in (".py", str(Path.cwd()), str(Path.home()), str(Path(torch.__file__).parent), str(bundle)):
            assert word.encode() not in content, (path.name, word)


def test_the_same_encoders_give_the_same_bytes_again(
    bundle: Path, encoder: Encoder, tuned: Encoder, tmp_path: Path
) -> None:
    write_graph([encoder, tuned], LAYERS - 1, TEXTS, tmp_path)
    (folder,) = (tmp_path / GRAPHS).iterdir()
    for path in folder.iterdir():
        assert path.read_bytes() == (bundle / GRAPHS / folder.name / path.name).read_bytes(), path.name


def test_the_exporters_keep_quiet_and_logging_goes_on_afterwards(
    encoder: Encoder, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **settings: object) -> None:
        print("notes")
        logging.getLogger("torch.onnx").warning("more notes")
        raise NewstanceError("The disk is full.")

    monkeypatch.setattr(torch.onnx, "export", fail)
    with pytest.raises(NewstanceError, match="disk is full"):
        write_graph([encoder], 0, TEXTS, tmp_path)
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("newstance").isEnabledFor(logging.WARNING)
