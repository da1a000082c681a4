"""The settings of a comparison: one frozen value, checked when it is created."""

from dataclasses import dataclass, fields
from importlib.util import find_spec
from pathlib import Path

from focalis.compare.errors import InputError

MODELS = ("lightgbm", "xgboost", "catboost", "linear")


@dataclass(frozen=True)
class Settings:
    """Everything that `focalis compare` can be told.

    Parameters
    ----------
    data : pathlib.Path, optional
        A CSV, TSV, Parquet, Arrow, Feather or JSON lines file. By default the built-in digits are used
        ("is it an 8?").
    target : str, optional
        The column to predict; required with `data`.
    positive : str, optional
        The target value that counts as positive; by default the rarer of two classes. With it, a target
        of several classes becomes the question "is it this one?".
    model : {"lightgbm", "xgboost", "catboost", "linear"}
        The model to train.
    loss : tuple of str
        Losses to compare in addition to the default ones.
    losses : tuple of str
        Families of the default losses, or losses, to compare instead of all defaults.
    folds, repeats, seed : int
        The outer cross-validation.
    group, time, weight : str, optional
        Columns that keep rows together, order them, or weight them. They are never features.
    drop : tuple of str
        Further columns that are not features, such as identifiers and facts known only later.
    out : pathlib.Path
        The report folder.
    resume, overwrite : bool
        What to do if the report folder already has a report.
    jobs : int, optional
        How many folds to run at once; by default one per core.

    Raises
    ------
    InputError
        If a value is out of range, or two settings contradict each other.

    Examples
    --------
    >>> Settings().folds
    5
    >>> Settings(folds=1)
    Traceback (most recent call last):
    focalis.compare.errors.InputError: folds: expected an integer of at least 2, got 1
    """

    data: Path | None = None
    target: str | None = None
    positive: str | None = None
    model: str = "lightgbm"
    loss: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()
    folds: int = 5
    repeats: int = 2
    seed: int = 0
    group: str | None = None
    time: str | None = None
    weight: str | None = None
    drop: tuple[str, ...] = ()
    out: Path = Path("focalis-report")
    resume: bool = False
    overwrite: bool = False
    jobs: int | None = None

    def __post_init__(self) -> None:
        for name, least in (("folds", 2), ("repeats", 1), ("seed", 0), ("jobs", 1)):
            value = getattr(self, name)
            if value is None and name == "jobs":
                continue
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise InputError(f"{name}: expected an integer of at least {least}, got {value!r}")
        if self.seed >= 2**31:
            raise InputError(f"seed: expected an integer below 2**31, got {self.seed}")
        if self.model not in MODELS:
            raise InputError(f"model: expected one of {', '.join(MODELS)}, got {self.model!r}")
        if self.model != "linear" and find_spec(self.model) is None:
            raise InputError(
                f"model: {self.model} is not installed: pip install 'focalis[boosting]'"
            )
        if self.group is not None and self.time is not None:
            raise InputError("group and time: expected at most one of them, got both")
        if self.resume and self.overwrite:
            raise InputError("resume and overwrite: expected at most one of them, got both")
        self._check_columns()

    def _check_columns(self) -> None:
        roles = ("target", "group", "time", "weight")
        if self.data is None:
            for role in (*roles, "positive", "drop"):
                if getattr(self, role):
                    raise InputError(
                        f"{role}: the built-in digits come with a target; name a data file"
                    )
            return
        if self.target is None:
            raise InputError("target: expected the name of the column to predict, got none")
        taken: dict[str, str] = {}
        for role in roles:
            column = getattr(self, role)
            if column is None:
                continue
            if column in taken:
                raise InputError(f"{role}: column {column!r} is already the {taken[column]}")
            taken[column] = role
        for column in self.drop:
            if column in taken:
                raise InputError(f"drop: column {column!r} is the {taken[column]}")

    def recorded(self) -> dict[str, object]:
        """Return the settings that determine the results, as JSON values; to resume, they must agree.

        Left out are `data` (its content is compared instead), `out`, `resume`, `overwrite` and `jobs`.
        """
        left_out = {"data", "out", "resume", "overwrite", "jobs"}
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in left_out}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}
