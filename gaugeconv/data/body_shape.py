"""Random builds: phenotypes, proportions beyond the model's range, clothes, hair, scanner noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float64, Int64

from gaugeconv.data.body_model import RestBody

_SCALED = {  # bones, joint about which they grow, and the range of log scale factors
    "head": (("head", "eye"), "neck03", (-0.1, 0.08)),
    "hand.L": (("wrist", "finger", "metacarpal"), "wrist.L", (-0.25, 0.08)),
    "hand.R": (("wrist", "finger", "metacarpal"), "wrist.R", (-0.25, 0.08)),
    "foot.L": (("foot", "toe"), "foot.L", (-0.15, 0.12)),
    "foot.R": (("foot", "toe"), "foot.R", (-0.15, 0.12)),
}


def sample_phenotypes(rng: np.random.Generator, names: Sequence[str]) -> dict[str, float]:
    """Shape parameters in [0, 1]: mostly adults, one in eight a child, all builds."""
    values = {name: float(rng.beta(1.3, 1.3)) for name in names}
    values["weight"] = float(rng.beta(1.5, 1.1))
    values["age"] = float(rng.uniform(0.2, 0.5) if rng.random() < 0.12 else rng.uniform(0.55, 0.95))
    values["gender"] = float(np.clip(rng.choice([0.0, 1.0]) + rng.normal(0, 0.15), 0, 1))
    for name in ("cupsize", "firmness"):
        if name in values:
            values[name] = float(rng.uniform(0.25, 0.8))
    return values


def sample_scales(rng: np.random.Generator) -> dict[str, float]:
    """Scale factors of head, hands and feet; both sides alike. Some heads are a cartoon's."""
    drawn = {key.split(".")[0]: np.exp(rng.uniform(*span)) for key, (_, _, span) in _SCALED.items()}
    if rng.random() < 0.06:
        drawn["head"] *= rng.uniform(1.2, 1.6)
    return {key: float(value) for key, value in drawn.items()}


def scale_parts(body: RestBody, scales: Mapping[str, float]) -> RestBody:
    """Grows or shrinks head, hands and feet about their joints, fading out with the weights."""
    vertices = body.vertices.copy()
    heads = body.skeleton.heads.copy()
    for key, (prefixes, joint, _) in _SCALED.items():
        name, _, side = key.partition(".")
        bones = body.skeleton.select(prefixes, side if name != "head" else "")
        share = body.weights[:, bones].sum(axis=1, keepdims=True)
        origin = body.skeleton.head(joint)
        factor = scales[name] - 1.0
        vertices += factor * share * (body.vertices - origin)
        heads[bones] += factor * (body.skeleton.heads[bones] - origin)
    return replace(body, vertices=vertices, skeleton=replace(body.skeleton, heads=heads))


def dress(
    body: RestBody, rng: np.random.Generator, clothes: float, hair: float
) -> Float64[np.ndarray, "V 3"]:
    """Rest vertices moved along normals: smooth folds of clothes, and hair above the face.

    `clothes` and `hair` are thicknesses in units of the body's height.
    """
    height = float(np.ptp(body.vertices[:, 2]))
    normals = vertex_normals(body.vertices, body.faces)
    bare = body.weights[:, body.skeleton.select(("neck", "head", "eye", "wrist", "finger", "meta"))]
    cover = clothes * (1 - bare.sum(axis=1)) * _ripples(body.vertices / height, rng)
    crown = hair * _hair_cover(body, height) * (0.8 + 0.3 * _ripples(body.vertices / height, rng))
    return body.vertices + height * (cover + crown)[:, None] * normals


def _hair_cover(body: RestBody, height: float) -> Float64[np.ndarray, " V"]:
    """1 on top and at the back of the head, 0 on the face, smooth between."""
    eyes = 0.5 * (body.skeleton.head("eye.L") + body.skeleton.head("eye.R"))
    share = body.weights[:, body.skeleton.select(("head", "neck03"))].sum(axis=1)
    up = (body.vertices[:, 2] - eyes[2]) / (0.04 * height)
    back = (body.vertices[:, 1] - eyes[1]) / (0.04 * height)
    return share * np.clip(np.maximum(up - 0.4, back - 1.3 + 0.4 * np.minimum(up, 0)), 0, 1)


def _ripples(
    points: Float64[np.ndarray, "V 3"], rng: np.random.Generator, waves: int = 12
) -> Float64[np.ndarray, " V"]:
    """A smooth random field with mean 0.5 and values mostly in [0, 1]."""
    frequency = rng.normal(size=(waves, 3)) * 2 * np.pi * rng.uniform(1, 7, size=(waves, 1))
    phase = rng.uniform(0, 2 * np.pi, size=waves)
    return 0.5 + 0.5 * np.sqrt(2 / waves) * np.sin(points @ frequency.T / np.sqrt(3) + phase).sum(1)


def vertex_normals(
    vertices: Float64[np.ndarray, "V 3"], faces: Int64[np.ndarray, "F 3"]
) -> Float64[np.ndarray, "V 3"]:
    """Area-weighted unit normals; zero where there are none.

    Not those of `gaugeconv.mesh`, which round differently: a seed would then give another body.
    """
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    cross = np.cross(b - a, c - a)
    total = np.zeros_like(vertices)
    for k in range(3):
        for axis in range(3):
            total[:, axis] += np.bincount(faces[:, k], cross[:, axis], minlength=len(vertices))
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), np.finfo(float).tiny)
