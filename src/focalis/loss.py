"""The loss: a link, a margin loss and weights, as one frozen value."""

import functools
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from focalis.curvature import check_policy
from focalis.errors import ArgumentError, ArgumentTypeError
from focalis.evaluation import answer_totals, evaluate
from focalis.inputs.row_weights import class_weights, in_type, ones, weight_range
from focalis.inputs.targets import read_scores
from focalis.margin import MarginLoss
from focalis.maths.links import SIGMOID, Link, LinkName, probabilities
from focalis.maths.posterior import constant_logits, posterior_probabilities
from focalis.notation import write_call
from focalis.settings_checks import check_settings

__all__ = ["Loss"]

Array = np.ndarray
# How many pairs of class weights a loss keeps, each of one width and type.
_KEPT_WEIGHTS = 4


@dataclass(frozen=True, repr=False)
class Loss:
    r"""A classification loss: link × margin loss × weighting.

    The loss of one element is Σ_k w_k α_k φ(m_k): the margin loss φ at the margin m_k of answer k,
    averaged over what the target says of the answers (w_k) and weighted per answer (α_k).

    Parameters
    ----------
    link : {"sigmoid", "softmax", "identity", "simplex"}
        How scores become probabilities: logits of yes/no questions, rows of logits for one class of
        C, probabilities of yes, rows of probabilities.
    margin_loss : MarginLoss
        From `focalis.margin`, such as ``margin.focal(gamma=2.0)``.
    alpha : float or sequence of float, optional
        Sigmoid and identity: α in [0, 1] weighs positives and 1 − α negatives, one number or one per
        class. Softmax and simplex: a factor per class. None, or a number below 0, is off.
    pos_weight : float or sequence of float, optional
        Weighs positives only (sigmoid and identity; not together with `alpha`).
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
        If an argument is not one of those, or the combination means nothing.

    Notes
    -----
    Soft targets mean the expectation Σ_k w_k φ(m_k). torchvision and optax mix p_t first, which is
    another loss: γ = 2, y = .7, x = 1 give .226 here against .102 there.

    What is masked or has weight 0 may hold anything, NaN included, and gives exactly 0. Nothing left
    to average gives 0 with a gradient of 0, where PyTorch gives NaN.

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

    if TYPE_CHECKING:  # a link may be given by its name, which no annotation of a field can say

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
        for name, value in check_settings(self).items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "_weights", {})
        object.__setattr__(self, "_weight_range", weight_range(self))

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
            N rows of one output). Float types of 16 to 64 bits, bfloat16 among them; integers count
            as float64.
        targets : array_like
            Sigmoid, identity: shaped like the logits, in [0, 1]. Softmax, simplex: class indices (…)
            or non-negative numbers (…, C).
        sample_weight : array_like, optional
            Non-negative weights per row (…) or, for a sigmoid or identity, per element (…, C).
        where : array_like of bool, optional
            True where a row (or element) counts; shaped as `sample_weight`.
        class_where : array_like of bool, optional
            True where a class exists: (C,), or a shape that broadcasts to that of the logits. What is
            masked has probability 0, takes no part in label smoothing and has no gradient; for a sigmoid
            or identity it is an element that does not count. A target there is refused.
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
        given = logits, targets, sample_weight, where, normalizer, engine
        return evaluate(self, *given, class_where=class_where)[0]

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
            Where the gradient is written: of the shape and type of the logits; the logits themselves
            may be overwritten so. After an error its content is undefined.

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
        given = logits, targets, sample_weight, where, normalizer, engine
        value, grad, _ = evaluate(self, *given, grad=(out,), class_where=class_where)
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
            What stands for the second derivative; see `focalis.curvature`.
        out : tuple of two ndarray, optional
            Where gradient and Hessian are written: of the shape and type of the logits.

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
        if out is None:
            out_grad = out_hess = None
        elif isinstance(out, tuple) and len(out) == 2:
            out_grad, out_hess = out
        else:
            raise ArgumentTypeError("out", "a tuple of two arrays", type(out).__name__)
        _, grad, hess = evaluate(
            self,
            logits,
            targets,
            sample_weight,
            where,
            None,
            engine,
            grad=(out_grad,),
            hess=(out_hess,),
            curvature=curvature,
            class_where=class_where,
        )
        return grad, hess

    def probabilities(self, logits: Any) -> Array:
        """Return the probabilities that the link makes of the scores.

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

        Only cross-entropy's minimiser is the class probability; for any other loss, and under class
        weights, η_k ∝ p_k / (α_k (−φ′(m_k)/(1 − p_k))). Label smoothing is undone and clipped.

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

        What a booster or a bias should start from; for cross-entropy the log-odds.

        Parameters
        ----------
        targets : array_like
            As in calling the loss; sigmoid targets of one dimension are N rows of one output.
        sample_weight : array_like, optional
            As in calling the loss.
        n_classes : int, optional
            The number of classes of class indices; one more than the largest if not given.

        Returns
        -------
        float64 or ndarray
            A scalar for one output, else (C,); of a softmax with mean 0.

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
            factors = self.alpha, self.pos_weight, self.class_weight
            positive, negative = class_weights(self.link, n_classes, *factors)
            pair = in_type(positive, dtype), in_type(negative, dtype)
            if len(kept) >= _KEPT_WEIGHTS:
                kept.clear()
            kept[n_classes, dtype] = pair
        return pair

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
