"""Frames, log map, transport and a layer, each used alone."""

from __future__ import annotations

import math

import numpy as np
import torch

import gaugeconv as gc


@torch.no_grad()
def main(subdivisions: int = 3) -> float:
    mesh = gc.shapes.icosphere(subdivisions)
    print(mesh.report())

    frames = gc.Frames.canonical(mesh)  # a gauge: e1, e2 and the normal at every vertex
    print("first frame:", frames.e1[0], frames.e2[0], frames.normal[0])

    log = gc.log_map(mesh, center=0, radius=0.5)  # exact geodesic polar coordinates round vertex 0
    chord = np.linalg.norm(mesh.vertices[log.vertex] - mesh.vertices[0], axis=1)
    longest = np.max(log.r[chord > 0] / chord[chord > 0])
    print(f"{len(log.vertex)} vertices within 0.5; a geodesic is up to {longest:.4f} chords long")

    loop = mesh.faces[0]  # round one face, counter-clockwise: the curvature that it encloses
    print(f"holonomy of a face: {gc.holonomy(mesh, loop):+.6f} rad")

    nb = gc.neighborhoods(mesh, radius=0.4)  # every vertex at once, ready for convolution
    field = gc.FieldType("4x0 + 2x1")
    conv = gc.nn.GaugeConv(field, "1x1", radial=3)
    x = torch.randn(mesh.num_vertices, field.dim)
    gamma = torch.rand(mesh.num_vertices) * 2 * math.pi  # turn every frame at random …
    turned = conv(field.transform(x, gamma), nb.change_gauge(gamma))
    expected = conv.out_type.transform(conv(x, nb), gamma)  # … and the output turns along
    error = float((turned - expected).abs().max())
    print(f"gauge error of one layer: {error:.1e}")
    return error


if __name__ == "__main__":
    main()
