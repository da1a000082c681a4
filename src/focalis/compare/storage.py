"""The report folder: what is in it, who may write there, and how an interrupted run goes on.

Every outcome is written at once, as a pair of files of its own under `parts`, each moved into place
whole and the row after its predictions: a run that is killed at any moment loses the fold it was in,
and nothing else. `run.json` says what the run was asked, so that `--resume` mixes no two runs.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

import focalis
from focalis.compare.data import Data
from focalis.compare.errors import InputError
from focalis.compare.protocol import Outcome
from focalis.compare.settings import Settings

__all__ = ["ReportFolder", "write_atomically"]

_MANIFEST = "run.json"
_RESULTS = "results.json"
_WRITTEN = (_RESULTS, "results.parquet", "predictions.parquet", "recipe.py", "index.html")
_PART = re.compile(r"\d+-\d+-\d+\.(json|parquet)(\.tmp)?")


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file, and move it to `path` when it is whole."""
    temporary = path.with_name(path.name + ".tmp")
    write(temporary)
    os.replace(temporary, path)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Say in one line what keeps a run from writing, such as a full disk; what is written stays."""
    try:
        yield
    except (OSError, PolarsError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise InputError(
            f"out: cannot write to {folder}: {reason}; what is done is kept, --resume goes on with it"
        ) from error


def _write_json(path: Path, value: object) -> None:
    text = json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def _plain(value: object) -> object:
    """Return the value with null for every number that is not finite: JSON knows no NaN."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


