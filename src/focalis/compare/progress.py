"""What the user sees at a terminal while a comparison runs."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from focalis.cleaning import one_line, tell
from focalis.compare.data import Data
from focalis.compare.protocol import Failure
from focalis.compare.running import Listener


class TerminalListener(Listener):
    """Writes notes about the data, and a progress bar with the time left, to stderr.

    The bar is shown only if stderr is a terminal; the notes are always plain lines.

    Examples
    --------
    >>> with TerminalListener() as listener:
    ...     listener.advanced()
    """

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("training", total=None)

    def __enter__(self) -> TerminalListener:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def started(self, data: Data, finished: int, total: int) -> None:
        """Write what was found in the data, and start the bar."""
        rows, columns = data.features.shape
        _say(f"{data.name}: {rows} rows, {columns} features, {len(data.classes)} classes")
        if data.binary:
            reason = " (the rarer one; --positive chooses)" if data.positive_by_default else ""
            _say(f"the positive class is {data.classes[1]!r}{reason}")
        if data.rows_without_target:
            _say(f"rows left out because they have no target: {data.rows_without_target}")
        if data.rows_without_weight:
            _say(f"rows left out because their weight is 0: {data.rows_without_weight}")
        for warning in data.warnings:
            _say(f"warning: {warning}")
        if finished:
            _say(f"continuing a run with {finished} of {total} fits")
        self._bar.update(self._task, total=total, completed=finished)
        self._bar.start()

    def advanced(self) -> None:
        """Advance the bar."""
        self._bar.advance(self._task)

    def failed(self, failure: Failure) -> None:
        """Write which loss is left out, and why."""
        _say(f"warning: {failure}; the loss is left out")

    def finishing(self) -> None:
        """Say that the report is being written."""
        self._bar.update(self._task, description="writing the report")


def _say(text: str) -> None:
    tell(f"focalis compare: {one_line(text)}")
