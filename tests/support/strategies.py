"""What hypothesis draws: margin losses, losses, logits and targets."""

import numpy as np
import registry
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from focalis import Loss, margin


def real(low, high, **options):
    """Return a finite double of ordinary size, excluding subnormals."""
    return st.floats(low, high, allow_nan=False, allow_subnormal=False, **options)


def margin_losses():
    """Return any built-in margin loss with any parameters."""
    return st.one_of(
        st.builds(margin.cross_entropy),
        st.builds(margin.focal, gamma=real(0, 10)),
        st.builds(margin.focal_star, gamma=real(0.1, 10), beta=real(-5, 5)),
        st.builds(margin.poly1, epsilon=real(-1, 10)),
        st.builds(margin.generalized_cross_entropy, kappa=real(0.01, 1)),
    )


def tuples(low, high):
    return st.lists(real(low, high), min_size=3, max_size=3).map(tuple)


@st.composite
def losses(draw, link=None):
    """Return any loss, for one of three classes."""
    link = draw(st.sampled_from(registry.LINKS)) if link is None else link
    options = {
        "alpha": st.one_of(real(0, 1), tuples(0, 1)),
        "class_weight": tuples(0, 4),
        "label_smoothing": real(0, 0.9),
        "reduction": st.sampled_from(registry.REDUCTIONS),
        "ignore_index": st.integers(-200, 300),
    }
    if link in registry.ROW_LINKS:
        options["positives"] = st.sampled_from(["sum", "mean"])
    else:
        options["pos_weight"] = st.one_of(real(0, 9), tuples(0, 9))
    chosen = draw(st.sets(st.sampled_from(sorted(options))))
    if "alpha" in chosen and "pos_weight" in chosen:
        chosen.remove("alpha")
    if "positives" in chosen:
        chosen.discard("label_smoothing")
    return Loss(link, draw(margin_losses()), **{k: draw(options[k]) for k in sorted(chosen)})


def logits(shape, limit=60):
    """Return logits in steps of 1/64, so that their sums and differences are exact."""
    steps = st.integers(-limit * 64, limit * 64)
    return hnp.arrays(np.float64, shape, elements=steps.map(lambda n: n / 64))


def soft(shape):
    """Return targets in [0, 1], in steps of 1/16."""
    return hnp.arrays(np.float64, shape, elements=st.integers(0, 16).map(lambda n: n / 16))


def labels(rows, classes):
    return hnp.arrays(np.int64, rows, elements=st.integers(0, classes - 1))
