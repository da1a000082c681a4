"""The settings of a loss, one row each; every list of settings is derived from this table."""

from dataclasses import dataclass
from typing import Any, Literal

from focalis.maths.links import Link


@dataclass(frozen=True)
class Setting:
    """A setting of `focalis.Loss`.

    Parameters
    ----------
    name : str
        The keyword of `Loss`.
    meaning : str
        What it does, in the words of the command line and the catalogue.
    kind : {"weight", "number", "word", "target"}
        A weight (one number or one per class), a number, one of several words, or a target.
    letter : str, optional
        The symbol in papers and plots.
    of_a_row : bool, default True
        Whether it changes what a row that counts adds to the loss, and hence which loss it is.
    elementwise_only : bool, default False
        Whether only yes/no questions have it.
    """

    name: str
    meaning: str
    kind: Literal["weight", "number", "word", "target"]
    letter: str = ""
    of_a_row: bool = True
    elementwise_only: bool = False


SETTINGS = (
    Setting("alpha", "weights the answers", "weight", "α"),
    Setting("pos_weight", "a factor for positives", "weight", elementwise_only=True),
    Setting("class_weight", "a factor for each class", "weight"),
    Setting("label_smoothing", "moves targets this far towards the middle", "number"),
    Setting("positives", "whether the positives of a row share its weight", "word"),
    Setting("ignore_index", "a target that does not count", "target", of_a_row=False),
    Setting("reduction", "how losses become one number", "word", of_a_row=False),
)
WEIGHTS = tuple(row.name for row in SETTINGS if row.kind == "weight")


def weights_of(link: Link) -> tuple[str, ...]:
    """Return the names of the weights that a loss with this link can have."""
    elementwise_only = {row.name for row in SETTINGS if row.elementwise_only}
    return tuple(one for one in WEIGHTS if link.elementwise or one not in elementwise_only)


def largest_weight(name: str, link: Link, largest: float) -> float:
    """Return the largest value of a weight: 1 for an α of yes/no questions, else that of the type."""
    return 1.0 if name == "alpha" and link.elementwise else largest


def weight_of_no(name: str, link: Link, weight: Any) -> Any:
    """Return the weight of a negative answer, or None if the setting is for positive answers only."""
    if name == "alpha" and link.elementwise:
        return 1.0 - weight
    return weight if name == "class_weight" else None
