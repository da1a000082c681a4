"""Which shapes of targets, weights and masks go with scores, and what is said of others."""

from typing import Any

from focalis.loss import Loss

__all__ = ["check_boolean", "check_classes", "check_rows", "check_targets", "row_shape"]

Shape = tuple[int, ...]


def row_shape(loss: Loss, shape: Shape, axis: int) -> Shape:
    """Return the shape of the rows: that of the scores without their class axis, where they have one."""
    if len(shape) <= 1 and loss.link.elementwise:
        return shape
    return (*shape[:axis], *shape[axis + 1 :])


def check_targets(
    loss: Loss, shape: Shape, rows: Shape, axis: int, found: Any, dtype: Any, integers: bool
) -> None:
    """Raise for targets of a shape `found` and type that do not go with scores of this shape."""
    if loss.link.elementwise:
        if found != shape:
            raise ValueError(
                f"targets with link={loss.link!r} must have the shape of the logits {shape}, "
                f"got {tuple(found)}"
            )
        return
    if not shape or shape[axis] == 0:
        raise ValueError(
            f"logits with link={loss.link!r} must have an axis of at least one class, got shape {shape}"
        )
    if found == rows:
        if not integers:
            raise TypeError(
                f"targets of shape {rows} are class indices and must be integers, got {dtype}"
            )
    elif found != shape:
        raise ValueError(
            f"targets with link={loss.link!r} must have shape {rows} (class indices) or {shape} (a "
            f"number for each class), got {tuple(found)}"
        )
    elif loss.ignore_index is not None:
        raise ValueError(
            "ignore_index applies to class indices; with a target for each class use where= "
            f"instead, got ignore_index={loss.ignore_index!r}"
        )


def check_rows(loss: Loss, name: str, found: Any, rows: Shape, shape: Shape) -> None:
    """Raise for weights or a mask that have a number neither for each row nor, may be, element."""
    elementwise = loss.link.elementwise
    if found == rows or (elementwise and found == shape):
        return
    options = f"{rows}, one for each row"
    if elementwise:
        options += f", or {shape}, one for each element"
    raise ValueError(f"{name} must have shape {options}, got {tuple(found)}")


def check_classes(loss: Loss, found: Shape, shape: Shape, axis: int) -> None:
    """Raise for a mask of classes whose shape does not broadcast to that of the scores."""
    if len(shape) <= 1 and loss.link.elementwise:
        raise ValueError(
            f"class_where masks classes, and logits of shape {shape} with link={loss.link!r} have no "
            "class axis: expected None"
        )
    if len(found) < len(shape):
        shape = (*row_shape(loss, shape, axis), shape[axis])
    pairs = zip(reversed(found), reversed(shape), strict=False)
    if len(found) > len(shape) or any(n not in (1, m) for n, m in pairs):
        raise ValueError(
            f"class_where must have one number for each class, or a shape that broadcasts to {shape}, "
            f"got {tuple(found)}"
        )


def check_boolean(where: Any, boolean: Any, name: str = "where") -> None:
    """Raise for a mask whose type is not the framework's own of truth values."""
    if where.dtype != boolean:
        raise TypeError(f"{name} must be boolean, True where a target counts, got {where.dtype}")
