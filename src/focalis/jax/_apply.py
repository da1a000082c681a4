"""Any loss on JAX arrays: `focalis.arrays.losses` with JAX's verbs and hooks."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from focalis import Loss
from focalis.arrays.losses import weighted_losses
from focalis.arrays.margin import MarginTerms
from focalis.inputs.arguments import Arguments
from focalis.jax._checks import as_array, check, class_axis
from focalis.jax._margin import along, companions, weighted
from focalis.jax._softmax import all_margins, margins
from focalis.jax._verbs import Verbs

Array = jax.Array


def apply(
    loss: Loss,
    logits: jax.typing.ArrayLike,
    targets: jax.typing.ArrayLike,
    *,
    sample_weight: jax.typing.ArrayLike | None = None,
    where: jax.typing.ArrayLike | None = None,
    normalizer: jax.typing.ArrayLike | None = None,
    axis: int = -1,
    parameters: Mapping[str, jax.typing.ArrayLike] | None = None,
    class_where: jax.typing.ArrayLike | None = None,
) -> Array:
    """Return any loss of the family, differentiable at every order and in both modes.

    Parameters
    ----------
    loss : Loss
        What to compute: link, margin loss, weights and reduction. It is static: close over it, or name
        it in ``static_argnums``.
    logits : array
        Scores (…, C); for a sigmoid or identity any shape, and one dimension is N rows of one output.
        float16, bfloat16, float32 or float64; half types are computed in float32.
    targets : array
        Sigmoid, identity: shaped like the logits, in [0, 1]. Softmax, simplex: class indices (…) or
        non-negative numbers for each class, shaped like the logits.
    sample_weight : array, optional
        Non-negative weights of the rows (…) or, for a sigmoid or identity, of the elements.
    where : array of bool, optional
        True where a row (or element) counts; shaped as `sample_weight`.
    normalizer : float or array without dimensions, optional
        Replaces the denominator of "mean" and "batchmean": for example the number of positives, summed
        over a mesh by ``jax.lax.psum``.
    axis : int, default -1
        The class axis.
    parameters : mapping of str to array, optional
        Numbers that replace settings of the loss, and may be traced or differentiated: parameters of its
        margin loss, whose shapes broadcast to that of the scores with the classes last or, for class
        indices, to that of the rows; and ``"alpha"``, ``"pos_weight"`` and ``"class_weight"``, whose
        shapes broadcast to that of the scores. One with as many axes as the logits has its class axis,
        of length 1 or C, where they have it.
    class_where : array of bool, optional
        True where a class counts: (C,), or a shape that broadcasts to that of the logits. A masked class
        has probability 0, takes no part in label smoothing and has no gradient; for a sigmoid or
        identity it is an element that does not count. A target on a masked class raises an error, or
        gives NaN where it cannot be read.

    Returns
    -------
    Array
        Without dimensions; for "none" shaped like the logits (sigmoid, identity) or with one number for
        each row. In the type of the logits.

    Raises
    ------
    ValueError, TypeError
        If shapes, types or settings do not fit, even while tracing; and if a target, weight, normaliser
        or parameter is invalid and can be read without waiting (outside a trace, on a CPU). Where it
        cannot be read, it gives NaN.

    Notes
    -----
    With soft targets the loss is the expectation Σ_k w_k φ(m_k). optax's focal loss mixes p_t first,
    which is a different loss.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from focalis import Loss, margin
    >>> from focalis.jax import apply
    >>> loss = Loss("softmax", margin.focal(gamma=2.0))
    >>> logits, labels = jnp.array([[1.0, 2.0, 3.0]]), jnp.array([2])
    >>> jax.grad(lambda x: apply(loss, x, labels))(logits).round(4)
    Array([[ 0.0264,  0.0719, -0.0983]], dtype=float32)
    >>> jax.grad(lambda g: apply(loss, logits, labels, parameters={"gamma": g}))(2.0).round(4)
    Array(-0.05, dtype=float32, weak_type=True)
    """
    scores, answers = as_array("logits", logits), as_array("targets", targets)
    weight = None if sample_weight is None else as_array("sample_weight", sample_weight)
    kept = None if where is None else as_array("where", where)
    axis = class_axis(axis, scores.ndim)
    classes = None if class_where is None else as_array("class_where", class_where)
    arrays = Arguments(scores, answers, weight, kept, classes, normalizer, parameters)
    check(loss, arrays, axis)
    learnt = {name: as_array(name, value) for name, value in (parameters or {}).items()}
    arrays = arrays._replace(parameters=learnt)
    return weighted_losses(_JAX, loss, arrays, axis)  # type: ignore[no-any-return]


class _Jax(Verbs):
    """The verbs and hooks of JAX."""

    along = staticmethod(along)
    companions = staticmethod(companions)
    margins = staticmethod(margins)
    all_margins = staticmethod(all_margins)

    def quiet(self, x: Array, share: Array, kept: Array | None, harmless: float) -> Array:
        if kept is not None:
            x = jnp.where(kept, x, harmless)
        # Replace only NaN: with any other score the loss has a derivative by the weight, even at 0.
        return jnp.where((share == 0.0) & jnp.isnan(x), harmless, x)

    def asked(self, x: Array, shares: tuple[Array, Array]) -> Array:
        return x

    def weighted(
        self,
        terms: MarginTerms,
        x: Array,
        shares: tuple[Array, ...],
        values: tuple[Array, ...],
        known: Any,
    ) -> Array:
        orders = (0,) * (1 + len(values))
        both = (shares[0], shares[1] if len(shares) == 2 else None)
        return weighted(terms, orders, x, both, values, known)

    def mean(self, values: Array, denominator: Array | None) -> Array:
        total: Array = _total(values)
        return total if denominator is None else total / denominator


@jax.custom_jvp
def _total(values: Array) -> Array:
    """Return the sum of the values, with a derivative that waits for it.

    On a CPU, XLA then writes the gradient over the values. Otherwise it would compute both before
    summing, and the system takes longer to provide the memory than XLA to compute them.
    """
    return jnp.sum(values)


@_total.defjvp
def _total_jvp(primals: Any, tangents: Any) -> Any:
    total = _total(*primals)
    always = (total <= jnp.inf) | jnp.isnan(total)
    return total, jnp.where(always, jnp.sum(*tangents), jnp.nan)


_JAX = _Jax()
