"""Programs with their own threads, forks and settings."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from focalis import Loss, margin
from focalis.engines import driver
from focalis.torch import apply

pytestmark = pytest.mark.slow

CE = Loss("softmax", margin.cross_entropy())
LARGE = (6000, 200)  # more than one chunk


@pytest.fixture
def torch_threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def problem(seed=0, shape=LARGE):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(shape, generator=generator, requires_grad=True)
    return x, torch.randint(0, shape[1], shape[:1], generator=generator)


def step(x, targets):
    value = apply(CE, x, targets)
    return value.detach(), torch.autograd.grad(value, x)[0]


def test_the_number_of_threads_of_pytorch_is_respected(monkeypatch, torch_threads):
    x, targets = problem()
    workers = set()
    run_chunk = driver._run_chunk
    both_there = threading.Barrier(2)

    def noted(*args):
        if threading.get_ident() not in workers:
            workers.add(threading.get_ident())
            if torch.get_num_threads() == 2 or len(workers) > 1:
                both_there.wait(timeout=20)
        return run_chunk(*args)

    monkeypatch.setattr(driver, "_run_chunk", noted)
    results = []
    for threads in (1, 2):
        workers.clear()
        torch_threads(threads)
        results.append(step(x, targets))
        assert len(workers) == threads
    for one, two in zip(*results, strict=True):
        assert torch.equal(one, two)


def test_many_threads_at_once():
    problems = [problem(seed, shape) for seed in range(4) for shape in (LARGE, (32, 10))]
    alone = [step(*p) for p in problems]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            for together, expected in zip(
                pool.map(lambda p: step(*p), problems), alone, strict=True
            ):
                assert all(map(torch.equal, together, expected))


class Hardness(Dataset):
    """Scores samples in a worker process, as a sampler of hard examples would."""

    def __len__(self):
        return 4

    def __getitem__(self, i):
        value, gradient = step(*problem(i))
        return value, gradient.abs().sum()


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*pin_memory:UserWarning")
def test_forked_workers_of_a_data_loader():
    expected = [step(*problem(i)) for i in range(4)]  # starts the parent's threads
    loader = DataLoader(Hardness(), num_workers=2, multiprocessing_context="fork", timeout=60)
    for (value, size), (true, gradient) in zip(loader, expected, strict=True):
        assert torch.equal(value[0], true)
        assert torch.allclose(size[0], gradient.abs().sum())
