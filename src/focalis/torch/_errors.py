"""Our errors, of the types that PyTorch raises too, so that programs that catch those go on working.

PyTorch raises a RuntimeError where an argument does not fit, and an IndexError for a class index that is
out of range; the core raises ValueError and TypeError, and for a class index `ClassIndexError`.
"""

from collections.abc import Mapping
from typing import NoReturn

from focalis.functional._evaluation import renamed

__all__ = ["ArgumentError", "ArgumentTypeError", "raise_named"]


class ArgumentError(ValueError, RuntimeError):
    """An argument that does not fit."""


class ArgumentTypeError(TypeError, RuntimeError):
    """An argument of a wrong type."""


def raise_named(error: TypeError | ValueError, names: Mapping[str, str]) -> NoReturn:
    """Raise an error as PyTorch's too, with the caller's names of the arguments."""
    if not isinstance(error, RuntimeError | IndexError):
        kind = ArgumentTypeError if isinstance(error, TypeError) else ArgumentError
        error = kind(*error.args).with_traceback(error.__traceback__)
    if not names:
        raise error from None
    with renamed(**names):
        raise error from None
