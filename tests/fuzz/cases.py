"""One case: a loss and its arrays, drawn from a seed, and what it must give."""

import math

import numpy as np

import focalis
from focalis import Loss, margin
from focalis.curvature import POLICIES
from focalis.maths.links import LINKS

from .memory import place, placed
from .reference import elementwise, rows

ENGINES = ("numpy", "numba")
ROWS = ("softmax", "simplex")
A_RUN = 100  # cases that share compiled kernels, since compiling takes longer than anything else
MOST_TERMS = 1 << 18
LARGE = 1 << 19  # elements in a chunk, so that threads share the call

try:
    import ml_dtypes

    HALVES = (np.float16, ml_dtypes.bfloat16)
except ImportError:
    HALVES = (np.float16,)


class WrongResultError(Exception):
    """The result of a case is not what it must be."""


class Kind:
    """What the cases of one run have in common."""

    def __init__(self, seed, run):
        rng = np.random.default_rng([seed, run, 0])
        self.link = str(rng.choice(list(LINKS)))
        self.family = str(
            rng.choice(
                ["cross_entropy", "focal", "focal_star", "poly1", "generalized_cross_entropy"]
            )
        )
        kinds = [np.float32, np.float64, *HALVES]
        self.dtype = np.dtype(
            kinds[rng.choice(len(kinds), p=[0.4, 0.4, *[0.2 / len(HALVES)] * len(HALVES)])]
        )
        self.curvature = str(rng.choice(POLICIES, p=[0.7, 0.1, 0.1, 0.1]))
        self.dense = self.link in ROWS and rng.random() < 0.4
        # These choose another form of a kernel.
        self.weighted, self.unreduced, self.second_order = map(
            bool, rng.random(3) < [0.5, 0.4, 0.4]
        )
        self.type_of_targets = int(rng.choice(5))
        self.writeable, self.aligned = map(bool, rng.random(2) < 0.9)


