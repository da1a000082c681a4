"""Any loss as TensorFlow operations: eager, in a graph or under XLA, differentiable at every order.

This is `focalis.arrays.losses` with TensorFlow's verbs. Only the number of axes has to be known.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from focalis import Loss
from focalis.arrays.losses import weighted_losses
from focalis.arrays.margin import MarginTerms
from focalis.inputs.arguments import Arguments
from focalis.keras._tensorflow import _margin as margin
from focalis.keras._tensorflow import _softmax as softmax
from focalis.keras._tensorflow._verbs import Verbs

__all__ = ["apply", "replicas"]


def replicas() -> int:
    """Return the number of replicas of a model that a batch is split over."""
    return int(tf.distribute.get_strategy().num_replicas_in_sync)


def apply(loss: Loss, given: Arguments, axis: int = -1) -> tf.Tensor:
    """Return the loss, in the type of the logits: a number, or for "none" one for each score or row.

    16 bits are computed in 32, probabilities in 64.
    """
    learnt = {name: tf.convert_to_tensor(value) for name, value in (given.parameters or {}).items()}
    hooks = _TensorFlow()
    arrays = given._replace(logits=hooks.late(given.logits), parameters=learnt)
    return weighted_losses(hooks, loss, arrays, axis)


class _TensorFlow(Verbs):
    """The verbs and hooks of TensorFlow, for one evaluation."""

    def __init__(self) -> None:
        self.means: list[tf.Tensor] = []

    along = staticmethod(margin.along)
    companions = staticmethod(margin.companions)
    margins = staticmethod(softmax.margins)

    def all_margins(self, x: tf.Tensor) -> tuple[tf.Tensor, None]:
        return softmax.all_margins(x), None

    def quiet(
        self, x: tf.Tensor, share: tf.Tensor, kept: tf.Tensor | None, harmless: float
    ) -> tf.Tensor:
        return self.where(share != 0.0, x, harmless)

    def asked(self, x: tf.Tensor, shares: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        yes, no = shares
        return self.where((yes != 0.0) | (no != 0.0), x, 0.0)

    def weighted(
        self,
        terms: MarginTerms,
        x: tf.Tensor,
        shares: tuple[tf.Tensor, ...],
        values: tuple[tf.Tensor, ...],
        known: None,
    ) -> tf.Tensor:
        sides = list(range(len(shares)))
        if not terms.link.on_probabilities and len(sides) == 2:
            each = zip(shares, margin.margin_loss_of(terms, sides, x, values), strict=True)
            parts = [self.where(share == 0.0, 0.0, share * value) for share, value in each]
            return parts[0] + parts[1]
        # At 0 and 1 a slope may be infinite, and must not be multiplied by a share of 0.
        parts = []
        for side, share in zip(sides, shares, strict=True):
            z = self.quiet(x, share, None, terms.link.harmless)
            parts.append(share * margin.margin_loss_of(terms, [side], z, values)[0])
        return tf.add_n(parts)

    def late(self, x: tf.Tensor) -> tf.Tensor:
        """Return x, with a gradient that waits for the mean.

        On a CPU, XLA then writes the gradient over the values. Otherwise it would compute both before
        summing, and the system takes longer to provide the memory than XLA to compute them.
        """

        @tf.custom_gradient  # type: ignore[untyped-decorator]
        def wait(x: tf.Tensor) -> Any:
            def gradient(incoming: tf.Tensor) -> tf.Tensor:
                for mean in self.means:  # none yet in forward mode
                    always = (mean <= np.inf) | tf.math.is_nan(mean)
                    nan = tf.constant(np.nan, incoming.dtype)
                    incoming = tf.where(always, incoming, nan)
                return incoming

            return tf.identity(x), gradient

        return wait(x)

    def mean(self, values: tf.Tensor, denominator: tf.Tensor | None) -> tf.Tensor:
        # Dividing in between keeps XLA from merging the two sums into one, which would lose digits.
        along_rows = tf.reduce_sum(values, -1 if values.shape.rank else None)
        total = along_rows if denominator is None else along_rows / denominator
        self.means.append(tf.reduce_sum(total))
        return self.means[-1]
