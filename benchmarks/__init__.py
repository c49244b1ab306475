"""Measurements. `python -m benchmarks` lists the rows, `python -m benchmarks ROW …` runs some."""
