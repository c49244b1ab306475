"""One-sided surfaces, where transports are R(φ) S^flip, and gauges with reflections on any surface."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.sparse.csgraph import shortest_path

from gaugeconv.errors import GaugeConvError, MeshError, NonOrientableError, StructureGroupError
from gaugeconv.geometry import Frames, Neighborhoods, log_map, neighborhoods
from gaugeconv.geometry.double_cover import double_cover
from gaugeconv.geometry.exp_map import exp_map
from gaugeconv.geometry.transport import edge_transport, holonomy
from gaugeconv.mesh import TriMesh, shapes
from tests.geometry.zoo import bumpy_sphere, edge_radius
from tests.geometry.zoo import wrap as wrap_array

LENGTH, WIDTH = 5.0, 1.2
AROUND, ACROSS = 17, 5


def twisted_grid(rows: int, columns: int, closed: bool = False) -> np.ndarray:
    """Faces of a grid whose last row is glued to the first upside down; row by row, a band or closed."""
    last = columns if closed else columns - 1

    def vertex(i: np.ndarray, j: np.ndarray) -> np.ndarray:
        return np.where(i < rows, i * columns + j % columns, (columns - 1 - j % columns))

    i, j = (k.ravel() for k in np.meshgrid(np.arange(rows), np.arange(last), indexing="ij"))
    a, b, c, d = vertex(i, j), vertex(i + 1, j), vertex(i + 1, j + 1), vertex(i, j + 1)
    return np.stack([a, b, c, a, c, d], axis=-1).reshape(-1, 3)


def chart(rows: int = AROUND, columns: int = ACROSS) -> np.ndarray:
    """(V, 2) positions of the flat band before it is glued; columns are uneven but symmetric."""
    t = np.linspace(-1, 1, columns)
    y = 0.5 * WIDTH * (t + 0.15 * np.sin(np.pi * t))
    x = np.arange(rows) * LENGTH / rows
    return np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1).reshape(-1, 2)


def flat_moebius(rows: int = AROUND) -> TriMesh:
    """A flat band, given by lengths; the seam is where x jumps by the length and y changes sign."""
    faces, position = twisted_grid(rows, ACROSS), chart(rows)
    corners = position[faces]
    over = corners[:, :, 0] < corners[:, :1, 0] - 1e-9  # the corners beyond the seam
    over |= (corners[:, :1, 0] == 0) & (corners[:, :, 0] > 0.5 * LENGTH)
    corners[over] = corners[over] * [1, -1] + [LENGTH, 0]
    sides = np.roll(corners, -1, axis=1) - corners
    return TriMesh.from_edge_lengths(faces, np.linalg.norm(sides, axis=2), validate=False)


def immersed(closed: bool, rows: int = 24, columns: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """Positions and faces of a Möbius band, or of Lawson's immersion of the Klein bottle."""
    u = 2 * np.pi * np.arange(rows)[:, None] / rows
    if closed:
        v = 2 * np.pi * (np.arange(columns) + 0.5)[None] / columns
        bulge = 2 + np.cos(u / 2) * np.sin(v) - np.sin(u / 2) * np.sin(2 * v)
        lift = np.sin(u / 2) * np.sin(v) + np.cos(u / 2) * np.sin(2 * v)
    else:
        v = np.linspace(-0.4, 0.4, columns)[None]
        bulge, lift = 1 + v * np.cos(u / 2), v * np.sin(u / 2)
    position = np.stack([bulge * np.cos(u), bulge * np.sin(u), lift], axis=-1).reshape(-1, 3)
    return position, twisted_grid(rows, columns, closed)


def projective_plane() -> tuple[TriMesh, TriMesh, np.ndarray]:
    """The icosphere, the same modulo antipodes (by lengths), and the vertex there of each vertex here."""
    sphere = shapes.icosphere(2)
    far = np.argmin(sphere.vertices @ sphere.vertices.T, axis=1)
    low = np.minimum(np.arange(len(far)), far)
    kept, image = np.unique(low, return_inverse=True)
    faces = image[sphere.faces]
    _, first = np.unique(np.sort(faces, axis=1), axis=0, return_index=True)
    mesh = TriMesh.from_edge_lengths(faces[first], sphere.edge_lengths[first], validate=False)
    assert mesh.num_vertices == len(kept) == 81 and mesh.report().euler_characteristic == 1
    return sphere, mesh, image


