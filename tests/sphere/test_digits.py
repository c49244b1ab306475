from __future__ import annotations

import numpy as np
import pytest

from gaugeconv.errors import DataError
from gaugeconv.sphere import grids
from gaugeconv.sphere.digits import THRESHOLD, ProjectedDigits
from gaugeconv.sphere.tasks import BACKGROUND
from tests.sphere.conftest import drawn_digits

IMAGES, LABELS = drawn_digits(20)
POINTS = grids.fibonacci(2000).points


def digits(points: np.ndarray = POINTS, **options) -> ProjectedDigits:
    return ProjectedDigits(IMAGES, LABELS, points, **{"rotated": False, **options})


def on_sphere(x: float, y: float) -> np.ndarray:
    """The point that the stereographic projection from the north pole sends to (x, y)."""
    square = x * x + y * y
    return np.array([2 * x, 2 * y, square - 1]) / (square + 1)


def test_pixels_land_where_the_stereographic_projection_puts_them():
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 5, 20] = 200  # row 5 from the top, column 20
    point = on_sphere((20.5 - 14) / 14, (5.5 - 14) / 14)
    around = np.stack(
        [point, on_sphere((21.5 - 14) / 14, (5.5 - 14) / 14), [0, 0, -1.0], [0, 0, 1]]
    )
    item = ProjectedDigits(image, np.array([3]), around, rotated=False)[0]
    assert item.signal == pytest.approx([200 / 255, 0, 0, 0], abs=1e-12)
    assert item.mask.tolist() == [3, BACKGROUND, BACKGROUND, BACKGROUND]
    # seen from below, right is x and up is −y: the pixel is in the upper right part, unmirrored
    assert np.cross([1.0, 0, 0], [0, -1.0, 0]) @ [0, 0, -1.0] > 0
    assert point[0] > 0 and -point[1] > 0


def test_values_between_pixels_are_linear():
    image = np.full((1, 4, 4), 100, np.uint8)
    image[0, :, 2:] = 200
    points = np.stack([on_sphere(t / 4, 0.1) for t in (-1, 0, 1)])
    item = ProjectedDigits(image, np.array([1]), points, rotated=False)[0]
    assert item.signal * 255 == pytest.approx([100, 150, 200])
    assert item.mask.tolist() == [BACKGROUND, BACKGROUND, 1]  # above the threshold, not at it
    assert THRESHOLD == 150


def test_digits_at_rest_lie_on_the_lower_hemisphere():
    for index in range(10):
        item = digits()[index]
        assert item.signal[POINTS[:, 2] > 0].max() == 0
        assert item.signal.max() > 0.5
        assert set(item.mask) == {BACKGROUND, item.label}
        assert item.label == LABELS[index]


def test_rotation_moves_signal_and_mask_together():
    turned = digits(rotated=True, seed=4)[7]
    at_rest = digits(POINTS @ turned.rotation)[7]
    assert np.allclose(turned.signal, at_rest.signal)
    assert np.array_equal(turned.mask, at_rest.mask)
    assert not np.allclose(turned.rotation, np.eye(3))


@pytest.mark.parametrize("count", [1, 3])
def test_items_depend_on_seed_and_index_alone(count):
    one = digits(rotated=True, seed=1, digits_per_image=count)
    other = digits(rotated=True, seed=1, digits_per_image=count)
    for index in (25, 3, 11):  # in any order
        assert np.array_equal(one[index].signal, other[index].signal)
        assert np.array_equal(one[index].mask, other[index].mask)
    again = digits(rotated=True, seed=2, digits_per_image=count)[3]
    assert not np.allclose(one[3].signal, again.signal)
    # past the last digit come the same ones in new positions; at rest, the same items
    assert one[3].label == one[23].label
    assert not np.allclose(one[3].rotation, one[23].rotation)
    still = digits(digits_per_image=count)
    assert np.array_equal(still[3].signal, still[23].signal)


def test_several_digits_do_not_overlap():
    for index in range(6):
        item = digits(digits_per_image=4, seed=5)[index]
        shown = set(item.mask) - {BACKGROUND}
        assert item.label in shown or (item.mask == BACKGROUND).mean() > 0.95
        assert item.signal[POINTS[:, 2] > 0].max() == 0
    sources = digits(digits_per_image=9, seed=5)
    shown, centers, half = sources._arrangement(2)
    assert len(shown) == 9
    apart = np.abs(centers[:, None] - centers).max(-1)[np.triu_indices(9, 1)]
    assert apart.min() >= 2 * half


def test_every_grid_samples_the_same_function():
    coarse, fine = grids.icosphere(2), grids.icosphere(3)
    a = digits(coarse.points, rotated=True, seed=3)[4]
    b = digits(fine.points, rotated=True, seed=3)[4]
    assert np.allclose(a.signal, b.signal[: coarse.num_points])  # nested points


def test_a_batch_holds_its_items():
    source = digits(rotated=True)
    signals, labels, masks = source.batch([5, 2])
    assert signals.shape == masks.shape == (2, 2000)
    assert labels.tolist() == LABELS[[5, 2]].tolist()
    assert np.allclose(signals[1].numpy(), source[2].signal, atol=1e-6)
    assert np.array_equal(masks[0].numpy(), source[5].mask)


@pytest.mark.parametrize("count", [0, 10])
def test_impossible_numbers_of_digits_are_refused(count):
    with pytest.raises(DataError, match="fit"):
        digits(digits_per_image=count)


@pytest.mark.unchecked
def test_images_without_labels_are_refused():
    with pytest.raises(DataError, match="belong"):
        ProjectedDigits(IMAGES, LABELS[:-1], POINTS, rotated=False)
    with pytest.raises(IndexError):
        digits()[-1]
