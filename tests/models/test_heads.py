from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy.spatial.transform import Rotation

from gaugeconv.errors import DataError, FileFormatError, GaugeConvError, MeshError
from gaugeconv.geometry import Frames
from gaugeconv.mesh import TriMesh, shapes
from gaugeconv.models import (
    PRESETS,
    ClassifierConfig,
    GaugeSegmenter,
    MeshClassifier,
    MeshRegressor,
    MeshTrunk,
    RegressorConfig,
    SegmenterConfig,
    load_network,
    packaged_weights,
)
from gaugeconv.verification import verify, verify_relabelling
from tests.models.conftest import FORMAT, TINY, bumpy, tiny_config


@pytest.fixture(scope="module")
def classifier() -> MeshClassifier:
    torch.manual_seed(0)
    return MeshClassifier(ClassifierConfig(label_names=("a", "b", "c"), **TINY)).double().eval()


@pytest.fixture(scope="module")
def regressor() -> MeshRegressor:
    torch.manual_seed(0)
    return MeshRegressor(RegressorConfig(out_type="2x0 + 2x1", **TINY)).double().eval()


@pytest.fixture(scope="module", params=["classifier", "regressor"])
def network(request: pytest.FixtureRequest) -> MeshTrunk:
    return request.getfixturevalue(request.param)


def test_it_passes_verification_with_everything_recomputed(
    network: MeshTrunk, mesh: TriMesh
) -> None:
    for check in (verify, verify_relabelling):
        report = check(network, mesh, samples=2, output=network.rows)
        assert report.passed, str(report)
    report = verify(network, mesh, samples=1)
    assert report.has_teeth
    assert report.output.rows == ("mesh" if network.rows is None else "vertices")


def test_what_was_saved_loads_to_the_same_output(
    network: MeshTrunk, mesh: TriMesh, tmp_path: Path
) -> None:
    path = tmp_path / "network.safetensors"
    network.save(path)
    inputs = network.prepare(mesh)
    for again in (type(network).load(path), load_network(path)):
        assert type(again) is type(network)
        assert again.config == network.config
        assert not again.training
        assert torch.equal(again.double()(inputs), network(inputs))


def test_weights_of_one_kind_are_refused_as_another(network: MeshTrunk, tmp_path: Path) -> None:
    path = tmp_path / "network.safetensors"
    network.save(path)
    message = f"gaugeconv-{network.config.kind}-1.*{FORMAT}.*weights of a segmenter are needed"
    with pytest.raises(FileFormatError, match=message):
        GaugeSegmenter.load(path)


def test_frames_of_another_mesh_are_refused(network: MeshTrunk, mesh: TriMesh) -> None:
    others = Frames.canonical(shapes.torus(9, 6))
    for call in (network.prepare, getattr(network, "predict", network.prepare)):
        with pytest.raises(MeshError, match="belong to another mesh"):
            call(mesh, others)


