"""``python -m benchmarks.checked``: whether widely used implementations are right.

Compares the losses of the installed packages with their definitions, as `focalis check` does, and prints
the tables of docs/checked.md. Install what you want to see, with ``--no-deps`` where a package would
replace PyTorch: torchvision, fvcore (and iopath), keras, optax, monai, kornia.
"""

import argparse
import importlib
import importlib.metadata
import os
import platform
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

os.environ.setdefault("KERAS_BACKEND", "jax")

import focalis  # after choosing Keras' backend
from focalis.testing import Finding, Report, examine_loss

LOOSE = 100.0


class Implementation(NamedTuple):
    """A package's loss: how to call it, and what it should be."""

    package: str
    name: str
    loss: str
    load: Callable[[], Any]
    framework: str


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.checked", description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="those whose name has the text")
    only = parser.parse_args().only
    rows, details, versions, missing = [], [], {}, []
    for one in (one for one in IMPLEMENTATIONS if only in one.name):
        try:
            function = one.load()
        except ImportError as error:
            missing.append(f"{one.name} ({error.name})")
            continue
        own = one.package == "focalis"  # which may run from a checkout without being installed
        versions[one.package] = (
            focalis.__version__ if own else importlib.metadata.version(one.package)
        )
        print(f"{one.name} …", file=sys.stderr, flush=True)
        loss = focalis.parse(one.loss)
        strict = examine_loss(function, loss, framework=one.framework, name=one.name)
        loose = examine_loss(
            function, loss, framework=one.framework, name=one.name, tolerance=LOOSE
        )
        rows.append(row(one, strict, loose))
        details += detail(one, strict, loose)
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    print(f"Measured with {named}, Python {platform.python_version()}, on a CPU.\n")
    titles = [*COLUMNS, "empty batch, soft targets"]
    print(f"| implementation | held against | {' | '.join(titles)} |")
    print(f"| --- | --- |{' --- |' * len(titles)}")
    print("\n".join(rows))
    print(f"\n## What is more than {LOOSE:g} times off\n\n" + "\n".join(details))
    for name in missing:
        print(f"\nLeft out: {name} is not installed.")
    return 0


COLUMNS = {
    "values, float32": lambda f: f.name == "values, float32",
    "gradients, float32": lambda f: f.name == "gradients, float32",
    "Hessians, float32": lambda f: f.name == "Hessians, float32",
    "float64": lambda f: f.setting == "float64",
    "gradients, γ = 0.5": lambda f: f.name == "gradients, gamma=0.5",
    "half types": lambda f: f.setting in ("float16", "bfloat16"),
    "infinite scores": lambda f: f.setting == "infinite scores",
    "random scores, shapes": lambda f: f.part_of in ("random scores", "shapes"),
    "weights and masks": lambda f: f.part_of in ("weights", "masks"),
    "reductions, threads, inputs": lambda f: f.part_of in ("reductions", "threads", "inputs"),
}


def row(one: Implementation, strict: Report, loose: Report) -> str:
    cells = [f"`{one.name}`", f"`{one.loss}`"]
    cells += [count(strict, loose, chosen) for chosen in COLUMNS.values()]
    return f"| {' | '.join([*cells, conventions(strict)])} |"


def count(strict: Report, loose: Report, chosen: Callable[[Finding], bool]) -> str:
    """Return how many numbers are wrong, how many of them far off, and how many not finite."""
    looked = [f for f in strict.findings if chosen(f) and not f.not_checked]
    if not looked:
        return "–"
    wrong = sum(len(f.failures) for f in looked)
    far = [x for f in loose.findings if chosen(f) for x in f.failures]
    lost = sum("not finite" in x.problem or "not a number" in x.problem for x in far)
    cases = sum(f.cases for f in looked)
    return f"**{wrong}** / {len(far)} / {lost} of {cases}" if wrong else f"0 of {cases}"


def conventions(strict: Report) -> str:
    """Return where the implementation differs in definition rather than arithmetic."""
    found = []
    for finding in strict.findings:
        if finding.ok:
            continue
        if finding.check == "empty batch":
            first = finding.failures[0]
            found.append(f"{finding.setting or 'mean'} of nothing: {first.got or first.problem}")
        elif finding.name == "values, soft targets":
            found.append("another loss for soft targets")
    return "; ".join(found) or "as here"


def detail(one: Implementation, strict: Report, loose: Report) -> Iterator[str]:
    """Name what is far off in the table's columns, with the smallest input tried that fails."""
    wrong = [
        f for f in loose.findings if not f.ok and any(chosen(f) for chosen in COLUMNS.values())
    ]
    if wrong:
        yield f"\n`{one.name}`:\n"
        for finding in wrong:
            share = f"{len(finding.failures)} of {finding.cases}"
            # The same number in units of the permitted error, not of a hundred times that.
            known = next(f for f in strict.findings if f.name == finding.name)
            first = next(x for x in known.failures if x.where == finding.failures[0].where)
            yield f"- {finding.name}: {share}, first {first}"


def attribute(path: str) -> Callable[[], Any]:
    module, name = path.split(":")
    return lambda: getattr(importlib.import_module(module), name)


