"""Eight body parts on the template: who owns which face, and clean transfers to other meshes.

A part is a skinning region (arm, leg, neck and head, trunk) cut by planes through the joints of
the rest pose, so the boundaries are smooth, lie at the same anatomical place on every body, and do
not depend on the pose. The offsets below put them where people who label scans cut: at the collar,
from the armpit to the tip of the shoulder, at elbow and wrist, along a V from the crotch to the
hip bones, at knee and ankle.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from gaugeconv.data.body_model import RestBody, Skeleton

PARTS = ("foot", "hand", "head", "lowerarm", "lowerleg", "torso", "upperarm", "upperleg")
FOOT, HAND, HEAD, LOWERARM, LOWERLEG, TORSO, UPPERARM, UPPERLEG = range(8)

ARM_BONES = ("clavicle", "shoulder", "upperarm", "lowerarm", "wrist", "finger", "metacarpal")
LEG_BONES = ("pelvis", "upperleg", "lowerleg", "foot", "toe")
HEAD_BONES = ("neck", "head", "eye")

# Shifts of the cuts towards the limb's end, in lengths of the segment above the joint.
SHOULDER, ELBOW, WRIST, HIP, KNEE, ANKLE, NECK = 0.07, 0.03, 0.08, 0.11, 0.12, 0.0, 0.04
SHOULDER_NORMAL = (1.0, 0.0, 0.1)  # on the left: a nearly vertical cut
HIP_NORMAL = (0.55, 0.0, -0.83)
NECK_NORMAL = (0.0, -0.35, 0.94)  # lower in front, where the collar is
_TOUCH = 0.02  # share of a limb's skinning weight below which a face cannot belong to it
_LIMBS = (  # bones, joints and tip, normal of the first cut on the left, shifts of the cuts, parts
    (
        ARM_BONES,
        ("upperarm01", "lowerarm01", "wrist", "finger3-1"),
        SHOULDER_NORMAL,
        (SHOULDER, ELBOW, WRIST),
        (UPPERARM, LOWERARM, HAND),
    ),
    (
        LEG_BONES,
        ("upperleg01", "lowerleg01", "foot", "toe3-1"),
        HIP_NORMAL,
        (HIP, KNEE, ANKLE),
        (UPPERLEG, LOWERLEG, FOOT),
    ),
)


def template_parts(body: RestBody) -> Int64[np.ndarray, " F"]:
    """Part of each face of a rest-pose body, as an index into `PARTS` (gauge invariant)."""
    centre = body.vertices[body.faces].mean(axis=1)
    bones = body.skeleton
    labels = np.full(len(centre), TORSO, dtype=np.int64)
    collar = bones.head("neck01") + NECK * (bones.head("head") - bones.head("neck01"))
    on_head = _share(body, HEAD_BONES) > _TOUCH
    labels[on_head & _beyond(centre, collar, np.array(NECK_NORMAL))] = HEAD
    for side, sign in (("L", 1.0), ("R", -1.0)):
        mirror = np.array([sign, 1.0, 1.0])
        for limb_bones, joints, normal, shifts, parts in _LIMBS:
            on_limb = _share(body, limb_bones, side) > _TOUCH
            places = _joints(bones, joints, side)
            _paint(labels, centre, on_limb, places, mirror * normal, shifts, parts)
    return labels


def _share(body: RestBody, prefixes: tuple[str, ...], side: str = "") -> Float64[np.ndarray, " F"]:
    """Skinning weight of a group of bones, per face."""
    total = body.weights[:, body.skeleton.select(prefixes, side)].sum(axis=1)
    return total[body.faces].mean(axis=1)


def _joints(bones: Skeleton, names: tuple[str, ...], side: str) -> Float64[np.ndarray, "n 3"]:
    return np.array([bones.head(f"{name}.{side}") for name in names])


def _beyond(points: np.ndarray, origin: np.ndarray, normal: np.ndarray) -> np.ndarray:
    return (points - origin) @ normal > 0


def _paint(
    labels: Int64[np.ndarray, " F"],
    centre: Float64[np.ndarray, "F 3"],
    on_limb: np.ndarray,
    joints: Float64[np.ndarray, "4 3"],
    root_normal: Float64[np.ndarray, " 3"],
    shifts: tuple[float, float, float],
    parts: tuple[int, int, int],
) -> None:
    """Paints the three parts of a limb, each beyond its own plane and over the one before."""
    bone = joints[1:] - joints[:-1]
    length = np.linalg.norm(bone, axis=1)
    along = bone / length[:, None]
    normals = (root_normal, along[0] + along[1], along[1])
    before = (along[0], along[0], along[1])
    size = (length[0], length[0], length[1])
    region = on_limb
    for joint, normal, step, scale, shift, part in zip(
        joints[:3], normals, before, size, shifts, parts, strict=True
    ):
        region = region & _beyond(centre, joint + shift * scale * step, normal)
        labels[region] = part


def transfer_parts(
    vertices: Float64[np.ndarray, "V 3"],
    faces: Int64[np.ndarray, "F 3"],
    labels: Int64[np.ndarray, " F"],
    new_vertices: Float64[np.ndarray, "W 3"],
    new_faces: Int64[np.ndarray, "G 3"],
) -> Int64[np.ndarray, " G"]:
    """Labels of another triangulation of the same surface, in one piece per limb.

    Each new face takes the label of a nearby old face that looks the same way (a hand on a thigh
    must not paint it); small islands are then given to the part around them. Gauge invariant.
    """
    centre, normal = _centres(vertices, faces)
    new_centre, new_normal = _centres(new_vertices, new_faces)
    distance, near = cKDTree(centre).query(new_centre, k=12)
    agreement = np.einsum("gkj,gj->gk", normal[near], new_normal)
    best = np.argmin(distance * (2.0 - agreement), axis=1)
    found = labels[np.take_along_axis(near, best[:, None], axis=1)[:, 0]]
    return merge_islands(_smooth(found, _dual(new_faces)), new_vertices, new_faces)


def _centres(
    vertices: Float64[np.ndarray, "V 3"], faces: Int64[np.ndarray, "F 3"]
) -> tuple[Float64[np.ndarray, "F 3"], Float64[np.ndarray, "F 3"]]:
    """Centroids and unit normals of faces."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    return (a + b + c) / 3, normal / np.maximum(length, np.finfo(float).tiny)


