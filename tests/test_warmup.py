from __future__ import annotations

import json
import pkgutil
import sys
from importlib import import_module

import pytest
from numba.core import event
from numba.core.caching import NullCache
from numba.core.dispatcher import Dispatcher

import gaugeconv
from gaugeconv.cli import main
from gaugeconv.cli.warmup import compile_notice


def kernels() -> dict[str, Dispatcher]:
    """Every compiled function of the package that is kept on disk."""
    found = {}
    for module in pkgutil.walk_packages(gaugeconv.__path__, "gaugeconv."):
        if not module.name.endswith("kernels") and module.name != "gaugeconv.geometry.sweep":
            continue
        if "gpu" in module.name:
            continue
        for name, value in vars(import_module(module.name)).items():
            if isinstance(value, Dispatcher) and not isinstance(value._cache, NullCache):
                found[name] = value
    return found


def test_warmup_leaves_no_kernel_to_be_compiled(capsys):
    assert main(["warmup", "--json"]) == 0
    seconds = json.loads(capsys.readouterr().out)["seconds"]
    assert len(seconds) == 5 and all(took >= 0 for took in seconds.values())
    assert len(kernels()) > 8
    assert [name for name, kernel in kernels().items() if not kernel.signatures] == []


def test_without_json_there_is_a_line_for_each_part(capsys):
    assert main(["warmup"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5 and all(" s  " in line for line in lines)


@pytest.mark.parametrize("terminal", [True, False])
def test_compiling_is_announced_once_on_a_terminal(terminal, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    with compile_notice():
        for _ in range(3):
            with event.trigger_event("numba:compile", data={}):
                pass
    with event.trigger_event("numba:compile", data={}):
        pass
    told = capsys.readouterr().err
    assert told.count("compiling kernels for this processor, once") == (1 if terminal else 0)
