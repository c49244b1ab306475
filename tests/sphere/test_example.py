from __future__ import annotations

from examples import spherical_digits


def test_the_example_runs(digits_folder):
    accuracy = spherical_digits.main(digits_folder, steps=2, subdivisions=2, tests=10)
    assert 0 <= accuracy <= 1
