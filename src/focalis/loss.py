"""The loss: a link, a margin loss and weights, as one frozen value; and how it is evaluated."""

import functools
import math
import sys
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from focalis import engines
from focalis.curvature import check_policy
from focalis.engines import buffers
from focalis.engines.driver import CHUNK, Batch, Outputs, make_output, overlaps, run
from focalis.errors import ArgumentError, ArgumentTypeError
from focalis.inputs.arguments import Arguments
from focalis.inputs.class_weights import class_weights, in_type, ones, weight_range
from focalis.inputs.classes import check_targets, masked_scores, read_classes
from focalis.inputs.row_weights import read_normalizer, read_row_weights
from focalis.inputs.targets import Scores, Targets, read_scores, read_targets, real_array
from focalis.margin import MarginLoss
from focalis.maths.links import SIGMOID, Link, LinkName, probabilities
from focalis.maths.posterior import constant_logits, posterior_probabilities
from focalis.notation import write_call
from focalis.settings_checks import check_settings

__all__ = [
    "SMALL",
    "Loss",
    "Wanted",
    "answer_totals",
    "denominator_of",
    "evaluate",
    "evaluate_small",
    "read_batch",
]

Array = np.ndarray
_kernels = functools.lru_cache(maxsize=512)(engines.load)

# How many pairs of class weights a loss keeps, each of one width and type, and how many kernels.
_MOST_KEPT = 8
_LABEL = np.dtype(np.int64)

# The most elements of a batch that goes to a kernel directly: within one chunk of the driver, so that
# both ways add up in the same order.
SMALL = CHUNK // 8

# The engine that "auto" stands for.
_AUTO = "numba"

# How far from 1, either way, a parameter may be in each type, and a product of weights in float32.
_SINGLE, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
_FARTHEST_PARAMETER = {_SINGLE: 2.0**60, _DOUBLE: 2.0**500}
_FARTHEST_PRODUCT = 2.0**100
_SMALLEST_NORMAL = sys.float_info.min


