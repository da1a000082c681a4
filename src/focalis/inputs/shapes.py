"""Which shapes of targets, weights and masks fit the scores, and the errors for those that do not."""

from typing import Any, Literal, NamedTuple, Protocol

from focalis.errors import ArgumentError, ArgumentTypeError
from focalis.maths.links import Link

__all__ = [
    "Form",
    "ScoreShape",
    "Shape",
    "check_boolean",
    "check_classes",
    "check_nothing_ignored",
    "check_rows",
    "score_shape",
    "target_form",
]

Shape = tuple[int, ...]
Form = Literal["elementwise", "index", "dense"]


class HasShape(Protocol):
    """Scores, or what is known about them before their numbers are."""

    @property
    def link(self) -> Link:
        """The link that reads them."""

    @property
    def shape(self) -> Shape:
        """Their shape."""

    @property
    def row_shape(self) -> Shape:
        """The shape without the class axis, if there is one."""

    @property
    def axis(self) -> int:
        """The class axis."""


class ScoreShape(NamedTuple):
    """What is known about scores before their numbers are."""

    link: Link
    shape: Shape
    row_shape: Shape
    axis: int


def score_shape(link: Link, shape: Shape, axis: int) -> ScoreShape:
    """Return the shape of scores with this class axis, counted from the front."""
    if len(shape) <= 1 and link.elementwise:
        return ScoreShape(link, shape, shape, axis)
    return ScoreShape(link, shape, (*shape[:axis], *shape[axis + 1 :]), axis)


def target_form(scores: HasShape, found: Shape, dtype: Any, is_integer: bool) -> Form:
    """Return what targets of this shape and type are, or raise if they do not fit the scores."""
    shape, rows = scores.shape, scores.row_shape
    if scores.link.elementwise:
        if found != shape:
            expected = f"the shape of the {{logits}} {shape}"
            raise ArgumentError("targets", expected, tuple(found), must="have")
        return "elementwise"
    if not shape or shape[scores.axis] == 0:
        expected = "an axis of at least one class"
        raise ArgumentError("logits", expected, f"shape {shape}", must="have")
    if found == rows:
        if not is_integer:
            expected = f"class indices, integers of shape {rows}"
            raise ArgumentTypeError("targets", expected, dtype)
        return "index"
    if found == shape:
        return "dense"
    expected = f"shape {rows} (class indices) or {shape} (a number for each class)"
    raise ArgumentError("targets", expected, tuple(found), must="have")


def check_nothing_ignored(form: Form, ignore_index: int | float | None) -> None:
    """Raise if a class index is to be ignored, but the targets have a number for each class."""
    if form == "dense" and ignore_index is not None:
        raise ArgumentError(
            "ignore_index",
            "none",
            repr(ignore_index),
            problem="{argument} applies to class indices, not to {targets} with a number for each "
            "class: expected {expected}, got {got}",
        )


def check_rows(scores: HasShape, name: str, found: Shape) -> None:
    """Raise for weights or a mask without one number per row or, for an elementwise link, element."""
    elementwise = scores.link.elementwise
    if found == scores.row_shape or (elementwise and found == scores.shape):
        return
    options = f"{scores.row_shape}, one for each row"
    if elementwise:
        options += f", or {scores.shape}, one for each element"
    raise ArgumentError(name, options, tuple(found), must="have shape")


def check_classes(scores: HasShape, found: Shape) -> None:
    """Raise unless the shape of a class mask broadcasts to that of the scores."""
    shape = scores.shape
    if len(shape) <= 1 and scores.link.elementwise:
        raise ArgumentError(
            "class_where",
            "None",
            shape,
            problem="{argument} masks classes, and {logits} of shape {got} have no class axis: "
            "expected {expected}",
        )
    if len(found) < len(shape):
        shape = (*scores.row_shape, shape[scores.axis])
    pairs = zip(reversed(found), reversed(shape), strict=False)
    if len(found) > len(shape) or any(n not in (1, m) for n, m in pairs):
        expected = f"one number for each class, or a shape that broadcasts to {shape}"
        raise ArgumentError("class_where", expected, tuple(found), must="have")


def check_boolean(where: Any, boolean: Any, name: str = "where") -> None:
    """Raise unless a mask is of the framework's boolean type."""
    if where.dtype != boolean:
        raise ArgumentTypeError(name, "boolean, True for what counts", where.dtype)
