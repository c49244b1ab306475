"""The compiled loop that takes joined signals apart; `gaugeconv.ops.signals` joins them."""

from __future__ import annotations

from numba import njit

from gaugeconv.files import source_stamp
from gaugeconv.ops import simd
from gaugeconv.ops.row_kernels import JIT
from gaugeconv.ops.simd import lanes, load, store


@njit(**JIT)
def _copy(source, at, target, to, count):
    """target[to : to + count] = source[at : at + count]."""
    width = lanes(source)
    if count < width:
        for i in range(count):
            target[to + i] = source[at + i]
        return
    for i in range(0, count, width):
        i = min(i, count - width)
        store(target, to + i, load(source, at + i))


def _compiled(stamp):
    """The entry point; `source_stamp` says why there is a stamp."""

    @njit(cache=True, **JIT)
    def separate_moments(moments, blocks, segments, num, out):
        """Moments (rows, B · width) of joined signals as out[b, row, column].

        Blocks and segments are those of `aggregate_rows` for one signal, `num` its rings.
        """
        signals, rows, width = out.shape
        dim = blocks[-1, 2]
        source, target = moments.reshape(-1), out.reshape(-1)
        for row in range(rows):
            for signal in range(signals):
                at, to = row * signals * width, (signal * rows + row) * width
                for b in range(blocks.shape[0]):
                    begin, count = blocks[b, 1], blocks[b, 2] - blocks[b, 1]
                    for s in range(segments.shape[0]):
                        for part in range((1 + min(segments[s, 0], 1)) * max(num, stamp)):
                            column = segments[s, 1] + part * dim + begin
                            come = at + signals * column + signal * count
                            _copy(source, come, target, to + column, count)
                    column = blocks[b, 3]
                    if column >= 0:
                        come = at + signals * column + signal * count
                        _copy(source, come, target, to + column, count)

    return separate_moments


separate_moments = _compiled(source_stamp(simd.__file__, __file__))
