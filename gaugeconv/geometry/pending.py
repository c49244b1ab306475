"""Pseudo-sources not yet opened: a binary heap by distance, compiled with numba.

Entry i of the heap is the vertex hit[i].pending; hit[v].slot is the entry of vertex v.
"""

from numba import njit

from gaugeconv.geometry.records import JIT, PENDING


@njit(inline="always", **JIT)
def _place(hit, entry, vertex):
    hit[entry].pending = vertex
    hit[vertex].slot = entry


@njit(**JIT)
def queue_up(hit, counts, run, vertex):
    """Queues the vertex, or moves it forward if it is queued and its distance has become shorter."""
    known = hit[vertex]
    if known.queued != run:
        known.queued = run
        known.slot = counts[PENDING]
        counts[PENDING] += 1
    entry = known.slot
    while entry > 0:
        above = (entry - 1) // 2
        other = hit[above].pending
        if hit[other].distance <= known.distance:
            break
        _place(hit, entry, other)
        entry = above
    _place(hit, entry, vertex)


@njit(**JIT)
def pop_nearest(hit, counts):
    """Takes the nearest pseudo-source out of the heap, which is not empty."""
    nearest = hit[0].pending
    hit[nearest].queued = -1
    counts[PENDING] -= 1
    size = counts[PENDING]
    last = hit[size].pending
    entry = 0
    while 2 * entry + 1 < size:
        child = 2 * entry + 1
        if child + 1 < size:
            left, right = hit[child].pending, hit[child + 1].pending
            if hit[right].distance < hit[left].distance:
                child += 1
        other = hit[child].pending
        if hit[last].distance <= hit[other].distance:
            break
        _place(hit, entry, other)
        entry = child
    if size > 0:
        _place(hit, entry, last)
    return nearest