@dataclass(frozen=True, repr=False)
class Loss:
    r"""A classification loss: link × margin loss × weighting.

    The loss of one element is Σ_k w_k α_k φ(m_k): the margin loss φ at the margin m_k of answer k,
    weighted by the target's share of the answer (w_k) and by the weight of the answer (α_k).

    Parameters
    ----------
    link : {"sigmoid", "softmax", "identity", "simplex"}
        How scores become probabilities: logits of yes/no questions, rows of logits for one class of
        C, probabilities of yes, rows of probabilities.
    margin_loss : MarginLoss
        From `focalis.margin`, such as ``margin.focal(gamma=2.0)``.
    alpha : float or sequence of float, optional
        Sigmoid and identity: α in [0, 1] is the weight of positives and 1 − α that of negatives, one
        number or one per class. Softmax and simplex: a factor per class. None, or a number below 0,
        is off.
    pos_weight : float or sequence of float, optional
        A factor for positives only (sigmoid and identity; not together with `alpha`).
    class_weight : sequence of float, optional
        A factor (C,) for each class.
    label_smoothing : float, default 0.0
        ε in [0, 1]: targets become y (1 − ε) + ε/C (softmax, simplex) or y (1 − ε) + ε/2.
    positives : {"sum", "mean"}, default "sum"
        "mean" divides a row's targets (…, C) by the number of them above 0: the 1/M multi-label
        softmax loss. A row without positives counts 0.
    ignore_index : int or float, optional
        A target that does not count; NaN is allowed for sigmoid targets.
    reduction : {"mean", "sum", "none", "batchmean"}, default "mean"
        "mean" divides by the number of unmasked elements (sigmoid, identity) or by the sum of the row
        weights (softmax, simplex: sample weight, times the target's class weight for class indices);
        "batchmean" by the number of rows.

    Raises
    ------
    ValueError, TypeError
        If an argument is invalid, or the combination is meaningless.

    Notes
    -----
    With soft targets the loss is the expectation Σ_k w_k φ(m_k). torchvision and optax mix p_t first,
    which is a different loss: γ = 2, y = .7, x = 1 give .226 here against .102 there.

    Whatever is masked or has weight 0 may hold anything, even NaN, and contributes exactly 0. If
    nothing is left to average, the loss and its gradient are 0, where PyTorch gives NaN.

    References
    ----------
    Focal loss: arXiv 1708.02002. Poly-1: arXiv 2204.12511. Generalised cross-entropy: arXiv 1805.07836.

    Examples
    --------
    >>> import numpy as np
    >>> from focalis import Loss, margin
    >>> loss = Loss("sigmoid", margin.focal(gamma=2.0), alpha=0.25)
    >>> value, grad = loss.value_and_grad(np.array([2.0, -1.0]), np.array([1.0, 0.0]))
    >>> round(float(value), 6)
    0.008722
    >>> print(loss)
    focal(gamma=2, alpha=.25)
    """

    link: Link
    margin_loss: MarginLoss
    alpha: Any = field(default=None, kw_only=True)
    pos_weight: Any = field(default=None, kw_only=True)
    class_weight: Any = field(default=None, kw_only=True)
    label_smoothing: float = field(default=0.0, kw_only=True)
    positives: Literal["sum", "mean"] = field(default="sum", kw_only=True)
    ignore_index: int | float | None = field(default=None, kw_only=True)
    reduction: Literal["mean", "sum", "none", "batchmean"] = field(default="mean", kw_only=True)

    if TYPE_CHECKING:  # a link may also be a name, which the field's annotation cannot say

        def __init__(
            self,
            link: Link | LinkName,
            margin_loss: MarginLoss,
            *,
            alpha: Any = None,
            pos_weight: Any = None,
            class_weight: Any = None,
            label_smoothing: float = 0.0,
            positives: Literal["sum", "mean"] = "sum",
            ignore_index: int | float | None = None,
            reduction: Literal["mean", "sum", "none", "batchmean"] = "mean",
        ) -> None: ...

    def __post_init__(self) -> None:
        settings = {f.name: getattr(self, f.name) for f in fields(self)}
        for name, value in check_settings(settings).items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "_weights", {})
        object.__setattr__(self, "_kernels", {})
        object.__setattr__(self, "_weight_range", weight_range(self.link, self._factors()))

    def __call__(
        self,
        logits: Any,
        targets: Any,
        *,
        sample_weight: Any = None,
        where: Any = None,
        class_where: Any = None,
        normalizer: float | None = None,
        engine: str = "auto",
    ) -> Any:
        """Return the loss.

        Parameters
        ----------
        logits : array_like
            Scores (…, C) with the class axis last (sigmoid and identity: any shape; one dimension is
            N rows of one output). Float types of 16 to 64 bits, including bfloat16; integers count as
            float64.
        targets : array_like
            Sigmoid, identity: shaped like the logits, in [0, 1]. Softmax, simplex: class indices (…)
            or non-negative numbers (…, C).
        sample_weight : array_like, optional
            Non-negative weights per row (…) or, for a sigmoid or identity, per element (…, C).
        where : array_like of bool, optional
            True where a row (or element) counts; shaped as `sample_weight`.
        class_where : array_like of bool, optional
            True where a class exists: (C,), or a shape that broadcasts to that of the logits. A masked
            class has probability 0, takes no part in label smoothing and has no gradient; for a sigmoid
            or identity it is an element that does not count. A target on a masked class is an error.
        normalizer : float, optional
            Replaces the denominator of "mean" and "batchmean", for example by the number of positives.
        engine : {"auto", "numba", "numpy"}, default "auto"
            "auto" is "numba", the fused engine; "numpy" is the readable reference.

        Returns
        -------
        float64 or ndarray
            The reduced loss; for "none" an array in the type of the logits, of their shape (sigmoid,
            identity) or with one number per row.

        Raises
        ------
        ValueError, TypeError
            If an argument does not fit; a bad target is named with its position.

        Examples
        --------
        >>> from focalis import Loss, margin
        >>> round(float(Loss("softmax", margin.cross_entropy())([[1.0, 2.0, 3.0]], [2])), 6)
        0.407606
        """
        given = Arguments(logits, targets, sample_weight, where, class_where, normalizer)
        return evaluate(self, given, Wanted(engine=engine))[0]

    def value_and_grad(
        self,
        logits: Any,
        targets: Any,
        *,
        sample_weight: Any = None,
        where: Any = None,
        class_where: Any = None,
        normalizer: float | None = None,
        engine: str = "auto",
        out: Array | None = None,
    ) -> tuple[Any, Array]:
        """Return the loss and its gradient with respect to the scores, from one pass.

        Parameters
        ----------
        logits, targets, sample_weight, where, class_where, normalizer, engine
            As in calling the loss.
        out : ndarray, optional
            Where to write the gradient: an array of the shape and type of the logits, or the logits
            themselves, which are then overwritten. After an error its content is undefined.

        Returns
        -------
        value : float64 or ndarray
            As in calling the loss.
        grad : ndarray
            Gradient of the reduced value (for "none", of the sum), like the logits.

        Raises
        ------
        ValueError, TypeError
            If an argument does not fit.

        Examples
        --------
        >>> from focalis import Loss, margin
        >>> value, grad = Loss("softmax", margin.cross_entropy()).value_and_grad([[1.0, 2.0, 3.0]], [2])
        >>> grad.round(4)
        array([[ 0.09  ,  0.2447, -0.3348]])
        """
        given = Arguments(logits, targets, sample_weight, where, class_where, normalizer)
        value, grad, _ = evaluate(self, given, Wanted(1, (out, None), engine=engine))
        return value, grad

    def grad_and_hess(
        self,
        logits: Any,
        targets: Any,
        *,
        sample_weight: Any = None,
        where: Any = None,
        class_where: Any = None,
        curvature: str = "exact",
        engine: str = "auto",
        out: tuple[Array, Array] | None = None,
    ) -> tuple[Array, Array]:
        """Return the gradient and the diagonal Hessian of the weighted sum of the losses.

        Parameters
        ----------
        logits, targets, sample_weight, where, class_where, engine
            As in calling the loss; the reduction plays no part.
        curvature : {"exact", "clipped", "absolute", "fisher"}, default "exact"
            What to return as the second derivative; see `focalis.curvature`.
        out : tuple of two ndarray, optional
            Where to write gradient and Hessian: arrays of the shape and type of the logits.

        Returns
        -------
        grad, hess : ndarray
            Per score, like the logits.

        Raises
        ------
        ValueError, TypeError
            If an argument does not fit.

        Examples
        --------
        >>> from focalis import Loss, margin
        >>> grad, hess = Loss("sigmoid", margin.focal(2.0)).grad_and_hess([-4.0], [1.0])
        >>> hess.round(4)
        array([-0.0467])
        >>> Loss("sigmoid", margin.focal(2.0)).grad_and_hess([-4.0], [1.0], curvature="clipped")[1]
        array([0.])
        """
        check_policy(curvature)
        if out is not None and not (isinstance(out, tuple) and len(out) == 2):
            raise ArgumentTypeError("out", "a tuple of two arrays", type(out).__name__)
        given = Arguments(logits, targets, sample_weight, where, class_where)
        _, grad, hess = evaluate(self, given, Wanted(2, out or (None, None), curvature, engine))
        return grad, hess

    def probabilities(self, logits: Any) -> Array:
        """Return the probabilities into which the link turns the scores.

        Parameters
        ----------
        logits : array_like
            Scores (…, C); for sigmoid and identity any shape.

        Returns
        -------
        ndarray
            Like the logits.

        Examples
        --------
        >>> from focalis import Loss, margin
        >>> Loss("sigmoid", margin.cross_entropy()).probabilities([0.0])
        array([0.5])
        """
        scores = read_scores(self.link, logits)
        rows = scores.chunk(0, scores.n_rows)
        return probabilities(self.link, rows).reshape(scores.shape).astype(scores.own)

    def posterior(self, logits: Any) -> Array:
        """Return the class probabilities that trained scores stand for.

        Only cross-entropy without class weights is minimised by the class probabilities; for any other
        loss, η_k ∝ p_k / (α_k (−φ′(m_k)/(1 − p_k))). Label smoothing is undone and clipped.

        Parameters
        ----------
        logits : array_like
            Scores (…, C); for sigmoid and identity any shape.

        Returns
        -------
        ndarray
            Like the logits.

        Raises
        ------
        ValueError
            If the loss does not determine the posterior (generalised cross-entropy at κ = 1, a
            weight of 0).

        References
        ----------
        arXiv 2011.09172.

        Examples
        --------
        >>> import numpy as np
        >>> from focalis import Loss, margin
        >>> loss = Loss("softmax", margin.focal(gamma=2.0))
        >>> loss.posterior(np.log([0.48892, 0.35279, 0.15829])).round(3)
        array([0.6, 0.3, 0.1])
        """
        scores = read_scores(self.link, logits)
        positive, negative = self.answer_weights(scores.n_classes, np.dtype(np.float64))
        rows = scores.chunk(0, scores.n_rows)
        eta = posterior_probabilities(
            self.link, self.margin_loss, positive, negative, self.label_smoothing, rows
        )
        return eta.reshape(scores.shape).astype(scores.own)

    def initial_logits(
        self, targets: Any, *, sample_weight: Any = None, n_classes: int | None = None
    ) -> Any:
        """Return the constant logits that minimise the loss over the targets.

        A booster or a bias should start from them; for cross-entropy they are the log-odds.

        Parameters
        ----------
        targets : array_like
            As in calling the loss; sigmoid targets of one dimension are N rows of one output.
        sample_weight : array_like, optional
            As in calling the loss.
        n_classes : int, optional
            The number of classes of class indices; by default one more than the largest.

        Returns
        -------
        float64 or ndarray
            A scalar for one output, else (C,); for a softmax, with mean 0.

        Raises
        ------
        ValueError
            If a class (or answer) never occurs, the link has no logits, or the loss has no finite
            minimiser.

        Examples
        --------
        >>> from focalis import Loss, margin
        >>> round(float(Loss("sigmoid", margin.cross_entropy()).initial_logits([1, 0, 0, 0])), 4)
        -1.0986
        """
        if self.link.on_probabilities:
            raise ArgumentError(
                "link",
                "a link with logits, sigmoid or softmax",
                repr(self.link),
                problem="initial_logits needs {expected}, got {got}",
            )
        positive, negative = answer_totals(self, targets, sample_weight, n_classes)
        logits = constant_logits(self.link, self.margin_loss, positive, negative)
        if self.link.elementwise and np.ndim(targets) <= 1:
            return logits[0]
        return logits

    def answer_weights(self, n_classes: int, dtype: Any) -> tuple[Array, Array]:
        """Return the weights (C,) that each class gives a positive and a negative answer."""
        if self.alpha is None and self.pos_weight is None and self.class_weight is None:
            unweighted = ones(n_classes, dtype)
            return unweighted, unweighted
        kept: dict[Any, tuple[Array, Array]] = self.__dict__["_weights"]
        pair = kept.get((n_classes, dtype))
        if pair is None:
            positive, negative = class_weights(self.link, n_classes, self._factors())
            pair = in_type(positive, dtype), in_type(negative, dtype)
            _keep(kept, (n_classes, dtype), pair)
        return pair

    def _factors(self) -> tuple[Any, ...]:
        return self.alpha, self.pos_weight, self.class_weight

    @property
    def weight_range(self) -> tuple[float, float]:
        """The least weight above 0 that a class may give an answer, and the largest, if not 1."""
        found: tuple[float, float] = self.__dict__["_weight_range"]
        return found

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Loss):
            return NotImplemented
        # In a list one NaN equals itself; in the comparison that Python 3.13 generates it does not.
        names = [f.name for f in fields(self) if f.compare]
        return [getattr(self, name) for name in names] == [getattr(other, name) for name in names]

    def __str__(self) -> str:
        prefix = "" if self.link == SIGMOID else f"{self.link}_"
        arguments = {**self.margin_loss.parameters, **self._options()}
        return write_call(prefix + self.margin_loss.name, arguments)

    def __repr__(self) -> str:
        options = "".join(f", {name}={value!r}" for name, value in self._options().items())
        return f"Loss({self.link!r}, {self.margin_loss!r}{options})"

    def __reduce__(self) -> tuple[Any, ...]:
        make = functools.partial(Loss, self.link.name, self.margin_loss, **self._options())
        return make, ()

    def _options(self) -> dict[str, Any]:
        """Return the keyword settings that differ from their defaults."""
        options = {f.name: (getattr(self, f.name), f.default) for f in fields(self) if f.kw_only}
        return {name: value for name, (value, default) in options.items() if value != default}


