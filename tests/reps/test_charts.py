from __future__ import annotations

import numpy as np
import pytest
import torch

from gaugeconv import Frames, shapes
from gaugeconv.errors import MeshError
from gaugeconv.reps import Element, FieldType
from gaugeconv.reps.charts import Chart, Transition
from tests.reps.zoo import normal

MESH = shapes.icosphere(2)
AXES = np.eye(3)


def atlas() -> list[Chart]:
    """Three charts along the axes, which miss their poles, and a mirrored one."""
    return [
        *(Chart.along(MESH, axis, least=0.3) for axis in AXES),
        Chart.along(MESH, AXES[0], True),
    ]


def on(transition: Transition, vertices: torch.Tensor) -> Element:
    """The transition function at some vertices of its domain."""
    place = torch.searchsorted(transition.vertex, vertices)
    return Element(transition.element.gamma[place], transition.element.reflect[place])


def test_frames_are_orthonormal_tangent_and_oriented_on_the_domain():
    for chart, sign in zip(atlas(), (1, 1, 1, -1), strict=True):
        e1, e2 = chart.vectors[..., 0].numpy(), chart.vectors[..., 1].numpy()
        inside = chart.domain.numpy()
        assert 0 < inside.sum() < MESH.num_vertices
        normal_ = MESH.vertex_normals[inside]
        gram = chart.vectors[inside].transpose(1, 2) @ chart.vectors[inside]
        assert (gram - torch.eye(2)).abs().max() < 1e-14
        assert abs(np.cross(e1[inside], e2[inside]) - sign * normal_).max() < 1e-14
        assert not chart.vectors[~chart.domain].any()


def test_no_single_direction_covers_the_sphere_but_three_do():
    charts = atlas()[:3]
    assert not any(bool(chart.domain.all()) for chart in charts)
    assert torch.stack([chart.domain for chart in charts]).any(dim=0).all()


def test_transition_functions_satisfy_the_cocycle_condition_where_three_charts_overlap():
    """k_CB k_BA = k_CA, k_AB = k_BA⁻¹ and k_AA = e."""
    charts = atlas()
    checked = 0
    for a in charts:
        identity = a.transition_to(a)
        assert (identity.element.matrix() - torch.eye(2)).abs().max() < 1e-14
        assert torch.equal(identity.vertex, torch.nonzero(a.domain).flatten())
        for b in charts:
            ba, ab = a.transition_to(b), b.transition_to(a)
            assert torch.equal(ba.vertex, ab.vertex)
            assert ((ab.element @ ba.element).matrix() - torch.eye(2)).abs().max() < 1e-14
            for c in charts:
                shared = torch.nonzero(a.domain & b.domain & c.domain).flatten()
                product = on(b.transition_to(c), shared) @ on(ba, shared)
                expected = on(a.transition_to(c), shared)
                assert (product.matrix() - expected.matrix()).abs().max() < 1e-14
                checked += len(shared)
    assert checked > 1000


def test_transition_functions_reflect_between_charts_of_opposite_orientation_alone():
    charts = atlas()
    assert not charts[0].transition_to(charts[1]).element.reflect.any()
    assert charts[0].transition_to(charts[3]).element.reflect.all()


def test_they_change_the_components_of_vectors_and_of_every_other_field():
    a, b = atlas()[0], atlas()[3]
    transition = a.transition_to(b)
    at = transition.vertex
    vectors = torch.from_numpy(np.cross(MESH.vertices, normal(3, seed=0).numpy()))[at]
    in_a = torch.einsum("vij,vi->vj", a.vectors[at], vectors)
    in_b = torch.einsum("vij,vi->vj", b.vectors[at], vectors)
    t = FieldType("1", "O2")
    assert (t.transform(in_a, *transition.element) - in_b).abs().max() < 1e-14
    # the traceless part of v v has order 2
    square = [torch.stack((x**2 - y**2, 2 * x * y), -1) for x, y in (in_a.T, in_b.T)]
    changed = FieldType("2", "O2").transform(square[0], *transition.element)
    assert (changed - square[1]).abs().max() < 1e-13


def test_between_gauges_of_a_mesh_they_are_the_angles_of_the_frames():
    frames = Frames.canonical(MESH)
    gamma = normal(MESH.num_vertices, seed=1)
    charts = [Chart.along(MESH, f.e1) for f in (frames, frames.rotated(gamma.numpy()))]
    transition = charts[0].transition_to(charts[1])
    assert len(transition.vertex) == MESH.num_vertices
    assert (1 - (transition.element.gamma - gamma).cos()).abs().max() < 1e-14


@pytest.mark.unchecked
def test_vectors_and_meshes_that_do_not_fit():
    with pytest.raises(MeshError, match=r"shape \(2,\)"):
        Chart.along(MESH, [1.0, 0.0])
    other = Chart.along(shapes.icosphere(0), AXES[0])
    with pytest.raises(MeshError, match="different meshes"):
        other.transition_to(atlas()[0])