class Case:
    """A loss, its arguments, and the weights that they stand for."""

    def __init__(self, seed, number):
        self.kind = Kind(seed, number // A_RUN)
        self.rng = np.random.default_rng([seed, number // A_RUN, 1 + number % A_RUN])
        self.shape = self._shape()
        self.n_classes = self.shape[-1] if self.shape and not self._is_flat else 1
        self.loss = self._loss()
        self._draw()

    def __str__(self):
        parts = [f"{self.loss!r}", f"{self.kind.dtype}{self.shape}", f"logits {self.x.layout}"]
        parts += [f"targets {self.t.array.dtype} {self.t.layout}"]
        for name, made in (("sample_weight", self.weight), ("where", self.where)):
            parts += [] if made is None else [f"{name}{made.array.shape} {made.layout}"]
        return ", ".join([*parts, f"curvature {self.kind.curvature}"])

    @property
    def _is_flat(self):
        return self.kind.link not in ROWS and len(self.shape) <= 1

    def _shape(self):
        rng, kind = self.rng, self.kind
        classes = int(rng.choice([1, 2, 3, 4, 5, 7, 10, 17, 48, 49, 63, 100, 257, 300]))
        if kind.dense:
            classes = min(classes, int(rng.choice([3, 10, 60])))
        cost = classes * (classes if kind.dense else 1)
        most = max(2, MOST_TERMS // cost)
        size = int(most ** rng.random())
        if rng.random() < 0.02 and not kind.dense:
            size = LARGE // classes + size
        form = rng.integers(6)
        if kind.link not in ROWS:
            if form == 0:
                return ()
            if form == 1:
                return (int(rng.choice([0, 1, size * classes])),)
            if form == 2:
                return (size * classes,)
        if kind.link in ROWS and form == 0:
            return (classes,)
        if form == 3:
            return (0, classes) if rng.random() < 0.3 else (2, max(1, size // 6), 3, classes)
        if form == 4:
            side = max(1, math.isqrt(max(1, size // 3)))
            return (3, side, side, classes)
        return (size, classes)

    def _loss(self):
        rng, kind = self.rng, self.kind
        parameters = {
            "cross_entropy": {},
            "focal": {"gamma": float(rng.choice([0, 0.5, 1, 2, 3.5, 5, rng.uniform(0, 6)]))},
            "focal_star": {"gamma": rng.uniform(0.3, 4), "beta": rng.uniform(-2, 2)},
            "poly1": {"epsilon": float(rng.choice([-1, 0, 1, rng.uniform(-1, 5)]))},
            "generalized_cross_entropy": {"kappa": float(rng.choice([0.1, 0.7, 1]))},
        }[kind.family]
        reductions = ["none"] if kind.unreduced else ["sum", "mean", "batchmean"]
        options = {"reduction": str(rng.choice(reductions))}

        def factor(high):
            some = rng.uniform(0, high, self.n_classes) * (rng.random(self.n_classes) < 0.9)
            return float(rng.uniform(0, high)) if rng.random() < 0.5 else tuple(map(float, some))

        if rng.random() < 0.3:
            options["alpha"] = factor(1)
        elif kind.link not in ROWS and rng.random() < 0.3:
            options["pos_weight"] = factor(5)
        if rng.random() < 0.2:
            options["class_weight"] = tuple(map(float, rng.uniform(0, 3, self.n_classes)))
        if rng.random() < 0.15:
            options["label_smoothing"] = float(rng.uniform(0, 0.5))
        elif kind.dense and rng.random() < 0.2:
            options["positives"] = "mean"
        if kind.weighted and not kind.dense and rng.random() < 0.2:
            options["ignore_index"] = int(rng.choice([-100, -1, 255, 0]))
        return Loss(kind.link, getattr(margin, kind.family)(**parameters), **options)

    def _draw(self):
        rng, kind, shape = self.rng, self.kind, self.shape
        of_rows = shape[:-1] if kind.link in ROWS else shape
        scores = self._scores()
        if kind.dense:
            y = rng.dirichlet(np.ones(self.n_classes), of_rows) if rng.random() < 0.5 else None
            targets = rng.integers(0, 2, shape).astype(float) if y is None else y
        elif kind.link in ROWS:
            targets = rng.integers(0, self.n_classes, of_rows)
        else:
            targets = rng.integers(0, 2, shape).astype(float)
            if rng.random() < 0.3:
                targets = np.where(rng.random(shape) < 0.5, rng.random(shape), targets)
        self.kept = np.ones(of_rows, bool)
        ignored = self.loss.ignore_index
        if ignored is not None:
            targets = np.where(rng.random(of_rows) < 0.2, ignored, targets)
        types = [np.int64, np.int32, np.int16] if targets.dtype.kind in "iu" else [kind.dtype] * 4
        hard = targets.dtype.kind == "f" and bool((targets == targets.round()).all())
        types += [np.int8 if ignored is None else np.int64] if hard else []
        dtype = np.dtype(types[kind.type_of_targets % len(types)])
        with np.errstate(over="ignore"):
            targets = targets.astype(dtype)
        if ignored is not None:
            self.kept = targets.astype(np.float64) != ignored
        # Per row, or for yes/no questions also per element.
        by_row = shape[:-1] if len(shape) > 1 else of_rows
        self.where = self.weight = None
        self.w = np.ones(of_rows)
        if kind.weighted and rng.random() < 0.4:
            at = by_row if kind.link in ROWS or rng.random() < 0.5 else shape
            mask = rng.random(at) < rng.choice([0.1, 0.7, 1])
            self.where = placed(rng, kind, mask)
            self.kept = self.kept & self._spread(mask)
        if kind.weighted and (ignored is self.where is None or rng.random() < 0.4):
            at = by_row if kind.link in ROWS or rng.random() < 0.5 else shape
            weight = rng.uniform(0, 3, at) * (rng.random(at) < 0.9)
            self.weight = placed(rng, kind, weight, rng.choice([np.float32, np.float64]))
            self.w = self._spread(self.weight.array.astype(np.float64))
        self.w = np.where(self.kept, self.w, 0.0)
        scores, targets = np.asarray(scores), np.asarray(targets)
        self._hide(scores, targets)
        self.x, self.t = placed(rng, kind, scores, kind.dtype), placed(rng, kind, targets)
        self.normalizer = None
        if self.loss.reduction in ("mean", "batchmean") and rng.random() < 0.1:
            self.normalizer = float(rng.uniform(0.5, 100))

    def _spread(self, per_row):
        """Give numbers per row the shape of the units that are counted: rows, or elements."""
        if self.kind.link in ROWS or per_row.shape == self.shape:
            return per_row
        return np.broadcast_to(per_row[..., None], self.shape)

    def _scores(self):
        rng, kind, shape = self.rng, self.kind, self.shape
        within = 0.97  # a half just below 1 would be rounded to 1
        if kind.link == "identity":
            scores = rng.random(shape) * within + 0.01
        elif kind.link == "simplex":
            scores = rng.dirichlet(np.full(self.n_classes, 2.0), shape[:-1]) * within + 0.01
        else:
            scores = rng.normal(size=shape) * rng.choice([0.1, 1, 5, 25])
            if rng.random() < 0.2:
                scores = scores.round()
            if rng.random() < 0.2:
                scores = self._extreme(scores)
        with np.errstate(over="ignore"):
            return scores.astype(kind.dtype)

    def _extreme(self, scores):
        """Return scores some of which are as large as their type holds, or infinite."""
        rng = self.rng
        largest = 65504.0 if self.kind.dtype == np.float16 else 3e38
        sizes = [largest, math.sqrt(largest), math.inf]
        if self.kind.link == "softmax":  # what is subtracted from what is infinite has no limit
            sizes = [largest / 2, math.sqrt(largest)]
        chosen = rng.choice(sizes, self.shape) * rng.choice([-1.0, 1.0], self.shape)
        return np.where(rng.random(self.shape) < 0.1, chosen, scores)

    def _hide(self, scores, targets):
        """Put arbitrary values where nothing counts."""
        nothing = self.w == 0
        if self.rng.random() < 0.5 or not nothing.any():
            return
        scores[nothing] = self.rng.choice([np.nan, np.inf, -np.inf, 7])
        if targets.dtype.kind not in "iu" and self.loss.ignore_index is None:
            targets[nothing] = np.nan

    def truth(self):
        """Return the truth, and the divisor of the value and its gradient."""
        loss, link = self.loss, self.kind.link
        one = np.ones(self.n_classes)

        def by_class(factor):
            return one if factor is None else np.broadcast_to(np.asarray(factor, float), one.shape)

        positive = by_class(loss.alpha) * by_class(loss.pos_weight) * by_class(loss.class_weight)
        x = self.x.array.astype(np.float64).reshape(-1, self.n_classes)
        w = self.w.reshape(-1)
        curvature, smoothing = self.kind.curvature, loss.label_smoothing
        if link not in ROWS:
            negative = by_class(loss.class_weight)
            negative = negative if loss.alpha is None else negative * (1 - by_class(loss.alpha))
            w = w.reshape(x.shape)
            y = np.where(w == 0, 0, self.t.array.astype(np.float64).reshape(x.shape))
            y = y * (1 - smoothing) + smoothing / 2
            x = np.where(w == 0, 0.5, x)
            truth = elementwise(loss, x, w * positive * y, w * negative * (1 - y), curvature)
            total = float(self.kept.sum())
        else:
            x = np.where(w[:, None] == 0, 0.5, x)
            if self.kind.dense:
                y = self.t.array.astype(np.float64).reshape(x.shape)
                y = np.where(w[:, None] == 0, 0, y)
                total = float(w.sum())
                if loss.positives == "mean":
                    y = y / np.maximum((y > 0).sum(axis=1, keepdims=True), 1)
            else:
                label = np.where(w == 0, 0, self.t.array.astype(np.int64).reshape(-1))
                y = np.eye(self.n_classes)[label] if self.n_classes * len(w) else np.zeros(x.shape)
                total = float((w * by_class(loss.class_weight)[label]).sum())
            y = y * (1 - smoothing) + smoothing / self.n_classes
            truth = rows(loss, x, w[:, None] * positive * y, curvature)
        n_rows = len(x)
        divisor = {"none": 1.0, "sum": 1.0, "mean": total, "batchmean": float(n_rows)}
        return truth, self.normalizer or divisor[loss.reduction]

    def check(self, engines=ENGINES):
        """Raise WrongResultError unless every result from every engine is right."""
        truth, divisor = self.truth()
        focalis.set_num_threads(int(self.rng.integers(1, 4)))
        for engine in engines:
            if engine == "numpy" and self.kind.dense and self.n_classes > 20:
                continue  # quadratic, like the reference
            if self.kind.second_order:
                self._check_second(engine, truth)
            else:
                self._check_first(engine, truth, divisor)

    def _options(self, engine, **more):
        chosen = {"engine": engine, **more}
        for name in ("weight", "where"):
            made = getattr(self, name)
            if made is not None:
                chosen["sample_weight" if name == "weight" else name] = made.array
        return chosen

    def _check_first(self, engine, truth, divisor):
        x, t, loss = self.x.array, self.t.array, self.loss
        options = self._options(engine)
        if self.normalizer is not None:
            options["normalizer"] = self.normalizer
        value = loss(x, t, **options)
        out, scores = self._out(), x
        if out is not None and self.rng.random() < 0.3:
            out.array[...] = x  # in place
            scores = out.array
        before = None if out is None or scores is not x else x.tobytes()
        more = {} if out is None else {"out": out.array}
        again, grad = loss.value_and_grad(scores, t, **options, **more)
        if before is not None and x.tobytes() != before:
            raise WrongResultError(f"{engine}: the logits have changed")
        self._check_out(engine, (out,), (grad,))
        scale = 1.0 if divisor > 0 else 0.0
        divisor = divisor if divisor > 0 else 1.0
        name = f"{engine}: value"
        if loss.reduction == "none":
            per = truth.value.reshape(self.w.shape)
            size = truth.sizes[0].reshape(self.w.shape)
            self._near(name, value, per, size, self.kind.dtype)
            # Not to the last bit: what a vector leaves over at the end may be rounded otherwise there.
            self._near(f"{name} beside a gradient", again, per, size, self.kind.dtype)
        else:
            # One loss that its type does not hold makes the sum infinite.
            beyond = truth.sizes[0].max(initial=0) > 3.3e38 and self.kind.dtype != np.float64
            for got in (value, again):
                if beyond and got == np.inf:
                    continue
                true, size = (
                    float(a.sum()) / divisor * scale for a in (truth.value, truth.sizes[0])
                )
                self._near(name, np.float64(got), np.float64(true), np.float64(size), np.float64)
        true, size = (a.reshape(self.shape) / divisor * scale for a in (truth.grad, truth.sizes[1]))
        self._near(f"{engine}: gradient", grad, true, size, self.kind.dtype)

    def _check_second(self, engine, truth):
        outs = (self._out(), self._out())
        more = {} if None in outs else {"out": tuple(out.array for out in outs)}
        got = self.loss.grad_and_hess(
            self.x.array,
            self.t.array,
            curvature=self.kind.curvature,
            **self._options(engine),
            **more,
        )
        if more:
            self._check_out(engine, outs, got)
        grad, hess = got
        self._near(
            f"{engine}: gradient of the sum",
            grad,
            truth.grad.reshape(self.shape),
            truth.sizes[1].reshape(self.shape),
            self.kind.dtype,
        )
        if truth.hess is None:
            self._same_fisher(engine, hess)
        else:
            self._near(
                f"{engine}: Hessian",
                hess,
                truth.hess.reshape(self.shape),
                truth.sizes[2].reshape(self.shape),
                self.kind.dtype,
            )

    def _same_fisher(self, engine, hess):
        if engine == "numpy":
            self.fisher = hess.astype(np.float64)
        elif hasattr(self, "fisher"):
            self._near(f"{engine}: Fisher", hess, self.fisher, abs(self.fisher), self.kind.dtype, 2)

    def _out(self):
        if self.rng.random() < 0.5:
            return None
        made = place(self.rng, self.kind, self.shape, self.kind.dtype)
        made.array[...] = np.nan
        return made

    def _check_out(self, engine, outs, results):
        for out, result in zip(outs, results, strict=True):
            if out is None:
                continue
            if result is not out.array:
                raise WrongResultError(f"{engine}: what is returned is not out")
            if not out.outside_is_untouched():
                raise WrongResultError(
                    f"{engine}: something beside out was written to ({out.layout})"
                )

    def _near(self, name, got, true, size, dtype, factor=1):
        """Raise WrongResultError unless results are close to the truth, and 0 where nothing counts."""
        got, dtype = np.asarray(got), np.dtype(dtype)
        if got.shape != true.shape or got.dtype != dtype:
            raise WrongResultError(
                f"{name} is {got.dtype}{got.shape}, expected {dtype}{true.shape}"
            )
        single = self.kind.link in ("sigmoid", "softmax") and self.kind.dtype != np.float64
        unit, tiny = (4e-6, 1e-37) if single else (2e-12, 1e-300)
        if dtype.itemsize == 2:
            unit += 2.0**-11 if dtype == np.float16 else 2.0**-8
            tiny = 1e-7 if dtype == np.float16 else 1e-37
        elif dtype == np.float32:
            unit, tiny = max(unit, 1e-7), 1e-37
        if not single and self.kind.link not in ("sigmoid", "softmax"):
            unit += 1e-10  # 1 − p in float64
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            log = np.abs(np.log(np.maximum(np.abs(true), 1e-300)))
            room = factor * unit * np.maximum(1, log / 8) * size + tiny
            wrong = ~(np.abs(got.astype(np.float64) - true) <= room)
            wrong |= (size == 0) & (got != 0)
            # The truth has 1e300 for infinity, and a loss may be larger than its type.
            largest = 3.3e38 if single or dtype == np.float32 else 1e200
            largest = 65504.0 if dtype == np.float16 else largest
            wrong &= ~((abs(true) >= largest) & (abs(got) >= largest) & (got * true > 0))
        if wrong.any():
            first = np.unravel_index(np.flatnonzero(wrong)[0], wrong.shape)
            first = tuple(int(i) for i in first)
            raise WrongResultError(
                f"{name}: {int(wrong.sum())} of {wrong.size} wrong, first at {first}: "
                f"{got[first]!r}, truth {true[first]!r}, sum of sizes {size[first]!r}"
            )
