"""The named losses of the table that Keras lacks, in the style of Keras's losses.

Generated from the table in `focalis.named` by ``python -m focalis.named``: edit that, not this file.
"""

from typing import Any

from focalis import margin
from focalis.keras._loss import FamilyLoss
from focalis.keras.functions import _each
from focalis.keras.losses import MEAN, Classes, Factor, Numbers, _one_of_many, _yes_no, register

__all__ = [
    "BinaryFocalStar",
    "BinaryPoly1",
    "BinaryTempered",
    "CategoricalFocalStar",
    "CategoricalPoly1",
    "CategoricalTempered",
    "SparseCategoricalFocalStar",
    "SparseCategoricalPoly1",
    "SparseCategoricalTempered",
    "binary_focal_star",
    "binary_poly1",
    "binary_tempered",
    "categorical_focal_star",
    "categorical_poly1",
    "categorical_tempered",
    "sparse_categorical_focal_star",
    "sparse_categorical_poly1",
    "sparse_categorical_tempered",
]


@register
class BinaryFocalStar(FamilyLoss):
    """FL* of yes/no questions, −log σ(γ m + β) / γ.

    Parameters
    ----------
    gamma : float, default 2.0
        The steepness γ > 0.
    beta : float, default 0.0
        The shift β of the margin m = log p_t − log(1 − p_t).
    alpha : float or sequence of float, optional
        Weights positives by α and negatives by 1 − α.
    from_logits, label_smoothing, axis, reduction, name, dtype, ignore_class : optional
        As throughout `focalis.keras`.
    class_weight, class_where : optional
        As throughout `focalis.keras`.

    References
    ----------
    arXiv 1708.02002, appendix A.

    Examples
    --------
    >>> from focalis.keras import BinaryFocalStar
    >>> print(f"{BinaryFocalStar()([[1, 0]], [[0.9, 0.2]]):.4f}")
    0.0182
    """

    def __init__(
        self,
        gamma: float = 2.0,
        beta: float = 0.0,
        alpha: Factor = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = MEAN,
        name: str | None = "binary_focal_star",
        dtype: Any = None,
        *,
        ignore_class: float | None = None,
        class_weight: Numbers = None,
        class_where: Classes = None,
    ) -> None:
        arguments = locals()
        loss = _yes_no(margin.focal_star(gamma, beta), arguments, alpha=alpha)
        super().__init__(loss, "elementwise", arguments)


@register
class CategoricalFocalStar(FamilyLoss):
    """FL* of one class of C, −log σ(γ m + β) / γ.

    For targets with one number per class.

    Parameters
    ----------
    gamma : float, default 2.0
        The steepness γ > 0.
    beta : float, default 0.0
        The shift β of the margin m = log p_t − log(1 − p_t).
    alpha : float or sequence of float, optional
        A factor per class, or one for all.
    from_logits, label_smoothing, axis, reduction, name, dtype, ignore_class : optional
        As throughout `focalis.keras`.
    class_weight, class_where : optional
        As throughout `focalis.keras`.

    References
    ----------
    arXiv 1708.02002, appendix A.

    Examples
    --------
    >>> from focalis.keras import CategoricalFocalStar
    >>> print(f"{CategoricalFocalStar()([[1, 0, 0]], [[0.7, 0.2, 0.1]]):.4f}")
    0.0843
    """

    def __init__(
        self,
        gamma: float = 2.0,
        beta: float = 0.0,
        alpha: Factor = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = MEAN,
        name: str | None = "categorical_focal_star",
        dtype: Any = None,
        *,
        ignore_class: int | None = None,
        class_weight: Numbers = None,
        class_where: Classes = None,
    ) -> None:
        arguments = locals()
        loss = _one_of_many(margin.focal_star(gamma, beta), arguments, alpha=alpha)
        super().__init__(loss, "dense", arguments)


@register
class SparseCategoricalFocalStar(FamilyLoss):
    """FL* of one class of C, −log σ(γ m + β) / γ.

    For class indices.

    Parameters
    ----------
    gamma : float, default 2.0
        The steepness γ > 0.
    beta : float, default 0.0
        The shift β of the margin m = log p_t − log(1 − p_t).
    alpha : float or sequence of float, optional
        A factor per class, or one for all.
    from_logits, label_smoothing, axis, reduction, name, dtype, ignore_class : optional
        As throughout `focalis.keras`.
    class_weight, class_where : optional
        As throughout `focalis.keras`.

    References
    ----------
    arXiv 1708.02002, appendix A.

    Examples
    --------
    >>> from focalis.keras import SparseCategoricalFocalStar
    >>> print(f"{SparseCategoricalFocalStar()([0], [[0.7, 0.2, 0.1]]):.4f}")
    0.0843
    """

    def __init__(
        self,
        gamma: float = 2.0,
        beta: float = 0.0,
        alpha: Factor = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = MEAN,
        name: str | None = "sparse_categorical_focal_star",
        dtype: Any = None,
        *,
        ignore_class: int | None = None,
        class_weight: Numbers = None,
        class_where: Classes = None,
    ) -> None:
        arguments = locals()
        loss = _one_of_many(margin.focal_star(gamma, beta), arguments, alpha=alpha)
        super().__init__(loss, "index", arguments)


