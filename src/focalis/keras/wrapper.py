"""Any loss of the family as a loss of Keras."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from focalis import Loss, parse
from focalis.errors import ArgumentTypeError
from focalis.keras._loss import FamilyLoss
from focalis.keras.losses import MEAN, register

__all__ = ["LossWrapper"]


@register
class LossWrapper(FamilyLoss):
    """Any loss of the family, with a margin loss of one's own for example.

    Parameters
    ----------
    loss : Loss or str
        The loss, or its text form. Its link tells whether the scores are logits or probabilities, which
        are held off 0 and 1 and not divided by their sum; its `ignore_index` and `reduction` play no
        part.
    axis, reduction, name, dtype, ignore_class, class_where : optional
        As everywhere in `focalis.keras`. The targets of a softmax or simplex may be class indices or
        have a number for each class.

    Examples
    --------
    >>> from focalis.keras import LossWrapper
    >>> loss = LossWrapper("softmax_poly1(epsilon=2)")
    >>> round(float(loss([0], [[0.0, 0.0]])), 4)
    1.6931
    """

    def __init__(
        self,
        loss: Loss | str,
        axis: int = -1,
        reduction: str | None = MEAN,
        name: str | None = "loss_wrapper",
        dtype: Any = None,
        *,
        ignore_class: float | None = None,
        class_where: Sequence[bool] | None = None,
    ) -> None:
        given = locals()
        if isinstance(loss, str):
            loss = parse(loss)
        if not isinstance(loss, Loss):
            raise ArgumentTypeError("loss", "a focalis.Loss or its text", type(loss).__name__)
        if ignore_class is None:
            given["ignore_class"] = loss.ignore_index
        del given["loss"]
        form = "elementwise" if loss.link.elementwise else "any"
        super().__init__(replace(loss, ignore_index=None), form, given)

    def get_config(self) -> dict[str, Any]:
        """Return what makes an equal loss."""
        return {"loss": str(self.loss)} | super().get_config()
