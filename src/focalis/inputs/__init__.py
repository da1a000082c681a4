"""The arguments of a call: scores, targets, weights and masks, read and checked."""

__all__: list[str] = []
