from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from gaugeconv import ops
from gaugeconv.ops.threads import run_tasks
from gaugeconv.reps import KernelSpace
from tests.ops.random_pairs import random_neighborhoods


@pytest.fixture(params=[1, 2, 5])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("count", [0, 1, 3, 100])
def test_every_task_runs_once(count):
    runs = [0] * count

    def work(i):
        runs[i] += 1

    run_tasks(work, count)
    assert runs == [1] * count


def test_no_more_threads_work_than_pytorch_is_set_to_and_each_alone(threads):
    found = set()
    run_tasks(lambda _: found.add((threading.current_thread().name, torch.get_num_threads())), 1000)
    assert len(found) <= threads
    assert all(alone == 1 for _, alone in found)


def test_the_callers_setting_and_that_of_new_threads_stay(threads):
    run_tasks(lambda _: None, 10)
    assert torch.get_num_threads() == threads
    found = []
    thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert found == [threads]


@pytest.mark.usefixtures("threads")
def test_tasks_compute_without_gradients_and_in_the_callers_inference_mode():
    modes = set()

    def work(_):
        modes.add((torch.is_grad_enabled(), torch.is_inference_mode_enabled()))

    run_tasks(work, 20)
    assert modes == {(False, False)}
    with torch.inference_mode():
        run_tasks(work, 20)
    assert modes == {(False, False), (False, True)}


@pytest.mark.usefixtures("threads")
def test_an_error_in_any_task_arrives():
    def work(i):
        if i == 70:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_tasks(work, 100)
    run_tasks(lambda _: None, 100)


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
    run_tasks(lambda _: names.add(threading.current_thread().name), 1000)
    queue.put(len(names) >= 1)


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="this system cannot fork"
)
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_convolves():
    """The workers of a data loader are forked after the parent has used its threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    run_tasks(lambda _: None, 100)
    torch.set_num_threads(before)
    expected = convolution()
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_in_child, args=(queue,))
    child.start()
    found, worked = queue.get(timeout=60), queue.get(timeout=60)
    child.join()
    assert torch.equal(torch.tensor(found), expected) and worked


class _Convolutions(torch.utils.data.Dataset):
    """What a data loader's workers compute, and with how many threads."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, _: int) -> tuple[torch.Tensor, int, int]:
        convolved = convolution()
        running = [t for t in threading.enumerate() if t.name.startswith("gaugeconv")]
        return convolved, torch.get_num_threads(), len(running)


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="this system cannot fork"
)
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_workers_of_a_data_loader_compute_on_one_thread_each():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    run_tasks(lambda _: None, 100)  # the parent has threads that its children do not inherit
    torch.set_num_threads(before)
    expected = convolution()
    loader = torch.utils.data.DataLoader(
        _Convolutions(), batch_size=None, num_workers=2, multiprocessing_context="fork"
    )
    for found, allowed, running in loader:
        assert torch.equal(found, expected)
        assert (allowed, running) == (1, 0)


def test_a_process_that_is_given_one_thread_starts_no_other():
    """What `torchrun` does with each of its ranks: OMP_NUM_THREADS=1."""
    program = (
        "import threading\n"
        "from tests.ops.test_threads import convolution\n"
        "convolution()\n"
        "print(threading.active_count())\n"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    root = Path(__file__).parents[2]
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=root, env=environment, capture_output=True, text=True
    )
    assert run.stdout.split() == ["1"], run.stderr
