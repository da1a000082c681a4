"""From a function in the vocabulary to source code.

A margin loss is straight-line code, so calling it once on symbols records everything it does. The text
contains no numbers: constants are numbered and passed to the compiled code as arguments, rounded once
from the float64 in which Python computed them. Losses that differ only in their parameters share one
compiled kernel, and an edit anywhere in what a loss calls changes the text.
"""

from collections.abc import Callable
from typing import Any

from focalis import vocabulary


class _Recorder:
    """The lines and the constants of one trace."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.constants: list[tuple[object, float]] = []
        self._known: dict[str, str] = {}

    def emit(self, expression: str) -> "Symbol":
        # Reuse the value of a repeated expression: the compiler would find it too, but more slowly.
        if expression not in self._known:
            name = f"t{len(self.lines)}"
            self.lines.append(f"    {name} = {expression}")
            self._known[expression] = name
        return Symbol(self, self._known[expression])

    def name(self, operand: Any) -> str:
        if isinstance(operand, Symbol):
            return operand.name
        if isinstance(operand, bool) or not isinstance(operand, int | float):
            raise TypeError(
                "a margin loss may combine its arguments only with numbers and each other, "
                f"got {type(operand).__name__}"
            )
        # Constants are told apart by object: the same literal twice is one constant, but a parameter
        # that happens to equal a literal is another, so that its value does not change the text.
        for i, (known, _) in enumerate(self.constants):
            if known is operand:
                return f"c[{i}]"
        self.constants.append((operand, float(operand)))
        return f"c[{len(self.constants) - 1}]"


class Symbol(vocabulary.Operand):
    """Stands in for an array element while a function is traced."""

    def __init__(self, recorder: _Recorder, name: str) -> None:
        self.recorder = recorder
        self.name = name

    def __bool__(self) -> bool:
        raise TypeError(
            "a margin loss must be straight-line code: choose with where(condition, a, b), "
            "not with if, and, or, min or max"
        )

    def __neg__(self) -> "Symbol":
        return self.recorder.emit(f"-{self.name}")


def _operator(symbol: str, reflected: bool) -> Callable[[Symbol, Any], Symbol]:
    def apply(self: Symbol, other: Any) -> Symbol:
        left, right = (other, self) if reflected else (self, other)
        names = self.recorder.name(left), self.recorder.name(right)
        return self.recorder.emit(f"{names[0]} {symbol} {names[1]}")

    return apply


for _name, _symbol in (("add", "+"), ("sub", "-"), ("mul", "*"), ("truediv", "/")):
    setattr(Symbol, f"__{_name}__", _operator(_symbol, reflected=False))
    setattr(Symbol, f"__r{_name}__", _operator(_symbol, reflected=True))
for _name, _symbol in (("lt", "<"), ("le", "<="), ("gt", ">"), ("ge", ">="), ("eq", "==")):
    setattr(Symbol, f"__{_name}__", _operator(_symbol, reflected=False))
Symbol.__hash__ = object.__hash__  # type: ignore[method-assign]


def _primitive(name: str) -> Callable[..., Symbol]:
    def record(first: Symbol, *rest: Any) -> Symbol:
        names = [first.recorder.name(operand) for operand in (first, *rest)]
        return first.recorder.emit(f"{name}({', '.join(names)})")

    return record


vocabulary.teach({name: _primitive(name) for name in vocabulary.PRIMITIVES}, [Symbol])


def trace(
    name: str, function: Callable[..., tuple[Any, ...]], arguments: tuple[str, ...]
) -> tuple[str, list[float]]:
    """Return the source of `function` as straight-line code, and its constants.

    The source is ``def name(*arguments, c): …``, where ``c`` holds the constants. A function that does
    something that the vocabulary cannot express is a TypeError.
    """
    recorder = _Recorder()
    try:
        results = function(*(Symbol(recorder, argument) for argument in arguments))
    except TypeError as error:
        # NumPy's error, whose text alone tells what it is about.
        if "ufunc" not in str(error):
            raise
        raise TypeError(
            "a margin loss is written in the names of focalis.vocabulary, such as log and where, "
            f"not in NumPy's: {error}"
        ) from error
    names = [recorder.name(result) for result in results]
    head = f"def {name}({', '.join(arguments)}, c):"
    source = "\n".join([head, *recorder.lines, f"    return {', '.join(names)}", ""])
    return source, [value for _, value in recorder.constants]
