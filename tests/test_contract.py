"""The accuracy contract can fail: it rejects a broken margin loss and a naive one."""

import contract
import numpy as np
import pytest
import registry
from oracle import mp

from focalis.margin import margin_loss
from focalis.vocabulary import exp, log

CROSS_ENTROPY, FOCAL = registry.FEW_MARGINS[0], registry.FOCAL


@margin_loss()
def sound(m, u, v, p, q):
    return -u, -q, p * q


@margin_loss()
def wrong_value(m, u, v, p, q):
    return -u * 1.00001, -q, p * q


@margin_loss()
def wrong_slope(m, u, v, p, q):
    return -u, -q * 0.99999, p * q


@margin_loss()
def wrong_curvature_sign(m, u, v, p, q):
    return -u, -q, -p * q


@margin_loss()
def wrong_only_in_the_tail(m, u, v, p, q):
    return -u, p - 1.0, p * q


@margin_loss()
def naive_focal(m, u, v, p, q):
    p = 1.0 / (1.0 + exp(-m))
    r = 1.0 - p
    u = log(p)
    return -r * r * u, r * r * (2.0 * p * u - r), p * r * r * (5.0 * r + 2.0 * u * (r - 2.0 * p))


@pytest.mark.parametrize("link", registry.LINKS)
def test_a_sound_loss_passes(link):
    contract.check(sound(), CROSS_ENTROPY, link, np.float64, "numpy")


@pytest.mark.slow
def test_a_sound_loss_passes_when_compiled():
    contract.check(sound(), CROSS_ENTROPY, "sigmoid", np.float64, "numba")


BROKEN = [wrong_value, wrong_slope, wrong_curvature_sign, wrong_only_in_the_tail, naive_focal]


@pytest.mark.parametrize(
    ("broken", "link", "dtype", "engine"),
    [
        *registry.grid(BROKEN, registry.LOGIT_LINKS, registry.DTYPES, ["numpy"]),
        (wrong_only_in_the_tail, "sigmoid", np.float64, "numba"),
        (naive_focal, "softmax", np.float32, "numba"),
    ],
    ids=registry.name,
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_broken_loss_fails(broken, link, dtype, engine):
    margin = FOCAL if broken is naive_focal else CROSS_ENTROPY
    with pytest.raises(AssertionError, match=r"permitted error|not a number|not finite|infinite"):
        contract.check(broken(), margin, link, dtype, engine)


class Naive:
    """Softmax focal loss as it is usually written: p first, then log p and 1 − p by subtraction."""

    def value_and_grad(self, x, labels, engine):
        with np.errstate(all="ignore"):
            p = np.exp(x - x.max(axis=1, keepdims=True))
            p /= p.sum(axis=1, keepdims=True)
            at = np.arange(len(x)), labels
            pt = p[at]
            q, u = 1 - pt, np.log(pt)
            direction = np.eye(x.shape[1], dtype=x.dtype)[labels] - p
            return -(q**2) * u, (q * (2 * pt * u - q))[:, None] * direction


@pytest.mark.parametrize("dtype", registry.DTYPES, ids=registry.name)
def test_the_usual_way_fails(dtype):
    (case,) = contract.cases("softmax", dtype)
    with pytest.raises(AssertionError, match="wrong, such as"):
        contract.check_first_order(Naive(), FOCAL, case, "numpy")


@pytest.mark.parametrize("dtype", registry.DTYPES, ids=registry.name)
def test_one_wrong_number_is_seen(dtype):
    true = np.array([mp.mpf(x) for x in (1, 2, 4)], object)
    contract.assert_accurate(np.array([1, 2, 4], dtype), true)
    off = np.array([1, 2 + (1e-5 if dtype == np.float32 else 1e-12), 4])
    with pytest.raises(AssertionError, match=r"1 of 3 wrong"):
        contract.assert_accurate(off.astype(dtype), true)
    with pytest.raises(AssertionError, match="shape"):
        contract.assert_accurate(np.array([1, 2], dtype), true)
    with pytest.raises(AssertionError, match="not a number"):
        contract.assert_accurate(np.array([1, np.nan, 4], dtype), true)
    with pytest.raises(AssertionError, match="not finite"):
        contract.assert_accurate(np.array([1, 2, np.inf], dtype), true)