def _dual(faces: Int64[np.ndarray, "F 3"]) -> Int64[np.ndarray, "F 3"]:
    """Neighbour of each face across each of its sides, on a closed mesh."""
    tail, head = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    size = int(faces.max()) + 1
    key, reverse = tail * size + head, head * size + tail
    order = np.argsort(key)
    return (order[np.searchsorted(key, reverse, sorter=order)] // 3).reshape(-1, 3)


def _smooth(labels: Int64[np.ndarray, " F"], dual: Int64[np.ndarray, "F 3"]) -> np.ndarray:
    """One round of majority: a face with two neighbours of one other label joins them."""
    around = np.sort(labels[dual], axis=1)
    middle = around[:, 1]
    agreed = (around == middle[:, None]).sum(axis=1) >= 2
    alone = (labels[dual] == labels[:, None]).sum(axis=1) <= 1
    return np.where(agreed & alone, middle, labels)


def merge_islands(
    labels: Int64[np.ndarray, " F"],
    vertices: Float64[np.ndarray, "V 3"],
    faces: Int64[np.ndarray, "F 3"],
) -> Int64[np.ndarray, " F"]:
    """Keeps one piece of torso and head, two of every limb part; the rest joins what is around it.

    The mesh must be closed. Gauge invariant.
    """
    dual = _dual(faces)
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    result = labels.copy()
    keep = _main_pieces(labels, dual, area)
    while not keep.all():
        settled = keep[dual] & ~keep[:, None]
        grown = np.flatnonzero(settled.any(axis=1))
        if grown.size == 0:
            break
        first = np.argmax(settled[grown], axis=1)
        result[grown] = result[dual[grown, first]]
        keep[grown] = True
    return result


def _main_pieces(
    labels: Int64[np.ndarray, " F"], dual: Int64[np.ndarray, "F 3"], area: Float64[np.ndarray, " F"]
) -> np.ndarray:
    """Faces in the one or two largest connected pieces of their part."""
    same = labels[dual] == labels[:, None]
    rows, cols = np.nonzero(same)[0], dual[same]
    shape = (len(labels), len(labels))
    graph = coo_matrix((np.ones(rows.size, dtype=np.int8), (rows, cols)), shape=shape)
    piece = connected_components(graph, directed=False)[1]
    size = np.bincount(piece, weights=area)
    keep = np.zeros(len(labels), dtype=bool)
    for part in range(len(PARTS)):
        pieces = np.unique(piece[labels == part])
        largest = pieces[np.argsort(-size[pieces], kind="stable")]
        keep |= np.isin(piece, largest[: 1 if part in (HEAD, TORSO) else 2])
    return keep
