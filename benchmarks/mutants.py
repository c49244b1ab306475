"""Meshes and mesh files damaged at random; the same seed gives the same damage."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator

from gaugeconv.mesh import TriMesh, shapes

Arrays = tuple[Any, Any]
"""Vertices and faces, which may be of any type and shape after damage."""

MOEBIUS = [[0, 1, 3], [0, 3, 2], [2, 3, 5], [2, 5, 4], [4, 5, 0], [4, 0, 1]]


@cache
def bases() -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Sound meshes (and a Möbius band) of 3 to 160 vertices."""
    meshes = (
        shapes.icosphere(0),
        shapes.icosphere(1),
        shapes.irregular_sphere(40, 1),
        shapes.irregular_sphere(160, 2),
        shapes.torus(8, 6),
        shapes.plane(4, 4, jitter=0.2),
        shapes.cylinder(7, 3),
        TriMesh(np.eye(3), [[0, 1, 2]]),
        TriMesh(np.random.default_rng(0).random((15, 3)), np.arange(15).reshape(5, 3)),
    )
    band = np.random.default_rng(1).random((6, 3)), np.array(MOEBIUS)
    return (*((mesh.vertices, mesh.faces) for mesh in meshes), band)


# --- damage to positions ---------------------------------------------------------------------


def odd_coordinates(rng: Generator, v: np.ndarray, f: np.ndarray) -> Arrays:
    """Some coordinates that are NaN, infinite, huge, denormal or −0."""
    odd = [np.nan, np.inf, -np.inf, 1e308, -1e160, 1e150, 5e-324, 1e-200, -0.0, 0.0]
    v[rng.integers(len(v), size=2), rng.integers(3, size=2)] = rng.choice(odd, size=2)
    return v, f


def scaled(rng: Generator, v: np.ndarray, f: np.ndarray) -> Arrays:
    """All positions at another scale, up to the edge of float64."""
    return v * np.float64(10.0) ** rng.uniform(-310, 310), f


def moved(rng: Generator, v: np.ndarray, f: np.ndarray) -> Arrays:
    """Everything far from the origin."""
    return v + 10.0 ** rng.uniform(-3, 18) * rng.normal(size=3), f


def flattened(rng: Generator, v: np.ndarray, f: np.ndarray) -> Arrays:
    """Squeezed along axes, to a sheet, a line or a point."""
    return v * rng.choice([1.0, 1.0, 0.0, 1e-18, 1e-9, 1e-3, 1e6], size=3), f


def needles(rng: Generator, v: np.ndarray, f: np.ndarray) -> Arrays:
    """Vertices moved to, or almost to, others or points between two others."""
    for _ in range(rng.integers(1, 6)):
        a, b, c = rng.integers(len(v), size=3)
        t = rng.choice([0.0, 0.0, 0.5, rng.random()])
        nearness = rng.choice([0.0, 10.0 ** rng.uniform(-17, -1)])
        v[a] = (1 - t) * v[b] + t * v[c] + nearness * rng.normal(size=3)
    return v, f


def crumpled(rng: Generator, v: np.ndarray, f: np.ndarray) -> Arrays:
    """Positions with noise of any size, or random altogether."""
    return v + 10.0 ** rng.uniform(-12, 1) * rng.normal(size=v.shape), f


# --- damage to faces ---------------------------------------------------------------------------


def bad_indices(rng: Generator, v: np.ndarray, f: np.ndarray) -> Arrays:
    """Indices out of range, or wrong ones in range."""
    wrong = [-1, len(v), 2**31, 2**62, -(2**63), *rng.integers(len(v), size=12)]
    f[rng.integers(len(f)), rng.integers(3)] = rng.choice(wrong)
    return v, f


def extra_faces(rng: Generator, v: np.ndarray, f: np.ndarray) -> Arrays:
    """Copies of faces, turned or not, and random ones."""
    copies = f[rng.integers(len(f), size=rng.integers(3))]
    turned = f[rng.integers(len(f), size=rng.integers(3))][:, rng.permutation(3)]
    random = rng.integers(len(v), size=(rng.integers(3), 3))
    return v, np.concatenate([f, copies, turned, random])


def fewer_faces(rng: Generator, v: np.ndarray, f: np.ndarray) -> Arrays:
    """Holes, bow-ties and vertices without faces."""
    return v, f[rng.random(len(f)) < rng.random()]


def turned_faces(rng: Generator, v: np.ndarray, f: np.ndarray) -> Arrays:
    """Some faces wound the other way, and in another order."""
    turned = rng.random(len(f)) < rng.random()
    f[turned] = f[turned, ::-1]
    return v, f[rng.permutation(len(f))]


def joined_vertices(rng: Generator, v: np.ndarray, f: np.ndarray) -> Arrays:
    """Faces that use one vertex in place of another."""
    for _ in range(rng.integers(1, 4)):
        a, b = rng.integers(len(v), size=2)
        f[f == a] = b
    return v, f


def random_faces(rng: Generator, v: np.ndarray, f: np.ndarray) -> Arrays:
    """Nothing but random faces."""
    return v, rng.integers(len(v), size=f.shape)


