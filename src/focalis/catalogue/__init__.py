"""The catalogue: every name that frameworks give to losses of this family, and what it means.

A name is a `focalis.Loss` and, where its inputs differ, a named transform of its scores or targets:

>>> from focalis.catalogue import lookup
>>> for entry in lookup("FocalLoss"):
...     print(entry.name, "=", entry.text)  # doctest: +ELLIPSIS
sigmoid focal loss = focal(gamma=2)
softmax focal loss = softmax_focal(gamma=2)
...

To add a name, add an `Entry` to its framework's file in ``catalogue/names``, and its proof to the tests;
formulas, descriptions and equivalents are derived.
"""

from focalis.catalogue.entry import REQUIRED, Entry, Parameter
from focalis.catalogue.relations import counterparts, equivalents
from focalis.catalogue.search import entries, lookup
from focalis.catalogue.transforms import ScoreTransform, TargetTransform

__all__ = [
    "REQUIRED",
    "Entry",
    "Parameter",
    "ScoreTransform",
    "TargetTransform",
    "counterparts",
    "entries",
    "equivalents",
    "lookup",
]
