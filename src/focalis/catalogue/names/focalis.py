"""The functions of this library: those from the table, and those with another library's signature."""

import inspect

from focalis import functional
from focalis.catalogue.entry import Entry, Parameter
from focalis.catalogue.names import general
from focalis.maths.links import IDENTITY, SIGMOID, SIMPLEX, SOFTMAX, Link
from focalis.named.signatures import Function, functions, keras_classes
from focalis.named.table import FRONT_ENDS

# Arguments that are not parameters of the loss: scores, targets, and those of the call.
_NOT_PARAMETERS = (
    "probabilities", "input", "targets", "target", "where", "normalizer", "engine", "eps",
)  # fmt: skip
# PyTorch's "weight" is per class in one function and per element in another.
_BY_HAND: dict[str, tuple[Link, dict[str, str], tuple[str, ...]]] = {
    "binary_cross_entropy_with_logits": (
        SIGMOID,
        {"weight": "sample_weight"},
        ("focalis.torch.binary_cross_entropy_with_logits",),
    ),
    "binary_log_loss": (IDENTITY, {}, ()),
    "cross_entropy": (
        SOFTMAX,
        {"weight": "class_weight"},
        ("focalis.torch.cross_entropy",),
    ),
    "log_loss": (SIMPLEX, {}, ()),
}


def _by_hand(name: str) -> Entry:
    """Return the entry of a function with a history, read from its signature."""
    link, names, also = _BY_HAND[name]
    parameters = inspect.signature(getattr(functional, name)).parameters.values()
    return Entry(
        f"focalis.{name}",
        "focalis",
        link,
        parameters=tuple(
            Parameter(one.name, one.default, names.get(one.name, ""))
            for one in parameters
            if one.name not in _NOT_PARAMETERS
        ),
        also=also,
    )


def _also(function: Function) -> tuple[str, ...]:
    """Return its other names: within its module, and the loss's if the literature has none."""
    if function.front_end == "torch":
        return (f"{FRONT_ENDS['torch']}.{function.module}",)
    known = {entry.margin_loss for entry in general.ENTRIES}
    if function.front_end == "numpy" and function.row.margin_loss not in known:
        return (function.row.title, function.row.margin_loss)
    return ()


def _entry(function: Function) -> Entry:
    """Return the entry of a function that is generated from the table."""
    module = FRONT_ENDS[function.front_end]
    reduced = any(one.setting == "reduction" for one in function.arguments)
    return Entry(
        f"{module}.{function.name}",
        "focalis",
        function.link,
        function.row.margin_loss,
        parameters=tuple(
            Parameter(one.name, one.default, one.setting)
            for one in function.arguments
            if not one.is_of_the_call or one.setting == "sample_weight"
        ),
        also=_also(function),
        fixed={**function.row.fixed, **({} if reduced else {"reduction": "none"})},
        tasks=("multi-label",) if function.row.fixed else (),
    )


def _keras_entries(made: Function) -> list[Entry]:
    """Return the entries of a class for Keras, on probabilities and on logits."""
    shared = tuple(
        Parameter(one.name, one.default, one.setting)
        for one in made.arguments
        if one.name not in ("from_logits", "axis")
    )
    links: list[tuple[str, Link]] = [
        ("", made.link.of_probabilities),
        ("(from_logits=True)", made.link),
    ]
    return [
        Entry(
            f"focalis.keras.{made.name}{more}",
            "focalis",
            link,
            made.row.margin_loss,
            parameters=shared,
            denominator="" if made.link.elementwise else "rows",
        )
        for more, link in links
    ]


ENTRIES = (
    *map(_by_hand, _BY_HAND),
    *(_entry(one) for front_end in ("numpy", "torch", "jax") for one in functions(front_end)),
    *(entry for made in keras_classes() for entry in _keras_entries(made)),
)
