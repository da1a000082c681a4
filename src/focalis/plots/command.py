"""What `focalis plot` draws, and the file that it writes."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from focalis import plots
from focalis.files import write_whole
from focalis.plots.curves import by_answer, read_losses
from focalis.plots.drawing import figure_of

FORMATS = (".png", ".svg", ".pdf")
_STAR = ("cross_entropy", "focal(gamma=2)", "focal_star(gamma=2, beta=1)", "focal_star(gamma=4)")


class Kind(NamedTuple):
    """A plot by name: what it shows, how many panels it has, and which losses it suits.

    A plot of logits has one panel per answer, or a single one for rows of classes.
    """

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
        "the share of the loss that falls on your easiest examples (--logits)",
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
    """Draw a kind of plot into a file, whose suffix determines the format."""
    if out.suffix.lower() not in FORMATS:
        raise ValueError(f"--out must end in {', '.join(FORMATS)}, got {str(out)!r}")
    if out.exists() and not overwrite:
        raise ValueError(f"{out} is there already; --overwrite replaces it")
    wanted = KINDS[kind]
    if wanted.of_logits and logits is None:
        raise ValueError(f"{kind} is of a model's logits: give them with --logits FILE")
    if not wanted.of_logits and logits is not None:
        raise ValueError(f"--logits belongs to share and figure-4, got it with {kind}")
    read = read_losses(losses or wanted.losses)
    given: tuple[Any, ...] = ()
    panels = wanted.panels
    if logits is not None:
        answers = by_answer(read)
        given = _read_logits(logits, answers)
        panels = 2 if answers else 1
    figure, axes = figure_of(panels)
    wanted.draw(*given, read, ax=axes)
    _write(figure, out)


def _read_logits(path: Path, answers: bool) -> tuple[Any, Any]:
    """Return logits and targets from a table of numbers, whose last column is the target."""
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot read {path}: {error}") from error
    rows = [line.replace(",", " ").replace(";", " ").split() for line in lines]
    given = [(at, row) for at, row in enumerate(rows, 1) if row]
    if given and not any(map(_may_be_number, given[0][1])):
        given = given[1:]  # the names of the columns
    columns = 2 if answers else max(len(given[0][1]) if given else 0, 3)
    wrong = [(at, row) for at, row in given if not _is_example(row, columns)]
    if wrong or not given:
        came = f"line {wrong[0][0]} is {' '.join(wrong[0][1])!r}" if wrong else "it has no rows"
        example = "a logit and a target of 0 or 1"
        if not answers:
            example = "as many logits as there are classes, and a class from 0"
        raise ValueError(f"{path} must have {example} in each line: {came}")
    table = np.array([row for _, row in given], float)
    if answers:
        return table[:, 0], table[:, 1]
    return table[:, :-1], table[:, -1].astype(np.int64)


def _is_example(row: list[str], columns: int) -> bool:
    """Return whether a row has logits and a target, which is an answer or a class index."""
    if len(row) != columns or not all(map(_is_number, row)):
        return False
    *logits, target = map(float, row)
    return not np.isnan(logits).any() and target in range(max(2, len(logits)))


def _may_be_number(text: str) -> bool:
    """Return whether a cell is a number, or a mistyped one, rather than a name."""
    return _is_number(text) or not (text[0].isalpha() or text[0] in "\"'_")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _write(figure: Any, out: Path) -> None:
    from matplotlib import rc_context

    # No dates and no randomness go into the file: the same plot is the same bytes.
    metadata = {".png": {"Software": None}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    drawn = io.BytesIO()
    kind = out.suffix.lower()
    with rc_context({"svg.hashsalt": "focalis", "svg.fonttype": "none", "pdf.fonttype": 42}):
        figure.savefig(drawn, format=kind[1:], dpi=160, metadata=metadata[kind])
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_whole(out, drawn.getvalue())
    except OSError as error:
        raise ValueError(f"cannot write {out}: {error}") from error