def moebius() -> TriMesh:
    return TriMesh(*immersed(closed=False), validate=False)


ONE_SIDED = {
    "flat Möbius band": flat_moebius,
    "Möbius band in space": moebius,
    "Klein bottle": lambda: TriMesh(*immersed(closed=True, columns=12), validate=False),
    "projective plane": lambda: projective_plane()[1],
}


@pytest.fixture(params=ONE_SIDED)
def mesh(request) -> TriMesh:
    return ONE_SIDED[request.param]()


def wrap(angle) -> np.ndarray:
    return wrap_array(np.asarray(angle))


def rotation(angle) -> np.ndarray:
    c, s = np.cos(np.asarray(angle)), np.sin(np.asarray(angle))
    return np.stack([np.stack([c, -s], -1), np.stack([s, c], -1)], -2)


def element(angle, flip) -> np.ndarray:
    """R(angle) S^flip as 2×2 matrices."""
    mirror = np.stack([np.ones(len(flip)), np.where(flip, -1.0, 1.0)], axis=-1)
    return rotation(angle) * mirror[:, None, :]


def transports(nb: Neighborhoods) -> np.ndarray:
    return element(nb.transport, nb.flip.numpy())


def keys(nb: Neighborhoods) -> list[tuple[int, int]]:
    return list(zip(nb.target.tolist(), nb.source.tolist(), strict=True))


def opposites(nb: Neighborhoods) -> np.ndarray:
    p, q = nb.target.numpy(), nb.source.numpy()
    return np.lexsort((p, q))


def assert_same(a: Neighborhoods, b: Neighborhoods, tolerance: float = 1e-12) -> None:
    for name in ("ptr", "source", "flip"):
        assert torch.equal(getattr(a, name), getattr(b, name)), name
    assert torch.equal(a.r, b.r)
    assert np.abs(wrap(a.theta - b.theta)).max() < tolerance
    assert np.abs(wrap(a.transport - b.transport)).max() < tolerance


