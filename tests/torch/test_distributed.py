"""Two processes, each with half a batch, get the gradients of one process with the whole batch."""

import os
import socket
from datetime import timedelta

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

from focalis import Loss, margin
from focalis.torch import apply, cross_entropy

FOCAL = Loss("sigmoid", margin.focal(gamma=2.0), alpha=0.25)
CE = Loss("softmax", margin.cross_entropy(), ignore_index=-100)
PROCESSES = 2

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not dist.is_available(), reason="PyTorch without torch.distributed"),
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]


def problem():
    """Return a model and a batch whose halves contain different numbers of positives."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))
    features = torch.randn(12, 4)
    questions = (torch.rand(12, 3) < torch.linspace(0.1, 0.9, 12)[:, None]).float()
    classes = torch.randint(0, 3, (12,))
    classes[:3] = -100
    return model.double(), features.double(), questions.double(), classes


def total_loss(logits, questions, classes, positives, counted):
    return apply(FOCAL, logits, questions, normalizer=positives) + apply(
        CE, logits, classes, normalizer=counted
    )


def counts(questions, classes):
    return questions.sum(), (classes != -100).sum().double()


def gradients(model):
    found = {}
    for name, parameter in model.named_parameters():
        gradient = parameter.grad
        if isinstance(gradient, DTensor):
            gradient = gradient.full_tensor()
        found[name.removeprefix("module.")] = gradient
    return found


def one_process():
    model, features, questions, classes = problem()
    total_loss(model(features), questions, classes, *counts(questions, classes)).backward()
    return gradients(model)


def replicated(model):
    return DistributedDataParallel(model)


def sharded(model):
    for layer in (model[0], model[2]):
        fully_shard(layer)
    return fully_shard(model)


def on_halves(rank, wrap):
    model, features, questions, classes = problem()
    model = wrap(model)
    mine = slice(rank * 6, rank * 6 + 6)
    normalizers = counts(questions[mine], classes[mine])
    for normalizer in normalizers:
        # The sum over all processes, divided by their number because gradients are averaged over them.
        dist.all_reduce(normalizer)
        normalizer /= PROCESSES
    total_loss(model(features[mine]), questions[mine], classes[mine], *normalizers).backward()
    return gradients(model)


def on_distributed_tensors(rank):
    """A softmax whose rows or classes are distributed over the processes, with their weights."""
    mesh = dist.init_device_mesh("cpu", (PROCESSES,))
    model, features, _, classes = problem()
    x, weight = model(features).detach(), torch.tensor([1.0, 2.0, 0.5]).double()
    for of_logits, of_classes in ((Shard(0), Shard(0)), (Shard(1), Replicate())):
        logits = distribute_tensor(x, mesh, [of_logits]).requires_grad_()
        value = cross_entropy(logits, distribute_tensor(classes, mesh, [of_classes]), weight=weight)
        value.backward()
        y = x.clone().requires_grad_()
        expected = cross_entropy(y, classes, weight=weight)
        expected.backward()
        assert logits.grad.placements == (of_logits,)
        torch.testing.assert_close(value.full_tensor(), expected.detach())
        torch.testing.assert_close(logits.grad.full_tensor(), y.grad)
    return {}


def on_a_distributed_tensor(rank):
    """Yes/no questions whose rows are distributed over the processes."""
    mesh = dist.init_device_mesh("cpu", (PROCESSES,))
    model, features, questions, _ = problem()
    x = model(features).detach()
    logits = distribute_tensor(x, mesh, [Shard(0)]).requires_grad_()
    value = apply(FOCAL, logits, distribute_tensor(questions, mesh, [Shard(0)]))
    value.backward()
    y = x.clone().requires_grad_()
    expected = apply(FOCAL, y, questions)
    expected.backward()
    torch.testing.assert_close(value.full_tensor(), expected.detach())
    torch.testing.assert_close(
        logits.grad.redistribute(placements=[Replicate()]).to_local(), y.grad
    )
    return {}


JOBS = {
    "distributed data parallel": lambda rank: on_halves(rank, replicated),
    "fully sharded data parallel": lambda rank: on_halves(rank, sharded),
    "a distributed tensor": on_a_distributed_tensor,
    "distributed tensors": on_distributed_tensors,
}


def work(rank, port, expected, folder):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=PROCESSES, timeout=timedelta(minutes=2))
    for name, job in JOBS.items():
        for parameter, gradient in job(rank).items():
            torch.testing.assert_close(gradient, expected[parameter], rtol=1e-10, atol=1e-14)
        folder.joinpath(f"{name} {rank}").touch()
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Return the jobs that both processes have finished, and any error after them."""
    folder = tmp_path_factory.mktemp("done")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    problem = None
    try:
        mp.spawn(work, (port, one_process(), folder), nprocs=PROCESSES)
    except mp.ProcessRaisedException as error:
        problem = error
    return {path.name for path in folder.iterdir()}, problem


@pytest.mark.parametrize("job", JOBS)
def test_two_processes_are_as_good_as_one(done, job):
    finished, problem = done
    assert {f"{job} {rank}" for rank in range(PROCESSES)} <= finished, problem