def soup(rng: Generator, v: np.ndarray, f: np.ndarray) -> Arrays:
    """Every triangle for itself, with unused vertices before and after."""
    unused = rng.random((rng.integers(3), 3))
    corners = np.concatenate([unused, v[f].reshape(-1, 3), unused])
    return corners, np.arange(len(unused), len(unused) + f.size).reshape(-1, 3)


def odd_arrays(rng: Generator, v: np.ndarray, f: np.ndarray) -> Arrays:
    """Other types, orders and shapes, right and wrong."""
    changed: list[Callable[[], Arrays]] = [
        lambda: (v.astype(np.float32), f.astype(np.int32)),
        lambda: (v.astype(np.float16), f.astype(np.uint8)),
        lambda: (np.asfortranarray(v)[::-1], f[:, ::-1]),
        lambda: (v.tolist(), f.tolist()),
        lambda: (v.astype(np.int64), f.astype(np.float64)),
        lambda: (v.astype(complex), f),
        lambda: (v.ravel(), f),
        lambda: (v, f.ravel()),
        lambda: (v[:0], f),
        lambda: (v, f[:0]),
        lambda: (v.astype(str), f),
        lambda: (v, f.astype(object)),
        lambda: ([*v.tolist(), [1.0]], f),
    ]
    return changed[rng.integers(len(changed))]()


TO_POSITIONS = (scaled, moved, flattened, needles, needles, crumpled, odd_coordinates)
TO_FACES = (extra_faces, fewer_faces, turned_faces, joined_vertices, random_faces, soup)
LAST = (bad_indices, odd_arrays)


def damaged_arrays(rng: Generator) -> Arrays:
    """A base mesh with one to three kinds of damage, mostly to positions, and seldom to types."""
    vertices, faces = (array.copy() for array in bases()[rng.integers(len(bases()))])
    with np.errstate(all="ignore"):
        for _ in range(rng.choice([1, 1, 2, 3])):
            kinds = TO_POSITIONS if rng.random() < 0.7 else TO_FACES
            if len(faces):
                vertices, faces = kinds[rng.integers(len(kinds))](rng, vertices, faces)
        if rng.random() < 0.1 and len(faces):
            vertices, faces = LAST[rng.integers(len(LAST))](rng, vertices, faces)
    return vertices, faces


# --- damage to files -----------------------------------------------------------------------------

ASCII_PLY = (
    "ply\nformat ascii 1.0\nelement vertex {}\n"
    "property float x\nproperty float y\nproperty float z\n"
    "element face {}\nproperty list uchar int vertex_indices\nend_header\n"
)


@cache
def files() -> tuple[tuple[str, bytes], ...]:
    """Sound files of every kind that is read: (suffix, content)."""
    found = []
    mesh = shapes.plane(2, 2, jitter=0.2)
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".ply", ".obj", ".off", ".stl"):
            path = Path(folder, f"mesh{suffix}")
            labels = np.arange(mesh.num_faces) if suffix == ".ply" else None
            mesh.save(path, face_labels=labels)
            found.append((suffix, path.read_bytes()))
    corners = "\n".join(" ".join(map(str, row)) for row in mesh.vertices)
    rows = "\n".join("3 " + " ".join(map(str, row)) for row in mesh.faces)
    head = ASCII_PLY.format(mesh.num_vertices, mesh.num_faces)
    found.append((".ply", f"{head}{corners}\n{rows}\n".encode()))
    triangles = "".join(
        "facet normal 0 0 1\nouter loop\n"
        + "".join(f"vertex {x} {y} {z}\n" for x, y, z in mesh.vertices[face])
        + "endloop\nendfacet\n"
        for face in mesh.faces
    )
    found.append((".stl", f"solid mesh\n{triangles}endsolid mesh\n".encode()))
    quads = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nv 2 1 0\nf 1/1 2/2 3/3 4/4\nf -1 3 2\n"
    found.append((".obj", quads.encode()))
    found.append((".off", b"OFF\n5 2 0\n0 0 0\n1 0 0\n1 1 0\n0 1 0\n2 1 0\n4 0 1 2 3\n3 1 4 2\n"))
    return tuple(found)


def damaged_file(rng: Generator) -> tuple[str, bytes]:
    """A suffix and the content of a file with one to four kinds of damage."""
    suffix, content = files()[rng.integers(len(files()))]
    data = bytearray(content)
    for _ in range(rng.integers(1, 5)):
        if data:
            _damage_bytes(rng, data)
    return suffix, bytes(data)


def _damage_bytes(rng: Generator, data: bytearray) -> None:
    """One kind of damage, in place."""
    at = int(rng.integers(len(data)))
    size = int(rng.integers(1, 1 + min(40, len(data))))
    kind = rng.integers(7)
    if kind == 0:
        data[at] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        del data[at : at + size]
    elif kind == 2:
        data[at:at] = data[at : at + size]
    elif kind == 3:
        del data[at:]
    elif kind == 4:
        data[at:at] = rng.bytes(size)
    else:  # another number, where there is one
        digits = [i for i, byte in enumerate(data) if 48 <= byte <= 57]
        at = digits[rng.integers(len(digits))] if digits else at
        words = [b"-", b"9999999999", b"1e400", b"nan", b"", b"0", b"7", b" ", b"\n", b"1e-400"]
        data[at : at + 1] = words[rng.integers(len(words))]