def test_any_network_is_found_by_its_name_and_damage_is_told(tmp_path: Path) -> None:
    assert type(load_network("bodies")) is GaugeSegmenter
    with pytest.raises(FileFormatError, match="no packaged weights"):
        load_network("nobodies")
    with pytest.raises(FileNotFoundError):
        load_network(tmp_path / "none.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"rubbish")
    with pytest.raises(FileFormatError, match="corrupt or truncated"):
        load_network(tmp_path / "bad.safetensors")


def test_every_parameter_learns(network: MeshTrunk, mesh: TriMesh) -> None:
    network.zero_grad()
    output = network(network.prepare(mesh))
    (output * torch.randn_like(output)).sum().backward()
    silent = [
        n for n, p in network.named_parameters() if p.grad is None or not p.grad.abs().max() > 0
    ]
    network.zero_grad()
    assert silent == []


def test_the_trunk_of_all_has_the_tensors_of_the_packaged_segmenter() -> None:
    stored = set(load_file(packaged_weights()["bodies"]))
    classifier = MeshClassifier(ClassifierConfig(label_names=("a", "b")))
    regressor = MeshRegressor(RegressorConfig("1x0"))
    for network in (classifier, regressor):
        trunk = {name for name in network.state_dict() if not name.startswith("head.")}
        assert trunk == {name for name in stored if not name.startswith("head.")}


def test_a_classifier_gives_one_label_and_ignores_vertices_without_faces(
    classifier: MeshClassifier, mesh: TriMesh
) -> None:
    classifier.train()
    result = classifier.classify(mesh)
    assert classifier.training
    classifier.eval()
    assert result.probabilities.sum() == pytest.approx(1.0)
    assert result.label == "abc"[result.probabilities.argmax()]
    scores = classifier(classifier.prepare(mesh))
    np.testing.assert_allclose(result.probabilities, torch.softmax(scores, 0).detach(), rtol=1e-12)
    extended = TriMesh(np.concatenate([mesh.vertices, [[9.0, 9.0, 9.0]]]), mesh.faces)
    np.testing.assert_allclose(classifier.classify(extended).probabilities, result.probabilities)


def test_a_classifier_learns_to_tell_two_shapes_apart() -> None:
    torch.manual_seed(0)
    model = MeshClassifier(ClassifierConfig(label_names=("round", "flat"), **TINY))
    shapes = [bumpy(150, seed) for seed in (0, 1)]
    meshes = [TriMesh(m.vertices * [1, 1, s], m.faces) for m in shapes for s in (1.0, 0.3)]
    inputs, labels = [model.prepare(m) for m in meshes], torch.tensor([0, 1, 0, 1])
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(15):
        loss = torch.nn.functional.cross_entropy(torch.stack([model(i) for i in inputs]), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    unseen = bumpy(150, seed=7)
    assert model.classify(unseen).label == "round"
    assert model.classify(TriMesh(unseen.vertices * [1, 1, 0.3], unseen.faces)).label == "flat"


def test_vectors_of_a_regressor_turn_with_the_surface_and_not_with_the_frames(
    regressor: MeshRegressor, mesh: TriMesh
) -> None:
    field = regressor.predict(mesh)
    assert field.scalars.shape == (mesh.num_vertices, 2)
    assert field.vectors.shape == (mesh.num_vertices, 2, 3)
    normal = Frames.canonical(mesh).normal
    assert abs(np.einsum("vnk,vk->vn", field.vectors, normal)).max() < 1e-12
    gamma = np.random.default_rng(0).uniform(-3, 3, mesh.num_vertices)
    other = regressor.predict(mesh, Frames.canonical(mesh).rotated(gamma))
    np.testing.assert_allclose(other.scalars, field.scalars, atol=1e-9)
    np.testing.assert_allclose(other.vectors, field.vectors, atol=1e-9)
    assert abs(other.values - field.values).max() > 0.01
    turn = Rotation.random(random_state=1).as_matrix()
    moved = regressor.predict(TriMesh(mesh.vertices @ turn.T, mesh.faces))
    np.testing.assert_allclose(moved.vectors, field.vectors @ turn.T, atol=1e-9)


def test_values_that_are_not_finite_are_an_error(mesh: TriMesh) -> None:
    model = MeshRegressor(RegressorConfig("1x0", **TINY))
    with torch.no_grad():
        next(iter(model.head.parameters())).fill_(float("inf"))
    with pytest.raises(GaugeConvError, match="not finite"):
        model.predict(mesh)


def test_presets_are_three_sizes_and_base_is_the_default() -> None:
    names = tuple("abcdefgh")
    assert SegmenterConfig.preset("base", label_names=names) == SegmenterConfig(names)
    counts = [
        sum(p.numel() for p in MeshClassifier(config).parameters())
        for config in (ClassifierConfig.preset(size, label_names=names) for size in PRESETS)
    ]
    assert list(PRESETS) == ["small", "base", "large"]
    assert 2 * counts[0] < counts[1] < counts[2] / 2
    assert RegressorConfig.preset("small", out_type="1x1", hks=3).hks == 3
    with pytest.raises(DataError, match="size must be one of"):
        SegmenterConfig.preset("huge", label_names=names)


@pytest.mark.unchecked
@pytest.mark.parametrize("block", ["mlp", None, 3, ["conv"]])
def test_an_unknown_block_is_refused(block: object) -> None:
    with pytest.raises(DataError, match="block must be one of"):
        tiny_config(block=block)


@pytest.mark.parametrize("out_type", ["", "two", "99999x0"])
def test_an_impossible_output_is_refused(out_type: str) -> None:
    with pytest.raises(DataError, match="type"):
        RegressorConfig(out_type)


def test_a_configuration_from_before_blocks_had_kinds_has_convolutions() -> None:
    fields = json.loads(tiny_config(hks=2).to_json())
    del fields["block"]
    with pytest.raises(FileFormatError, match="block"):
        SegmenterConfig.from_json(json.dumps(fields))
    fields["config_version"] = 2
    assert SegmenterConfig.from_json(json.dumps(fields)) == tiny_config(hks=2, block="conv")


def test_a_segmenter_of_attention_blocks_saves_and_does_not_see_the_frames(
    mesh: TriMesh, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    model = GaugeSegmenter(tiny_config(block="attention")).double().eval()
    report = verify(model, mesh, samples=1)
    assert report.passed, str(report)
    assert report.has_teeth
    model.save(tmp_path / "attention.safetensors")
    again = GaugeSegmenter.load(tmp_path / "attention.safetensors").double()
    inputs = model.prepare(mesh)
    assert torch.equal(again(inputs), model(inputs))