def _keep(kept: dict[Any, Any], key: Any, value: Any) -> Any:
    """Keep what belongs to a loss, and return it; what was kept before goes if it became too much."""
    if len(kept) >= _MOST_KEPT:
        kept.clear()
    kept[key] = value
    return value


class Wanted(NamedTuple):
    """What an evaluation returns besides the value, and how.

    ``order`` is the number of derivatives. ``out`` is where gradient and Hessian are written, None for a
    new array; they have the type ``dtype``, None for that of the logits. The gradient of a reduced value
    is multiplied by ``factor`` before it is rounded.
    """

    order: int = 0
    out: tuple[Array | None, Array | None] = (None, None)
    curvature: str = "exact"
    engine: str = "auto"
    factor: float = 1.0
    dtype: Any = None


def evaluate(loss: Loss, given: Arguments, wanted: Wanted) -> tuple[Any, Any, Any]:
    """Return the value, gradient and Hessian; None for what is not wanted.

    If memory runs out, the cached buffers are released and the evaluation is tried once more.
    """
    try:
        if _may_be_small(given, wanted):
            small = evaluate_small(loss, given.logits, given.targets, -1, grad=wanted.order == 1)
            if small is not None:
                return np.float64(small[0]), small[1], None
        return _evaluate(loss, given, wanted)
    except MemoryError:
        logits = np.asarray(given.logits)
        overwritten = any(o is not None and np.may_share_memory(logits, o) for o in wanted.out)
        # Logits that are partly overwritten cannot be read again.
        if not buffers.release() or overwritten:
            raise
    return _evaluate(loss, given, wanted)


