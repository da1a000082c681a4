"""Losses with the names, signatures and defaults of torch.nn.functional, but the class axis last."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from focalis import margin
from focalis.errors import ArgumentError, renamed
from focalis.functional._call import Engine, Value
from focalis.inputs.targets import real_array
from focalis.loss import Loss

Reduction = Literal["none", "sum", "mean"]


def cross_entropy(
    input: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
    label_smoothing: float = 0.0,
    *,
    engine: Engine = "auto",
) -> Value:
    """Return the cross-entropy of a softmax as torch.nn.functional.cross_entropy does.

    Parameters
    ----------
    input : array_like
        Logits (…, C): the class axis is the last one, where PyTorch has dimension 1.
    target : array_like
        Class indices (…) or probabilities (…, C).
    weight : array_like, optional
        A factor per class, (C,).
    ignore_index : int, default -100
        A class index that does not count. For probabilities a value below 0 is ignored.
    reduction : {"none", "sum", "mean"}, default "mean"
        "mean" divides by the sum of the weights of the target classes; for probabilities, by the number
        of rows.
    label_smoothing : float, default 0.0
        ε in [0, 1]: targets become y (1 − ε) + ε/C.
    engine : {"auto", "numba", "numpy"}, default "auto"
        As for calling a `Loss`.

    Returns
    -------
    float64 or ndarray
        The reduced loss; for "none", one number per row.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    See Also
    --------
    Loss.value_and_grad : Returns the gradient too.
    softmax_cross_entropy : The same loss with sample weights and a mask.

    Notes
    -----
    If everything is ignored, the mean is 0, where PyTorch returns NaN. Weights below 0 raise an error.

    Examples
    --------
    >>> round(float(cross_entropy([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]], [2, -100])), 6)
    0.407606
    """
    with renamed(logits="input", targets="target", class_weight="weight"):
        dense = np.ndim(target) > 0 and np.shape(target) == np.shape(input)
        loss = Loss(
            "softmax",
            margin.cross_entropy(),
            class_weight=weight,
            label_smoothing=label_smoothing,
            ignore_index=None if dense and _is_below_0(ignore_index) else ignore_index,
            reduction=reduction,
        )
        value: Value = loss(input, target, engine=engine)
    return value


def binary_cross_entropy_with_logits(
    input: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
    pos_weight: ArrayLike | None = None,
    *,
    engine: Engine = "auto",
) -> Value:
    """Return the cross-entropy of a sigmoid as torch.nn.functional's function of this name does.

    Parameters
    ----------
    input : array_like
        Logits of any shape; the last of two or more axes holds the classes.
    target : array_like
        Shaped like the logits, in [0, 1].
    weight : array_like, optional
        A factor per element, of any shape that broadcasts to that of the logits.
    reduction : {"none", "sum", "mean"}, default "mean"
        "mean" divides by the number of elements, whatever their weights.
    pos_weight : float or array_like, optional
        A factor for positives: one number, or one per class (C,).
    engine : {"auto", "numba", "numpy"}, default "auto"
        As for calling a `Loss`.

    Returns
    -------
    float64 or ndarray
        The reduced loss; for "none", one number per element.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    See Also
    --------
    Loss.value_and_grad : Returns the gradient too.
    sigmoid_cross_entropy : The same loss with a mask and a target to ignore.

    Notes
    -----
    With no elements, the mean is 0, where PyTorch returns NaN. Weights below 0 and targets outside
    [0, 1] raise an error.

    Examples
    --------
    >>> round(float(binary_cross_entropy_with_logits([2.0, -1.0], [1, 0], pos_weight=3.0)), 6)
    0.347023
    """
    if pos_weight is not None and np.size(pos_weight) == 1:
        pos_weight = real_array("pos_weight", pos_weight).reshape(())
    with renamed(logits="input", targets="target", sample_weight="weight"):
        loss = Loss("sigmoid", margin.cross_entropy(), pos_weight=pos_weight, reduction=reduction)
        factor = _broadcast(weight, np.shape(input))
        value: Value = loss(input, target, sample_weight=factor, engine=engine)
    return value


def _is_below_0(number: object) -> bool:
    return isinstance(number, int | np.integer) and bool(number < 0)


def _broadcast(weight: ArrayLike | None, shape: tuple[int, ...]) -> np.ndarray | None:
    if weight is None:
        return None
    factor = real_array("weight", weight)
    try:
        return np.broadcast_to(factor, shape)
    except ValueError:
        expected = f"a shape that broadcasts to {shape}, that of the {{logits}}"
        raise ArgumentError("weight", expected, factor.shape, must="have") from None