@register
class BinaryPoly1(FamilyLoss):
    """Poly-1 loss of yes/no questions, −log p_t + ε (1 − p_t).

    Parameters
    ----------
    epsilon : float, default 1.0
        ε ≥ −1, how much of 1 − p_t is added; at 0 it is cross-entropy.
    alpha : float or sequence of float, optional
        Weights positives by α and negatives by 1 − α.
    from_logits, label_smoothing, axis, reduction, name, dtype, ignore_class : optional
        As throughout `focalis.keras`.
    class_weight, class_where : optional
        As throughout `focalis.keras`.

    References
    ----------
    arXiv 2204.12511.

    Examples
    --------
    >>> from focalis.keras import BinaryPoly1
    >>> print(f"{BinaryPoly1()([[1, 0]], [[0.9, 0.2]]):.4f}")
    0.3143
    """

    def __init__(
        self,
        epsilon: float = 1.0,
        alpha: Factor = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = MEAN,
        name: str | None = "binary_poly1",
        dtype: Any = None,
        *,
        ignore_class: float | None = None,
        class_weight: Numbers = None,
        class_where: Classes = None,
    ) -> None:
        arguments = locals()
        loss = _yes_no(margin.poly1(epsilon), arguments, alpha=alpha)
        super().__init__(loss, "elementwise", arguments)


@register
class CategoricalPoly1(FamilyLoss):
    """Poly-1 loss of one class of C, −log p_t + ε (1 − p_t).

    For targets with one number per class.

    Parameters
    ----------
    epsilon : float, default 1.0
        ε ≥ −1, how much of 1 − p_t is added; at 0 it is cross-entropy.
    alpha : float or sequence of float, optional
        A factor per class, or one for all.
    from_logits, label_smoothing, axis, reduction, name, dtype, ignore_class : optional
        As throughout `focalis.keras`.
    class_weight, class_where : optional
        As throughout `focalis.keras`.

    References
    ----------
    arXiv 2204.12511.

    Examples
    --------
    >>> from focalis.keras import CategoricalPoly1
    >>> print(f"{CategoricalPoly1()([[1, 0, 0]], [[0.7, 0.2, 0.1]]):.4f}")
    0.6567
    """

    def __init__(
        self,
        epsilon: float = 1.0,
        alpha: Factor = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = MEAN,
        name: str | None = "categorical_poly1",
        dtype: Any = None,
        *,
        ignore_class: int | None = None,
        class_weight: Numbers = None,
        class_where: Classes = None,
    ) -> None:
        arguments = locals()
        loss = _one_of_many(margin.poly1(epsilon), arguments, alpha=alpha)
        super().__init__(loss, "dense", arguments)


@register
class SparseCategoricalPoly1(FamilyLoss):
    """Poly-1 loss of one class of C, −log p_t + ε (1 − p_t).

    For class indices.

    Parameters
    ----------
    epsilon : float, default 1.0
        ε ≥ −1, how much of 1 − p_t is added; at 0 it is cross-entropy.
    alpha : float or sequence of float, optional
        A factor per class, or one for all.
    from_logits, label_smoothing, axis, reduction, name, dtype, ignore_class : optional
        As throughout `focalis.keras`.
    class_weight, class_where : optional
        As throughout `focalis.keras`.

    References
    ----------
    arXiv 2204.12511.

    Examples
    --------
    >>> from focalis.keras import SparseCategoricalPoly1
    >>> print(f"{SparseCategoricalPoly1()([0], [[0.7, 0.2, 0.1]]):.4f}")
    0.6567
    """

    def __init__(
        self,
        epsilon: float = 1.0,
        alpha: Factor = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = MEAN,
        name: str | None = "sparse_categorical_poly1",
        dtype: Any = None,
        *,
        ignore_class: int | None = None,
        class_weight: Numbers = None,
        class_where: Classes = None,
    ) -> None:
        arguments = locals()
        loss = _one_of_many(margin.poly1(epsilon), arguments, alpha=alpha)
        super().__init__(loss, "index", arguments)


