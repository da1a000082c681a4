"""The truth about a loss on a batch, in many digits, computed by the margin loss itself."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from focalis.inputs.arguments import Arguments
from focalis.loss import Loss, denominator_of, read_batch
from focalis.margin import MarginLoss
from focalis.maths.links import Link, limits, probability_terms
from focalis.maths.single_row import RowTerms, sigmoid_terms, softmax_terms
from focalis.testing.numbers import Number, mp, number

Array = np.ndarray


class Truth(NamedTuple):
    """Individual values, the gradient and Hessian of their sum, and the divisor of a reduction.

    Arrays of mpf. A *bulk* is the sum of the sizes of the signed terms that make up a number.
    """

    value: Array
    gradient: Array
    gradient_bulk: Array
    hessian: Array
    hessian_bulk: Array
    denominator: float

    def reduced(self) -> "Truth":
        """Return the truth about the reduced value, a single number, and its derivatives."""
        scale = mp.one / self.denominator if self.denominator > 0 else mp.zero
        return self._replace(
            value=np.array(mp.fsum(self.value.flat) * scale, object),
            gradient=self.gradient * scale,
            gradient_bulk=self.gradient_bulk * scale,
            hessian=self.hessian * scale,
            hessian_bulk=self.hessian_bulk * scale,
        )


def truth(
    loss: Loss, logits: Any, targets: Any, *, sample_weight: Any = None, where: Any = None
) -> Truth:
    """Return the truth about the weighted values of a loss, whatever its reduction.

    Its weights are used as float64 holds them.
    """
    batch = read_batch(loss, Arguments(logits, targets, sample_weight, where))
    scores, read, rows = batch.scores, batch.targets, batch.weights
    double = np.dtype(np.float64)
    positive, negative = loss.answer_weights(scores.n_classes, double)
    x = scores.rows.astype(double)
    y = read.chunk(0, scores.n_rows, double, lambda numbers: np.asarray(numbers, double))
    if read.is_index:
        y = np.arange(scores.n_classes) == y[:, None]
    weight = rows.chunk(0, scores.n_rows, double, scores.n_classes)
    weight = np.ones(x.shape) if weight is None else weight.reshape(x.shape)
    with np.errstate(invalid="ignore"):
        yes = np.where(weight == 0, 0.0, weight * y) * positive
        no = np.where(weight == 0, 0.0, weight * (1.0 - y)) * negative
    of_row = _of_elements if loss.link.elementwise else _of_row
    values, gradients, hessians = [], [], []
    for row, row_yes, row_no in zip(x.tolist(), yes.tolist(), no.tolist(), strict=True):
        value, gradient, hessian = of_row(loss, tuple(row), tuple(row_yes), tuple(row_no))
        values += value
        gradients += gradient
        hessians += hessian
    shape = scores.shape if loss.link.elementwise else scores.row_shape
    return Truth(
        _array([one.value for one in values], shape),
        _array([one.value for one in gradients], scores.shape),
        _array([one.bulk for one in gradients], scores.shape),
        _array([one.value for one in hessians], scores.shape),
        _array([one.bulk for one in hessians], scores.shape),
        denominator_of(loss, batch, None),
    )


def margin_terms(loss: MarginLoss) -> Callable[..., tuple[Number, Number, Number]]:
    """Return a margin loss as a function of `Number`, with exact parameters too.

    Value and slope are judged by their own size, a curvature by the terms that make it up.
    """
    parameters = [number(value) for value in loss.parameters.values()]

    def terms(*point: Number) -> tuple[Number, Number, Number]:
        alone = (one.alone() for one in point)
        value, slope, curvature = loss.family.function(*alone, *parameters)
        return number(value).alone(), number(slope).alone(), number(curvature)

    return terms


_NAN, _ZERO = Number(mp.nan), Number(mp.zero)


def _of_elements(
    loss: Loss, xs: tuple[float, ...], yes: tuple[float, ...], no: tuple[float, ...]
) -> tuple[list[Number], list[Number], list[Number]]:
    terms = [
        _of_element(loss.link, loss.margin_loss, *one) for one in zip(xs, yes, no, strict=True)
    ]
    return (
        [one.value for one in terms],
        [one.gradient[0] for one in terms],
        [one.hessian[0] for one in terms],
    )


@functools.lru_cache(maxsize=1 << 14)
def _of_element(link: Link, loss: MarginLoss, x: float, yes: float, no: float) -> RowTerms:
    if yes == no == 0.0:
        return RowTerms(_ZERO, [_ZERO], [_ZERO])
    if np.isnan(x):
        return RowTerms(_NAN, [_NAN], [_NAN])
    if not link.on_probabilities:
        # A weight of 0 leaves its answer out, whatever that would be.
        return sigmoid_terms(margin_terms(loss), number(x), number(yes), number(no))
    p = number(x)
    value_yes, first_yes, second_yes = _at_probability(loss, p)
    value_no, first_no, second_no = _at_probability(loss, 1.0 - p)
    return RowTerms(
        yes * value_yes + no * value_no,
        [yes * first_yes - no * first_no],
        [yes * second_yes + no * second_no],
    )


def _of_row(
    loss: Loss, xs: tuple[float, ...], weights: tuple[float, ...], _: tuple[float, ...]
) -> tuple[list[Number], list[Number], list[Number]]:
    value, gradient, hessian = _of_classes(loss.link, loss.margin_loss, xs, weights)
    return [value], gradient, hessian


@functools.lru_cache(maxsize=1 << 13)
def _of_classes(
    link: Link, loss: MarginLoss, xs: tuple[float, ...], weights: tuple[float, ...]
) -> RowTerms:
    nothing = [_ZERO] * len(xs)
    if not any(weights):
        return RowTerms(_ZERO, nothing, nothing)
    if not link.on_probabilities:
        if np.isnan(xs).any():
            return RowTerms(_NAN, [_NAN] * len(xs), [_NAN] * len(xs))
        return softmax_terms(margin_terms(loss), list(map(number, xs)), list(map(number, weights)))
    # Each probability is taken at face value, and matters only for its class.
    terms = []
    for p, weight in zip(xs, weights, strict=True):
        if weight == 0.0 or np.isnan(p):
            terms.append([_NAN if weight else _ZERO] * 3)
        else:
            terms.append([weight * term for term in _at_probability(loss, number(p))])
    value = functools.reduce(Number.__add__, (one[0] for one in terms))
    return RowTerms(value, [one[1] for one in terms], [one[2] for one in terms])


def _at_probability(loss: MarginLoss, p: Number) -> tuple[Number, Number, Number]:
    # With this many digits, nothing needs protecting where terms cancel.
    bounds = limits(loss, np.float64)._replace(floor=0.0)
    terms = probability_terms(margin_terms(loss), bounds, "exact", p, 1.0 - p)  # type: ignore[arg-type]
    return number(terms[0]).alone(), number(terms[1]).alone(), number(terms[2])


def _array(numbers: list[Any], shape: tuple[int, ...]) -> Array:
    array = np.empty(len(numbers), object)
    array[:] = numbers
    return array.reshape(shape)