def keras_binary_focal() -> Any:
    losses = importlib.import_module("keras.losses")
    return lambda y_true, y_pred, gamma=2.0: losses.binary_focal_crossentropy(
        y_true, y_pred, gamma=gamma, from_logits=True
    )


def keras_categorical_focal() -> Any:
    losses = importlib.import_module("keras.losses")
    return lambda y_true, y_pred, gamma=2.0: losses.categorical_focal_crossentropy(
        y_true, y_pred, alpha=1.0, gamma=gamma, from_logits=True
    )


def keras_binary() -> Any:
    losses = importlib.import_module("keras.losses")
    return lambda y_true, y_pred: losses.binary_crossentropy(y_true, y_pred, from_logits=True)


def keras_categorical() -> Any:
    losses = importlib.import_module("keras.losses")
    return lambda y_true, y_pred: losses.categorical_crossentropy(y_true, y_pred, from_logits=True)


def monai_sigmoid() -> Any:
    made = importlib.import_module("monai.losses").FocalLoss

    def focal(logits: Any, targets: Any, gamma: float = 2.0, reduction: str = "mean") -> Any:
        return made(gamma=gamma, reduction=reduction)(logits[:, None], targets[:, None])

    return focal


def monai_softmax() -> Any:
    made = importlib.import_module("monai.losses").FocalLoss

    def focal(logits: Any, targets: Any, gamma: float = 2.0) -> Any:
        one_hot = importlib.import_module("torch").nn.functional.one_hot(targets, logits.shape[1])
        return made(gamma=gamma, use_softmax=True, reduction="none")(logits, one_hot).sum(1)

    return focal


def kornia_softmax() -> Any:
    made = importlib.import_module("kornia.losses").focal_loss

    def focal(logits: Any, targets: Any, gamma: float = 2.0) -> Any:
        return made(logits, targets, alpha=None, gamma=gamma, reduction="none").sum(1)

    return focal


TORCH = "torch.nn.functional"
IMPLEMENTATIONS = [
    Implementation(
        "focalis", "focalis.torch.sigmoid_focal_loss", "focal(alpha=.25)",
        attribute("focalis.torch:sigmoid_focal_loss"), "torch",
    ),
    Implementation(
        "focalis", "focalis.torch.softmax_focal_loss", "softmax_focal",
        attribute("focalis.torch:softmax_focal_loss"), "torch",
    ),
    Implementation(
        "torchvision", "torchvision.ops.sigmoid_focal_loss", "focal(alpha=.25)",
        attribute("torchvision.ops:sigmoid_focal_loss"), "torch",
    ),
    Implementation(
        "fvcore", "fvcore.nn.sigmoid_focal_loss", "focal",
        attribute("fvcore.nn:sigmoid_focal_loss"), "torch",
    ),
    Implementation(
        "fvcore", "fvcore.nn.sigmoid_focal_loss_star", "focal_star(gamma=1)",
        attribute("fvcore.nn:sigmoid_focal_loss_star"), "torch",
    ),
    Implementation(
        "keras", "keras.losses.binary_focal_crossentropy", "focal", keras_binary_focal, "jax"
    ),
    Implementation(
        "keras", "keras.losses.categorical_focal_crossentropy", "softmax_focal",
        keras_categorical_focal, "jax",
    ),
    Implementation(
        "keras", "keras.losses.binary_crossentropy", "cross_entropy", keras_binary, "jax"
    ),
    Implementation(
        "keras", "keras.losses.categorical_crossentropy", "softmax_cross_entropy",
        keras_categorical, "jax",
    ),
    Implementation(
        "optax", "optax.losses.sigmoid_focal_loss", "focal",
        attribute("optax.losses:sigmoid_focal_loss"), "jax",
    ),
    Implementation(
        "optax", "optax.losses.sigmoid_binary_cross_entropy", "cross_entropy",
        attribute("optax.losses:sigmoid_binary_cross_entropy"), "jax",
    ),
    Implementation(
        "optax", "optax.losses.softmax_cross_entropy_with_integer_labels",
        "softmax_cross_entropy",
        attribute("optax.losses:softmax_cross_entropy_with_integer_labels"), "jax",
    ),
    Implementation("monai", "monai.losses.FocalLoss", "focal", monai_sigmoid, "torch"),
    Implementation(
        "monai", "monai.losses.FocalLoss(use_softmax=True)", "softmax_focal", monai_softmax, "torch"
    ),
    Implementation(
        "kornia", "kornia.losses.binary_focal_loss_with_logits", "focal(alpha=.25)",
        attribute("kornia.losses:binary_focal_loss_with_logits"), "torch",
    ),
    Implementation("kornia", "kornia.losses.focal_loss", "softmax_focal", kornia_softmax, "torch"),
    Implementation(
        "torch", f"{TORCH}.binary_cross_entropy_with_logits", "cross_entropy",
        attribute(f"{TORCH}:binary_cross_entropy_with_logits"), "torch",
    ),
    Implementation(
        "torch", f"{TORCH}.cross_entropy", "softmax_cross_entropy",
        attribute(f"{TORCH}:cross_entropy"), "torch",
    ),
]  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
