"""The import diagram of the package, read from its source: an SVG and a table."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "gaugeconv"
BOX, GAP, ROW = (118, 34), 26, 64
BESIDE = ("data", "interop", "verification", "viz")  # not of the chain
Counts = dict[str, Counter[str]]


def part_of(module: str) -> str:
    """`gaugeconv.mesh.io` → `mesh`."""
    return module.split(".")[1]


def imports_of(path: Path) -> set[str]:
    """The modules of gaugeconv that a file imports anywhere, below TYPE_CHECKING too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = node.module == "gaugeconv"
            names = (f"gaugeconv.{alias.name}" for alias in node.names)
            found.update(names if whole else [node.module])
    return {name for name in found if name.startswith("gaugeconv.")}


def import_counts() -> Counts:
    """For every part of the package, how many of its modules import each other part."""
    counts: Counts = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        relative = path.relative_to(PACKAGE).with_suffix("")
        part = relative.parts[0]
        if part.startswith("__"):
            continue
        own = counts.setdefault(part, Counter())
        own.update({part_of(name) for name in imports_of(path)} - {part})
    parts = counts.keys() - {"errors", "files", "_version"}  # the bottom, imported everywhere
    return {
        part: Counter({other: n for other, n in counts[part].items() if other in parts})
        for part in sorted(parts)
    }


def layers(counts: Counts) -> list[list[str]]:
    """Parts by the length of the longest chain of imports below them; the lowest row first.

    Parts that import each other (training reads datasets, datasets are of no use without it) are
    placed by their first way down.
    """
    height: dict[str, int] = {}

    def place(part: str, above: tuple[str, ...]) -> int:
        if part not in height:
            below = [q for q in counts[part] if q in counts and q not in above]
            height[part] = 1 + max((place(q, (*above, part)) for q in below), default=-1)
        return height[part]

    for part in sorted(counts):
        place(part, (part,))
    return [sorted(p for p in height if height[p] == h) for h in range(max(height.values()) + 1)]


def direct(counts: Counts) -> list[tuple[str, str]]:
    """The arrows to draw: imports that no chain of other imports implies."""
    reach: dict[str, set[str]] = {}
    for row in layers(counts):
        for part in row:
            below = {q for q in counts[part] if q in reach}
            reach[part] = below.union(*(reach[q] for q in below))
    return [
        (part, q)
        for part in reach
        for q in sorted(reach[part] & counts[part].keys())
        if not any(q in reach[other] for other in counts[part] if other in reach[part])
    ]


def svg(counts: Counts) -> str:
    """The chain in one column, what stands beside it in columns of its own, the lowest at the bottom."""
    rows = layers(counts)
    beside = [part for row in rows for part in row if part in BESIDE]
    width, height = (len(beside) + 1) * (BOX[0] + GAP), len(rows) * ROW
    place = {}
    for level, row in enumerate(rows):
        for part in row:
            column = 1 + beside.index(part) if part in beside else 0
            place[part] = (2 + column * (BOX[0] + GAP), height - level * ROW - BOX[1] - 4)
    lines = [_arrow(place[a], place[b]) for a, b in direct(counts)]
    lines += [_box(part, x, y) for part, (x, y) in place.items()]
    head = (
        f'<svg class="imports" viewBox="0 0 {width} {height}" width="{width}" role="img" '
        'aria-label="import diagram" xmlns="http://www.w3.org/2000/svg"><defs><marker id="head" '
        'viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="currentColor"/></marker></defs>'
    )
    return head + "".join(lines) + "</svg>"


def _box(part: str, x: float, y: float) -> str:
    w, h = BOX
    return (
        f'<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="6" stroke="currentColor" '
        f'fill="var(--color-background-secondary, #f4f4f4)"/><text x="{x + w / 2}" '
        f'y="{y + h / 2 + 5}" text-anchor="middle" font-size="15" fill="currentColor">{part}</text>'
    )


def _arrow(above: tuple[float, float], below: tuple[float, float]) -> str:
    """Straight down a column; else out at the side and down, or down and in at the side."""
    (x1, y1), (x2, y2), (w, h) = above, below, BOX
    if x1 == x2:
        path = f"M{x1 + w / 2} {y1 + h}V{y2 - 1}"
    elif x2 > x1:
        path = f"M{x1 + w} {y1 + h / 2 + 5}H{x2 + w / 2 - 14}q14 0 14 14V{y2 - 1}"
    else:
        path = f"M{x1 + w / 2} {y1 + h}V{y2 + h / 2 - 19}q0 14 -14 14H{x2 + w + 1}"
    style = 'fill="none" stroke="currentColor" stroke-opacity=".6" marker-end="url(#head)"'
    return f'<path d="{path}" {style}/>'


def table(counts: Counts) -> str:
    """Rows import columns; the number of modules that do."""
    parts = [part for row in layers(counts) for part in row]
    lines = ["<tr><th></th>" + "".join(f"<th><span>{part}</span></th>" for part in parts) + "</tr>"]
    for part in reversed(parts):
        cells = "".join(f"<td>{counts[part][q] or ''}</td>" for q in parts)
        lines.append(f"<tr><th>{part}</th>{cells}</tr>")
    return '<table class="docutils imports">' + "".join(lines) + "</table>"


def page() -> str:
    """Diagram and table as HTML."""
    counts = import_counts()
    return f"<figure>{svg(counts)}</figure>\n\n{table(counts)}"
