"""Weights computed from the data: for rare classes, and for the first step of training.

`inverse_frequency` and `effective_number` return one number per class, for the ``class_weight=`` of
`focalis.Loss`; `prior_logit` returns a bias to start from.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from focalis.inputs.targets import real_array
from focalis.real_number import check_number

__all__ = ["effective_number", "inverse_frequency", "prior_logit"]


def inverse_frequency(
    targets: ArrayLike | None = None,
    *,
    counts: ArrayLike | None = None,
    n_classes: int | None = None,
    sample_weight: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Return weights that make every class count the same, n / (C n_k).

    Parameters
    ----------
    targets : array_like of int, optional
        Class indices (N,).
    counts : array_like, optional
        Instead of `targets`: how often each class occurs, n_k of shape (C,).
    n_classes : int, optional
        C; by default the largest target + 1.
    sample_weight : array_like, optional
        Weights (N,) of the targets: n_k is then the sum of the weights of class k. A target of weight 0
        may be anything.

    Returns
    -------
    ndarray of float64
        A weight for each class (C,); their mean over the samples is 1.

    Raises
    ------
    ValueError
        If a class never occurs, so that its weight would be infinite, or an argument does not fit.
    TypeError
        If an argument has the wrong type, or both or neither of `targets` and `counts` are passed.

    See Also
    --------
    effective_number : Weights between these and no weights.

    Notes
    -----
    scikit-learn calls them class_weight="balanced". For the single output of a sigmoid,
    w = (w_0, w_1) corresponds to α = w_1 / (w_0 + w_1), the proportion of negatives.

    Examples
    --------
    >>> from focalis import weights
    >>> weights.inverse_frequency([0, 0, 0, 1])
    array([0.66666667, 2.        ])
    >>> weights.inverse_frequency(counts=[300, 100])
    array([0.66666667, 2.        ])
    """
    n = _counts(targets, counts, n_classes, sample_weight)
    share = n / n.max()
    weights: NDArray[np.float64] = share.mean() / share
    return weights


