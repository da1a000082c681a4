"""The losses of a comparison: the default list, what the user adds, and what the user picks."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

import focalis
from focalis.compare.errors import InputError
from focalis.maths.links import Link, link_for
from focalis.parsing import UnknownLossError
from focalis.weights import inverse_frequency

BASELINE = "cross-entropy"

# The focal losses use the alpha that the RetinaNet paper found best for each gamma (table 1b of arXiv
# 1708.02002); FL* uses the parameters of its table 3.
_BINARY = {
    "focal": (
        "focal(gamma=.5, alpha=.5)",
        "focal(gamma=1, alpha=.25)",
        "focal(gamma=2, alpha=.25)",
        "focal(gamma=5, alpha=.25)",
    ),
    "focal star": ("focal_star(gamma=2, beta=1)",),
    "poly1": ("poly1(epsilon=1)",),
}
_MULTICLASS = {
    **_BINARY,
    "focal": tuple(f"focal(gamma={gamma})" for gamma in (".5", "1", "2", "5")),
}


@dataclass(frozen=True)
class Candidate:
    """A loss to compare, before any balancing.

    ``name`` is unique within a comparison, ``family`` the name for `--losses`; ``balanced`` means that
    classes are weighted by their inverse frequency in the training fold.
    """

    name: str
    family: str
    loss: focalis.Loss
    balanced: bool = False

    def fitted(
        self, targets: NDArray[np.int64], weights: NDArray[np.float64], n_classes: int
    ) -> focalis.Loss:
        """Return the loss for a training fold in which every class occurs.

        If the candidate is balanced, it has inverse-frequency weights: alpha for two classes, class
        weights with a mean of 1 over the rows for more.

        Examples
        --------
        >>> candidate = choose_losses(2, picks=("balanced cross-entropy",))[1]
        >>> print(candidate.fitted(np.array([0, 0, 0, 1]), np.ones(4), 2))
        cross_entropy(alpha=.75)
        """
        if not self.balanced:
            return self.loss
        factors = inverse_frequency(targets, n_classes=n_classes, sample_weight=weights)
        if n_classes == 2:
            return replace(self.loss, alpha=float(factors[1] / factors.sum()))
        return replace(self.loss, class_weight=tuple(factors))


def choose_losses(
    n_classes: int, extra: Sequence[str] = (), picks: Sequence[str] = ()
) -> list[Candidate]:
    """Return the losses to compare, cross-entropy first, without duplicates.

    By default, for two classes: cross-entropy, α-balanced cross-entropy, focal at γ = 0.5, 1, 2, 5,
    focal* and poly-1. For more classes a single α would only rescale the loss, so balanced
    cross-entropy and the focal losses have class weights instead, from each training fold's
    frequencies. `extra` are losses to add, `picks` what to compare instead of all defaults: a family
    such as "focal" stands for all its members, and anything else is read as a loss.

    Examples
    --------
    >>> [candidate.name for candidate in choose_losses(2, picks=("poly-1",))]
    ['cross-entropy', 'poly1(epsilon=1)']
    >>> [candidate.name for candidate in choose_losses(3, extra=("focal(gamma=3)",), picks=("ce",))]
    Traceback (most recent call last):
    focalis.compare.errors.InputError: losses: unknown loss 'ce' in 'ce': did you mean ...
    """
    link = link_for(n_classes)
    defaults = _defaults(link)
    if picks:
        chosen = [defaults[0]]
        for pick in picks:
            members = [one for one in defaults if _folded(one.family) == _folded(pick)]
            chosen += members or [_picked(pick, link, n_classes, defaults)]
    else:
        chosen = defaults
    chosen = chosen + [_read(text, link, "loss", n_classes) for text in extra]
    unique: dict[tuple[focalis.Loss, bool], Candidate] = {}
    for candidate in chosen:
        unique.setdefault((candidate.loss, candidate.balanced), candidate)
    return list(unique.values())


def _defaults(link: Link) -> list[Candidate]:
    cross_entropy = focalis.parse("cross_entropy", link=link)
    candidates = [
        Candidate(BASELINE, BASELINE, cross_entropy),
        Candidate(f"balanced {BASELINE}", f"balanced {BASELINE}", cross_entropy, balanced=True),
    ]
    for family, texts in (_BINARY if link.elementwise else _MULTICLASS).items():
        balanced = not link.elementwise and family == "focal"
        for text in texts:
            loss = focalis.parse(text, link=link)
            name = f"balanced {_name(loss)}" if balanced else _name(loss)
            candidates.append(Candidate(name, family, loss, balanced))
    return candidates


def _picked(pick: str, link: Link, n_classes: int, defaults: list[Candidate]) -> Candidate:
    """Read a pick that is not a family; for an unknown loss the error also lists the families."""
    try:
        return _read(pick, link, "losses", n_classes)
    except InputError as error:
        if not isinstance(error.__cause__, UnknownLossError):
            raise
        families = dict.fromkeys(one.family for one in defaults)
        raise InputError(f"{error} (or a family: {', '.join(families)})") from error


def _read(text: str, link: Link, argument: str, n_classes: int) -> Candidate:
    try:
        loss = focalis.parse(text, link=link)
        loss.answer_weights(1 if n_classes == 2 else n_classes, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{argument}: {error}") from error
    if loss.link != link:
        raise InputError(
            f"{argument}: a target with {n_classes} classes needs a {link} loss, got {text!r}"
        )
    if loss.ignore_index is not None or loss.reduction != "mean":
        raise InputError(
            f"{argument}: ignore_index and reduction have no place in a comparison, got {text!r}"
        )
    return Candidate(_name(loss), loss.margin_loss.name, loss)


def _name(loss: focalis.Loss) -> str:
    """Return the text of a loss without its link, which is the same for all."""
    text = str(loss).removeprefix("softmax_")
    family, parenthesis, arguments = text.partition("(")
    return family.replace("_", "-") + parenthesis + arguments


def _folded(family: str) -> str:
    return re.sub(r"[\s_-]", "", family.casefold()).replace("*", "star")
