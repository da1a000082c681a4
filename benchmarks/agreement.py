"""``python -m benchmarks.agreement``: one loss through every front end, against 60 digits.

Errors are in units of the type's rounding: 2⁻²⁴ of the true number in float32, 2⁻⁵³ in float64; each is
the largest over all logits whose true number is normal. The type is that of the logits, or of the answer
if that is narrower. Front ends that are not installed are left out by name. Keras runs in one process
per backend.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from focalis import Loss, margin
from focalis.testing.reference import truth

GAMMA, CLASSES, ROWS = 2.0, 5, 200
LINKS = ("sigmoid", "softmax")
KERAS_BACKENDS = ("tensorflow", "jax", "torch")

Array = np.ndarray
Answer = tuple[Array, Array, Array | None]
"""Elementwise losses, the gradient of their sum, and its diagonal Hessian where there is one."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.agreement", description=__doc__)
    parser.add_argument("--keras", action="store_true", help=argparse.SUPPRESS)
    if parser.parse_args().keras:
        print(
            json.dumps([[part.tolist() for part in keras(*case)[:2]] for case in cases(np.float32)])
        )
        return 0
    print(f"Focal loss, γ = {GAMMA:g}; value, gradient and, where the front end has it, Hessian.\n")
    print("| front end | type | sigmoid | softmax |\n| --- | --- | ---: | ---: |")
    for name, (dtype, needs, answer) in FRONT_ENDS.items():
        missing = [one for one in needs if importlib.util.find_spec(one) is None]
        if missing:
            print(f"| {name} | | {', '.join(missing)} is not installed | |")
            continue
        found = (errors(answer(*case), case) for case in cases(dtype))
        print(f"| {name} | {np.dtype(dtype).name} | {' | '.join(found)} |", flush=True)
    return 0


def cases(dtype: Any) -> list[tuple[Loss, Array, Array]]:
    """Return each link's loss, logits from confident mistakes to confident answers, and targets."""
    rng = np.random.default_rng(0)
    x = np.concatenate([np.linspace(-60, 60, ROWS - 40), 10.0 ** rng.uniform(-6, 1.7, 40)])
    y = (np.arange(ROWS) % 2).astype(dtype)
    rows = rng.normal(size=(ROWS, CLASSES)) * 10.0 ** rng.uniform(-2, 1.5, (ROWS, 1))
    labels = rng.integers(0, CLASSES, ROWS)
    losses = [Loss(link, margin.focal(GAMMA), reduction="none") for link in LINKS]
    return [(losses[0], x.astype(dtype), y), (losses[1], rows.astype(dtype), labels)]


def errors(answer: Answer, case: tuple[Loss, Array, Array]) -> str:
    """Return the largest error of each part, in units of rounding."""
    loss, x, y = case
    true = truth(loss, x, y)
    found = []
    for got, right, bulk in zip(
        answer,
        (true.value, true.gradient, true.hessian),
        (true.value, true.gradient_bulk, true.hessian_bulk),
        strict=True,
    ):
        if got is None:
            continue
        info = np.finfo(min(x.dtype, got.dtype, key=lambda dtype: dtype.itemsize))
        sizes = np.maximum(np.abs(right), np.abs(bulk)).ravel()
        pairs = zip(got.astype(np.float64).ravel().tolist(), right.ravel(), sizes, strict=True)
        units = [
            abs(a - b) / (size * float(info.eps) / 2) for a, b, size in pairs if size > info.tiny
        ]
        found.append(f"{float(max(units)):.1f}")
    return ", ".join(found)


def core(engine: str) -> Callable[..., Answer]:
    def answer(loss: Loss, x: Array, y: Array) -> Answer:
        gradient, hessian = loss.grad_and_hess(x, y, engine=engine)
        return loss(x, y, engine=engine), gradient, hessian

    return answer


def torch(loss: Loss, x: Array, y: Array) -> Answer:
    import torch

    import focalis.torch

    logits = torch.tensor(x, requires_grad=True)
    value = focalis.torch.apply(loss, logits, torch.tensor(y))
    (gradient,) = torch.autograd.grad(value.sum(), logits)
    return value.detach().numpy(), gradient.numpy(), None


def jax(loss: Loss, x: Array, y: Array) -> Answer:
    import jax

    import focalis.jax

    def value(logits: Any) -> Any:
        return focalis.jax.apply(loss, logits, y)

    logits = jax.numpy.asarray(x)
    gradient = jax.jit(jax.grad(lambda logits: value(logits).sum()))(logits)
    return np.asarray(jax.jit(value)(logits)), np.asarray(gradient), None


def keras(loss: Loss, x: Array, y: Array) -> Answer:
    """Answer on the backend of this process."""
    import keras

    from focalis.keras import LossWrapper

    # A row needs a class axis; here it holds one question.
    y, shape = y[:, None], (len(x), -1)
    scores = keras.ops.convert_to_tensor(x.reshape(shape))
    values = LossWrapper(loss, reduction="none")(y, scores)
    gradient = GRADIENTS[keras.config.backend()](
        lambda scores: LossWrapper(loss, reduction="sum")(y, scores), scores
    )
    parts = (keras.ops.convert_to_numpy(values), keras.ops.convert_to_numpy(gradient))
    return parts[0], parts[1].reshape(x.shape), None


def tensorflow_gradient(value: Callable[..., Any], x: Any) -> Any:
    import tensorflow

    with tensorflow.GradientTape() as tape:
        tape.watch(x)
        total = value(x)
    return tape.gradient(total, x)


def jax_gradient(value: Callable[..., Any], x: Any) -> Any:
    import jax

    return jax.grad(value)(x)


def torch_gradient(value: Callable[..., Any], x: Any) -> Any:
    import torch

    x.requires_grad_()
    return torch.autograd.grad(value(x), x)[0]


GRADIENTS = {"tensorflow": tensorflow_gradient, "jax": jax_gradient, "torch": torch_gradient}


def keras_on(backend: str) -> Callable[..., Answer]:
    """Run Keras in a separate process, since its backend is fixed on import."""
    answers: list[list[list[float]]] = []

    def answer(loss: Loss, x: Array, y: Array) -> Answer:
        if not answers:
            environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
            command = [sys.executable, "-m", "benchmarks.agreement", "--keras"]
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=True
            )
            answers.extend(json.loads(done.stdout.splitlines()[-1]))
        value, gradient = answers[LINKS.index(loss.link)]
        return np.array(value), np.array(gradient), None

    return answer


def booster(library: str) -> Callable[..., Answer]:
    def answer(loss: Loss, x: Array, y: Array) -> Answer:
        module = importlib.import_module(f"focalis.boosting.{library}")
        gradient, hessian = module.objective(loss, curvature="exact")(y, x)
        # An objective returns no value, and the metric's is a mean.
        return loss(x, y), np.asarray(gradient), np.asarray(hessian)

    return answer


FRONT_ENDS: dict[str, tuple[Any, tuple[str, ...], Callable[..., Answer]]] = {
    "NumPy, fused": (np.float32, (), core("numba")),
    "NumPy, fused, float64": (np.float64, (), core("numba")),
    "NumPy, reference": (np.float32, (), core("numpy")),
    "PyTorch": (np.float32, ("torch",), torch),
    "JAX": (np.float32, ("jax",), jax),
    **{f"Keras on {one}": (np.float32, ("keras", one), keras_on(one)) for one in KERAS_BACKENDS},
    "LightGBM": (np.float64, ("lightgbm",), booster("lightgbm")),
    "XGBoost": (np.float32, ("xgboost",), booster("xgboost")),
}


if __name__ == "__main__":
    sys.exit(main())
