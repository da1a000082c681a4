"""From scores, targets, weights and masks to a loss: once, in the verbs that every framework has."""

__all__: list[str] = []
