"""The arguments of a call, which every front end reads from its signature."""

from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["Arguments"]


class Arguments(NamedTuple):
    """The arguments of a loss: arrays of any framework.

    All but the last two may have the class axis.
    """

    logits: Any
    targets: Any
    sample_weight: Any = None
    where: Any = None
    class_where: Any = None
    normalizer: Any = None
    parameters: Mapping[str, Any] | None = None