def _may_be_small(given: Arguments, wanted: Wanted) -> bool:
    """Return whether a call has no arguments or wishes that `evaluate_small` does not know."""
    order, (out, _), _, engine, factor, dtype = wanted
    logits, targets, sample_weight, where, class_where, normalizer, _ = given
    return (
        order < 2
        and out is None
        and factor == 1.0
        and dtype is None
        and sample_weight is None
        and where is None
        and class_where is None
        and normalizer is None
        and type(logits) is np.ndarray
        and type(targets) is np.ndarray
        and _engine(engine) == "numba"
    )


def evaluate_small(
    loss: Loss, x: Array, t: Array, axis: int, *, grad: bool
) -> tuple[float, Array | None] | None:
    """Return the value and, if wanted, the gradient of a small batch; None if it needs the driver.

    The shortest way to a kernel, for batches where getting there takes most of the time. The kernel
    reads the arrays as they lie in memory, and the reduction needs no counting. An ignored or wrong
    target is out of range for the kernel; the driver then handles the batch.
    """
    shape, size = x.shape, x.size
    if not (0 < size <= SMALL and x.flags.c_contiguous and t.flags.c_contiguous):
        return None
    dtype = x.dtype
    elementwise = loss.link.elementwise
    if elementwise:
        if t.dtype != dtype or t.shape != shape:
            return None
        n_classes, rows = 1, size
        if loss.reduction == "batchmean" and len(shape) > 1:
            rows //= shape[axis]
        x, t = x.reshape(-1), t.reshape(-1)
    else:
        if len(shape) != 2 or axis not in (1, -1) or t.dtype != _LABEL or t.shape != shape[:1]:
            return None
        rows, n_classes = shape
    kept: dict[Any, Any] = loss.__dict__["_kernels"]
    try:
        kernel = kept[dtype, n_classes]
    except KeyError:
        kernel = _keep(kept, (dtype, n_classes), _small_kernel(loss, dtype, n_classes))
    if kernel is None:
        return None
    denominator = 1 if loss.reduction == "sum" else rows
    gradient = buffers.empty(shape, dtype) if grad else None
    flat = gradient.reshape(-1) if elementwise and gradient is not None else gradient
    total, bad = kernel(x, t, 1 / denominator, flat)
    return None if bad else (total / denominator, gradient)


