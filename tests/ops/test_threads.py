from __future__ import annotations

import multiprocessing
import threading

import pytest
import torch

from gaugeconv import ops
from gaugeconv.ops.threads import for_rows
from gaugeconv.reps import KernelSpace
from tests.ops.random_pairs import random_neighborhoods


@pytest.fixture(params=[1, 2, 5])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("first, last", [(0, 0), (0, 1), (3, 40), (7, 1000)])
def test_every_row_is_visited_once(first, last):
    visits = [0] * last

    def work(a, z):
        assert a < z or first == last
        for i in range(a, z):
            visits[i] += 1

    for_rows(work, first, last)
    assert visits == [0] * first + [1] * (last - first)


def test_no_more_threads_work_than_pytorch_is_set_to(threads):
    names = set()
    for_rows(lambda *_: names.add(threading.current_thread().name), 0, 10_000)
    assert len(names) <= threads


@pytest.mark.usefixtures("threads")
def test_an_error_in_any_range_arrives():
    def work(a, z):
        if a <= 900 < z:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        for_rows(work, 0, 1000)
    for_rows(lambda *_: None, 0, 1000)


def convolution() -> torch.Tensor:
    nb = random_neighborhoods(300, seed=1)
    space = KernelSpace("2x0 + 2x1", "2x1 + 2x0")
    torch.manual_seed(0)
    rings, center = torch.randn(space.rings_shape), torch.randn(space.num_center)
    return ops.convolve(torch.randn(300, space.in_type.dim), rings, center, nb, space)


def _in_child(queue) -> None:
    torch.set_num_threads(1)  # PyTorch's own pool does not survive a fork
    queue.put(convolution().tolist())
    names: set[str] = set()
    torch.set_num_threads(2)
    for_rows(lambda *_: names.add(threading.current_thread().name), 0, 10_000)
    queue.put(len(names) >= 1)


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="this system cannot fork"
)
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_convolves():
    """The workers of a data loader are forked after the parent has used its threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    for_rows(lambda *_: None, 0, 1000)
    torch.set_num_threads(before)
    expected = convolution()
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_in_child, args=(queue,))
    child.start()
    found, worked = queue.get(timeout=60), queue.get(timeout=60)
    child.join()
    assert torch.equal(torch.tensor(found), expected) and worked
