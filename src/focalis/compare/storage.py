"""The report folder: what it contains, who may write to it, and how an interrupted run continues.

Every outcome is written immediately, as a pair of files in `parts`, each moved into place once complete
and the row after its predictions: a run that is killed at any moment loses the fold it was working on,
and nothing else. The row names its run and contains a digest of itself and its predictions, so that a
pair from another run, or a damaged one, is ignored and trained again. `run.json` records what the run
was asked and, once it is done, the digest of `results.json`. A live run holds `.lock`, which keeps
others out; the operating system releases it, however the run ends.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

import focalis
from focalis.compare.data import Data
from focalis.compare.errors import InputError
from focalis.compare.protocol import Outcome
from focalis.compare.settings import Settings
from focalis.files import remove_unfinished, write_whole

_MANIFEST = "run.json"
_RESULTS = "results.json"
_WRITTEN = (_RESULTS, "results.parquet", "predictions.parquet", "recipe.py", "index.html")
_PART = re.compile(r"\d+-\d+-\d+\.(json|parquet)")
_LOCK = ".lock"


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Report in one line why a run cannot write, such as a full disk; written files are kept."""
    try:
        yield
    except (OSError, PolarsError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise InputError(
            f"out: cannot write to {folder}: {reason}; finished fits are kept, --resume continues it"
        ) from error


def _write_json(path: Path, value: object) -> str:
    """Write a value and return the digest of the file."""
    text = json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    content = text.encode()
    write_whole(path, content)
    return _sha256(content)


def _sha256(*contents: bytes) -> str:
    digest = hashlib.sha256()
    for content in contents:
        digest.update(content)
    return digest.hexdigest()


def _canonical(value: object) -> bytes:
    return json.dumps(_plain(value), sort_keys=True).encode()


def _plain(value: object) -> object:
    """Return the value with null for every number that is not finite, since JSON has no NaN."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


class ReportFolder:
    """A report folder that only this run may write to; leaving its `with` block releases it.

    The manifest says what is asked, about which data, and the names of the losses in the order of the
    results.
    """

    def __init__(self, path: Path, manifest: dict[str, Any]) -> None:
        self.path = path
        self._manifest = manifest
        self._run = _sha256(_canonical(manifest))
        self._losses: list[str] = manifest["losses"]
        self._parts = path / "parts"
        self._rows: dict[tuple[int, int, int], dict[str, Any]] = {}
        self._finished: dict[str, Any] | None = None
        self._held = ExitStack()

    @classmethod
    def check(cls, settings: Settings) -> None:
        """Refuse an existing folder that may not be written to, before anything is computed.

        It may not if it is not a folder, contains files that focalis did not write, is being written to
        by another run, or has a report and neither `resume` nor `overwrite` is set.
        """
        path = settings.out
        try:
            if not path.exists():
                return
            if not path.is_dir():
                raise InputError(f"out: {path} is not a folder")
            if (path / _LOCK).exists():
                with _locked(path):
                    pass
            if not any(one.name != _LOCK for one in path.iterdir()):
                return
        except OSError as error:
            raise InputError(f"out: cannot read {path}: {error.strerror}") from error
        if not _is_manifest(path / _MANIFEST):
            raise InputError(
                f"out: {path} holds files that focalis did not write; name another one"
            )
        if (path / "parts").is_symlink():
            raise InputError(f"out: {path / 'parts'} is a link to somewhere else; remove it")
        if not (settings.resume or settings.overwrite):
            raise InputError(
                f"out: {path} already has a report; --resume continues it, --overwrite replaces it"
            )

    @classmethod
    def open(cls, settings: Settings, data: Data, losses: list[str]) -> ReportFolder:
        """Create the folder, or take over an existing one, and keep other runs out.

        Refused is what `check` refuses, and resuming a run that was asked something else.
        """
        manifest = {
            "focalis": focalis.__version__,
            "settings": settings.recorded(),
            "data": {"name": data.name, "sha256": data.fingerprint},
            "losses": losses,
        }
        cls.check(settings)
        folder = cls(settings.out, manifest)
        with ExitStack() as held:
            try:
                folder.path.mkdir(parents=True, exist_ok=True)
                held.enter_context(_locked(folder.path))
                folder._begin(settings)
            except OSError as error:
                raise InputError(f"out: cannot write to {folder.path}: {error.strerror}") from error
            folder._held = held.pop_all()
        return folder

    def __enter__(self) -> ReportFolder:
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def _begin(self, settings: Settings) -> None:
        """Take over the folder's content, or clear it; no other run writes to the folder now."""
        written = self.path / _MANIFEST
        then = _read_json(written) if written.is_file() else None
        if then is not None and not settings.resume:
            if not settings.overwrite:  # it appeared after the check
                raise InputError(f"out: another run has written to {self.path}")
            self._clear()
            then = None
        remove_unfinished(self.path)
        if then is not None:
            _require_same(then, self._manifest, self.path)
            self._finished = self._read_results(then.get("results"))
        if self._finished is None:
            _write_json(written, self._manifest)
            self._parts.mkdir(exist_ok=True)
            remove_unfinished(self._parts)
            for path in self._parts.glob("*.json"):
                self._take(path)

    def _clear(self) -> None:
        # Remove the results first: a report that is being replaced must not look complete.
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

    def _read_results(self, sha256: object) -> dict[str, Any] | None:
        """Return the results of a run if it is complete, otherwise None."""
        path = self.path / _RESULTS
        if sha256 is None or not path.is_file():
            return None
        if _sha256(path.read_bytes()) != sha256:
            raise InputError(
                f"resume: {path} is not as focalis wrote it; remove it, and --resume recreates it"
            )
        return _read_json(path)

    def finished(self) -> dict[str, Any] | None:
        """Return the results if the run is complete and no training failed, otherwise None."""
        return self._finished

    def _part(self, key: tuple[int, int, int]) -> Path:
        return self._parts / f"{'-'.join(map(str, key))}.json"

    def _key(self, loss: str, repeat: int, fold: int) -> tuple[int, int, int]:
        return self._losses.index(loss), repeat, fold

    def _seal(self, row: dict[str, Any], predictions: bytes) -> str:
        return _sha256(_canonical([self._run, row]), predictions)

    def _take(self, path: Path) -> None:
        """Take over an outcome of an earlier run if it is intact and that run was asked the same."""
        try:
            part = _read_json(path)
            row = part["row"]
            key = self._key(row["loss"], row["repeat"], row["fold"])
            whole = part["sha256"] == self._seal(row, path.with_suffix(".parquet").read_bytes())
        except (InputError, OSError, KeyError, TypeError, ValueError):
            return
        if whole and self._part(key) == path:
            self._rows[key] = row

    def has(self, loss: str, repeat: int, fold: int) -> bool:
        """Whether this outcome has been written."""
        return self._key(loss, repeat, fold) in self._rows

    def add(self, outcome: Outcome) -> None:
        """Write an outcome. Outcomes of different folds may be added at the same time."""
        row: dict[str, Any] = {name: _plain(value) for name, value in outcome.row.items()}
        key = self._key(row["loss"], row["repeat"], row["fold"])
        path = self._part(key)
        predictions = _as_parquet(outcome.predictions)
        with _writing(self.path):
            write_whole(path.with_suffix(".parquet"), predictions)
            # Written last, because its presence means that the pair is complete.
            _write_json(path, {"row": row, "sha256": self._seal(row, predictions)})
        self._rows[key] = row

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows written so far, ordered by loss, repeat and fold."""
        return [self._rows[key] for key in sorted(self._rows)]

    def predictions(self, rows: Iterable[dict[str, Any]]) -> pl.DataFrame:
        """Return the predictions that belong to these rows, in the same order."""
        frames = []
        for row in rows:
            path = self._part(self._key(row["loss"], row["repeat"], row["fold"]))
            try:
                frames.append(pl.read_parquet(path.with_suffix(".parquet").read_bytes()))
            except (OSError, PolarsError) as error:
                raise InputError(
                    f"out: {path.with_suffix('.parquet')} is damaged or gone; --resume recreates it"
                ) from error
        return pl.concat(frames)

    def finish(
        self,
        results: dict[str, Any],
        rows: list[dict[str, Any]],
        predictions: pl.DataFrame,
        recipe: str,
    ) -> None:
        """Write the final files, `results.json` last, and remove the parts they were made from.

        If a training failed, the parts stay for a resumed run.
        """
        from focalis.compare.report import write_report

        frame = pl.DataFrame(rows, infer_schema_length=None)
        plain = _plain(results)
        if not isinstance(plain, dict):
            raise TypeError(f"results: expected a dict, got {type(results).__name__}")
        with _writing(self.path):
            write_whole(self.path / "predictions.parquet", _as_parquet(predictions))
            write_whole(self.path / "results.parquet", _as_parquet(frame))
            write_whole(self.path / "recipe.py", recipe.encode())
            write_report(self.path, plain, predictions)
            sha256 = _write_json(self.path / _RESULTS, plain)
            if not results["failures"]:
                _write_json(self.path / _MANIFEST, {**self._manifest, "results": sha256})
                self._remove_parts()


def _as_parquet(frame: pl.DataFrame) -> bytes:
    # Not by file name: Polars would take some names for patterns.
    content = io.BytesIO()
    frame.write_parquet(content)
    return content.getvalue()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a folder's lock, or raise a one-line error if another run holds it."""
    path = folder / _LOCK
    with ExitStack() as held:
        while True:
            # Follow no link. If the last holder has just removed this file, it locks nothing: try again.
            file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
            held.callback(os.close, file)
            if not _try_lock(file):
                raise InputError(f"out: another run is writing to {folder}; wait until it ends")
            if path.exists() and os.path.samestat(os.fstat(file), path.stat()):
                break
            held.close()
        try:
            yield
        finally:
            if (
                sys.platform != "win32"
            ):  # removed before it is released, so never another run's lock
                with suppress(OSError):
                    path.unlink()


def _try_lock(file: int) -> bool:
    """Try to take a lock that the system frees when the process ends; return whether it was free."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not a JSON file that focalis wrote: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} is not a JSON file that focalis wrote")
    return value


def _is_manifest(path: Path) -> bool:
    """Whether a file is the manifest of a comparison: other programs write a run.json too."""
    try:
        manifest = _read_json(path) if path.is_file() else {}
    except InputError:
        return False
    kinds = {"focalis": str, "settings": dict, "data": dict, "losses": list}
    return all(isinstance(manifest.get(name), kind) for name, kind in kinds.items()) and all(
        isinstance(manifest["data"].get(name), str) for name in ("name", "sha256")
    )


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
    if then["losses"] != now["losses"]:
        raise InputError(
            f"resume: the run in {path} was made with the losses {_shown(then['losses'])}, "
            f"now they are {_shown(now['losses'])}"
        )
    if then["focalis"] != now["focalis"]:
        raise InputError(
            f"resume: the run in {path} was made with focalis {then['focalis']}, "
            f"now it is {now['focalis']}"
        )


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
