"""Errors about an argument, kept as fields that are put into words when the error is printed.

The core and a front end may know an argument by different names, so an error is worded last: the core
raises it with ``"{logits}"``, and the front end supplies its names with `renamed`. Every error here is
also a RuntimeError, and one about a class index an IndexError, because PyTorch raises those.
"""

from collections.abc import Mapping
from typing import Any


class WordedError(Exception):
    """An argument that does not fit: "{argument} must be {expected}, got {got} at position {position}".

    Parameters
    ----------
    argument : str
        Its name in the core; if it is the only argument, the whole text, since frameworks rebuild an
        error from a text that they have added to.
    expected : str
        What it must be; other arguments of the core are named in braces.
    got : object
        What came instead; only its text is kept.
    position : tuple of int, optional
        Where, if it is one number of several.
    must : str, default "be"
        The verb before `expected`, such as "have shape".
    of : str, optional
        What the argument belongs to, if not to the function.
    problem : str, optional
        A sentence to use when the usual one does not fit, with ``{argument}``, ``{expected}`` and
        ``{got}``.
    """

    ag_pass_through = True
    """Read by TensorFlow, which otherwise replaces an error in a graph by one of TensorFlow's."""

    def __init__(
        self,
        argument: str,
        expected: str = "",
        got: object = "",
        position: tuple[int, ...] | None = None,
        *,
        must: str = "be",
        of: str = "",
        problem: str = "",
    ) -> None:
        got = str(got)
        # Pickling and copying pass these to the constructor; the rest travels in __dict__.
        super().__init__(argument, expected, got, position)
        self._argument, self._expected = argument, expected
        self.got, self.position = got, position
        self._must, self._of, self._problem = must, of, problem
        self._names: dict[str, str] = {}

    @property
    def argument(self) -> str:
        """The name of the argument as the caller knows it."""
        return self._names.get(self._argument, self._argument)

    @property
    def expected(self) -> str:
        """What was expected, with other arguments named as the caller knows them."""
        return self._expected.format_map(_Named(self._names))

    def rename(self, names: Mapping[str, str]) -> None:
        """Use a caller's names for the arguments."""
        inner = {ours: names.get(name, name) for ours, name in self._names.items()}
        self._names = {**names, **inner}

    def __str__(self) -> str:
        """Put the fields into words."""
        if not (self._expected or self._problem):
            return self._argument
        of = f" of {self._of}" if self._of else ""
        sentence = self._problem or f"{{argument}}{of} must {self._must} {{expected}}, got {{got}}"
        fields = {"argument": self.argument, "expected": self.expected, "got": self.got}
        at = self.position
        where = f" at position {at[0] if len(at) == 1 else at}" if at else ""
        return sentence.format_map(_Named(self._names | fields)) + where


class ArgumentError(WordedError, ValueError, RuntimeError):
    """An argument whose value does not fit."""


class ArgumentTypeError(WordedError, TypeError, RuntimeError):
    """An argument of the wrong type."""


class ClassIndexError(ArgumentError, IndexError):
    """A class index that is out of range."""


class _Named(dict[str, str]):
    """The names of arguments; one without another name stands for itself."""

    def __missing__(self, name: str) -> str:
        return name


class renamed:  # noqa: N801  # reads as a verb: with renamed(logits="input")
    """Use the caller's names for arguments in errors raised inside the block."""

    __slots__ = ("_names",)

    def __init__(self, **names: str) -> None:
        self._names = names

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, WordedError):
            error.rename(self._names)