def random_change(size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.uniform(-7, 7, size), rng.random(size) < 0.5


def test_the_meshes_are_one_sided(mesh):
    with pytest.raises(NonOrientableError):
        _ = mesh.halfedges
    cover = double_cover(mesh)
    assert cover.mesh.report().ok
    assert cover.mesh.euler_characteristic == 2 * mesh.euler_characteristic
    assert cover.mesh.num_components == mesh.num_components  # the sheets connect
    assert double_cover(mesh) is cover
    assert double_cover(shapes.icosphere(1)) is None


@pytest.mark.parametrize("edges", [1.3, 3.1])
def test_transport_there_and_back_is_nothing(mesh, edges):
    nb = neighborhoods(mesh, edges=edges * 1.00012345)
    back = opposites(nb)
    assert torch.equal(nb.target[back], nb.source) and torch.equal(nb.source[back], nb.target)
    assert torch.equal(nb.r[back], nb.r) and torch.equal(nb.flip[back], nb.flip)
    assert nb.flip.any() and not nb.flip.all()
    there_and_back = transports(nb) @ transports(nb)[back]
    assert np.abs(there_and_back - np.eye(2)).max() < 1e-14
    same = nb.target == nb.source
    assert same.sum() == mesh.num_vertices
    for values in (nb.r, nb.theta, nb.transport, nb.flip):
        assert (values[same] == 0).all()


def flat_truth(nb: Neighborhoods):
    """r, θ and flip in frames along x: the nearest of q's images on the strip that covers the band."""
    position = chart()
    p, q = position[nb.target.numpy()], position[nb.source.numpy()]
    images = [q * [1, (-1) ** k] + [k * LENGTH, 0] - p for k in (-1, 0, 1)]
    distance = np.stack([np.linalg.norm(step, axis=1) for step in images])
    k = np.argmin(distance, axis=0)
    step = np.stack(images)[k, np.arange(len(k))]
    return distance.min(axis=0), np.arctan2(step[:, 1], step[:, 0]), k != 1


def aligned_frames(mesh: TriMesh) -> Frames:
    """Frames whose e1 points along x, towards the next vertex round the band."""
    nb = neighborhoods(mesh, LENGTH / AROUND * 1.001)
    i, j = np.divmod(np.arange(mesh.num_vertices), ACROSS)
    after = np.where(i + 1 < AROUND, (i + 1) * ACROSS + j, ACROSS - 1 - j)
    ahead = nb.source.numpy() == after[nb.target.numpy()]
    assert ahead.sum() == mesh.num_vertices
    return Frames.canonical(mesh).rotated(-nb.theta.numpy()[ahead])


@pytest.mark.parametrize("share", [0.4, 0.7])  # at 0.7 both sheets are in reach: the nearer counts
def test_on_a_flat_moebius_band_transports_are_the_identity_or_the_reflection(share):
    mesh, radius = flat_moebius(), share * LENGTH
    nb = neighborhoods(mesh, radius, aligned_frames(mesh))
    r, theta, flip = flat_truth(nb)
    apart = (nb.target != nb.source).numpy()
    assert np.abs(nb.r.numpy() - r).max() < 1e-13
    assert np.abs(wrap(nb.theta.numpy() - theta)[apart]).max() < 1e-12
    assert np.array_equal(nb.flip.numpy(), flip)
    assert np.abs(wrap(nb.transport.numpy())).max() < 1e-12
    position = chart()
    distances = []
    for k in (-1, 0, 1):  # none missing, none too many
        image = position * [1, (-1) ** k] + [k * LENGTH, 0]
        distances.append(np.linalg.norm(position[:, None] - image[None], axis=2))
    assert len(r) == (np.min(distances, axis=0) <= radius).sum()


def test_the_projective_plane_is_the_sphere_modulo_antipodes():
    sphere, mesh, image = projective_plane()
    radius = 0.9
    up, down = neighborhoods(sphere, radius), neighborhoods(mesh, radius)
    lengths = {}
    for p, q, r in zip(image[up.target], image[up.source], up.r.tolist(), strict=True):
        lengths[p, q] = min(r, lengths.get((p, q), np.inf))
    found = dict(zip(keys(down), down.r.tolist(), strict=True))
    assert found.keys() == lengths.keys()
    assert max(abs(found[key] - lengths[key]) for key in found) < 1e-12
    assert (down.ptr.diff().numpy()[image] == up.ptr.diff().numpy()).all()


def walk(nb: Neighborhoods, loop: np.ndarray) -> np.ndarray:
    """The transport once round a loop of neighbours, back to its start."""
    known = dict(zip(keys(nb), transports(nb), strict=True))
    total = np.eye(2)
    for here, there in zip(loop, np.roll(loop, -1), strict=True):
        total = total @ known[int(here), int(there)]
    return total


@pytest.mark.parametrize("make", [flat_moebius, moebius])
def test_the_walk_round_the_core_reflects_and_small_loops_do_not(make):
    mesh = make()
    nb = neighborhoods(mesh, edges=1.9)
    columns = ACROSS if make is flat_moebius else 7
    rows = mesh.num_vertices // columns
    core = np.arange(rows) * columns + columns // 2
    assert abs(np.linalg.det(walk(nb, core)) + 1) < 1e-12
    twice = np.concatenate([core, core])
    assert np.abs(walk(nb, twice) - np.eye(2)).max() < 1e-11
    for face in mesh.faces:
        assert abs(np.linalg.det(walk(nb, face)) - 1) < 1e-12


def test_frames_and_directions_in_space_are_those_of_the_band_cut_open():
    position, faces = immersed(closed=False)
    band = TriMesh(position, faces, validate=False)
    open_faces = faces.reshape(24, -1, 3)[:-1].reshape(-1, 3)
    strip = TriMesh(position, open_faces)
    frames = Frames.canonical(band)
    basis = np.stack([frames.e1, frames.e2, frames.normal], axis=1)
    assert np.abs(np.linalg.det(basis) - 1).max() < 1e-13
    inner = np.arange(7 * 4, 7 * 20)
    assert np.abs(frames.normal[inner] - strip.vertex_normals[inner]).max() < 1e-14
    for center in inner[::9]:
        logs = [log_map(m, center, edge_radius(band, 2.0)) for m in (band, strip)]
        gauges = (frames, Frames.canonical(strip))
        assert np.array_equal(logs[0].vertex, logs[1].vertex)
        directions = [
            np.cos(log.theta)[:, None] * f.e1[center] + np.sin(log.theta)[:, None] * f.e2[center]
            for log, f in zip(logs, gauges, strict=True)
        ]
        assert np.abs(np.diff(directions, axis=0)[0][logs[0].vertex != center]).max() < 1e-12


def test_log_map_is_a_row_of_the_neighbourhoods(mesh):
    gamma, mirrored = random_change(mesh.num_vertices, 1)
    frames = Frames.canonical(mesh).reflected(mirrored).rotated(gamma)
    radius = edge_radius(mesh, 2.7)
    nb = neighborhoods(mesh, radius, frames)
    for center in (0, mesh.num_vertices // 2, mesh.num_vertices - 1):
        log = log_map(mesh, center, radius, frames)
        row = slice(*nb.ptr[center : center + 2].tolist())
        assert np.array_equal(log.vertex, nb.source[row])
        assert np.array_equal(log.flip, nb.flip[row])
        assert np.abs(wrap(log.theta - nb.theta[row].numpy())).max() < 1e-12
        assert np.abs(wrap(log.transport - nb.transport[row].numpy())).max() < 1e-11


@pytest.mark.parametrize("more_sources", [False, True])
def test_subsets_agree_with_the_full_neighbourhoods(mesh, more_sources):
    rng = np.random.default_rng(2)
    few, many = (np.sort(rng.permutation(mesh.num_vertices)[:n]) for n in (20, 50))
    targets, sources = (few, many) if more_sources else (many, few)
    radius = edge_radius(mesh, 3.3)
    full = neighborhoods(mesh, radius)
    kept = np.isin(full.target, targets) & np.isin(full.source, sources)
    part = neighborhoods(
        mesh, radius, targets=targets, sources=sources, source_area=np.ones(len(sources))
    )
    assert np.array_equal(sources[part.source], full.source[kept])
    assert torch.equal(part.flip, full.flip[kept])
    assert (part.r - full.r[kept]).abs().max() < 1e-12
    assert np.abs(wrap(part.theta - full.theta[kept])).max() < 1e-11
    assert np.abs(wrap(part.transport - full.transport[kept])).max() < 1e-11


def test_weights_do_not_see_the_seam():
    """A flat band has the weights of a flat plane: every share has its own area, away from the rim."""
    mesh = flat_moebius()
    nb = neighborhoods(mesh, 0.4 * LENGTH)
    near = (nb.r < 0.25 * LENGTH).numpy()
    expected = mesh.vertex_areas[nb.source.numpy()]
    np.testing.assert_allclose(nb.weight.numpy()[near], expected[near], rtol=1e-11)


def test_relabelling_is_a_change_of_gauge_with_reflections():
    mesh = moebius()
    rng = np.random.default_rng(3)
    new = rng.permutation(mesh.num_vertices)
    vertices = np.zeros_like(mesh.vertices)
    vertices[new] = mesh.vertices
    faces = new[mesh.faces][rng.permutation(mesh.num_faces)]
    turned = rng.random(mesh.num_faces) < 0.5  # one-sided, so any winding is as good
    faces[turned] = faces[turned][:, [0, 2, 1]]
    other = TriMesh(vertices, faces, validate=False)
    a, b = (neighborhoods(m, edges=2.7) for m in (mesh, other))
    p, q = new[a.target], new[a.source]
    order = np.lexsort((q, p))
    assert np.array_equal(p[order], b.target) and np.array_equal(q[order], b.source)
    z, w = np.exp(1j * a.theta.numpy()[order]), np.exp(1j * b.theta.numpy())
    apart = (b.target != b.source).numpy()
    plain, mirror = np.zeros((2, mesh.num_vertices), complex)
    np.add.at(plain, b.target[apart], (w * z.conj())[apart])
    np.add.at(mirror, b.target[apart], (w * z)[apart])
    s = np.abs(mirror) > np.abs(plain)
    assert s.any() and not s.all()
    gamma = np.angle(np.where(s, mirror, plain))
    moved = a.change_gauge(gamma[new], reflect_target=s[new])
    assert np.array_equal(moved.flip.numpy()[order], b.flip)
    assert np.abs(moved.r.numpy()[order] - b.r.numpy()).max() < 1e-13
    assert np.abs(wrap(moved.theta.numpy()[order] - b.theta.numpy())[apart]).max() < 1e-12
    assert np.abs(wrap(moved.transport.numpy()[order] - b.transport.numpy())).max() < 1e-12


def test_an_oriented_component_beside_a_one_sided_one_is_as_if_alone():
    sphere, (position, faces) = bumpy_sphere(60, 4), immersed(closed=False)
    both = TriMesh(
        np.concatenate([position + 5, sphere.vertices]),
        np.concatenate([faces, sphere.faces + len(position)]),
        validate=False,
    )
    alone, together = neighborhoods(sphere, 0.8), neighborhoods(both, 0.8)
    rows = slice(int(together.ptr[len(position)]), None)
    assert not together.flip[rows].any() and together.flip.any()
    assert torch.equal(together.source[rows] - len(position), alone.source)
    assert (together.r[rows] - alone.r).abs().max() < 1e-12
    assert np.abs(wrap(together.transport[rows] - alone.transport)).max() < 1e-11


def test_other_defects_of_one_sided_meshes_still_raise():
    position, faces = immersed(closed=False)
    wound = faces[:, [0, 2, 1]][:1]
    pair = np.array([[0, 1, 2], [0, 1, 3]])  # a component that is wound inconsistently
    mixed = TriMesh(
        np.concatenate([position, np.eye(4, 3) + 9]),
        np.concatenate([faces, pair + len(position)]),
        validate=False,
    )
    doubled = TriMesh(position, np.concatenate([faces, wound]), validate=False)
    for mesh, message in ((mixed, "wound against"), (doubled, "same three vertices")):
        with pytest.raises(MeshError, match=message):
            neighborhoods(mesh, 1.0)


def test_what_has_no_reflections_refuses_one_sided_meshes_and_mirrored_frames():
    mesh = moebius()
    mirrored = Frames.canonical(shapes.icosphere(1)).reflected(np.arange(42) == 7)
    for call in (
        lambda m, f: edge_transport(m, f),
        lambda m, f: exp_map(m, 0, np.array([[0.1, 0.0]]), frames=f),
    ):
        with pytest.raises(NonOrientableError, match="one-sided"):
            call(mesh, None)
        with pytest.raises(
            StructureGroupError, match="1 frames oppose the winding, first at vertex 7"
        ):
            call(mirrored.mesh, mirrored)
    for call in (
        lambda: holonomy(mesh, [0, 1, 8]),
        lambda: neighborhoods(mesh, 0.3, method="vector-heat"),
        lambda: neighborhoods(mesh, 0.3, quadrature="exponential"),
    ):
        with pytest.raises(NonOrientableError, match="one-sided"):
            call()


GAUGE_MESHES = {"sphere": lambda: bumpy_sphere(120, 5), "plane": lambda: shapes.plane(6, 5)}
GAUGE_MESHES |= {"Möbius": moebius}


@pytest.mark.parametrize("name", GAUGE_MESHES)
def test_reflected_frames_give_the_changed_gauge(name):
    mesh = GAUGE_MESHES[name]()
    (first, s), (gamma, t) = (random_change(mesh.num_vertices, seed) for seed in (6, 7))
    start = Frames.canonical(mesh).reflected(s).rotated(first)
    recomputed = neighborhoods(mesh, frames=start.reflected(t).rotated(gamma), edges=2.7)
    nb = neighborhoods(mesh, frames=start, edges=2.7)
    changed = nb.change_gauge(gamma, reflect_target=t)
    assert nb.flip.any()
    assert_same(recomputed, changed)
    assert np.abs(recomputed.frames.offset - changed.frames.offset).max() < 1e-13
    assert np.array_equal(recomputed.frames.mirrored, changed.frames.mirrored)


def test_exponential_nodes_follow_reflected_frames():
    mesh = bumpy_sphere(120, 5)
    gamma, s = random_change(120, 8)
    frames = Frames.canonical(mesh).reflected(s).rotated(gamma)
    recomputed = neighborhoods(mesh, 0.5, frames, quadrature="exponential")
    plain = neighborhoods(mesh, 0.5, quadrature="exponential")
    assert_same(recomputed, plain.change_gauge(gamma, reflect_target=s))


@pytest.mark.parametrize("name", GAUGE_MESHES)
def test_changes_of_gauge_compose_like_the_group(name):
    mesh = GAUGE_MESHES[name]()
    nb = neighborhoods(mesh, edges=2.7)
    (a, s), (b, t) = (random_change(mesh.num_vertices, seed) for seed in (9, 10))
    in_turn = nb.change_gauge(a, reflect_target=s).change_gauge(b, reflect_target=t)
    at_once = nb.change_gauge(b + np.where(t, -a, a), reflect_target=s ^ t)
    assert_same(in_turn, at_once)
    inverse = in_turn.change_gauge(-b, reflect_target=False)
    inverse = inverse.change_gauge(0.0, reflect_target=t).change_gauge(-a)
    assert_same(inverse.change_gauge(0.0, reflect_target=s), nb)


def test_transports_change_by_the_matrices_of_the_group():
    mesh = bumpy_sphere(80, 11)
    few = np.arange(0, 80, 3)
    nb = neighborhoods(mesh, 0.9, sources=few, source_area=np.ones(len(few)))
    (a, s), (b, t) = random_change(80, 12), random_change(len(few), 13)
    changed = nb.change_gauge(a, b, s, t)
    k_p, k_q = element(a, s)[nb.target], element(b, t)[nb.source]
    expected = k_p @ transports(nb) @ np.swapaxes(k_q, 1, 2)
    assert np.abs(transports(changed) - expected).max() < 1e-13
    direction = rotation(nb.theta)[:, :, 0]
    expected = np.einsum("eij,ej->ei", k_p, direction)
    turned = rotation(changed.theta)[:, :, 0]
    apart = (nb.r > 0).numpy()
    assert np.abs(turned - expected)[apart].max() < 1e-13


def test_reflecting_a_frame_turns_e2_and_the_normal_over():
    mesh = bumpy_sphere(80, 14)
    gamma, s = random_change(80, 15)
    frames = Frames.canonical(mesh).rotated(gamma)
    mirrored = frames.reflected(s)
    sign = np.where(s, -1.0, 1.0)[:, None]
    assert np.abs(mirrored.e1 - frames.e1).max() < 1e-14
    assert np.abs(mirrored.e2 - sign * frames.e2).max() < 1e-14
    assert np.abs(mirrored.normal - sign * frames.normal).max() < 1e-14
    again = mirrored.reflected(s)
    assert np.abs(again.offset - frames.offset).max() == 0 and not again.mirrored.any()
    turned = mirrored.rotated(0.3)  # by −0.3 about the frame's own normal
    assert np.abs(turned.e1 - (np.cos(0.3) * mirrored.e1 - np.sin(0.3) * mirrored.e2)).max() < 1e-13
    assert np.array_equal(frames.reflected().mirrored, np.ones(80, dtype=bool))


@pytest.mark.unchecked
def test_reflections_must_be_booleans_for_every_row():
    mesh = shapes.icosphere(0)
    nb = neighborhoods(mesh, 1.2)
    with pytest.raises(MeshError, match="give one boolean, or 12"):
        Frames.canonical(mesh).reflected(np.ones(11, dtype=bool))
    with pytest.raises(MeshError, match="float64"):
        Frames.canonical(mesh).reflected(np.ones(12))
    with pytest.raises(GaugeConvError, match="each of the 12 rows"):
        nb.change_gauge(0.0, reflect_target=torch.zeros(11, dtype=torch.bool))
    with pytest.raises(GaugeConvError, match="must be booleans"):
        nb.change_gauge(0.0, reflect_target=torch.zeros(12))


def test_features_of_so2_cannot_follow_a_reflection():
    from gaugeconv import FieldType
    from gaugeconv.nn import GaugeConv

    mesh = moebius()
    nb = neighborhoods(mesh, edges=2.0).to(dtype=torch.float32)
    conv = GaugeConv(FieldType("1x0"), FieldType("1x1"))
    with pytest.raises(StructureGroupError, match="transports reflect"):
        conv(torch.zeros(mesh.num_vertices, 1), nb)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_paths_that_tie_on_both_sheets_are_one_pair_both_ways():
    line = np.array([0.36039903, 1.05831612, 1.37398422, 1.34535828, 0.75798707, 1.00778247])
    faces = [[0, 1, 3], [0, 3, 2], [2, 3, 5], [2, 5, 4], [4, 5, 0], [4, 0, 1]]
    across = 1e-15 * np.array([1.2796, 2.3716, 2.0693, 0.0689, 0.8243, 1.1337])
    mesh = TriMesh(np.stack([line, across, 0 * line], axis=1), faces, validate=False)
    nb = neighborhoods(mesh, 10.0)
    p, q = nb.target.numpy(), nb.source.numpy()
    assert len(p) == 36
    tail, head = mesh.faces.ravel(), mesh.faces[:, [1, 2, 0]].ravel()
    edges = np.full((6, 6), np.inf)
    edges[tail, head] = edges[head, tail] = mesh.edge_lengths.ravel()
    np.testing.assert_allclose(nb.r.numpy(), shortest_path(edges)[p, q], atol=1e-7)
    back = np.lexsort((p, q))  # the place of (q, p) for each (p, q)
    assert torch.equal(nb.flip, nb.flip[back])
    transport, flip = nb.transport.numpy(), nb.flip.numpy()
    product = transport + np.where(flip, -transport[back], transport[back])
    np.testing.assert_allclose(wrap_array(product), 0, atol=1e-12)


def test_half_round_a_band_both_ways_take_the_same_path():
    mesh = flat_moebius(rows := 16)
    nb = neighborhoods(mesh, 0.55 * LENGTH)
    x, y = chart(rows).T
    p, q, r, theta, transport, flip = (
        getattr(nb, name).numpy()
        for name in ("target", "source", "r", "theta", "transport", "flip")
    )
    half = np.isclose(np.abs(x[p] - x[q]), 0.5 * LENGTH)
    least = np.minimum(
        np.abs(y[p] - y[q]), np.abs(y[p] + y[q])
    )  # the right way, or through the seam
    np.testing.assert_allclose(r[half], np.hypot(0.5 * LENGTH, least[half]), rtol=1e-12)
    assert half.sum() == rows * ACROSS**2  # all of them, those on the middle line tie
    back = np.lexsort((p, q))
    assert np.array_equal(flip, flip[back])
    # a geodesic's direction is carried along it: T_qp takes θ_pq to θ_qp + π
    carried = np.where(flip, transport - theta, theta - transport) + np.pi
    off = wrap_array(carried - theta[back])[p != q]
    np.testing.assert_allclose(off, 0, atol=1e-9)
