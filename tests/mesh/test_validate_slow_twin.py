"""Validation against plain loops and sets on random face lists."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations

import numpy as np

from gaugeconv.mesh import DefectKind
from gaugeconv.mesh.edges import EdgeTable
from gaugeconv.mesh.halfedges import build_halfedges
from gaugeconv.mesh.validate import find_defects


def slow_defects(rows: list[list[int]]) -> dict[DefectKind, set]:
    """Manifold and winding checks by loops and sets, for faces without a repeated index."""
    edges = defaultdict(list)
    for f, row in enumerate(rows):
        for k in range(3):
            edges[tuple(sorted((row[k], row[(k + 1) % 3])))].append((f, row[k]))
    found: dict[DefectKind, set] = defaultdict(set)
    seen = set()
    for f, row in enumerate(rows):
        if frozenset(row) in seen:
            found[DefectKind.DUPLICATE_FACE].add(f)
        seen.add(frozenset(row))
    found[DefectKind.NON_MANIFOLD_EDGE] = {e for e, at in edges.items() if len(at) > 2}
    for v in {v for row in rows for v in row}:
        fans = [{f} for f, row in enumerate(rows) if v in row]
        for edge, at in edges.items():
            if v in edge:
                joined = [fan for fan in fans if fan & {f for f, _ in at}]
                fans = [fan for fan in fans if fan not in joined] + [set().union(*joined)]
        if len(fans) > 1:
            found[DefectKind.BOW_TIE_VERTEX].add(v)
    sign: dict[int, int] = {}
    for seed in range(len(rows)):
        members, queue, one_sided = [], [] if seed in sign else [seed], set()
        sign.setdefault(seed, 1)
        while queue:
            f = queue.pop()
            members.append(f)
            for edge, at in edges.items():
                if len(at) == 2 and f in (at[0][0], at[1][0]):
                    g = at[1][0] if at[0][0] == f else at[0][0]
                    wanted = sign[f] * (-1 if at[0][1] == at[1][1] else 1)
                    if g not in sign:
                        sign[g] = wanted
                        queue.append(g)
                    elif sign[g] != wanted:
                        one_sided.add(edge)
        if one_sided:
            inside = set(members)
            found[DefectKind.NON_ORIENTABLE] |= {
                e for e, at in edges.items()
                if len(at) == 2 and at[0][1] == at[1][1] and at[0][0] in inside
            }  # fmt: skip
        else:
            minus = {f for f in members if sign[f] < 0}
            fewer = minus if 2 * len(minus) <= len(members) else set(members) - minus
            found[DefectKind.INCONSISTENT_WINDING] |= fewer
    return {kind: where for kind, where in found.items() if where}


def test_random_face_lists_agree_with_the_slow_twin() -> None:
    rng = np.random.default_rng(20)
    clean = 0
    for trial in range(400):
        triples = np.array(list(combinations(range(rng.integers(4, 8)), 3)))
        rows = rng.choice(
            triples, rng.integers(1, min(9, len(triples)) + 1), replace=trial % 5 == 0
        )
        rows = rng.permuted(rows, axis=1)
        table = EdgeTable.of(rows)
        found = {
            defect.kind: {tuple(i) if np.ndim(i) else int(i) for i in defect.indices.tolist()}
            for defect in find_defects(table, 8, np.ones(rows.shape), intrinsic=False)
        }
        assert found == slow_defects(rows.tolist()), rows.tolist()
        if set(found) <= {DefectKind.BOW_TIE_VERTEX}:
            clean += 1
            assert (build_halfedges(table, 8) is None) == bool(found)
    assert clean > 30
