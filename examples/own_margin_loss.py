"""Your own margin loss: a bounded cross-entropy, for labels that are sometimes wrong.

Cross-entropy grows without bound on a wrong label. φ = log((1 + τ) / (p_t + τ)) stops at log(1 + 1/τ).
The function below is all you write; both engines, every link, the Hessian, the posterior, the text form
and the initial logits follow from it. Run it: ``python examples/own_margin_loss.py``.
"""

import numpy as np

from focalis import Loss, parse
from focalis.margin import margin_loss
from focalis.vocabulary import log, log1p, where


@margin_loss(tau="(0, inf)")
def bounded_cross_entropy(m, u, v, p, q, tau=0.1):
    """Bounded cross-entropy, log((1 + τ) / (p_t + τ))."""
    above = p + tau
    near = -log1p(-q / (1.0 + tau))  # for q near 0, where the logarithm's argument is near 1
    far = log((1.0 + tau) / above)
    value = where(q < 0.5, near, far)
    slope = -(p * q) / above
    curvature = p * q * (p * p + tau * (p - q)) / (above * above)
    return value, slope, curvature


def main() -> None:
    """Compare it with cross-entropy on a wrong label, and use it everywhere."""
    sure_but_wrong = np.array([-12.0])
    print("cross-entropy:", float(parse("cross_entropy")(sure_but_wrong, [1.0])).__round__(3))
    bounded = Loss("sigmoid", bounded_cross_entropy(tau=0.1))
    print("bounded:", float(bounded(sure_but_wrong, [1.0])).__round__(3))

    rng = np.random.default_rng(0)
    rows, labels = rng.normal(size=(5, 3)), np.array([0, 2, 1, 1, 0])
    softmax = Loss("softmax", bounded_cross_entropy(tau=0.1), label_smoothing=0.1)
    value, gradient = softmax.value_and_grad(rows, labels)
    print("softmax:", float(value).__round__(3), "gradient:", gradient.shape)
    print("as text:", softmax, "read back:", parse(str(softmax)) == softmax)
    print("it starts from:", bounded.initial_logits([1, 0, 0, 0]).round(3))
    print("its posterior:", bounded.posterior(bounded.initial_logits([1, 0, 0, 0])).round(3))


if __name__ == "__main__":
    main()
