"""Generated human bodies with labelled parts: the training data of the packaged segmenter.

Shapes come from Anny (Apache-2.0 code, CC0 MakeHuman assets), poses from joint limits, labels
from the skeleton. Nothing is downloaded and no scan is involved.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from gaugeconv.data import body_contact, body_mesh, body_shape
from gaugeconv.data.body_model import RestBody, body_model
from gaugeconv.data.body_parts import PARTS, template_parts, transfer_parts
from gaugeconv.data.body_pose import Pose, apply_pose, sample_pose
from gaugeconv.data.folder import DatasetFolder, LabelledMesh
from gaugeconv.errors import DataError
from gaugeconv.files import atomic_path
from gaugeconv.mesh import TriMesh

__all__ = ["PARTS", "Body", "body_seed", "generate_bodies", "generate_body"]

MANIFEST = "bodies.json"
MIN_FACES, MAX_FACES = 2000, 12000
_SMALLEST, _LARGEST = 1000, 24000
_POSE_TRIES = 10
_TOUCHING = 0.02  # share of a limb inside the body that still passes for skin contact


@dataclass(frozen=True, eq=False)
class Body:
    """A generated body: a closed surface of genus 0 in metres, and a part for every face.

    Attributes:
        mesh: the skin; x to the body's left, y to its back, z up.
        face_labels: (F,) indices into `PARTS`; gauge invariant.
        seed: `generate_body(seed, ...)` with the same face limits returns this body again.
        parameters: what was drawn, ready for JSON.
    """

    mesh: TriMesh
    face_labels: Int64[np.ndarray, " F"]
    seed: int
    parameters: dict[str, Any]


def body_seed(seed: int, index: int) -> int:
    """The seed of the body at `index` in a data set made from `seed`, whatever the set's size.

    It is 2⁵² or more (and below 2⁵³, exact in every JSON reader), so a body generated from a
    smaller seed of its own is in no such data set.
    """
    words = np.random.SeedSequence(seed, spawn_key=(index,)).generate_state(2, np.uint32)
    return 1 << 52 | int(words[0]) << 20 | int(words[1]) >> 12


def generate_body(seed: int, min_faces: int = MIN_FACES, max_faces: int = MAX_FACES) -> Body:
    """One random body: age, gender, build, pose, clothes, resolution, all from the seed.

    Args:
        seed: non-negative.
        min_faces: at least about this many faces, drawn log-uniformly,
        max_faces: and at most about this many.

    Raises:
        DataError: the seed or the limits are out of range.
        GaugeConvError: `anny` or `fast_simplification` is not installed.
    """
    _check(seed, min_faces, max_faces)
    rng = np.random.default_rng(seed)
    model = body_model()
    phenotypes = body_shape.sample_phenotypes(rng, model.phenotypes)
    scales = body_shape.sample_scales(rng)
    looks = _sample_looks(rng, min_faces, max_faces)
    rest = body_shape.scale_parts(model.rest(phenotypes), scales)
    shaped = RestBody(
        body_shape.dress(rest, rng, looks["clothes"], looks["hair"]),
        rest.faces,
        rest.weights,
        rest.skeleton,
    )
    pose, vertices = _free_pose(shaped, rng)
    points, faces = body_mesh.simplify(
        vertices, shaped.faces, int(looks["faces"]), looks["aggressiveness"]
    )
    labels = transfer_parts(vertices, shaped.faces, _template_labels(), points, faces)
    mesh = TriMesh(body_mesh.roughen(points, faces, looks["noise"], rng), faces)
    drawn = {"phenotypes": phenotypes, "scales": scales, "looks": looks, "pose": asdict(pose)}
    return Body(mesh, labels, seed, drawn)


def generate_bodies(
    out: str | os.PathLike[str],
    count: int,
    seed: int = 0,
    min_faces: int = MIN_FACES,
    max_faces: int = MAX_FACES,
    val_every: int = 10,
    progress: Callable[[int, int], None] | None = None,
) -> DatasetFolder:
    """Writes a dataset folder of random bodies; body i does not depend on how many there are.

    Beside the usual files, `bodies.json` records the seed and the parameters of each body.

    Args:
        out: the folder; it must not hold a dataset yet.
        count: number of bodies.
        seed: of the data set, non-negative.
        min_faces: bounds on the number of faces, as for `generate_body`.
        max_faces: see `min_faces`.
        val_every: the last of every so many bodies goes to "val", the others to "train".
        progress: called with (bodies done, count) after each body.

    Raises:
        DataError: an argument is out of range, or the folder holds a dataset.
        GaugeConvError: `anny` or `fast_simplification` is not installed.
        OSError: the folder cannot be written.
    """
    _check(seed, min_faces, max_faces)
    if count < 1 or val_every < 2:
        raise DataError(f"count {count} must be at least 1 and val_every {val_every} at least 2")
    body_model()
    names = [f"body-{i:05d}" for i in range(count)]
    records: dict[str, dict[str, Any]] = {}

    def bodies() -> Iterator[LabelledMesh]:
        for i, name in enumerate(names):
            body = generate_body(body_seed(seed, i), min_faces, max_faces)
            records[name] = {"seed": body.seed, **body.parameters}
            yield LabelledMesh(name, body.mesh, body.face_labels)
            if progress is not None:
                progress(i + 1, count)

    held_out = names[val_every - 1 :: val_every]
    splits = {"train": [name for name in names if name not in set(held_out)], "val": held_out}
    folder = DatasetFolder.write(out, bodies(), PARTS, splits)
    about = {"seed": seed, "min_faces": min_faces, "max_faces": max_faces, "bodies": records}
    with atomic_path(Path(out) / MANIFEST) as temporary:
        temporary.write_text(json.dumps(about, indent=1) + "\n")
    return folder


def _check(seed: int, min_faces: int, max_faces: int) -> None:
    if seed < 0:
        raise DataError(f"seed {seed} is negative; choose a number from 0 up")
    if not _SMALLEST <= min_faces <= max_faces <= _LARGEST:
        raise DataError(
            f"min_faces {min_faces} and max_faces {max_faces} must satisfy "
            f"{_SMALLEST} <= min_faces <= max_faces <= {_LARGEST}"
        )


@lru_cache(maxsize=1)
def _template_labels() -> Int64[np.ndarray, " F"]:
    """Parts of the template's faces, cut on the average body and the same for all."""
    return template_parts(body_model().rest({}))


