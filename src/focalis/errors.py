"""What is wrong with an argument, in fields that are put into words when the error is read.

The core knows an argument by one name, a front end by another, and so an error names it at the end:
what is raised says ``"{logits}"``, and a front end says what it calls them by `renamed`. The errors are
RuntimeErrors besides, and of a class index IndexErrors, which is what PyTorch raises.
"""

from collections.abc import Mapping
from typing import Any

__all__ = ["ArgumentError", "ArgumentTypeError", "ClassIndexError", "WordedError", "renamed"]


class WordedError(Exception):
    """An argument that does not fit: "{argument} must be {expected}, got {got} at position {position}".

    Parameters
    ----------
    argument : str
        Its name in the core; with nothing else, a text as it is, which is how frameworks make an error
        again with words of their own around it.
    expected : str
        What it must be; other arguments of the core stand in braces.
    got : object
        What came, and is not kept but as a text.
    position : tuple of int, optional
        Where, if it is one number of many.
    must : str, default "be"
        The verb before `expected`, such as "have shape".
    of : str, optional
        What it is an argument of, if not of the function.
    problem : str, optional
        A sentence for what that one does not fit, with ``{argument}``, ``{expected}`` and ``{got}``.
    """

    ag_pass_through = True
    """To TensorFlow, which otherwise makes of an error in a graph one of a type of its own."""

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
        # With these it is pickled and copied; the rest is in its dictionary.
        super().__init__(argument, expected, got, position)
        self._argument, self._expected = argument, expected
        self.got, self.position = got, position
        self._must, self._of, self._problem = must, of, problem
        self._names: dict[str, str] = {}

    @property
    def argument(self) -> str:
        """The name of the argument, to the caller."""
        return self._names.get(self._argument, self._argument)

    @property
    def expected(self) -> str:
        """What was expected, with the caller's names of other arguments."""
        return self._expected.format_map(_Named(self._names))

    def rename(self, names: Mapping[str, str]) -> None:
        """Call arguments as a caller does who has these names for them."""
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
    """An argument that does not fit."""


class ArgumentTypeError(WordedError, TypeError, RuntimeError):
    """An argument of a wrong type."""


class ClassIndexError(ArgumentError, IndexError):
    """A class index that is out of range."""


class _Named(dict[str, str]):
    """Names of arguments; one that has no other keeps its own."""

    def __missing__(self, name: str) -> str:
        return name


class renamed:  # noqa: N801  # read as the verb that it is
    """Call arguments as the caller does, in the errors of what runs inside."""

    __slots__ = ("_names",)

    def __init__(self, **names: str) -> None:
        self._names = names

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, WordedError):
            error.rename(self._names)
