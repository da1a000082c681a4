"""The numbers behind the plots, all computed by the losses themselves."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from focalis import margin
from focalis.loss import Loss
from focalis.margin import MarginLoss
from focalis.maths.links import SIGMOID
from focalis.named.table import letter, title
from focalis.parsing import parse
from focalis.settings_table import SETTINGS

Array = np.ndarray
Losses = str | MarginLoss | Loss | Iterable[str | MarginLoss | Loss]


def read_losses(given: Losses) -> list[Loss]:
    """Return losses from one or several texts, margin losses (taken with a sigmoid) or losses.

    Raises
    ------
    TypeError
        If one of them is something else.
    ValueError
        If there are none, or a text does not name a loss.
    """
    several = [given] if isinstance(given, str | MarginLoss | Loss) else list(given)
    if not several:
        raise ValueError("losses must be at least one loss, got none")
    # The same loss twice, or with another reduction, gives the same curve.
    return list(dict.fromkeys(replace(_read_loss(one), reduction="mean") for one in several))


def _read_loss(given: Any) -> Loss:
    if isinstance(given, str):
        return parse(given)
    if isinstance(given, MarginLoss):
        return Loss("sigmoid", given)
    if isinstance(given, Loss):
        return given
    raise TypeError(
        "losses must be texts such as 'focal(gamma=2)', margin losses or losses, "
        f"got {type(given).__name__}"
    )


def label(loss: Loss) -> str:
    """Return a short name for a loss, with the letters that papers use.

    Examples
    --------
    >>> label(parse("focal_star(gamma=2, beta=1)"))
    'FL* γ = 2, β = 1'
    """
    settings = {**loss.margin_loss.parameters, **_weights(loss)}
    shown = ", ".join(f"{letter(name)} = {_shown(value)}" for name, value in settings.items())
    return f"{title(loss.margin_loss.name)} {shown}".strip()


def named(losses: list[Loss]) -> list[tuple[str, bool, Loss]]:
    """Return losses with names that distinguish them, and whether each is the baseline."""
    several_links = len({loss.link for loss in losses}) > 1
    plain = [loss for loss in losses if loss.margin_loss.name == "cross_entropy"]
    baseline = next((loss for loss in plain if not _weights(loss)), None)
    prefix = {loss.link: f"{loss.link} " if several_links else "" for loss in losses}
    return [(prefix[loss.link] + label(loss), loss is baseline, loss) for loss in losses]


def _weights(loss: Loss) -> dict[str, Any]:
    """Return those weights of a loss, and its smoothing, that are in use."""
    names = [row.name for row in SETTINGS if row.kind in ("weight", "number")]
    settings = {name: getattr(loss, name) for name in names}
    settings["label_smoothing"] = settings["label_smoothing"] or None
    return {name: value for name, value in settings.items() if value is not None}


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(f'{one:g}' for one in value)})"
    return f"{value:g}"


def by_answer(losses: list[Loss]) -> bool:
    """Return whether the losses are of yes/no questions, rather than of rows of classes.

    Raises
    ------
    ValueError
        If their links differ.
    """
    links = {loss.link for loss in losses}
    if len(links) > 1:
        raise ValueError(f"losses must have one link, got {', '.join(sorted(links))}")
    return all(link.elementwise for link in links)


def by_margin(loss: Loss, m: Array) -> tuple[Array, Array, Array]:
    """Return value, slope and curvature of a loss at margins, weighted as for a positive.

    Raises
    ------
    ValueError
        If the class weights differ or the targets are smoothed: a single curve cannot show that.
    """
    for name, value in _weights(loss).items():
        if isinstance(value, tuple) or name == "label_smoothing":
            raise ValueError(
                f"a curve over the margin or p_t cannot show {name}, got {_shown(value)}"
            )
    weight = loss.answer_weights(1, np.dtype(np.float64))[0]
    plain = Loss("sigmoid", loss.margin_loss, reduction="none")
    yes = np.ones_like(m)
    # The reference engine: compiling a kernel does not pay for a few hundred points.
    slope, curvature = plain.grad_and_hess(m, yes, engine="numpy")
    return weight * plain(m, yes, engine="numpy"), weight * slope, weight * curvature


def cross_entropy_ratio(loss: Loss, m: Array) -> Array:
    """Return how many times less an example costs than under cross-entropy, at given margins."""
    plain = Loss("sigmoid", loss.margin_loss)
    return np.asarray(
        by_margin(Loss("sigmoid", margin.cross_entropy()), m)[0] / by_margin(plain, m)[0]
    )


def posterior(loss: Loss, probability: Array) -> Array:
    """Return the class probability that a trained sigmoid implies at this value.

    Raises
    ------
    ValueError
        If the link is not a sigmoid.
    """
    if loss.link != SIGMOID:
        raise ValueError(
            f"the posterior map is that of one yes/no question, got a loss with link={loss.link!r}"
        )
    return loss.posterior(np.log(probability) - np.log1p(-probability))


def cumulative_share(loss: Loss, logits: Any, targets: Any, points: int) -> tuple[Array, Array]:
    """Return the share of the examples, easiest first, and the share of the loss they account for.

    Raises
    ------
    ValueError
        If there are no examples, all of them cost nothing, or one has infinite cost.
    """
    each = np.sort(np.ravel(replace(loss, reduction="none")(logits, targets, engine="numpy")))
    total = np.cumsum(each, dtype=np.float64)
    if not each.size or not 0.0 < total[-1] < np.inf:
        raise ValueError(
            "logits and targets must be examples of which some cost something and none costs "
            f"infinitely much, got {each.size} that cost {total[-1] if each.size else 0:g} in all"
        )
    kept = np.unique(np.linspace(0, each.size, min(points, each.size + 1)).astype(np.int64))
    return kept / each.size, np.concatenate([[0.0], total])[kept] / total[-1]
