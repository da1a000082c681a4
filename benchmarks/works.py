"""What is measured: the works, the competitors in each, and the bounds focalis sets itself."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.competitors import Inputs
from focalis import parse

QUICK_DIVISOR = 16
"""By how much a quick run divides the number of rows."""

MODES = {
    "as run": {},
    "reused": {
        "MALLOC_MMAP_MAX_": "0",
        "MALLOC_TRIM_THRESHOLD_": str(1 << 40),
        "MALLOC_TOP_PAD_": str(1 << 28),
    },
}
"""The memory modes, each with the environment of the process that measures it.

"as run": results are dropped between calls, as a training loop does. "reused": everyone keeps their
memory; the variables tell glibc's malloc never to return any to the system.
"""


@dataclass(frozen=True)
class Against:
    """A comparison; without a bound it is reported and not judged.

    ``at_most``: focalis may take at most this many times the competitor's time. ``at_least``: the
    competitor must take at least this many times focalis' time.
    """

    competitor: str
    at_most: float | None = None
    at_least: float | None = None
    reused_at_least: float | None = None


@dataclass(frozen=True)
class Work:
    """One kind of call: a loss, a shape, targets, which part of focalis runs it, and against whom."""

    name: str
    loss: str
    shape: tuple[int, ...]
    targets: Callable[[tuple[int, ...], np.random.Generator], np.ndarray]
    against: tuple[Against, ...]
    ours: str = "focalis"
    small: bool = False

    def inputs(self, *, reuse: bool, quick: bool) -> Inputs:
        """Return the same numbers for everyone."""
        rng = np.random.default_rng(0)
        shape = self.shape
        if quick and not self.small:
            shape = (max(1, shape[0] // QUICK_DIVISOR), *shape[1:])
        logits = rng.standard_normal(shape, dtype=np.float32)
        return Inputs(parse(self.loss), logits, self.targets(shape, rng), reuse)


def yes_or_no(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    return (rng.random(shape, dtype=np.float32) < 0.1).astype(np.float32)


def indices(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, shape[1], (shape[0], *shape[2:]))


def one_hot(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    rows = np.zeros(shape, np.float32)
    rows[np.arange(shape[0]), indices(shape, rng)] = 1.0
    return rows


def soft(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    rows = rng.random(shape, dtype=np.float32)
    rows /= rows.sum(axis=1, keepdims=True)
    return rows


FOCAL = "focal(gamma=2, alpha=.25)"
SIGMOID = (1 << 24,)
MANY_CLASSES = {"16384×1000": (16384, 1000), "1024×32000": (1024, 32000)}
SOFTMAX = {**MANY_CLASSES, "1M×10": (1_000_000, 10)}
CROSS_ENTROPY = "softmax_cross_entropy"

WORKS = [
    Work(
        "sigmoid focal γ=2, 2^24",
        FOCAL,
        SIGMOID,
        yes_or_no,
        (
            Against("torch.add(a, b, out=c)", at_most=1.3),
            Against("torchvision, eager", at_least=40),
            Against("torchvision, torch.compile", at_least=5),
        ),
    ),
    Work(
        "sigmoid focal γ=1.7, 2^24",
        "focal(gamma=1.7, alpha=.25)",
        SIGMOID,
        yes_or_no,
        (
            Against("torch.add(a, b, out=c)", at_most=2.2),
            Against("torchvision, eager", at_least=20),
        ),
    ),
    Work(
        "sigmoid focal γ=2, gradient + Hessian, 2^24",
        FOCAL,
        SIGMOID,
        yes_or_no,
        (Against("torch.add(a, b, out=c)", at_most=2.5),),
        ours="focalis, gradient and Hessian",
    ),
    *(
        Work(
            f"softmax cross-entropy {size}",
            CROSS_ENTROPY,
            shape,
            indices,
            (
                Against("c.copy_(a)", at_most=4),
                Against("F.cross_entropy, eager", at_least=4),
                Against("F.cross_entropy, torch.compile", reused_at_least=1.3),
            ),
        )
        for size, shape in MANY_CLASSES.items()
    ),
    Work(
        "softmax cross-entropy 1M×10",
        CROSS_ENTROPY,
        SOFTMAX["1M×10"],
        indices,
        (
            Against("F.cross_entropy, eager", at_least=10),
            Against("F.cross_entropy, torch.compile"),
        ),
    ),
    *(
        Work(
            f"softmax focal γ=2 {size}",
            "softmax_focal(gamma=2)",
            shape,
            indices,
            (Against("focalis, cross-entropy", at_most=1.15),),
        )
        for size, shape in SOFTMAX.items()
    ),
    *(
        Work(
            f"softmax cross-entropy {size}, {kind} targets",
            CROSS_ENTROPY,
            shape,
            targets,
            (Against("focalis, class indices", at_most=2),),
        )
        for size, shape in SOFTMAX.items()
        for kind, targets in (("one-hot", one_hot), ("soft", soft))
    ),
    Work(
        "softmax cross-entropy 32×10, one call",
        CROSS_ENTROPY,
        (32, 10),
        indices,
        (Against("F.cross_entropy, eager", at_most=0.6),),
        small=True,
    ),
]

TORCH_FOCAL = "focalis.torch.sigmoid_focal_loss"
TORCH_CROSS_ENTROPY = "focalis.torch.cross_entropy"
TORCH_BCE = "focalis.torch.binary_cross_entropy_with_logits"
EAGER, COMPILED = "F.cross_entropy, eager", "F.cross_entropy, torch.compile"

WORKS += [
    Work(
        "torch: sigmoid focal γ=2, 2^24",
        FOCAL,
        SIGMOID,
        yes_or_no,
        (
            Against("torchvision, eager", at_least=40),
            Against("torchvision, torch.compile", at_least=5),
            Against("focalis"),
        ),
        ours=TORCH_FOCAL,
    ),
    *(
        Work(
            f"torch: cross-entropy {size}",
            CROSS_ENTROPY,
            shape,
            indices,
            (
                Against(EAGER, at_least=4),
                Against(COMPILED, at_least=2.2, reused_at_least=1.3),
                Against("focalis"),
            ),
            ours=TORCH_CROSS_ENTROPY,
        )
        for size, shape in {**MANY_CLASSES, "256×128256": (256, 128256)}.items()
    ),
    Work(
        "torch: cross-entropy 1M×10",
        CROSS_ENTROPY,
        SOFTMAX["1M×10"],
        indices,
        (Against(EAGER, at_least=8), Against(COMPILED)),
        ours=TORCH_CROSS_ENTROPY,
    ),
    Work(
        "torch: cross-entropy of segmentation (8, 21, 512, 512)",
        CROSS_ENTROPY,
        (8, 21, 512, 512),
        indices,
        (Against(EAGER, at_least=3), Against(COMPILED)),
        ours=TORCH_CROSS_ENTROPY,
    ),
    Work(
        "torch: BCE with logits, 2^24",
        "cross_entropy",
        SIGMOID,
        yes_or_no,
        (
            Against("F.bce_with_logits, eager", at_least=8),
            Against("F.bce_with_logits, torch.compile"),
        ),
        ours=TORCH_BCE,
    ),
    Work(
        "torch: cross-entropy 32×10, one call",
        CROSS_ENTROPY,
        (32, 10),
        indices,
        (Against(EAGER, at_most=1.2),),
        ours=TORCH_CROSS_ENTROPY,
        small=True,
    ),
    *(
        Work(
            f"torch: {name}, {kind}",
            loss,
            shape,
            targets,
            (Against(function, at_most=most),),
            ours=f"{function}, {kind}",
        )
        for name, loss, shape, targets, function in (
            ("sigmoid focal γ=2, 2^24", FOCAL, SIGMOID, yes_or_no, TORCH_FOCAL),
            (
                "cross-entropy 16384×1000",
                CROSS_ENTROPY,
                MANY_CLASSES["16384×1000"],
                indices,
                TORCH_CROSS_ENTROPY,
            ),
        )
        for kind, most in (("value only", 0.5), ("bfloat16", 1.0))
    ),
]
