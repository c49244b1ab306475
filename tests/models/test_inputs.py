from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from gaugeconv.errors import DataError, FileFormatError
from gaugeconv.geometry import Frames
from gaugeconv.geometry.heat import heat_kernel_signatures
from gaugeconv.mesh import TriMesh
from gaugeconv.models import GaugeSegmenter, SegmenterConfig, packaged_weights
from gaugeconv.models.inputs import level_input_type, prepare, vertex_input_type
from tests.models.conftest import FORMAT, tiny_config


def test_signatures_are_inputs_of_order_0_on_every_level_and_at_every_vertex(mesh: TriMesh) -> None:
    frames = Frames.canonical(mesh)
    plain, config = prepare(frames, tiny_config()), tiny_config(hks=5, xyz=True)
    inputs = prepare(frames, config)
    assert str(vertex_input_type(config)) == "10x0 + 1x1"
    assert inputs.features.shape[1] == vertex_input_type(config).dim
    expected = torch.from_numpy(heat_kernel_signatures(mesh, 5))
    torch.testing.assert_close(inputs.features[:, 5:10], expected, rtol=0, atol=0)
    torch.testing.assert_close(inputs.features[:, :2], plain.features[:, :2], rtol=0, atol=0)
    torch.testing.assert_close(inputs.features[:, 10:], plain.features[:, 2:], rtol=0, atol=0)
    for level, without in zip(inputs.levels, plain.levels, strict=True):
        vertices = level.within.target_vertex
        assert level.features.shape[1] == level_input_type(config).dim
        torch.testing.assert_close(level.features[:, 5:10], expected[vertices], rtol=0, atol=0)
        torch.testing.assert_close(level.features[:, 10:], without.features[:, 2:], rtol=0, atol=0)


def test_scores_with_signatures_do_not_depend_on_the_frames(mesh: TriMesh) -> None:
    torch.manual_seed(0)
    model = GaugeSegmenter(tiny_config(hks=4)).double().eval()
    frames = Frames.canonical(mesh)
    turned = frames.rotated(np.random.default_rng(0).uniform(0, 6, mesh.num_vertices))
    expected = model(model.prepare(mesh, frames))
    torch.testing.assert_close(model(model.prepare(mesh, turned)), expected, rtol=0, atol=1e-10)


def test_signatures_reach_the_scores(mesh: TriMesh) -> None:
    torch.manual_seed(0)
    model = GaugeSegmenter(tiny_config(hks=4)).double().eval()
    inputs = model.prepare(mesh)
    expected = model(inputs)
    inputs.features[:, 2:6] = 0
    assert not torch.allclose(model(inputs), expected)


@pytest.mark.parametrize("value", [-1, 65, 1.5, True, None])
@pytest.mark.unchecked
def test_an_impossible_count_is_refused(value: object) -> None:
    with pytest.raises(DataError, match="hks"):
        tiny_config(hks=value)


def stored(**changes: object) -> dict:
    return {**json.loads(tiny_config(hks=3).to_json()), **changes}


def test_a_configuration_from_before_signatures_has_none() -> None:
    fields = stored()
    del fields["hks"], fields["config_version"]
    assert SegmenterConfig.from_json(json.dumps(fields)) == tiny_config(hks=0)
    del fields["xyz"]  # which that version had
    with pytest.raises(FileFormatError, match=r"differ from this version's: \['xyz'\]"):
        SegmenterConfig.from_json(json.dumps(fields))


def test_a_configuration_of_this_version_must_be_whole() -> None:
    fields = stored()
    del fields["hks"]
    with pytest.raises(FileFormatError, match=r"\['hks'\]"):
        SegmenterConfig.from_json(json.dumps(fields))
    with pytest.raises(FileFormatError, match=r"\['other'\]"):
        SegmenterConfig.from_json(json.dumps(stored(other=1)))


@pytest.mark.parametrize(
    ("version", "message"),
    [(99, "version 99, .* newer gaugeconv"), (0, "not a version"), ("2", "not a version")],
)
def test_another_version_is_refused_by_number(version: object, message: str) -> None:
    with pytest.raises(FileFormatError, match=message):
        SegmenterConfig.from_json(json.dumps(stored(config_version=version)))


def test_weights_written_before_signatures_still_load(mesh: TriMesh, tmp_path) -> None:
    torch.manual_seed(0)
    model = GaugeSegmenter(tiny_config())
    model.save(tmp_path / "new.safetensors")
    fields = json.loads(model.config.to_json())
    del fields["hks"], fields["config_version"]
    metadata = {"format": FORMAT, "config": json.dumps(fields)}
    save_file(load_file(tmp_path / "new.safetensors"), tmp_path / "old.safetensors", metadata)
    old = GaugeSegmenter.load(tmp_path / "old.safetensors")
    assert old.config == model.config
    inputs = model.prepare(mesh)
    torch.testing.assert_close(old(inputs), model.eval()(inputs), rtol=0, atol=0)


def test_packaged_weights_have_a_configuration_of_some_version_that_loads() -> None:
    for name in packaged_weights():
        assert GaugeSegmenter.load(name).config.label_names
