from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from safetensors.numpy import load_file, save

from newstance.bundle.answers import Article
from newstance.bundle.bundle import Bundle
from newstance.bundle.manifest import read_manifest
from newstance.bundle.networks import GRAPHS
from newstance.champion.verify import Verification, verify
from newstance.corpus.prepared import read_prepared
from newstance.errors import NewstanceError
from tiny_bundle import TinyBundles, sign_again


@pytest.fixture
def copy(tiny_bundles: TinyBundles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """A function that copies the bundle of a task; its project is the working directory."""
    monkeypatch.chdir(tiny_bundles.project)

    def copy(task: str) -> Path:
        shutil.copytree(tiny_bundles.single[task], tmp_path / task)
        return tmp_path / task

    return copy


@pytest.fixture
def check(tiny_bundles: TinyBundles) -> Callable[[Path], Verification]:
    """A function that verifies a copy against its run."""
    return lambda bundle: verify(bundle, tiny_bundles.run_folder(bundle.name), 1)


@pytest.mark.parametrize("task", ["subject", "view", "leaning"])
def test_a_faithful_bundle_gets_its_numbers(
    task: str, copy: Callable[[str], Path], check: Callable[[Path], Verification]
) -> None:
    found = check(copy(task))
    assert found.units == len(read_prepared(task)["validation"])
    assert found.same_labels_fp32 == 1
    assert found.mean_difference_fp32 <= found.max_difference_fp32 < 2e-3
    assert found.macro_f1_fp32 == found.macro_f1_framework > 0.1
    assert 0 <= found.refused < 1
    values = found.model_dump(exclude={"precision"}).values()
    assert all(math.isfinite(value) and round(value, 6) == value for value in values)


def test_without_its_strongest_evidence_a_label_is_less_likely_than_without_any_sentence(
    copy: Callable[[str], Path], check: Callable[[Path], Verification]
) -> None:
    found = check(copy("view"))
    assert found.drop_evidence > max(found.drop_random, 0.01)


def test_the_variant_with_8_bits_answers_where_it_is_as_good_and_the_bundle_is_whole_afterwards(
    copy: Callable[[str], Path], check: Callable[[Path], Verification]
) -> None:
    bundle = copy("leaning")
    assert read_manifest(bundle)[0].tasks["leaning"].precision == "fp32"
    found = check(bundle)
    assert found.precision == "int8"
    manifest, _ = read_manifest(bundle)
    assert manifest.tasks["leaning"].precision == "int8"
    assert Bundle.load(bundle).about == manifest
    assert {path.name for path in bundle.rglob("*.onnx")} == {"int8.onnx"}
    validation = read_prepared("leaning")["validation"]
    articles = [Article(title, text) for title, text in zip(validation["title"], validation["text"], strict=True)]
    with pytest.raises(NewstanceError, match="no fp32 variant"):
        Bundle.load(bundle, precision="fp32").predict(articles)


def test_the_variant_with_8_bits_does_not_answer_where_it_is_worse(
    copy: Callable[[str], Path], check: Callable[[Path], Verification]
) -> None:
    bundle = copy("subject")
    for path in bundle.glob(f"{GRAPHS}/*/int8.onnx"):
        model = onnx.load(path)
        for weights in model.graph.initializer:
            if weights.data_type == onnx.TensorProto.FLOAT and len(weights.dims) == 1:
                values = onnx.numpy_helper.to_array(weights)
                weights.CopyFrom(onnx.numpy_helper.from_array(-30 * values, weights.name))
        onnx.save(model, path)
    sign_again(bundle)
    found = check(bundle)
    assert found.macro_f1_int8 < found.macro_f1_framework - 0.005
    assert found.max_difference_int8 > 0.05 > found.max_difference_fp32
    assert found.precision == read_manifest(bundle)[0].tasks["subject"].precision == "fp32"


def test_a_bundle_whose_weights_were_spoilt_is_refused_with_both_numbers(
    copy: Callable[[str], Path], check: Callable[[Path], Verification]
) -> None:
    bundle = copy("view")
    arrays = bundle / "tasks/view/arrays.safetensors"
    spoilt = {name: np.ascontiguousarray(values[::-1]) for name, values in load_file(arrays).items()}
    arrays.write_bytes(save(spoilt))
    with pytest.raises(NewstanceError, match=r"arrays\.safetensors is not the file that was exported"):
        check(bundle)
    sign_again(bundle)
    before = read_manifest(bundle)
    with pytest.raises(NewstanceError, match=r"is refused: on validation .*% of its labels .*macro-F1 is"):
        check(bundle)
    assert read_manifest(bundle) == before


def test_a_bundle_of_another_seeds_temperature_shows_in_the_differences_and_not_in_the_labels(
    copy: Callable[[str], Path], check: Callable[[Path], Verification]
) -> None:
    bundle = copy("leaning")
    model = bundle / "tasks/leaning/model.json"
    model.write_text(model.read_text(encoding="utf-8").replace('"temperature": 0.8', '"temperature": 8'))
    sign_again(bundle)
    found = check(bundle)
    assert found.same_labels_fp32 == 1
    assert found.max_difference_fp32 > 0.02
