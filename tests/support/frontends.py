"""What the tests of the front ends share: losses, settings, calls, inputs, and how close is close."""

import functools

import numpy as np
import registry
from oracle import Margin

from focalis.margin import margin_loss
from focalis.vocabulary import log, log1p, where


@margin_loss(tau="(0, inf)")
def bounded(m, u, v, p, q, tau=0.1):
    """log((1 + τ) / (p_t + τ)), as a user would write it."""
    above = p + tau
    near = -log1p(-q / (1.0 + tau))
    value = where(q < 0.5, near, log((1.0 + tau) / above))
    return value, -(p * q) / above, p * q * (p * p + tau * (p - q)) / (above * above)


MARGIN_LOSSES = [
    *map(registry.build, registry.FEW_MARGINS),
    registry.build(Margin("focal", (("gamma", 0.5),))),
    bounded(),
]

FORMS = {
    "sigmoid": ("hard", "soft"),
    "identity": ("hard", "soft"),
    "softmax": ("index", "hard", "soft"),
    "simplex": ("index", "hard", "soft"),
}
LINK_FORMS = [(link, form) for link, forms in FORMS.items() for form in forms]

EACH_LOSS_AND_FORM = [(chosen, "sigmoid", "soft") for chosen in MARGIN_LOSSES]
EACH_LOSS_AND_FORM += [(bounded(0.3), *link_form) for link_form in LINK_FORMS]
"""Each margin loss once, and each link with each form of targets, for slow tests."""

SETTINGS = {
    "sigmoid": [
        {"alpha": 0.3},
        {"alpha": (0.1, 0.6, 1.0)},
        {"pos_weight": 3.0, "label_smoothing": 0.2},
        {"pos_weight": (1.0, 0.0, 2.0), "class_weight": (1.0, 2.0, 0.0)},
    ],
    "softmax": [
        {"alpha": 0.3},
        {"class_weight": (1.0, 2.0, 0.0), "label_smoothing": 0.1},
        {"alpha": (0.2, 0.5, 3.0), "class_weight": (0.5, 2.0, 1.0)},
        {"positives": "mean"},
        {"label_smoothing": 1.0},
    ],
}
SETTINGS |= {"identity": SETTINGS["sigmoid"], "simplex": SETTINGS["softmax"]}

KEPT = np.array([True, False, True, True, True])
_WEIGHT = np.array([1.0, 2.0, 0.0, 0.5, 3.0])
_EACH = np.linspace(0, 2, 15).reshape(5, 3)
_ROW_CALLS = [
    {},
    {"sample_weight": _WEIGHT},
    {"where": KEPT},
    {"where": KEPT, "sample_weight": _WEIGHT},
]
_ELEMENT_CALLS = [
    {"sample_weight": _EACH},
    {"where": _EACH > 0.7, "sample_weight": _WEIGHT},
    {"where": KEPT, "sample_weight": _EACH},
]


def calls(link):
    """Return weights and masks of every kind that a link takes, none first."""
    return _ROW_CALLS if link in registry.ROW_LINKS else _ROW_CALLS + _ELEMENT_CALLS


@functools.cache
def inputs(link, form, shape=(5, 3), seed=0):
    """Return ordinary scores and targets of a form, in float64."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=shape) * 2
    if link in registry.PROBABILITY_LINKS:
        scores = rng.dirichlet([1.5] * shape[-1], size=shape[:-1])
    if form == "index":
        return scores, rng.integers(0, shape[-1], shape[:-1])
    targets = rng.uniform(size=shape)
    return scores, targets if form == "soft" else (targets > 0.5).astype(float)


def assert_close(got, true, tolerance=1e-13):
    """Fail unless each number is close to the core's, relative to itself or its array's largest."""
    got, true = (np.asarray(x, np.float64) for x in (got, true))
    assert got.shape == true.shape
    finite = np.isfinite(true)
    np.testing.assert_array_equal(got[~finite], true[~finite])
    size = np.abs(true[finite]).max(initial=0)
    np.testing.assert_allclose(got[finite], true[finite], rtol=tolerance, atol=tolerance * size)
