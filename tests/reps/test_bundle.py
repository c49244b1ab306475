from __future__ import annotations

import pytest
import torch

from gaugeconv import Frames, holonomy, shapes
from gaugeconv.errors import FieldTypeError, MeshError, StructureGroupError
from gaugeconv.reps import Element, FieldType, StructureGroup
from gaugeconv.reps.bundle import (
    AssociatedVectors,
    BundleFrame,
    FeatureMap,
    feature_map_of,
    horizontal_lift,
    section_of,
)
from tests.reps.zoo import draw, normal

TYPES = [("SO2", "2x0 + 1 + 2"), ("O2", "0- + 2x1 + 0+"), ("C4", "reg + 1"), ("D3", "reg + 0-")]
V = 12


def some_frames(group: str, count: int = 30, seed: int = 0) -> BundleFrame:
    """Frames of the bundle at random vertices of a set of V."""
    vertex = torch.randint(V, (count,), generator=torch.Generator().manual_seed(seed))
    return BundleFrame(vertex, draw(group, count, seed))


def some_map(group: str, spec: str) -> FeatureMap:
    t = FieldType(spec, group)
    return FeatureMap(t, normal(V, t.dim, seed=3))


def act(t: FieldType, k: Element, v: torch.Tensor) -> torch.Tensor:
    return torch.einsum("nij,nj->ni", t.action(*k), v)


def same(a: Element, b: Element) -> bool:
    return bool((a.matrix() - b.matrix()).abs().max() < 1e-13)


@pytest.mark.parametrize("group", ["SO2", "O2", "D4"])
def test_the_group_acts_on_frames_from_the_right_freely_and_transitively(group):
    p, a, b = some_frames(group), draw(group, 30, 1), draw(group, 30, 2)
    assert same(p.right(a).right(b).element, p.right(a @ b).element)
    assert same(p.to(p.right(a)), a)
    assert torch.equal(p.right(a).vertex, p.vertex)
    with pytest.raises(StructureGroupError, match="different vertices"):
        p.to(BundleFrame(p.vertex.roll(1), p.element))


def test_frames_in_space_follow_the_right_action():
    mesh = shapes.icosphere(0)
    frames = Frames.canonical(mesh)
    p, k = some_frames("O2"), draw("O2", 30, 4)
    moved = p.right(k).vectors(frames)
    assert (moved - p.vectors(frames) @ k.matrix()).abs().max() < 1e-14
    gamma = normal(V, seed=5)
    turned = frames.rotated(gamma.numpy())
    back = BundleFrame(torch.arange(V), Element.of(gamma).inverse())
    assert (back.vectors(frames)[..., 0].numpy() - turned.e1).max() < 1e-13
    assert abs(back.vectors(frames)[..., 1].numpy() - turned.e2).max() < 1e-13


@pytest.mark.parametrize(("group", "spec"), TYPES)
def test_feature_maps_are_equivariant(group, spec):
    """f(p ◁ k⁻¹) = k ▷ f(p)."""
    f, p, k = some_map(group, spec), some_frames(group), draw(group, 30, 1)
    assert (f(p.right(k.inverse())) - act(f.field_type, k, f(p))).abs().max() < 1e-13
    assert (f(BundleFrame.reference(V)) - f.values).abs().max() < 1e-14


@pytest.mark.parametrize(("group", "spec"), TYPES)
def test_pairs_are_equal_exactly_when_a_group_element_takes_one_to_the_other(group, spec):
    """(p, v) ~ (p ◁ k, k⁻¹ ▷ v)."""
    t, p, k = FieldType(spec, group), some_frames(group), draw(group, 30, 1)
    v = normal(30, t.dim, seed=2)
    first = AssociatedVectors(t, p, v)
    second = AssociatedVectors(t, p.right(k), act(t, k.inverse(), v))
    assert first.same_as(second).all() and second.same_as(first).all()
    assert not first.same_as(AssociatedVectors(t, p, v + 1e-3)).any()
    assert (first.value_in(second.frame) - second.value).abs().max() < 1e-13
    wrong = AssociatedVectors(t, p.right(k), act(t, k, v))
    moved = ~same_each(k, k.inverse())
    assert moved.any() and not first.same_as(wrong)[moved].any()


def same_each(a: Element, b: Element) -> torch.Tensor:
    return (a.matrix() - b.matrix()).abs().amax(dim=(1, 2)) < 1e-9


@pytest.mark.parametrize(("group", "spec"), TYPES)
def test_feature_maps_and_sections_are_the_same_thing_both_ways(group, spec):
    f = some_map(group, spec)
    gauges = [BundleFrame.reference(V)]
    gauges += [gauges[0].right(draw(group, V, seed)) for seed in (1, 2)]
    sections = [section_of(f, gauge) for gauge in gauges]
    vertex = torch.tensor([0, 5, 5, 11])
    for section in sections:
        # the section does not depend on the frames that it was made with …
        assert section(vertex).same_as(sections[0](vertex)).all()
        # … and there and back is the identity, for maps
        p = some_frames(group)
        assert (feature_map_of(section)(p) - f(p)).abs().max() < 1e-13
    # … and for sections
    for gauge in gauges:
        again = section_of(feature_map_of(sections[1]), gauge)
        assert again(vertex).same_as(sections[1](vertex)).all()


