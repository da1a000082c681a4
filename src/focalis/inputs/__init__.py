"""What a caller hands over beside the logits: targets, weights and masks, read and checked."""

__all__: list[str] = []