def _small_kernel(loss: Loss, dtype: Any, n_classes: int) -> Any:
    """Return the kernel with its weights per class, or None if the settings need the driver."""
    ignored = loss.ignore_index
    if (
        dtype not in (_SINGLE, _DOUBLE)
        or loss.link.on_probabilities
        or loss.reduction == "none"
        or loss.label_smoothing != 0.0
        or _type_for(loss, dtype) != dtype
        or loss.class_weight is not None
        or any(isinstance(factor, tuple) for factor in (loss.alpha, loss.pos_weight))
        or (ignored is not None and 0 <= ignored < max(n_classes, 2))
    ):
        return None
    kernels: Any = _kernels("numba", loss.link, loss.margin_loss, dtype, "exact")
    weights = loss.answer_weights(n_classes, dtype)
    return kernels.shortest(n_classes, *(weights if loss.link.elementwise else weights[:1]))


def _evaluate(loss: Loss, given: Arguments, wanted: Wanted) -> tuple[Any, Any, Any]:
    batch = read_batch(loss, given)
    normalizer = read_normalizer(loss.reduction, given.normalizer)
    outputs, batch = _outputs(loss, batch, wanted)
    denominator = 1.0 if wanted.order == 2 else denominator_of(loss, batch, normalizer)
    scale = wanted.factor / denominator if denominator > 0.0 else 0.0
    dtype, kernels = _choose(loss, batch, wanted, scale)
    if dtype is not batch.scores.dtype:
        batch = _in_type(loss, batch, dtype)
    classes = batch.targets.classes
    if classes is not None:
        check_targets(batch.weights, batch.step)
    total = run(batch, kernels, scale, outputs)
    if classes is not None:
        for output in outputs[1:]:
            if output is not None:
                output[~classes.reshape(output.shape)] = 0
    if outputs.value is not None:
        return outputs
    value = np.float64(total / denominator if denominator > 0.0 else 0.0)
    return value, outputs.grad, outputs.hess


