"""The mathematics of the family: links, one row at a time, posteriors."""

__all__: list[str] = []
