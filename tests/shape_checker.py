"""The run-time checker of annotations that `conftest.py` installs on request."""

from __future__ import annotations

from beartype import BeartypeConf, beartype

# PEP 484's numeric tower: an int is a float, so `ArrayLike` accepts Python numbers.
checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