def read_batch(loss: Loss, given: Arguments) -> Batch:
    """Return the arguments as rows, checked against each other."""
    scores = read_scores(loss.link, given.logits)
    targets = read_targets(scores, given.targets, loss)
    if given.class_where is not None:
        classes = read_classes(scores, given.class_where)
        scores, targets = masked_scores(scores, classes), targets._replace(classes=classes)
    weights = read_row_weights(scores, targets, given.sample_weight, given.where)
    return Batch(scores, targets, weights, *loss.answer_weights(scores.n_classes, scores.dtype))


def _outputs(loss: Loss, batch: Batch, wanted: Wanted) -> tuple[Outputs, Batch]:
    """Return the arrays for the results, and the batch, which now says how to fill them."""
    scores, weights = batch.scores, batch.weights
    others = (batch.targets.rows, weights.sample_weight, weights.where)
    value = grad = hess = None
    if wanted.order < 2 and loss.reduction == "none":
        value = np.empty(scores.shape if loss.link.elementwise else scores.row_shape, scores.own)
    if wanted.order > 0:
        grad = make_output(scores, wanted.out[0], others, wanted.dtype)
    if wanted.order > 1:
        hess = make_output(scores, wanted.out[1], (*others, grad), wanted.dtype)
    fisher = wanted.order > 1 and wanted.curvature == "fisher"
    in_place = overlaps(scores, wanted.out[0]) or overlaps(scores, wanted.out[1])
    if fisher or in_place:
        batch = batch._replace(fisher=fisher, in_place=in_place)
    return Outputs(value, grad, hess), batch


