"""Any loss on tensors: check the arguments and choose, by rule, what computes it."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from focalis import Loss
from focalis.errors import ArgumentError, ArgumentTypeError
from focalis.inputs.arguments import Arguments, replaced
from focalis.torch._checks import HALF, check, read_classes
from focalis.torch._compat import KINDS, in_forward_mode, is_traced, transforms_are_active
from focalis.torch._eager import fused
from focalis.torch._operations import evaluate_in_operations
from focalis.torch._operators import traced
from focalis.torch._overrides import handed_over, has_override
from focalis.torch._parameters import read_parameters
from focalis.torch._reading import check_numbers

_OVER = "inplace=True writes over the {argument}: expected {expected}, got {got}"


def apply(
    loss: Loss,
    logits: Tensor,
    targets: Tensor,
    *,
    sample_weight: Tensor | None = None,
    where: Tensor | None = None,
    class_where: Tensor | None = None,
    normalizer: float | Tensor | None = None,
    parameters: Mapping[str, float | Tensor] | None = None,
    inplace: bool = False,
) -> Tensor:
    """Return any loss of the family, differentiable.

    Parameters
    ----------
    loss : Loss
        What to compute: link, margin loss, weights and reduction.
    logits : Tensor
        Scores (N, C, d1, …) with the classes along dimension 1, or (C,) for one row of a softmax or
        simplex; for a sigmoid or identity any shape. float16, bfloat16, float32 or float64; half types
        are computed in float32.
    targets : Tensor
        Sigmoid, identity: shaped like the logits, in [0, 1]. Softmax, simplex: class indices (N, d1, …)
        or non-negative numbers for each class, shaped like the logits.
    sample_weight : Tensor, optional
        Non-negative weights of the rows (N, d1, …) or, for a sigmoid or identity, of the elements.
    where : Tensor of bool, optional
        True where a row (or element) counts; shaped as `sample_weight`.
    class_where : Tensor of bool, optional
        True where a class exists: (C,), or a shape that broadcasts to that of the logits. A masked class
        has probability 0, takes no part in label smoothing and has no gradient; for a sigmoid or
        identity it is an element that does not count. A target on a masked class is an error.
    normalizer : float or Tensor without dimensions, optional
        Replaces the denominator of "mean" and "batchmean".
    parameters : mapping of str to float or Tensor, optional
        Numbers that replace settings of the loss, and may be learnt: parameters of its margin loss,
        ``"alpha"``, ``"pos_weight"`` and ``"class_weight"``. A tensor has no dimensions or a shape that
        broadcasts to that of the logits: (1, C) for a number for each class. For class indices, a
        parameter of the margin loss may also be shaped like the rows; a weight may have the shape (C,).
    inplace : bool, default False
        Write the gradient over the logits, which saves the memory for it. If a gradient is wanted, the
        logits hold it afterwards and must no longer be read as logits: PyTorch raises an error if
        another operation has saved them for its backward. They must not be a leaf. Only one backward is
        possible, which cannot be differentiated and in float16 multiplies a gradient that is already
        rounded. For CPU tensors in eager mode, with nothing but the logits to differentiate.

    Returns
    -------
    Tensor
        Without dimensions; for "none" shaped like the logits (sigmoid, identity) or with one number for
        each row. In the type of the logits, or float32 under autocast.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit. On a CPU a bad target is named with its position; on other devices,
        where reading it would mean waiting for it, it gives NaN.

    Notes
    -----
    The logits may not be changed in place between the loss and its backward, which PyTorch checks.

    References
    ----------
    As for `focalis.Loss`.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> from focalis import Loss, margin
    >>> logits = torch.tensor([[1.0, 2.0, 3.0]], requires_grad=True)
    >>> loss = Loss("softmax", margin.focal(gamma=2.0))
    >>> F.apply(loss, logits, torch.tensor([2])).backward()
    >>> logits.grad.round(decimals=4)
    tensor([[ 0.0264,  0.0719, -0.0983]])
    """
    if not isinstance(loss, Loss):
        raise ArgumentTypeError("loss", "a focalis.Loss", type(loss).__name__)
    if not (parameters is None or isinstance(parameters, Mapping)):
        expected = "a mapping of names to tensors"
        raise ArgumentTypeError("parameters", expected, type(parameters).__name__)
    given = Arguments(
        logits, targets, sample_weight, where, class_where, normalizer, parameters or {}
    )
    if has_override(given):
        return handed_over(_apply, given, (), loss=loss, inplace=inplace)
    return _apply(given, loss=loss, inplace=inplace)


def _apply(given: Arguments, *, loss: Loss, inplace: bool) -> Tensor:
    if given.parameters:
        loss, parameters = read_parameters(loss, given)
        given = replaced(given, parameters=parameters)
    return apply_along(loss, given, inplace=inplace)


def apply_along(loss: Loss, given: Arguments, axis: int = 1, *, inplace: bool = False) -> Tensor:
    """Do what `apply` does, for any class axis, and for tensors without a ``__torch_function__``."""
    axis = check(loss, given, axis)
    logits, targets, sample_weight, where, class_where, normalizer, parameters = given
    dtype = logits.dtype
    if dtype in HALF and torch.is_autocast_enabled(logits.device.type):
        dtype = torch.float32
        if loss.reduction == "none":
            logits = logits.float()
    if class_where is not None:
        class_where = read_classes(loss, class_where, logits, axis)
        if loss.link.elementwise:
            where, class_where = _both(where, class_where, axis), None
    others = (targets, sample_weight, where)
    settings = (loss, normalizer, axis, dtype)
    compiling = torch.compiler.is_compiling()
    if (
        not parameters
        and class_where is None
        and _is_for_kernels(logits, (*others, normalizer), compiling)
    ):
        if inplace:
            _check_writable(logits)
        if not compiling and not is_traced(logits):
            return fused(logits, others, settings, inplace=inplace)
        if not inplace:
            return traced(logits, others, settings)
    if inplace:
        raise ArgumentError(
            "inplace",
            "plain CPU tensors outside of torch.compile and torch.func, with nothing but the {logits} "
            "to differentiate",
            "a call that needs another path",
            problem="{argument}=True is for {expected}, got {got}",
        )
    given = Arguments(logits, targets, sample_weight, where, class_where, normalizer, parameters)
    if not compiling:
        check_numbers(loss, given, axis)
    value = evaluate_in_operations(loss, given, axis)
    return value.to(dtype)


def _both(where: Tensor | None, class_where: Tensor, axis: int) -> Tensor:
    """Return the mask of the elements that count in both masks."""
    if where is None:
        return class_where
    return class_where & (where.unsqueeze(axis) if where.ndim < class_where.ndim else where)


def _check_writable(logits: Tensor) -> None:
    """Raise unless a gradient may be written over the logits."""
    owner = logits if logits._base is None else logits._base
    if torch.is_grad_enabled() and owner.is_leaf and owner.requires_grad:
        got = "a leaf tensor that requires a gradient, or a view of one"
        raise ArgumentError("logits", "the result of an operation", got, problem=_OVER)
    if any(n > 1 and s == 0 for n, s in zip(logits.shape, logits.stride(), strict=True)):
        expected = "separate memory for each element"
        raise ArgumentError("logits", expected, "an expanded tensor", problem=_OVER)


def _is_for_kernels(logits: Tensor, others: tuple[Any, ...], compiling: bool) -> bool:
    """Return whether the kernels can do the job: values and first derivatives by CPU logits."""
    if type(logits) not in KINDS or not logits.is_cpu or in_forward_mode():
        return False
    if compiling:
        from focalis.torch._constants import is_transformed_in_graph  # brings the compiler

        if is_transformed_in_graph():
            return False
    elif transforms_are_active():
        return False
    for other in others:
        if (
            other is not None
            and isinstance(other, Tensor)
            and (type(other) not in KINDS or not other.is_cpu or other.requires_grad)
        ):
            return False
    return True