def test_a_section_needs_one_frame_per_vertex():
    with pytest.raises(FieldTypeError, match="one frame for each of the 12 vertices"):
        section_of(some_map("SO2", "1"), some_frames("SO2"))


def test_frames_of_a_larger_bundle_have_no_value():
    f = some_map("C4", "1")
    with pytest.raises(StructureGroupError, match="not in C4"):
        f(BundleFrame(torch.tensor([0]), Element.of(torch.tensor([0.3]).double())))


def walk(mesh, length: int, seed: int) -> list[int]:
    """A random path of edges."""
    generator = torch.Generator().manual_seed(seed)
    path = [0]
    for _ in range(length):
        out = mesh.halfedges.of_vertex(path[-1])
        step = int(torch.randint(len(out), (1,), generator=generator))
        path.append(int(mesh.halfedges.head[out[step]]))
    return path


@pytest.mark.parametrize("group", ["SO2", "O2"])
def test_the_horizontal_lift_is_equivariant(group):
    """T(p ◁ k) = T(p) ◁ k, all along the path."""
    mesh = shapes.icosphere(1)
    frames, path = Frames.canonical(mesh), walk(mesh, 8, 0)
    p = BundleFrame(torch.full((5,), path[0]), draw(group, 5, 1))
    k = draw(group, 5, 2)
    lifted = horizontal_lift(frames, p, path)
    assert [int(q.vertex[0]) for q in lifted] == path
    for moved, q in zip(horizontal_lift(frames, p.right(k), path), lifted, strict=True):
        assert same(moved.element, q.right(k).element)


def test_the_lift_does_not_depend_on_the_reference_gauge():
    mesh = shapes.icosphere(1)
    path, gamma = walk(mesh, 6, 1), normal(mesh.num_vertices, seed=2)
    frames = Frames.canonical(mesh)
    turned = frames.rotated(gamma.numpy())
    p = BundleFrame(torch.tensor([path[0]]), draw("SO2", 1, 3))
    # the same frame, told by an element relative to the other gauge: σ ◁ a = σ′ ◁ k a, σ′ = σ ◁ k⁻¹
    other = BundleFrame(p.vertex, Element.of(gamma[p.vertex]) @ p.element)
    there, again = horizontal_lift(frames, p, path)[-1], horizontal_lift(turned, other, path)[-1]
    assert (there.vectors(frames) - again.vectors(turned)).abs().max() < 1e-13


def test_on_a_flat_sheet_lifted_frames_stay_parallel_in_space():
    mesh = shapes.plane(5, 5)
    frames = Frames.canonical(mesh).rotated(normal(mesh.num_vertices, seed=0).numpy())
    path = walk(mesh, 9, 3)
    p = BundleFrame(torch.tensor([path[0]]), draw("O2", 1, 1))
    for q in horizontal_lift(frames, p, path):
        assert (q.vectors(frames) - p.vectors(frames)).abs().max() < 1e-12


def test_round_a_loop_the_lift_comes_back_turned_by_the_holonomy():
    mesh = shapes.icosphere(1)
    frames = Frames.canonical(mesh)
    for face in mesh.faces[:6].tolist():
        p = BundleFrame(torch.tensor([face[0]]), draw("SO2", 1, face[0]))
        back = horizontal_lift(frames, p, [*face, face[0]])[-1]
        turned = p.to(back).gamma[0] - holonomy(mesh, face)
        assert abs(turned - 2 * torch.pi * torch.round(turned / (2 * torch.pi))) < 1e-12
        assert holonomy(mesh, face) > 0.01


def test_parallel_fields_are_constant_along_lifts():
    """On a flat sheet with parallel frames, constant components are a field that transport keeps."""
    mesh = shapes.plane(4, 4)
    frames = Frames.from_directions(mesh, [[0.6, 0.8, 0.0]] * mesh.num_vertices)
    f = FeatureMap(FieldType("1 + 2"), torch.arange(4.0).double().expand(mesh.num_vertices, -1))
    path = walk(mesh, 7, 4)
    p = BundleFrame(torch.tensor([path[0]]), draw("SO2", 1, 5))
    for q in horizontal_lift(frames, p, path):
        assert (f(q) - f(p)).abs().max() < 1e-12


def test_paths_that_do_not_start_at_the_frame_or_do_not_exist():
    mesh = shapes.icosphere(0)
    frames, p = Frames.canonical(mesh), BundleFrame.reference(V)
    with pytest.raises(StructureGroupError, match="starts at vertex 3"):
        horizontal_lift(frames, p, [3, 4])
    opposite = int((mesh.vertices @ mesh.vertices[0]).argmin())
    start = BundleFrame(torch.tensor([0]), StructureGroup.of("SO2").identity(1))
    with pytest.raises(MeshError, match="no edge joins"):
        horizontal_lift(frames, start, [0, opposite])