class ReportFolder:
    """A report folder that this run may write to.

    Parameters
    ----------
    path : pathlib.Path
        The folder.
    losses : sequence of str
        The names of the losses, in the order of the results.
    """

    def __init__(self, path: Path, losses: list[str]) -> None:
        self.path = path
        self._losses = losses
        self._parts = path / "parts"

    @classmethod
    def check(cls, settings: Settings) -> None:
        """Refuse a folder that is there and may not be written to, before anything is computed.

        Raises
        ------
        InputError
            If it is not a folder, holds what focalis did not write, or holds a report and neither
            `resume` nor `overwrite` is set.
        """
        path = settings.out
        try:
            if not path.exists():
                return
            if not path.is_dir():
                raise InputError(f"out: {path} is not a folder")
            if not any(path.iterdir()):
                return
            ours = _is_manifest(path / _MANIFEST)
        except OSError as error:
            raise InputError(f"out: cannot read {path}: {error.strerror}") from error
        if not ours:
            raise InputError(
                f"out: {path} holds files that focalis did not write; name another one"
            )
        if not (settings.resume or settings.overwrite):
            raise InputError(
                f"out: {path} holds a report already; --resume goes on with it, "
                "--overwrite replaces it"
            )

    @classmethod
    def open(cls, settings: Settings, data: Data, losses: list[str]) -> ReportFolder:
        """Make the folder, or take over the one that is there.

        Parameters
        ----------
        settings : Settings
            What is asked.
        data : Data
            The data it is asked of.
        losses : list of str
            The names of the losses.

        Returns
        -------
        ReportFolder
            Ready to be written to.

        Raises
        ------
        InputError
            As `check` does, and if a run cannot be resumed because it was asked something else.
        """
        cls.check(settings)
        folder = cls(settings.out, losses)
        manifest = {
            "focalis": focalis.__version__,
            "settings": settings.recorded(),
            "data": {"name": data.name, "sha256": data.fingerprint},
            "losses": losses,
        }
        written = folder.path / _MANIFEST
        if settings.resume and written.is_file():
            _require_same(_read_json(written), manifest, folder.path)
        try:
            if not settings.resume:
                folder._clear()
            folder.path.mkdir(parents=True, exist_ok=True)
            _write_json(written, manifest)
            if folder.finished() is None:
                folder._parts.mkdir(exist_ok=True)
        except OSError as error:
            raise InputError(f"out: cannot write to {folder.path}: {error.strerror}") from error
        return folder

    def _clear(self) -> None:
        # The results go first: a report that is being replaced must not look whole.
        for name in _WRITTEN:
            (self.path / name).unlink(missing_ok=True)
        self._remove_parts()

    def _remove_parts(self) -> None:
        if not self._parts.is_dir():
            return
        for part in self._parts.iterdir():
            if _PART.fullmatch(part.name):
                part.unlink()
        if not any(self._parts.iterdir()):
            self._parts.rmdir()

    def finished(self) -> dict[str, Any] | None:
        """Return the results if the run is complete and no training failed, None otherwise."""
        path = self.path / _RESULTS
        results = _read_json(path) if path.is_file() else None
        return None if results is None or results.get("failures") else results

    def _part(self, loss: str, repeat: int, fold: int) -> Path:
        return self._parts / f"{self._losses.index(loss)}-{repeat}-{fold}.json"

    def has(self, loss: str, repeat: int, fold: int) -> bool:
        """Whether this outcome is written already."""
        return self._part(loss, repeat, fold).is_file()

    def add(self, outcome: Outcome) -> None:
        """Write an outcome. Outcomes of different folds may be added at the same time."""
        row = outcome.row
        path = self._part(row["loss"], row["repeat"], row["fold"])
        with _writing(self.path):
            write_atomically(path.with_suffix(".parquet"), outcome.predictions.write_parquet)
            _write_json(path, row)  # last: it is what says that the pair is there

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows that are written, by loss, repeat and fold."""
        rows = [_read_json(path) for path in self._parts.glob("*.json")]
        return sorted(rows, key=lambda r: (self._losses.index(r["loss"]), r["repeat"], r["fold"]))

    def predictions(self, rows: Iterable[dict[str, Any]]) -> pl.DataFrame:
        """Return the predictions that belong to rows, in their order."""
        parts = (self._part(row["loss"], row["repeat"], row["fold"]) for row in rows)
        return pl.concat([pl.read_parquet(part.with_suffix(".parquet")) for part in parts])

    def finish(
        self,
        results: dict[str, Any],
        rows: list[dict[str, Any]],
        predictions: pl.DataFrame,
        recipe: str,
    ) -> None:
        """Write the final files, `results.json` last, and remove the parts they are made of.

        If a training failed the parts stay, for a resumed run.
        """
        from focalis.compare.report import write_report

        frame = pl.DataFrame(rows, infer_schema_length=None)
        plain = _plain(results)
        if not isinstance(plain, dict):
            raise TypeError(f"results: expected a dict, got {type(results).__name__}")
        with _writing(self.path):
            write_atomically(self.path / "predictions.parquet", predictions.write_parquet)
            write_atomically(self.path / "results.parquet", frame.write_parquet)
            write_atomically(
                self.path / "recipe.py", lambda path: path.write_text(recipe, encoding="utf-8")
            )
            write_report(self.path, plain, predictions)
            _write_json(self.path / _RESULTS, plain)
        if not results["failures"]:
            self._remove_parts()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is not a JSON file that focalis wrote: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} is not a JSON file that focalis wrote")
    return value


def _is_manifest(path: Path) -> bool:
    """Whether a file says what a run was asked: other programs have a run.json too."""
    try:
        manifest = _read_json(path) if path.is_file() else {}
    except InputError:
        return False
    kinds = {"focalis": str, "settings": dict, "data": dict}
    return all(isinstance(manifest.get(name), kind) for name, kind in kinds.items())


def _require_same(then: dict[str, Any], now: dict[str, Any], path: Path) -> None:
    for name, value in now["settings"].items():
        before = then["settings"].get(name)
        if before != value:
            raise InputError(
                f"resume: the run in {path} was made with {name} = {_shown(before)}, "
                f"now it is {_shown(value)}"
            )
    if then["data"] != now["data"]:
        raise InputError(
            f"resume: the run in {path} was made with other data: {then['data']['name']!r} with "
            f"SHA-256 {then['data']['sha256'][:12]}…, now {now['data']['name']!r} with "
            f"{now['data']['sha256'][:12]}…"
        )
    if then["focalis"] != now["focalis"]:
        raise InputError(
            f"resume: the run in {path} was made with focalis {then['focalis']}, "
            f"now it is {now['focalis']}"
        )


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