@register
class BinaryTempered(FamilyLoss):
    """Tempered cross-entropy of yes/no questions, (1 − p_t^κ) / κ with κ = 1 − 1/order.

    Parameters
    ----------
    order : float, default 2.0
        The order ≥ 1: at 1 cross-entropy, towards ∞ the error 1 − p_t.
    alpha : float or sequence of float, optional
        Weights positives by α and negatives by 1 − α.
    from_logits, label_smoothing, axis, reduction, name, dtype, ignore_class : optional
        As throughout `focalis.keras`.
    class_weight, class_where : optional
        As throughout `focalis.keras`.

    References
    ----------
    arXiv 1906.02314, there as α-loss with α for the order.

    Examples
    --------
    >>> from focalis.keras import BinaryTempered
    >>> print(f"{BinaryTempered()([[1, 0]], [[0.9, 0.2]]):.4f}")
    0.1569
    """

    def __init__(
        self,
        order: float = 2.0,
        alpha: Factor = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = MEAN,
        name: str | None = "binary_tempered",
        dtype: Any = None,
        *,
        ignore_class: float | None = None,
        class_weight: Numbers = None,
        class_where: Classes = None,
    ) -> None:
        arguments = locals()
        loss = _yes_no(margin.tempered(order), arguments, alpha=alpha)
        super().__init__(loss, "elementwise", arguments)


@register
class CategoricalTempered(FamilyLoss):
    """Tempered cross-entropy of one class of C, (1 − p_t^κ) / κ with κ = 1 − 1/order.

    For targets with one number per class.

    Parameters
    ----------
    order : float, default 2.0
        The order ≥ 1: at 1 cross-entropy, towards ∞ the error 1 − p_t.
    alpha : float or sequence of float, optional
        A factor per class, or one for all.
    from_logits, label_smoothing, axis, reduction, name, dtype, ignore_class : optional
        As throughout `focalis.keras`.
    class_weight, class_where : optional
        As throughout `focalis.keras`.

    References
    ----------
    arXiv 1906.02314, there as α-loss with α for the order.

    Examples
    --------
    >>> from focalis.keras import CategoricalTempered
    >>> print(f"{CategoricalTempered()([[1, 0, 0]], [[0.7, 0.2, 0.1]]):.4f}")
    0.3267
    """

    def __init__(
        self,
        order: float = 2.0,
        alpha: Factor = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = MEAN,
        name: str | None = "categorical_tempered",
        dtype: Any = None,
        *,
        ignore_class: int | None = None,
        class_weight: Numbers = None,
        class_where: Classes = None,
    ) -> None:
        arguments = locals()
        loss = _one_of_many(margin.tempered(order), arguments, alpha=alpha)
        super().__init__(loss, "dense", arguments)


@register
class SparseCategoricalTempered(FamilyLoss):
    """Tempered cross-entropy of one class of C, (1 − p_t^κ) / κ with κ = 1 − 1/order.

    For class indices.

    Parameters
    ----------
    order : float, default 2.0
        The order ≥ 1: at 1 cross-entropy, towards ∞ the error 1 − p_t.
    alpha : float or sequence of float, optional
        A factor per class, or one for all.
    from_logits, label_smoothing, axis, reduction, name, dtype, ignore_class : optional
        As throughout `focalis.keras`.
    class_weight, class_where : optional
        As throughout `focalis.keras`.

    References
    ----------
    arXiv 1906.02314, there as α-loss with α for the order.

    Examples
    --------
    >>> from focalis.keras import SparseCategoricalTempered
    >>> print(f"{SparseCategoricalTempered()([0], [[0.7, 0.2, 0.1]]):.4f}")
    0.3267
    """

    def __init__(
        self,
        order: float = 2.0,
        alpha: Factor = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = MEAN,
        name: str | None = "sparse_categorical_tempered",
        dtype: Any = None,
        *,
        ignore_class: int | None = None,
        class_weight: Numbers = None,
        class_where: Classes = None,
    ) -> None:
        arguments = locals()
        loss = _one_of_many(margin.tempered(order), arguments, alpha=alpha)
        super().__init__(loss, "index", arguments)


