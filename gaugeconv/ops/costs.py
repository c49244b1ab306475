"""Which way a convolution is cheaper on the CPU: nanoseconds, counted from sizes.

Aggregate first: turn the input's channels along every pair, add them up into moments, multiply once per
target. Transform first: multiply once per source, send the product along every pair, where the output's
channels are added up. Few targets or few input channels speak for the first, few sources or few output
channels for the second. The constants were fitted to measurements (docs/operator.md).
"""

from __future__ import annotations

from gaugeconv.ops.moments import ProductMap, num_parts

DOUBT = 1.25
"""In doubt aggregate first: costs are known to about a fifth."""


def aggregate_first(product: ProductMap, pairs: int, rows: int) -> float:
    """Cost of moments of `rows` targets and their product."""
    channels, parts, width, work = _sizes(product)
    return pairs * (25 + channels * (0.05 + 0.08 * parts)) + rows * (
        900 + 0.9 * width + 0.022 * work
    )


def transform_first(product: ProductMap, pairs: int, rows: int) -> float:
    """Cost of products at `rows` sources, by the map of the adjoint, and of sending them along."""
    channels, parts, width, work = _sizes(product)
    return pairs * (70 + channels * (0.1 + 0.15 * parts)) + rows * (0.7 * width + 0.034 * work)


def forward_transforms(
    product: ProductMap, adjoint: ProductMap, pairs: int, targets: int, sources: int
) -> bool:
    """Whether the convolution had better transform first.

    Args:
        product: of the convolution.
        adjoint: of its adjoint.
        pairs: E.
        targets: P.
        sources: Q.
    """
    other = transform_first(adjoint, pairs, sources)
    return DOUBT * other < aggregate_first(product, pairs, targets)


def backward_transforms(
    product: ProductMap, adjoint: ProductMap, pairs: int, targets: int, sources: int
) -> bool:
    """Whether both gradients together had better come from channels of x than from those of dy.

    Either moments of dy at the sources serve both, or dy is transformed and sent along, and the
    kernel's gradient takes moments of x.
    """
    of_dy = aggregate_first(adjoint, pairs, sources)
    of_x = transform_first(product, pairs, targets) + aggregate_first(product, pairs, targets)
    return DOUBT * of_x < of_dy


def _sizes(product: ProductMap) -> tuple[int, int, int, int]:
    """Channels, angular parts, columns of moments, and multiply-adds of one row's product."""
    layout = product.layout
    parts = sum(num_parts(order) for order in layout.orders)
    return layout.in_type.dim, parts, layout.width, sum(product.sizes)
