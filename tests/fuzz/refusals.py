"""What must be refused: results that overlap something, and invalid targets."""

import numpy as np

from .cases import ENGINES, ROWS, WrongResultError


def refusals(case, engines=ENGINES):
    """Raise WrongResultError unless overlaps and invalid targets are refused by name."""
    x, t = case.x.array, case.t.array
    if x.size < 2 or not case.kept.any():
        return
    rng, options = case.rng, case._options(engines[-1])
    block = np.zeros(x.size + 1, case.kind.dtype)
    block[:-1] = x.reshape(-1)
    _refused(
        case,
        "out must",
        block[:-1].reshape(x.shape),
        t,
        {**options, "out": block[1:].reshape(x.shape)},
    )
    _refused(case, "out must", x, t, {**options, "out": np.empty(x.shape[:-1], case.kind.dtype)})
    counts = np.flatnonzero(case.w.reshape(-1) != 0)
    if counts.size == 0:
        return
    bad = t.copy()
    flat = bad.reshape(-1)
    at = int(rng.choice(counts))
    if case.kind.link in ROWS and not case.kind.dense:
        flat[at] = rng.choice([case.n_classes, -7])
    elif bad.dtype.kind == "f":
        flat[at * (case.n_classes if case.kind.dense else 1)] = rng.choice([-1.0, np.nan])
    else:
        flat[at] = 2 if not case.kind.dense else -1
    if (
        case.loss.ignore_index is not None
        and (flat == case.loss.ignore_index).any()
        and (flat[at] == case.loss.ignore_index)
    ):
        return
    for engine in engines:
        _refused(case, "targets must be", x, bad, {**options, "engine": engine})


def _refused(case, words, x, t, options):
    try:
        case.loss.value_and_grad(x, t, **options)
    except ValueError as error:
        if words not in str(error):
            raise WrongResultError(f"refused with {error}, expected {words}") from error
    else:
        raise WrongResultError(f"not refused, expected {words} …")
