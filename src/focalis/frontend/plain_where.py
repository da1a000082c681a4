"""`where` for plain truth values, which conditions on a loss's parameters alone are."""

from typing import Any

import numpy as np

from focalis import vocabulary

_OF_NUMPY = (np.ndarray, np.generic, int, float)


def _where(condition: bool | np.bool_, a: Any, b: Any) -> Any:
    """Return one of the two, whichever front end's arrays they are."""
    if isinstance(a, _OF_NUMPY) and isinstance(b, _OF_NUMPY):
        return np.where(condition, a, b)
    return a if condition else b


for _kind in (bool, np.bool_):
    vocabulary.where.register(_kind, _where)
