"""The functions of this library, read from their signatures."""

import inspect

from focalis import functional
from focalis.catalogue.entry import Entry, Parameter
from focalis.links import PROBABILITY
from focalis.loss import Link

# Arguments of a call, and those that stand before the parameters.
_NOT_PARAMETERS = (
    "logits", "probabilities", "inputs", "input", "targets", "target", "where", "normalizer", "engine",
)  # fmt: skip
_IN_NUMPY_ONLY = ("sigmoid_cross_entropy", "softmax_cross_entropy")
# PyTorch's "weight" is per class in one function and per element in another.
_NAMES = {
    "cross_entropy": {"weight": "class_weight"},
    "binary_cross_entropy_with_logits": {"weight": "sample_weight"},
}

_CROSS_ENTROPIES: dict[str, tuple[Link, str]] = {
    "balanced_cross_entropy": ("sigmoid", "cross_entropy"),
    "binary_cross_entropy_with_logits": ("sigmoid", "cross_entropy"),
    "binary_log_loss": ("identity", "cross_entropy"),
    "cross_entropy": ("softmax", "cross_entropy"),
    "log_loss": ("simplex", "cross_entropy"),
    "multilabel_softmax_cross_entropy": ("softmax", "cross_entropy"),
    "sigmoid_cross_entropy": ("sigmoid", "cross_entropy"),
    "softmax_cross_entropy": ("softmax", "cross_entropy"),
}
_PREFIXES: dict[str, Link] = {
    "binary": "identity",
    "categorical": "simplex",
    "sigmoid": "sigmoid",
    "softmax": "softmax",
}


def _entry(name: str) -> Entry:
    """Return the entry of a named function."""
    if name in _CROSS_ENTROPIES:
        link, margin_loss = _CROSS_ENTROPIES[name]
    else:
        prefix, _, rest = name.partition("_")
        link, margin_loss = _PREFIXES[prefix], rest.removesuffix("_loss")
    in_torch = link not in PROBABILITY and name not in _IN_NUMPY_ONLY
    several = name.startswith("multilabel")
    names = _NAMES.get(name, {})
    signature = inspect.signature(getattr(functional, name))
    return Entry(
        f"focalis.{name}",
        "focalis",
        link,
        margin_loss,
        parameters=tuple(
            Parameter(one.name, one.default, names.get(one.name, ""))
            for one in signature.parameters.values()
            if one.name not in _NOT_PARAMETERS and one.name != "eps"
        ),
        also=(f"focalis.torch.{name}",) if in_torch else (),
        fixed={"positives": "mean"} if several else {},
        tasks=("multi-label",) if several else (),
    )


ENTRIES = tuple(_entry(name) for name in functional.__all__)
