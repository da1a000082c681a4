"""Random losses on random arrays: the engines against each other and against definitions in float64.

``python -m tests.fuzz --seconds 600`` prints its seed and how many numbers it has put in; a failure is
printed with its number, and ``--seed N --first NUMBER --cases 1`` does it again.
``python -m tests.fuzz.comparison`` kills and resumes comparisons.
"""
