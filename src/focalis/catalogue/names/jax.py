"""optax, and the functions of focalis.jax with the same names and arguments."""

from focalis.catalogue.entry import Entry, Parameter
from focalis.catalogue.transforms import ONLY_INDICES, ONLY_ROWS
from focalis.maths.links import SIGMOID, SOFTMAX

UNREDUCED = {"reduction": "none"}


def _names(name: str) -> tuple[str, str]:
    """Return the other names of an optax function."""
    return f"optax.losses.{name}", f"focalis.jax.{name}"


ENTRIES = (
    Entry(
        "optax.sigmoid_binary_cross_entropy",
        "optax",
        SIGMOID,
        fixed=UNREDUCED,
        also=_names("sigmoid_binary_cross_entropy"),
    ),
    Entry(
        "optax.softmax_cross_entropy",
        "optax",
        SOFTMAX,
        targets=ONLY_ROWS,
        fixed=UNREDUCED,
        also=_names("softmax_cross_entropy"),
        pitfalls=(
            "A logit of −inf with a label of 0 gives NaN; safe_softmax_cross_entropy does not, "
            "and neither does "
            "focalis.",
        ),
    ),
    Entry(
        "optax.safe_softmax_cross_entropy",
        "optax",
        SOFTMAX,
        targets=ONLY_ROWS,
        fixed=UNREDUCED,
        also=("optax.losses.safe_softmax_cross_entropy",),
    ),
    Entry(
        "optax.softmax_cross_entropy_with_integer_labels",
        "optax",
        SOFTMAX,
        targets=ONLY_INDICES,
        fixed=UNREDUCED,
        also=_names("softmax_cross_entropy_with_integer_labels"),
        pitfalls=(
            "A class index below 0 counts from the last class, and one too large gives NaN.",
        ),
    ),
    Entry(
        "optax.sigmoid_focal_loss",
        "optax",
        SIGMOID,
        "focal",
        parameters=(Parameter("alpha"), Parameter("gamma", 2.0)),
        fixed=UNREDUCED,
        also=_names("sigmoid_focal_loss"),
        pitfalls=("Soft labels mix p_t; here they mean the expectation of the loss.",),
    ),
    Entry(
        "optax.losses.poly_loss_cross_entropy",
        "optax",
        SOFTMAX,
        "poly1",
        targets=ONLY_ROWS,
        parameters=(Parameter("epsilon", 2.0),),
        fixed=UNREDUCED,
        also=("focalis.jax.poly_loss_cross_entropy",),
    ),
)
