"""Who is measured: one table of competitors, each a step that computes a loss and its gradient.

A competitor is prepared once, outside the clock, and then does what a training loop does at every step.
The two memory limits compute no loss: they move as much memory as a loss and its gradient must.
"""

import importlib.util
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import focalis
from focalis import Loss, margin

Step = Callable[[], Any]


@dataclass(frozen=True)
class Inputs:
    """What all competitors of one work are given.

    ``reuse`` says that everyone keeps their memory: focalis by `out=`, the others because their
    process was started with a malloc that gives nothing back (see `benchmarks.works.MODES`).
    """

    loss: Loss
    logits: np.ndarray
    targets: np.ndarray
    reuse: bool = False


@dataclass(frozen=True)
class Competitor:
    """A name for the table, what must be installed, and how to make the step that is timed.

    The step returns the loss, so that competitors can be held to the same result, or None.
    """

    name: str
    needs: tuple[str, ...]
    prepare: Callable[[Inputs], Step]

    def missing(self) -> list[str]:
        """Return what this competitor needs and this machine has not."""
        return [need for need in self.needs if not _is_there(need)]


def _is_there(need: str) -> bool:
    if need == "a C++ compiler":
        return any(shutil.which(name) for name in ("g++", "clang++", "c++", "cl"))
    return importlib.util.find_spec(need) is not None


def focalis_gradient(inputs: Inputs) -> Step:
    loss, x, y = inputs.loss, inputs.logits, inputs.targets
    out = np.empty_like(x) if inputs.reuse else None
    return lambda: loss.value_and_grad(x, y, out=out)[0]


def focalis_hessian(inputs: Inputs) -> Step:
    loss, x, y = inputs.loss, inputs.logits, inputs.targets
    out = (np.empty_like(x), np.empty_like(x)) if inputs.reuse else None

    def step() -> None:
        loss.grad_and_hess(x, y, out=out)

    return step


def focalis_cross_entropy(inputs: Inputs) -> Step:
    step = focalis_gradient(replace(inputs, loss=Loss("softmax", margin.cross_entropy())))
    return _without_result(step)


def focalis_index(inputs: Inputs) -> Step:
    step = focalis_gradient(replace(inputs, targets=inputs.targets.argmax(axis=1)))
    return _without_result(step)


def _without_result(step: Step) -> Step:
    def run() -> None:
        step()

    return run


def add(inputs: Inputs) -> Step:
    import torch

    a, b = torch.from_numpy(inputs.logits), torch.ones(inputs.logits.shape)
    c = torch.empty_like(a)

    def step() -> None:
        torch.add(a, b, out=c)

    return step


def copy(inputs: Inputs) -> Step:
    import torch

    a = torch.from_numpy(inputs.logits)
    c = torch.empty_like(a)

    def step() -> None:
        c.copy_(a)

    return step


def torchvision_focal(inputs: Inputs, *, compiled: bool = False) -> Step:
    import torch
    from torchvision.ops import sigmoid_focal_loss

    alpha, gamma = inputs.loss.alpha, inputs.loss.margin_loss.parameters["gamma"]

    def loss(x: Any, y: Any) -> Any:
        return sigmoid_focal_loss(x, y, alpha=alpha, gamma=gamma, reduction="mean")

    return _autograd(torch.compile(loss) if compiled else loss, inputs)


def torchvision_focal_compiled(inputs: Inputs) -> Step:
    return torchvision_focal(inputs, compiled=True)


def torch_cross_entropy(inputs: Inputs) -> Step:
    import torch

    return _autograd(torch.nn.functional.cross_entropy, inputs)


def torch_cross_entropy_compiled(inputs: Inputs) -> Step:
    import torch

    def loss(x: Any, y: Any) -> Any:
        return torch.nn.functional.cross_entropy(x, y)

    return _autograd(torch.compile(loss), inputs)


def _autograd(loss: Callable[[Any, Any], Any], inputs: Inputs) -> Step:
    """Return a step that runs a PyTorch loss forward and backward, as after ``zero_grad()``."""
    import torch

    x = torch.from_numpy(inputs.logits).requires_grad_()
    y = torch.from_numpy(inputs.targets)

    def step() -> Any:
        x.grad = None
        value = loss(x, y)
        value.backward()
        return value.detach()

    return step


COMPILER = ("torch", "a C++ compiler")

COMPETITORS = {
    competitor.name: competitor
    for competitor in (
        Competitor("focalis", (), focalis_gradient),
        Competitor("focalis, gradient and Hessian", (), focalis_hessian),
        Competitor("focalis, cross-entropy", (), focalis_cross_entropy),
        Competitor("focalis, class indices", (), focalis_index),
        Competitor("torch.add(a, b, out=c)", ("torch",), add),
        Competitor("c.copy_(a)", ("torch",), copy),
        Competitor("torchvision, eager", ("torch", "torchvision"), torchvision_focal),
        Competitor(
            "torchvision, torch.compile", ("torchvision", *COMPILER), torchvision_focal_compiled
        ),
        Competitor("F.cross_entropy, eager", ("torch",), torch_cross_entropy),
        Competitor("F.cross_entropy, torch.compile", COMPILER, torch_cross_entropy_compiled),
    )
}


def use_threads(count: int) -> None:
    """Give every competitor the same number of threads."""
    focalis.set_num_threads(count)
    if importlib.util.find_spec("torch") is not None:
        import torch

        torch.set_num_threads(count)