def _choose(loss: Loss, batch: Batch, wanted: Wanted, scale: float) -> tuple[Any, engines.Kernels]:
    """Return the type to compute in, and its kernels."""
    dtype, kernels = _load(loss, wanted, batch.scores.dtype)
    if dtype is _SINGLE and not _fits(loss, batch.weights.range, scale):
        return _load(loss, wanted, _DOUBLE)
    return dtype, kernels


def _load(loss: Loss, wanted: Wanted, dtype: Any) -> tuple[Any, engines.Kernels]:
    """Return a type that holds a margin loss's parameters, and its kernels in that type."""
    engine, curvature = _engine(wanted.engine), wanted.curvature
    kept: dict[Any, Any] = loss.__dict__["_kernels"]
    found: tuple[Any, engines.Kernels] | None = kept.get((dtype, engine, curvature))
    if found is None:
        holding = _holding(loss.margin_loss, dtype)
        kernels = _kernels(engine, loss.link, loss.margin_loss, holding, curvature)
        found = _keep(kept, (dtype, engine, curvature), (holding, kernels))
    return found


def _type_for(loss: Loss, dtype: Any) -> Any:
    """Return the type to compute a small batch in, whatever its denominator: this one or float64."""
    dtype = _holding(loss.margin_loss, dtype)
    return dtype if dtype is _DOUBLE or _fits(loss, (1.0, 1.0), 1.0 / SMALL) else _DOUBLE


def _fits(loss: Loss, rows: tuple[float, float], scale: float) -> bool:
    """Return whether float32 holds the products of all weights.

    `rows` is the range of the weights of rows or elements, `scale` what the gradient is multiplied by.
    """
    size = abs(scale)
    if not 0.0 < size < math.inf:
        size = 1.0
    least, most = loss.weight_range
    least, most = least * rows[0], most * rows[1]
    low, high = 1.0 / _FARTHEST_PRODUCT, _FARTHEST_PRODUCT
    return low <= least and low <= least * size and most <= high and most * size <= high


@functools.lru_cache(maxsize=512)
def _holding(loss: MarginLoss, dtype: Any) -> Any:
    """Return a type that holds what a margin loss makes of its parameters: this one or float64."""
    farthest = _FARTHEST_PARAMETER[dtype]
    for name, value in loss.parameters.items():
        low = 0.0 if 0.0 in loss.family.ranges[name] else 1.0 / farthest
        if low <= abs(value) <= farthest:
            continue
        if dtype is _SINGLE:
            return _holding(loss, _DOUBLE)
        least = "" if low == 0.0 else f" and at least {low:.1g}"
        expected = f"at most {farthest:.1g} in size{least} to be computed with"
        raise ArgumentError(name, expected, repr(value), of=loss.name)
    return dtype


def _in_type(loss: Loss, batch: Batch, dtype: Any) -> Batch:
    """Return the batch, to be computed in this type whatever that of its logits."""
    positive, negative = loss.answer_weights(batch.scores.n_classes, dtype)
    scores = batch.scores._replace(dtype=dtype)
    return batch._replace(scores=scores, positive=positive, negative=negative)


