"""Losses as JavaScript, written down by tracing their Python and not by hand.

A margin loss is straight-line code in the vocabulary, and so is a row of it in `focalis.rows`: called on
symbols they leave a list of assignments behind, whose operators are JavaScript's as well.
"""

import json
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from focalis import rows
from focalis.engines.tracing import trace
from focalis.links import at_margin
from focalis.margin import MarginLossFamily

__all__ = ["CLASSES", "family_script", "function_script", "vocabulary_script"]

CLASSES = range(2, 7)
"""The numbers of classes that a softmax on the page may have."""

# Where the vocabulary has a name of its own for what Math calls otherwise.
_VOCABULARY = {
    "exp": "Math.exp",
    "exp_nonpositive": "Math.exp",
    "expm1": "Math.expm1",
    "log": "Math.log",
    "log1p": "Math.log1p",
    "log1p_unit": "Math.log1p",
    "sqrt": "Math.sqrt",
    "absolute": "Math.abs",
    "where": "(condition, a, b) => (condition ? a : b)",
}
_ASSIGNMENT = re.compile(r"    (t\d+) = (.+)")


def vocabulary_script() -> str:
    """Return the vocabulary in JavaScript."""
    return "\n".join(f"const {name} = {meaning};" for name, meaning in _VOCABULARY.items())


def function_script(
    function: Callable[..., Sequence[Any]], arguments: Sequence[str], name: str = "f"
) -> str:
    """Return a function in the vocabulary as a JavaScript function expression.

    Raises
    ------
    TypeError
        If the function does what the vocabulary has no word for.

    Examples
    --------
    >>> print(function_script(lambda m: (2.0 * m,), ["m"], "twice"))
    function twice(m) {
      const c = [2.0];
      const t0 = c[0] * m;
      return [t0];
    }
    """
    source, constants = trace(name, lambda *given: tuple(function(*given)), tuple(arguments))
    _, *lines, results = source.splitlines()
    assignments = [_ASSIGNMENT.fullmatch(line) for line in lines]
    if not all(assignments):  # the tracer of the engines writes nothing else
        raise TypeError(f"{name} is no straight-line code: {source}")
    body = [f"  const {one[1]} = {one[2]};" for one in assignments if one]
    numbers = ", ".join(map(_number, constants))
    returned = results.strip().removeprefix("return ")
    return "\n".join(
        [
            f"function {name}({', '.join(arguments)}) {{",
            f"  const c = [{numbers}];",
            *body,
            f"  return [{returned}];",
            "}",
        ]
    )


def family_script(family: MarginLossFamily) -> str:
    """Return an object with all that the page computes of a family, its parameters arguments.

    ``terms(m, …)`` are value, slope and curvature, ``posterior(x, …)`` that of a yes/no question,
    ``sigmoid(x, yes, no, …)`` value, gradient and Hessian of a logit; ``softmax[C](x0, …, w0, …, …)``
    the same of a row, gradients before Hessians, and ``posteriors[C](x0, …, …)`` its posterior.
    """
    own = [f"p_{name}" for name in family.ranges]

    def loss(parameters: tuple[Any, ...]) -> rows.MarginTerms:
        return lambda *point: family.function(*point, *parameters)

    def terms(m: Any, *parameters: Any) -> tuple[Any, ...]:
        return loss(parameters)(m, *at_margin(m))

    def posterior(x: Any, *parameters: Any) -> tuple[Any, ...]:
        return (rows.sigmoid_posterior(loss(parameters), x),)

    def sigmoid(x: Any, yes: Any, no: Any, *parameters: Any) -> tuple[Any, ...]:
        value, gradient, hessian = rows.sigmoid_terms(loss(parameters), x, yes, no)
        return (value, *gradient, *hessian)

    members = {
        "terms": function_script(terms, ["m", *own]),
        "posterior": function_script(posterior, ["x", *own]),
        "sigmoid": function_script(sigmoid, ["x", "yes", "no", *own]),
        "softmax": _by_classes(_softmax_script, loss, own),
        "posteriors": _by_classes(_posteriors_script, loss, own),
    }
    return "{\n" + ",\n".join(f"{name}: {text}" for name, text in members.items()) + "\n}"


def _by_classes(script: Callable[..., str], loss: Any, own: list[str]) -> str:
    each = (f"{classes}: {script(classes, loss, own)}" for classes in CLASSES)
    return "{\n" + ",\n".join(each) + "\n}"


def _softmax_script(classes: int, loss: Any, own: list[str]) -> str:
    def softmax(*given: Any) -> tuple[Any, ...]:
        xs, weights, parameters = (
            given[:classes],
            given[classes : 2 * classes],
            given[2 * classes :],
        )
        value, gradient, hessian = rows.softmax_terms(loss(parameters), xs, weights)
        return (value, *gradient, *hessian)

    names = [f"x{k}" for k in range(classes)] + [f"w{k}" for k in range(classes)]
    return function_script(softmax, [*names, *own])


def _posteriors_script(classes: int, loss: Any, own: list[str]) -> str:
    def posteriors(*given: Any) -> list[Any]:
        return rows.softmax_posterior(loss(given[classes:]), given[:classes])

    return function_script(posteriors, [*(f"x{k}" for k in range(classes)), *own])


def _number(x: float) -> str:
    if math.isinf(x):
        return "Infinity" if x > 0 else "-Infinity"
    return json.dumps(x)
