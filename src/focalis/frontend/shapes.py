"""Which shapes of targets, weights and masks fit the scores, and the errors for those that do not."""

from typing import Any

from focalis.errors import ArgumentError, ArgumentTypeError
from focalis.inputs.targets import check_nothing_ignored
from focalis.loss import Loss

__all__ = ["check_boolean", "check_classes", "check_rows", "check_targets", "row_shape"]

Shape = tuple[int, ...]


def row_shape(loss: Loss, shape: Shape, axis: int) -> Shape:
    """Return the shape of the rows: that of the scores without the class axis, if they have one."""
    if len(shape) <= 1 and loss.link.elementwise:
        return shape
    return (*shape[:axis], *shape[axis + 1 :])


def check_targets(
    loss: Loss, shape: Shape, rows: Shape, axis: int, found: Any, dtype: Any, integers: bool
) -> None:
    """Raise for targets whose shape `found` or type does not fit scores of this shape."""
    if loss.link.elementwise:
        if found != shape:
            expected = f"the shape of the {{logits}} {shape}"
            raise ArgumentError("targets", expected, tuple(found), must="have")
        return
    if not shape or shape[axis] == 0:
        expected = "an axis of at least one class"
        raise ArgumentError("logits", expected, f"shape {shape}", must="have")
    if found == rows:
        if not integers:
            expected = f"class indices, integers of shape {rows}"
            raise ArgumentTypeError("targets", expected, dtype)
    elif found != shape:
        expected = f"shape {rows} (class indices) or {shape} (a number for each class)"
        raise ArgumentError("targets", expected, tuple(found), must="have")
    else:
        check_nothing_ignored(loss.ignore_index)


def check_rows(loss: Loss, name: str, found: Any, rows: Shape, shape: Shape) -> None:
    """Raise for weights or a mask without one number per row or, for an elementwise link, element."""
    elementwise = loss.link.elementwise
    if found == rows or (elementwise and found == shape):
        return
    options = f"{rows}, one for each row"
    if elementwise:
        options += f", or {shape}, one for each element"
    raise ArgumentError(name, options, tuple(found), must="have shape")


def check_classes(loss: Loss, found: Shape, shape: Shape, axis: int) -> None:
    """Raise for a mask of classes whose shape does not broadcast to that of the scores."""
    if len(shape) <= 1 and loss.link.elementwise:
        raise ArgumentError(
            "class_where",
            "None",
            shape,
            problem="{argument} masks classes, and {logits} of shape {got} have no class axis: "
            "expected {expected}",
        )
    if len(found) < len(shape):
        shape = (*row_shape(loss, shape, axis), shape[axis])
    pairs = zip(reversed(found), reversed(shape), strict=False)
    if len(found) > len(shape) or any(n not in (1, m) for n, m in pairs):
        expected = f"one number for each class, or a shape that broadcasts to {shape}"
        raise ArgumentError("class_where", expected, tuple(found), must="have")


def check_boolean(where: Any, boolean: Any, name: str = "where") -> None:
    """Raise for a mask that is not of the framework's boolean type."""
    if where.dtype != boolean:
        raise ArgumentTypeError(name, "boolean, True for what counts", where.dtype)
