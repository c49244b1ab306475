"""Random plausible poses and linear blend skinning.

A pose is a rotation per bone about its joint, given relative to the parent bone in the axes of
the rest pose (x to the body's left, y to its back, z up). Angles below are degrees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64
from scipy.spatial.transform import Rotation

from gaugeconv.data.body_model import RestBody, Skeleton

_FINGERS = tuple(f"finger{k}-{j}" for k in range(2, 6) for j in range(1, 4))


@dataclass(frozen=True)
class Arm:
    """One arm: direction of the upper arm, and joint angles in degrees.

    `elevation` is 0 hanging down, 90 horizontal, 180 overhead; `azimuth` is 0 sideways, 90
    forwards. `twist` turns the forearm outwards about the upper arm, `elbow` is 0 when straight.
    """

    elevation: float
    azimuth: float
    twist: float
    elbow: float
    pronation: float
    wrist: float
    curl: float


@dataclass(frozen=True)
class Leg:
    """One leg, in degrees: hip flexion (thigh forwards), abduction, outward turn; knee, ankle."""

    flexion: float
    abduction: float
    turn: float
    knee: float
    ankle: float


@dataclass(frozen=True)
class Pose:
    """A pose of the whole body; `spine` and `neck` are (bend forwards, bend left, twist left)."""

    kind: str
    arms: tuple[Arm, Arm]
    legs: tuple[Leg, Leg]
    spine: tuple[float, float, float]
    neck: tuple[float, float, float]


def sample_pose(rng: np.random.Generator) -> Pose:
    """Draws a pose: standing, arms spread or raised, walking, sitting, or anything in range."""
    kind = str(
        rng.choice(["stand", "spread", "walk", "sit", "free"], p=[0.32, 0.2, 0.18, 0.15, 0.15])
    )
    mirrored = rng.random() < (0.0 if kind in ("walk", "free") else 0.5)
    stride = float(rng.choice([1.0, -1.0]))  # 1: the left leg is in front
    left_arm, left_leg = _arm(rng, kind), _leg(rng, kind, stride)
    right_arm, right_leg = _arm(rng, kind), _leg(rng, kind, -stride)
    if mirrored:
        right_arm = replace(left_arm, elevation=left_arm.elevation + rng.normal(0, 3))
        right_leg = replace(left_leg, flexion=left_leg.flexion + rng.normal(0, 3))
    loose = {"free": 1.0, "sit": 0.6, "walk": 0.5}.get(kind, 0.3)
    forward = rng.normal(15.0 if kind == "free" else 0.0, 18 * loose)
    spine = (forward, rng.normal(0, 14 * loose), rng.normal(0, 18 * loose))
    neck = (rng.normal(0, 12), rng.normal(0, 7), rng.normal(0, 18))
    return Pose(kind, (left_arm, right_arm), (left_leg, right_leg), spine, neck)


def _arm(rng: np.random.Generator, kind: str) -> Arm:
    u = rng.uniform
    elevation, azimuth = u(6, 50), u(-30, 30)
    twist, elbow = u(-25, 25), abs(rng.normal(15, 15))
    if kind == "spread":
        elevation, azimuth = u(60, 100), u(-15, 25)
        twist, elbow = u(-20, 90), float(rng.choice([u(0, 15), u(0, 110)]))
    elif kind == "walk":
        elevation, azimuth = u(15, 50), float(rng.choice([u(40, 80), u(-90, -50)]))
        twist, elbow = u(-20, 20), u(5, 95)
    elif kind == "sit":
        elevation, azimuth = u(12, 60), u(0, 85)
        elbow = u(10, 90)
    elif kind == "free":
        elevation, azimuth = u(15, 165), u(-25, 100)
        twist, elbow = u(-30, 80), u(0, 115)
    return Arm(elevation, azimuth, twist, elbow, u(-50, 60), u(-25, 25), u(-5, 70))


def _leg(rng: np.random.Generator, kind: str, stride: float) -> Leg:
    u = rng.uniform
    flexion, abduction, knee = rng.normal(0, 4), u(-9, 9), abs(rng.normal(0, 5))
    if kind == "spread":
        abduction = u(-9, 18)
    elif kind == "walk":
        flexion = stride * u(5, 40)
        knee = u(5, 75) if flexion < 0 else u(0, 50)
        abduction = u(-9, 2)
    elif kind == "sit":
        flexion, abduction = u(60, 100), u(-6, 18)
        knee = float(np.clip(flexion + rng.normal(0, 15), 20, 110))
    elif kind == "free":
        flexion, abduction, knee = u(-30, 95), u(-5, 30), u(0, 110)
    return Leg(flexion, abduction, u(-8, 20), knee, u(-20, 15))


def apply_pose(body: RestBody, pose: Pose) -> Float64[np.ndarray, "V 3"]:
    """Vertices, in metres, of a rest-pose body brought into a pose by linear blend skinning."""
    bones = body.skeleton
    local = _local_rotations(bones, pose)
    turn = np.tile(np.eye(3), (len(bones.names), 1, 1))
    place = bones.heads.copy()
    for i, parent in enumerate(bones.parents):
        if parent >= 0:
            turn[i] = turn[parent]
            place[i] = place[parent] + turn[parent] @ (bones.heads[i] - bones.heads[parent])
        if bones.names[i] in local:
            turn[i] = turn[i] @ local[bones.names[i]].as_matrix()
    shift = place - np.einsum("bij,bj->bi", turn, bones.heads)
    blended = (body.weights @ turn.reshape(-1, 9)).reshape(-1, 3, 3)
    return np.einsum("vij,vj->vi", blended, body.vertices) + body.weights @ shift


def _local_rotations(bones: Skeleton, pose: Pose) -> Mapping[str, Rotation]:
    """Rotations relative to the parent bone, in rest-pose axes."""
    local = {f"spine0{k}": _bend(pose.spine, 5) for k in range(1, 6)}
    local |= {name: _bend(pose.neck, 4) for name in ("neck01", "neck02", "neck03", "head")}
    for side, sign, arm, leg in zip("LR", (1.0, -1.0), pose.arms, pose.legs, strict=True):
        local |= _arm_rotations(bones, arm, side, sign)
        local |= _leg_rotations(leg, side, sign)
    return local


def _bend(angles: tuple[float, float, float], joints: int) -> Rotation:
    """An equal part of (forwards, left, twist), in degrees, for each of several joints in a row."""
    forward, left, twist = np.array(angles) / joints
    return Rotation.from_euler("xyz", [forward, left, twist], degrees=True)


def _about(axis: Float64[np.ndarray, " 3"], degrees: float) -> Rotation:
    return Rotation.from_rotvec(np.radians(degrees) * axis / np.linalg.norm(axis))


def _part(rotation: Rotation, share: float) -> Rotation:
    return Rotation.from_rotvec(share * rotation.as_rotvec())


def _arm_rotations(bones: Skeleton, arm: Arm, side: str, sign: float) -> dict[str, Rotation]:
    shoulder, elbow, wrist = (
        bones.head(f"{n}.{side}") for n in ("upperarm01", "lowerarm01", "wrist")
    )
    upper, fore = _unit(elbow - shoulder), _unit(wrist - elbow)
    up, out = np.radians([arm.elevation, arm.azimuth])
    target = np.array([sign * np.sin(up) * np.cos(out), -np.sin(up) * np.sin(out), -np.cos(up)])
    swing = _minimal(upper, target)
    hinge = np.cross(upper, fore)
    rest_bend = np.degrees(np.arctan2(np.linalg.norm(hinge), upper @ fore))
    girdle = _about(np.array([0.0, -sign, 0.0]), 0.3 * max(0.0, arm.elevation - 50.0))
    whole = girdle.inv() * swing * _about(upper, -sign * arm.twist)
    fold = _about(hinge, arm.elbow - rest_bend)
    roll = _about(fore, -sign * arm.pronation / 2)
    local = {
        f"clavicle.{side}": girdle,
        f"shoulder01.{side}": Rotation.identity(),
        f"upperarm01.{side}": whole,
        f"lowerarm01.{side}": fold,
        f"lowerarm02.{side}": roll,
        f"wrist.{side}": roll * _about(np.cross(fore, hinge), arm.wrist),
    }
    return local | _finger_rotations(bones, arm.curl, side)


def _finger_rotations(bones: Skeleton, curl: float, side: str) -> dict[str, Rotation]:
    across = bones.head(f"finger5-1.{side}") - bones.head(f"finger2-1.{side}")
    return {f"{name}.{side}": _about(across, curl) for name in _FINGERS}


def _leg_rotations(leg: Leg, side: str, sign: float) -> dict[str, Rotation]:
    hip = (
        Rotation.from_euler("x", -leg.flexion, degrees=True)
        * Rotation.from_euler("y", -sign * leg.abduction, degrees=True)
        * Rotation.from_euler("z", sign * leg.turn, degrees=True)
    )
    first = _part(hip, 0.6)
    return {
        f"upperleg01.{side}": first,
        f"upperleg02.{side}": first.inv() * hip,
        f"lowerleg01.{side}": Rotation.from_euler("x", leg.knee, degrees=True),
        f"foot.{side}": Rotation.from_euler("x", leg.ankle, degrees=True),
    }


def _unit(vector: Float64[np.ndarray, " 3"]) -> Float64[np.ndarray, " 3"]:
    return vector / np.linalg.norm(vector)


def _minimal(start: Float64[np.ndarray, " 3"], end: Float64[np.ndarray, " 3"]) -> Rotation:
    """The smallest rotation that takes one unit vector to another, not its opposite."""
    axis = np.cross(start, end)
    angle = np.degrees(np.arctan2(np.linalg.norm(axis), start @ end))
    return _about(axis, angle) if angle > 1e-9 else Rotation.identity()
