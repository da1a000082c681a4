"""Any loss of the family as a Keras loss."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from focalis import Loss, parse
from focalis.errors import ArgumentTypeError
from focalis.keras._loss import FamilyLoss
from focalis.keras.losses import MEAN, register


@register
class LossWrapper(FamilyLoss):
    """Any loss of the family, for example with a custom margin loss.

    Parameters
    ----------
    loss : Loss or str
        The loss, or its text form. Its link says whether the scores are logits or probabilities, which
        are clipped away from 0 and 1 but not divided by their sum. Its `ignore_index` is the default of
        `ignore_class`; its `reduction` is not used.
    axis, reduction, name, dtype, ignore_class, class_where : optional
        As described in `focalis.keras`. The targets of a softmax or simplex may be class indices, or
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
        arguments = locals()
        if isinstance(loss, str):
            loss = parse(loss)
        if not isinstance(loss, Loss):
            raise ArgumentTypeError("loss", "a focalis.Loss or its text", type(loss).__name__)
        if ignore_class is None:
            arguments["ignore_class"] = loss.ignore_index
        del arguments["loss"]
        form = "elementwise" if loss.link.elementwise else "any"
        super().__init__(replace(loss, ignore_index=None), form, arguments)

    def get_config(self) -> dict[str, Any]:
        """Return the configuration from which an equal loss can be made."""
        return {"loss": str(self.loss)} | super().get_config()
