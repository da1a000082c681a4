"""What `focalis plot` draws, and the file that it writes."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from focalis import plots
from focalis.plots.drawing import figure_of

__all__ = ["KINDS", "plot"]

FORMATS = (".png", ".svg", ".pdf")
_STAR = ("cross_entropy", "focal(gamma=2)", "focal_star(gamma=2, beta=1)", "focal_star(gamma=4)")


class Kind(NamedTuple):
    """A plot by name: what it shows, how many panels it has, and which losses it is for."""

    title: str
    panels: int
    draw: Callable[..., Any]
    losses: Sequence[str] = plots.GAMMAS
    of_logits: bool = False


def _one(quantity: str) -> Callable[..., Any]:
    return lambda losses, ax: plots.plot_margin(losses, quantity=quantity, ax=ax)


KINDS = {
    "loss": Kind("the loss against p_t", 1, plots.plot_loss),
    "margin": Kind("loss, slope and curvature against the margin", 3, plots.plot_margin),
    "ratio": Kind("how much less than under cross-entropy an example costs", 1, plots.plot_ratio),
    "share": Kind(
        "the share of the loss that the easiest of your examples hold (--logits)",
        2,
        plots.plot_cumulative_share,
        plots.GAMMAS[:-1],
        True,
    ),
    "posterior": Kind("the class probability behind a trained sigmoid", 1, plots.plot_posterior),
    "figure-1": Kind("figure 1 of the focal loss paper, arXiv 1708.02002", 1, plots.plot_loss),
    "figure-4": Kind(
        "figure 4, for your logits (--logits)",
        2,
        plots.plot_cumulative_share,
        plots.GAMMAS[:-1],
        True,
    ),
    "figure-5": Kind("figure 5: the loss against the margin", 1, _one("loss"), _STAR),
    "figure-6": Kind("figure 6: its slope", 1, _one("slope"), _STAR),
}


def plot(
    kind: str, losses: Sequence[str], out: Path, *, logits: Path | None, overwrite: bool
) -> None:
    """Draw a kind of plot into a file, whose ending says the format.

    Raises
    ------
    ValueError
        If a loss is none, the file is there or its ending is not known, or logits are missing.
    """
    if out.suffix.lower() not in FORMATS:
        raise ValueError(f"--out must end in {', '.join(FORMATS)}, got {str(out)!r}")
    if out.exists() and not overwrite:
        raise ValueError(f"{out} is there already; --overwrite replaces it")
    wanted = KINDS[kind]
    if wanted.of_logits and logits is None:
        raise ValueError(f"{kind} is of a model's logits: give them with --logits FILE")
    if not wanted.of_logits and logits is not None:
        raise ValueError(f"--logits belongs to share and figure-4, got it with {kind}")
    given: tuple[Any, ...] = () if logits is None else _read_logits(logits)
    figure, axes = figure_of(wanted.panels)
    wanted.draw(*given, losses or wanted.losses, ax=axes)
    _write(figure, out)


def _read_logits(path: Path) -> tuple[Any, Any]:
    """Return logits and targets, the two columns of a table of numbers."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot read {path}: {error}") from error
    rows = [line.replace(",", " ").replace(";", " ").split() for line in lines]
    given = [(at, row) for at, row in enumerate(rows, 1) if row]
    if given and not _is_number(given[0][1][0]):
        given = given[1:]  # the names of the columns
    wrong = [(at, row) for at, row in given if not _is_example(row)]
    if wrong or not given:
        came = f"line {wrong[0][0]} is {' '.join(wrong[0][1])!r}" if wrong else "it has no rows"
        raise ValueError(f"{path} must have a logit and a target of 0 or 1 in each line: {came}")
    table = np.array([row for _, row in given], float)
    return table[:, 0], table[:, 1]


def _is_example(row: list[str]) -> bool:
    """Return whether a row has a logit and a target."""
    if len(row) != 2 or not all(map(_is_number, row)):
        return False
    return not np.isnan(float(row[0])) and float(row[1]) in (0.0, 1.0)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _write(figure: Any, out: Path) -> None:
    from matplotlib import rc_context

    # Nothing of the day or of chance goes into the file: the same plot is the same bytes.
    metadata = {".png": {"Software": None}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    drawn = io.BytesIO()
    kind = out.suffix.lower()
    with rc_context({"svg.hashsalt": "focalis", "svg.fonttype": "none", "pdf.fonttype": 42}):
        figure.savefig(drawn, format=kind[1:], dpi=160, metadata=metadata[kind])
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(drawn.getvalue())
    except OSError as error:
        raise ValueError(f"cannot write {out}: {error}") from error
