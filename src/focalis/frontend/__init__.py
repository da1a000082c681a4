"""What the front ends share, written for the arrays of any framework; no framework is imported."""

__all__: list[str] = []
