"""What the tests of the checks share: losses, and correct implementations of them."""

import numpy as np

from focalis import Loss, margin

CE = Loss("sigmoid", margin.cross_entropy())
FOCAL = Loss("sigmoid", margin.focal(gamma=2.0), reduction="none")
SOFTMAX = Loss("softmax", margin.cross_entropy())
FOCAL_SOFTMAX = Loss("softmax", margin.focal(gamma=2.0))


def wrong(report):
    return {finding.name for finding in report.findings if not finding.ok}


def softplus(z):
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def margins(x, y):
    return np.where(y == 1, x, -x)


def softmax_value(x, labels):
    top = x.max(axis=1, keepdims=True)
    lse = np.log(np.exp(x - top).sum(axis=1)) + top[:, 0]
    return lse - np.take_along_axis(x, labels[:, None], axis=1)[:, 0]
