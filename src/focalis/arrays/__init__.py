"""From scores, targets, weights and masks to a loss, written once in verbs that every framework has."""

__all__: list[str] = []
