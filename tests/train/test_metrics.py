from __future__ import annotations

import json

import numpy as np
import pytest

from gaugeconv.errors import DataError
from gaugeconv.train import SegmentationMetrics

NAMES = ("head", "arm", "leg", "tail")


def measured(truth: list[int], predicted: list[int], areas: list[float]) -> SegmentationMetrics:
    return SegmentationMetrics.of_mesh(
        np.array(truth), np.array(predicted), np.array(areas, dtype=float), NAMES
    )


def test_figures_agree_with_a_count_by_hand() -> None:
    metrics = measured([0, 0, 1, 1, 2], [0, 1, 1, 1, 0], [1, 2, 3, 1, 1])
    assert metrics.accuracy == pytest.approx(5 / 8)
    np.testing.assert_allclose(metrics.label_accuracy, [1 / 3, 1, 0, np.nan])
    np.testing.assert_allclose(metrics.label_iou, [1 / 4, 4 / 6, 0, np.nan])
    assert metrics.mean_iou == pytest.approx((1 / 4 + 4 / 6) / 3)
    np.testing.assert_allclose(8 * metrics.confusion[:3, :3], [[1, 2, 0], [0, 4, 0], [1, 0, 0]])


def test_a_predicted_label_that_does_not_exist_counts_against_iou() -> None:
    metrics = measured([0, 0], [0, 3], [1, 1])
    assert metrics.label_iou[3] == 0
    assert np.isnan(metrics.label_accuracy[3])


def test_unlabelled_faces_do_not_count() -> None:
    with_them = measured([0, -1, 1], [0, 3, 2], [1, 50, 3])
    without = measured([0, 1], [0, 2], [1, 3])
    np.testing.assert_array_equal(with_them.confusion, without.confusion)


def test_scale_and_resolution_do_not_matter() -> None:
    coarse = measured([0, 1, 2], [0, 1, 1], [1, 2, 3])
    fine = measured([0, 0, 1, 1, 2, 2], [0, 0, 1, 1, 1, 1], [50, 50, 20, 180, 150, 150])
    np.testing.assert_allclose(fine.confusion, coarse.confusion, atol=1e-15)


def test_sums_are_exact_and_weigh_meshes_alike() -> None:
    rng = np.random.default_rng(0)
    parts = [
        measured(
            rng.integers(-1, 4, n).tolist(), rng.integers(0, 4, n).tolist(), rng.random(n).tolist()
        )
        for n in (20, 500, 3)
    ]
    together = SegmentationMetrics.sum(parts)
    assert together.num_meshes == 3
    assert together.accuracy == pytest.approx(np.mean([p.accuracy for p in parts]), abs=1e-14)
    halves = [SegmentationMetrics.sum(parts[:1]), SegmentationMetrics.sum(parts[1:])]
    np.testing.assert_array_equal(SegmentationMetrics.sum(halves).confusion, together.confusion)


def test_a_mesh_without_labels_counts_as_no_mesh() -> None:
    nothing = measured([-1, -1], [0, 1], [1, 1])
    some = measured([0, 1], [0, 0], [1, 1])
    assert nothing.num_meshes == 0
    assert np.isnan(nothing.accuracy)
    assert SegmentationMetrics.sum([nothing, some]).accuracy == some.accuracy


def test_json_is_strict_and_has_null_for_what_is_undefined() -> None:
    content = measured([0, 1], [0, 0], [1, 3]).to_dict()
    json.dumps(content, allow_nan=False)
    assert content["accuracy"] == 0.25
    assert content["labels"]["tail"] == {"accuracy": None, "iou": None, "area_share": 0.0}
    assert content["labels"]["arm"]["area_share"] == 0.75
    assert measured([-1], [0], [1]).to_dict()["accuracy"] is None


def test_the_table_has_a_line_per_label() -> None:
    text = str(measured([0, 1], [0, 0], [1, 3]))
    assert text.startswith("accuracy 0.2500, mean IoU 0.1250")
    assert [line.split()[0] for line in text.splitlines()[2:]] == list(NAMES)


@pytest.mark.parametrize(
    ("truth", "predicted", "message"),
    [
        ([0, 4], [0, 0], "true label 4 of face 1 is outside -1 … 3"),
        ([0, -2], [0, 0], "true label -2 of face 1"),
        ([0, 0], [0, -1], "predicted label -1 of face 1 is outside 0 … 3"),
    ],
)
def test_labels_that_do_not_fit_are_refused(
    truth: list[int], predicted: list[int], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        measured(truth, predicted, [1, 1])


@pytest.mark.unchecked
def test_labels_of_another_mesh_are_refused() -> None:
    with pytest.raises(DataError, match="predicted"):
        measured([0], [0, 0], [1, 1])


def test_nothing_and_different_labels_cannot_be_summed() -> None:
    with pytest.raises(DataError, match="no meshes"):
        SegmentationMetrics.sum([])
    other = SegmentationMetrics.of_mesh(np.zeros(1, int), np.zeros(1, int), np.ones(1), ["x"])
    with pytest.raises(DataError, match="different label names"):
        SegmentationMetrics.sum([measured([0], [0], [1]), other])