@register  # type: ignore[untyped-decorator]
def binary_focal_star(
    y_true: Any,
    y_pred: Any,
    gamma: float = 2.0,
    beta: float = 0.0,
    alpha: Factor = None,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Return FL* of yes/no questions, −log σ(γ m + β) / γ.

    Parameters
    ----------
    y_true, y_pred : array_like
        Targets, and probabilities or logits.
    gamma, beta, alpha, from_logits, label_smoothing, axis : optional
        As for `focalis.keras.BinaryFocalStar`.

    Returns
    -------
    Tensor
        The loss of each sample.

    Examples
    --------
    >>> from focalis.keras import binary_focal_star
    >>> print(f"{float(binary_focal_star([[1, 0]], [[0.9, 0.2]])[0]):.4f}")
    0.0182
    """
    settings = {
        "gamma": gamma,
        "beta": beta,
        "alpha": alpha,
        "from_logits": from_logits,
        "label_smoothing": label_smoothing,
        "axis": axis,
    }
    return _each(BinaryFocalStar, y_true, y_pred, **settings)


@register  # type: ignore[untyped-decorator]
def categorical_focal_star(
    y_true: Any,
    y_pred: Any,
    gamma: float = 2.0,
    beta: float = 0.0,
    alpha: Factor = None,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Return FL* of one class of C, −log σ(γ m + β) / γ.

    Parameters
    ----------
    y_true, y_pred : array_like
        Targets, and probabilities or logits.
    gamma, beta, alpha, from_logits, label_smoothing, axis : optional
        As for `focalis.keras.CategoricalFocalStar`.

    Returns
    -------
    Tensor
        The loss of each sample.

    Examples
    --------
    >>> from focalis.keras import categorical_focal_star
    >>> print(f"{float(categorical_focal_star([[1, 0, 0]], [[0.7, 0.2, 0.1]])[0]):.4f}")
    0.0843
    """
    settings = {
        "gamma": gamma,
        "beta": beta,
        "alpha": alpha,
        "from_logits": from_logits,
        "label_smoothing": label_smoothing,
        "axis": axis,
    }
    return _each(CategoricalFocalStar, y_true, y_pred, **settings)


@register  # type: ignore[untyped-decorator]
def sparse_categorical_focal_star(
    y_true: Any,
    y_pred: Any,
    gamma: float = 2.0,
    beta: float = 0.0,
    alpha: Factor = None,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Return FL* of one class of C, −log σ(γ m + β) / γ.

    Parameters
    ----------
    y_true, y_pred : array_like
        Targets, and probabilities or logits.
    gamma, beta, alpha, from_logits, label_smoothing, axis : optional
        As for `focalis.keras.SparseCategoricalFocalStar`.

    Returns
    -------
    Tensor
        The loss of each sample.

    Examples
    --------
    >>> from focalis.keras import sparse_categorical_focal_star
    >>> print(f"{float(sparse_categorical_focal_star([0], [[0.7, 0.2, 0.1]])[0]):.4f}")
    0.0843
    """
    settings = {
        "gamma": gamma,
        "beta": beta,
        "alpha": alpha,
        "from_logits": from_logits,
        "label_smoothing": label_smoothing,
        "axis": axis,
    }
    return _each(SparseCategoricalFocalStar, y_true, y_pred, **settings)


@register  # type: ignore[untyped-decorator]
def binary_poly1(
    y_true: Any,
    y_pred: Any,
    epsilon: float = 1.0,
    alpha: Factor = None,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Return the poly-1 loss of yes/no questions, −log p_t + ε (1 − p_t).

    Parameters
    ----------
    y_true, y_pred : array_like
        Targets, and probabilities or logits.
    epsilon, alpha, from_logits, label_smoothing, axis : optional
        As for `focalis.keras.BinaryPoly1`.

    Returns
    -------
    Tensor
        The loss of each sample.

    Examples
    --------
    >>> from focalis.keras import binary_poly1
    >>> print(f"{float(binary_poly1([[1, 0]], [[0.9, 0.2]])[0]):.4f}")
    0.3143
    """
    settings = {
        "epsilon": epsilon,
        "alpha": alpha,
        "from_logits": from_logits,
        "label_smoothing": label_smoothing,
        "axis": axis,
    }
    return _each(BinaryPoly1, y_true, y_pred, **settings)


@register  # type: ignore[untyped-decorator]
def categorical_poly1(
    y_true: Any,
    y_pred: Any,
    epsilon: float = 1.0,
    alpha: Factor = None,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Return the poly-1 loss of one class of C, −log p_t + ε (1 − p_t).

    Parameters
    ----------
    y_true, y_pred : array_like
        Targets, and probabilities or logits.
    epsilon, alpha, from_logits, label_smoothing, axis : optional
        As for `focalis.keras.CategoricalPoly1`.

    Returns
    -------
    Tensor
        The loss of each sample.

    Examples
    --------
    >>> from focalis.keras import categorical_poly1
    >>> print(f"{float(categorical_poly1([[1, 0, 0]], [[0.7, 0.2, 0.1]])[0]):.4f}")
    0.6567
    """
    settings = {
        "epsilon": epsilon,
        "alpha": alpha,
        "from_logits": from_logits,
        "label_smoothing": label_smoothing,
        "axis": axis,
    }
    return _each(CategoricalPoly1, y_true, y_pred, **settings)


@register  # type: ignore[untyped-decorator]
def sparse_categorical_poly1(
    y_true: Any,
    y_pred: Any,
    epsilon: float = 1.0,
    alpha: Factor = None,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Return the poly-1 loss of one class of C, −log p_t + ε (1 − p_t).

    Parameters
    ----------
    y_true, y_pred : array_like
        Targets, and probabilities or logits.
    epsilon, alpha, from_logits, label_smoothing, axis : optional
        As for `focalis.keras.SparseCategoricalPoly1`.

    Returns
    -------
    Tensor
        The loss of each sample.

    Examples
    --------
    >>> from focalis.keras import sparse_categorical_poly1
    >>> print(f"{float(sparse_categorical_poly1([0], [[0.7, 0.2, 0.1]])[0]):.4f}")
    0.6567
    """
    settings = {
        "epsilon": epsilon,
        "alpha": alpha,
        "from_logits": from_logits,
        "label_smoothing": label_smoothing,
        "axis": axis,
    }
    return _each(SparseCategoricalPoly1, y_true, y_pred, **settings)


@register  # type: ignore[untyped-decorator]
def binary_tempered(
    y_true: Any,
    y_pred: Any,
    order: float = 2.0,
    alpha: Factor = None,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Return the tempered cross-entropy of yes/no questions, (1 − p_t^κ) / κ with κ = 1 − 1/order.

    Parameters
    ----------
    y_true, y_pred : array_like
        Targets, and probabilities or logits.
    order, alpha, from_logits, label_smoothing, axis : optional
        As for `focalis.keras.BinaryTempered`.

    Returns
    -------
    Tensor
        The loss of each sample.

    Examples
    --------
    >>> from focalis.keras import binary_tempered
    >>> print(f"{float(binary_tempered([[1, 0]], [[0.9, 0.2]])[0]):.4f}")
    0.1569
    """
    settings = {
        "order": order,
        "alpha": alpha,
        "from_logits": from_logits,
        "label_smoothing": label_smoothing,
        "axis": axis,
    }
    return _each(BinaryTempered, y_true, y_pred, **settings)


@register  # type: ignore[untyped-decorator]
def categorical_tempered(
    y_true: Any,
    y_pred: Any,
    order: float = 2.0,
    alpha: Factor = None,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Return the tempered cross-entropy of one class of C, (1 − p_t^κ) / κ with κ = 1 − 1/order.

    Parameters
    ----------
    y_true, y_pred : array_like
        Targets, and probabilities or logits.
    order, alpha, from_logits, label_smoothing, axis : optional
        As for `focalis.keras.CategoricalTempered`.

    Returns
    -------
    Tensor
        The loss of each sample.

    Examples
    --------
    >>> from focalis.keras import categorical_tempered
    >>> print(f"{float(categorical_tempered([[1, 0, 0]], [[0.7, 0.2, 0.1]])[0]):.4f}")
    0.3267
    """
    settings = {
        "order": order,
        "alpha": alpha,
        "from_logits": from_logits,
        "label_smoothing": label_smoothing,
        "axis": axis,
    }
    return _each(CategoricalTempered, y_true, y_pred, **settings)


@register  # type: ignore[untyped-decorator]
def sparse_categorical_tempered(
    y_true: Any,
    y_pred: Any,
    order: float = 2.0,
    alpha: Factor = None,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Return the tempered cross-entropy of one class of C, (1 − p_t^κ) / κ with κ = 1 − 1/order.

    Parameters
    ----------
    y_true, y_pred : array_like
        Targets, and probabilities or logits.
    order, alpha, from_logits, label_smoothing, axis : optional
        As for `focalis.keras.SparseCategoricalTempered`.

    Returns
    -------
    Tensor
        The loss of each sample.

    Examples
    --------
    >>> from focalis.keras import sparse_categorical_tempered
    >>> print(f"{float(sparse_categorical_tempered([0], [[0.7, 0.2, 0.1]])[0]):.4f}")
    0.3267
    """
    settings = {
        "order": order,
        "alpha": alpha,
        "from_logits": from_logits,
        "label_smoothing": label_smoothing,
        "axis": axis,
    }
    return _each(SparseCategoricalTempered, y_true, y_pred, **settings)
