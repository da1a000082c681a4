"""What the algorithm needs of a framework: verbs, and hooks for its derivatives and compiler."""

from collections.abc import Callable
from typing import Any, Protocol

Array = Any
"""An array of the framework. Arithmetic, comparisons, indexing and `shape` are used directly."""


class Verbs(Protocol):
    """The verbs of one framework. Unless stated otherwise, a verb reduces the last axis and keeps it.

    `where` and `clip` take Python numbers as well as arrays; the functions of `focalis.vocabulary`
    work for every framework.
    """

    # Types and numbers.
    def computing_type(self, x: Array, probabilities: bool) -> Any:
        """Return the type to compute scores in."""

    def cast(self, x: Array, dtype: Any) -> Array:
        """Return an array in another type."""

    def index(self, t: Array) -> Array:
        """Return integers in at least 32 bits, and other numbers unchanged."""

    def number(self, value: Any, like: Array) -> Array:
        """Return a number, a sequence or an array as an array of another one's type."""

    def zeros(self, like: Array) -> Array:
        """Return zeros in the shape and type of another array."""

    def finfo(self, x: Array) -> Any:
        """Return `numpy.finfo` of a floating type."""

    # One element at a time.
    def where(self, condition: Array, a: Any, b: Any) -> Array:
        """Return a where the condition holds and b elsewhere."""

    def clip(self, x: Array, low: float | None, high: float | None) -> Array:
        """Return x clipped to [low, high]; NaN stays NaN."""

    def isnan(self, x: Array) -> Array:
        """Return True where a number is NaN."""

    def differs(self, x: Array, number: float) -> Array:
        """Return True where x is not this number, which the type of x may be unable to hold."""

    # Shapes.
    def moved(self, x: Array, source: int, destination: int) -> Array:
        """Return x with one axis moved."""

    def broadcast(self, x: Array, like: Array) -> Array:
        """Return x in the shape of another array."""

    def classes(self, x: Array, like: Array) -> Any:
        """Return the length of the last axis, as a number that can be combined with `like`."""

    def size(self, x: Array, rows: bool) -> Array:
        """Return the number of elements, or rows, in the type of x."""

    def count(self, mask: Array, like: Array) -> Array:
        """Return how many entries of a mask are True, in the type of another array."""

    # Along the classes.
    def total(self, x: Array) -> Array:
        """Return the sum over all axes, without dimensions."""

    def sum(self, x: Array) -> Array:
        """Return the sums."""

    def max(self, x: Array) -> Array:
        """Return the largest numbers."""

    def any(self, x: Array) -> Array:
        """Return True where any entry is."""

    def argmax(self, x: Array) -> Array:
        """Return the class (…) of the first largest entry, without a derivative."""

    def is_class(self, t: Array, x: Array) -> Array:
        """Return True (…, C) at the classes t (…) of x."""

    def pick(self, x: Array, t: Array) -> Array:
        """Return the entries (…) of the classes t (…)."""

    def take(self, by_class: Array, t: Array) -> Array:
        """Return the numbers (…) of the classes t (…), out of numbers (C,)."""

    def without(self, x: Array, t: Array) -> Array:
        """Return x (…, C) with −∞ at the classes t (…)."""


class Hooks(Verbs, Protocol):
    """The verbs, and what ties derivatives together or steers a compiler."""

    def along(self, f: Callable[..., Any], i: int) -> Callable[..., Any]:
        """Return the derivative of an elementwise function by its i-th argument."""

    def companions(self, m: Array) -> tuple[Array, Array, Array, Array]:
        """Return `focalis.maths.links.at_margin`, with derivatives q, −p, p q and −p q."""

    def margins(self, x: Array, t: Array) -> Array:
        """Return the margins (…) of the classes t (…) in rows of logits x (…, C)."""

    def all_margins(self, x: Array) -> tuple[Array, Any]:
        """Return the margins (…, C) of all classes, and any companions that `weighted` can use."""

    def quiet(self, x: Array, share: Array, kept: Array | None, harmless: float) -> Array:
        """Return scores, harmless where the share is 0 unless a derivative by the share is wanted.

        Scores that are not `kept` are made harmless in any case.
        """

    def asked(self, x: Array, shares: tuple[Array, Array]) -> Array:
        """Return logits, harmless where neither yes nor no has a share (a class weight of 0).

        A framework whose `weighted` handles each share separately returns them unchanged.
        """

    def weighted(
        self, terms: Any, x: Array, shares: Any, values: tuple[Array, ...], companions: Any
    ) -> Array:
        """Return Σ share × margin loss over the answers that a score speaks for and against.

        A share of 0 contributes exactly 0, with derivatives of 0. The second share may be missing.
        """

    def mean(self, values: Array, denominator: Array | None) -> Array:
        """Return the sum of the values, divided by the denominator if there is one."""