def answer_totals(
    loss: Loss, targets: Any, sample_weight: Any, n_classes: int | None
) -> tuple[Array, Array]:
    """Return the total weight (C,) of the positive and of the negative answers, in float64."""
    scores, read = _read_without_logits(loss, targets, n_classes)
    weights = read_row_weights(scores, read, sample_weight, None)
    totals = np.zeros((2, scores.n_classes))
    width = scores.n_classes if loss.link.elementwise else None
    step = max(1, CHUNK // max(1, scores.n_classes))
    for lo in range(0, scores.n_rows, step):
        hi = min(lo + step, scores.n_rows)
        weight = weights.chunk(lo, hi, np.float64, width)
        weight = np.ones((hi - lo, 1)) if weight is None else weight.reshape(hi - lo, -1)
        valid = read.valid(lo, hi).reshape(hi - lo, -1) | (weight == 0)
        if not valid.all():
            read.complain(lo * valid.shape[1] + int(np.flatnonzero(~valid)[0]))
        y = read.chunk(lo, hi, np.float64, _as_float64)
        if read.is_index:
            kept = weight[:, 0] != 0
            totals[0] += np.bincount(y[kept], weight[kept, 0], minlength=scores.n_classes)
        else:
            with np.errstate(invalid="ignore"):
                totals[0] += np.where(weight == 0, 0, weight * y).sum(axis=0)
                totals[1] += np.where(weight == 0, 0, weight * (1 - y)).sum(axis=0)
    positive, negative = loss.answer_weights(scores.n_classes, _DOUBLE)
    totals *= (positive, negative)
    return totals[0], totals[1]


def _read_without_logits(loss: Loss, targets: Any, n_classes: int | None) -> tuple[Scores, Targets]:
    """Read targets for logits of which only the shape exists."""
    array = real_array("targets", targets)
    shape = array.shape
    if not loss.link.elementwise and array.dtype.kind in "iu":
        one_hot = array.ndim > 1 and n_classes in (None, shape[-1])
        if not one_hot:
            counted = array if loss.ignore_index is None else array[array != loss.ignore_index]
            shape = (*shape, n_classes or int(counted.max(initial=0)) + 1)
    if n_classes is not None and shape and not loss.link.elementwise and shape[-1] != n_classes:
        expected = f"{shape[-1]}, the length of the last axis of the {{targets}}"
        raise ArgumentError("n_classes", expected, n_classes)
    scores = read_scores(loss.link, np.broadcast_to(np.float32(0), shape))
    return scores, read_targets(scores, array, loss)


def _as_float64(numbers: Array) -> Array:
    return np.ascontiguousarray(numbers, np.float64)


def _engine(engine: str) -> str:
    if not isinstance(engine, str):
        raise ArgumentTypeError("engine", "a str", type(engine).__name__)
    if engine != "auto" and engine not in engines.ENGINES:
        choices = ", ".join(map(repr, ("auto", *engines.ENGINES)))
        raise ArgumentError("engine", f"one of {choices}", repr(engine))
    return _AUTO if engine == "auto" else engine


def denominator_of(loss: Loss, batch: Batch, normalizer: float | None) -> float:
    """Return what the sum over a batch is divided by; 0 if nothing counts."""
    if loss.reduction in ("none", "sum"):
        return 1.0
    if normalizer is not None:
        name, denominator = "normalizer", normalizer
    elif loss.reduction == "batchmean":
        return float(batch.scores.n_rows)
    else:
        per_class = None
        if loss.class_weight is not None and batch.targets.form == "index":
            per_class = np.asarray(loss.class_weight)
        name, denominator = "sample_weight", batch.weights.total(per_class, batch.step)
    if 0.0 < denominator < _SMALLEST_NORMAL:
        expected = f"at least {_SMALLEST_NORMAL:.2g} to be divided by"
        sum_of = "the sum of " if name == "sample_weight" else ""
        problem = f"{sum_of}{{argument}} must be {{expected}}, got {{got}}"
        raise ArgumentError(name, expected, repr(denominator), problem=problem)
    return denominator