def effective_number(
    targets: ArrayLike | None = None,
    beta: float = 0.999,
    *,
    counts: ArrayLike | None = None,
    n_classes: int | None = None,
    sample_weight: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Return the class-balanced weights, proportional to (1 − β) / (1 − β^n_k).

    Parameters
    ----------
    targets : array_like of int, optional
        Class indices (N,).
    beta : float, default 0.999
        β in [0, 1): at 0 every class weighs 1; towards 1 the weights become inverse frequencies.
    counts : array_like, optional
        Instead of `targets`: how often each class occurs, n_k of shape (C,).
    n_classes : int, optional
        C; by default the largest target + 1.
    sample_weight : array_like, optional
        Weights (N,) of the targets: n_k is then the sum of the weights of class k. A target of weight 0
        may be anything.

    Returns
    -------
    ndarray of float64
        A weight for each class (C,); their sum is C, as in the paper.

    Raises
    ------
    ValueError
        If a class never occurs, or an argument does not fit.
    TypeError
        If an argument has the wrong type, or both or neither of `targets` and `counts` are passed.

    See Also
    --------
    inverse_frequency : The limit β → 1, scaled to a mean of 1 over the samples.

    References
    ----------
    arXiv 1901.05555.

    Examples
    --------
    >>> from focalis import weights
    >>> weights.effective_number(counts=[5000, 50], beta=0.999).round(4)
    array([0.0936, 1.9064])
    """
    beta = check_number("beta", beta, 0.0, 1.0, expected="a number in [0, 1)")
    if beta == 1.0:
        raise ValueError(f"beta must be a number in [0, 1), got {beta}; see inverse_frequency")
    n = _counts(targets, counts, n_classes, sample_weight)
    # 1 − β^n without cancellation; β − 1 is exact above 1/2.
    log_beta = math.log1p(beta - 1.0) if beta > 0.5 else _log(beta)
    inverse = -1.0 / np.expm1(n * log_beta)
    weights: NDArray[np.float64] = inverse / inverse.mean()
    return weights


def prior_logit(pi: float = 0.01) -> float:
    """Return the logit of a prior probability, −log((1 − π) / π): a bias to start training from.

    Parameters
    ----------
    pi : float, default 0.01
        The probability π in (0, 1) that an output should start at.

    Returns
    -------
    float
        The logit.

    Raises
    ------
    ValueError, TypeError
        If `pi` is not a number in (0, 1).

    See Also
    --------
    focalis.Loss.initial_logits : The constants that minimise a loss on a set of targets.

    References
    ----------
    RetinaNet: arXiv 1708.02002, section 4.1.

    Examples
    --------
    >>> from focalis import weights
    >>> round(weights.prior_logit(0.01), 6)
    -4.59512
    """
    expected = "a number in (0, 1)"
    pi = check_number("pi", pi, 0.0, 1.0, expected=expected)
    if pi in (0.0, 1.0):
        raise ValueError(f"pi must be {expected}, got {pi}")
    if 0.25 < pi < 0.75:
        return 2.0 * math.atanh(2.0 * pi - 1.0)
    return math.log(pi) - math.log1p(-pi)


def _log(beta: float) -> float:
    return math.log(beta) if beta > 0.0 else -math.inf


def _counts(targets: Any, counts: Any, n_classes: Any, sample_weight: Any) -> NDArray[np.float64]:
    """Return how often each class occurs, (C,), all of them above 0."""
    if (targets is None) == (counts is None):
        passed = "neither" if targets is None else "both"
        raise TypeError(f"expected one of targets and counts, got {passed}")
    if n_classes is not None:
        n_classes = _whole_number("n_classes", n_classes)
    if targets is not None:
        n = _count(targets, n_classes, sample_weight)
    else:
        if sample_weight is not None:
            raise TypeError("sample_weight goes with targets, got it with counts")
        n = _numbers("counts", counts)
        if n_classes not in (None, len(n)):
            raise ValueError(f"n_classes must be {len(n)}, the length of counts, got {n_classes}")
    if not n.size:
        raise ValueError("targets or counts must have at least one class, got none")
    if not n.all():
        never = int(np.flatnonzero(n == 0)[0])
        raise ValueError(f"every class must occur, got none of class {never} of {len(n)}")
    return n


def _count(targets: Any, n_classes: int | None, sample_weight: Any) -> NDArray[np.float64]:
    labels = real_array("targets", targets)
    if labels.size and labels.dtype.kind not in "biu":
        raise TypeError(f"targets must be class indices, integers, got {labels.dtype}")
    if labels.ndim != 1:
        raise ValueError(
            f"targets must be class indices of shape (N,), got shape {labels.shape}; flatten them, or "
            "pass counts= for a target per class"
        )
    weight = None
    if sample_weight is not None:
        weight = _numbers("sample_weight", sample_weight)
        if weight.shape != labels.shape:
            raise ValueError(
                f"sample_weight must have the shape of the targets {labels.shape}, got {weight.shape}"
            )
    counted = np.ones(len(labels), bool) if weight is None else weight > 0
    high = math.inf if n_classes is None else n_classes
    bad = np.flatnonzero(counted & ((labels < 0) | (labels >= high)))
    if bad.size:
        raise ValueError(
            f"targets must be class indices in [0, {high}), "
            f"got {labels[bad[0]]} at position {bad[0]}"
        )
    kept = labels[counted].astype(np.intp)
    return np.bincount(
        kept, None if weight is None else weight[counted], minlength=n_classes or 0
    ).astype(np.float64)


def _numbers(name: str, values: Any) -> NDArray[np.float64]:
    array = real_array(name, values).astype(np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, got shape {array.shape}")
    bad = np.flatnonzero(~((array >= 0) & (array < np.inf)))
    if bad.size:
        raise ValueError(
            f"{name} must be non-negative finite numbers, got {array[bad[0]]} at position {bad[0]}"
        )
    return array


def _whole_number(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be an integer of at least 1, got {type(value).__name__}")
    if value < 1:
        raise ValueError(f"{name} must be an integer of at least 1, got {value}")
    return int(value)
