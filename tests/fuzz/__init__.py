"""Random losses on random arrays: the engines against each other and against definitions in float64.

``python -m tests.fuzz --seconds 600`` prints its seed, and how many cases and numbers it has checked; a
failure is printed with the case's number, and ``--seed N --first NUMBER --cases 1`` repeats it.
``python -m tests.fuzz.comparison`` kills and resumes comparisons.
"""