@lru_cache(maxsize=1)
def _contact_groups() -> Int64[np.ndarray, " V"]:
    return body_contact.contact_groups(body_model().rest({}))


def _sample_looks(rng: np.random.Generator, min_faces: int, max_faces: int) -> dict[str, float]:
    """Clothes, hair (in body heights), noise (in edges), and how the mesh is thinned out."""
    return {
        "faces": float(np.floor(np.exp(rng.uniform(np.log(min_faces), np.log(max_faces))))),
        "aggressiveness": float(rng.uniform(3.0, 7.0)),
        "clothes": float(rng.uniform(0.0, 0.015)) if rng.random() < 0.5 else 0.0,
        "hair": float(rng.uniform(0.005, 0.03)) if rng.random() < 0.5 else 0.0,
        "noise": float(rng.uniform(0.01, 0.08)) if rng.random() < 0.4 else 0.0,
    }


def _free_pose(body: RestBody, rng: np.random.Generator) -> tuple[Pose, Float64[np.ndarray, "V 3"]]:
    """The first of several random poses whose limbs stay outside the body, or the least bad."""
    best = np.inf
    for _ in range(_POSE_TRIES):
        tried = sample_pose(rng)
        moved = apply_pose(body, tried)
        inside = body_contact.penetration(moved, body.faces, _contact_groups())
        if inside < best:
            best, pose, vertices = inside, tried, moved
        if inside <= _TOUCHING:
            break
    return pose, vertices
