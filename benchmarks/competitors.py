"""The competitors: one table, each entry a step that computes a loss and its gradient.

A competitor is prepared once, untimed, and then does what a training loop does at every step.
The two memory limits compute no loss: they move as much memory as a loss and its gradient must.
"""

import functools
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
    """The input of all competitors in one work.

    With ``reuse`` everyone keeps their memory: focalis through `out=`, the others because their process
    was started with a malloc that returns nothing to the system (see `benchmarks.works.MODES`).
    """

    loss: Loss
    logits: np.ndarray
    targets: np.ndarray
    reuse: bool = False


@dataclass(frozen=True)
class Competitor:
    """A name for the table, what must be installed, and how to make the timed step.

    The step returns the loss, so that competitors' results can be compared, or None.
    """

    name: str
    needs: tuple[str, ...]
    prepare: Callable[[Inputs], Step]

    def missing(self) -> list[str]:
        """Return what this competitor needs and this machine lacks."""
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


def autograd(
    module: str,
    name: str,
    inputs: Inputs,
    *,
    compiled: bool = False,
    backward: bool = True,
    bfloat16: bool = False,
) -> Step:
    """Return a step that runs a PyTorch function forward and backward, as after ``zero_grad()``."""
    import torch

    function = getattr(importlib.import_module(module), name)
    settings: dict[str, Any] = {}
    if name == "sigmoid_focal_loss":
        settings["alpha"] = inputs.loss.alpha
        settings["gamma"] = inputs.loss.margin_loss.parameters["gamma"]
        settings["reduction"] = "mean"

    def loss(x: Any, y: Any) -> Any:
        return function(x, y, **settings)

    run = torch.compile(loss) if compiled else loss
    x, y = torch.from_numpy(inputs.logits), torch.from_numpy(inputs.targets)
    if bfloat16:
        x, y = x.bfloat16(), y.bfloat16() if y.is_floating_point() else y
    x.requires_grad_(backward)

    def step() -> Any:
        x.grad = None
        value = run(x, y)
        if backward:
            value.backward()
        return value.detach()

    # The value is rounded to the type of the logits.
    return _without_result(step) if bfloat16 else step


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
        *(
            Competitor(
                f"{label}, {'torch.compile' if compiled else 'eager'}",
                (module.partition(".")[0], *(COMPILER if compiled else ("torch",))),
                functools.partial(autograd, module, name, compiled=compiled),
            )
            for label, module, name in (
                ("torchvision", "torchvision.ops", "sigmoid_focal_loss"),
                ("F.cross_entropy", "torch.nn.functional", "cross_entropy"),
                ("F.bce_with_logits", "torch.nn.functional", "binary_cross_entropy_with_logits"),
            )
            for compiled in (False, True)
        ),
        *(
            Competitor(
                f"focalis.torch.{name}{suffix}",
                ("torch",),
                functools.partial(autograd, "focalis.torch", name, **options),
            )
            for name in (
                "sigmoid_focal_loss",
                "cross_entropy",
                "binary_cross_entropy_with_logits",
            )
            for suffix, options in (
                ("", {}),
                (", value only", {"backward": False}),
                (", bfloat16", {"bfloat16": True}),
            )
        ),
    )
}


def use_threads(count: int) -> None:
    """Give every competitor the same number of threads."""
    focalis.set_num_threads(count)
    if importlib.util.find_spec("torch") is not None:
        import torch

        torch.set_num_threads(count)
