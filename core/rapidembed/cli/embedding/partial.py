"""An unfinished run on disk: the folder ``OUT.partial`` with the rows so far and a journal that says how many count.

Rows are only appended. The journal is replaced as a whole, after the rows it counts are on disk, so that a process that
dies at any moment leaves a prefix of the result: whatever stands behind it is cut off when the run is resumed.
"""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from rapidembed.errors import IntegrityError, RapidEmbedError

_JOURNAL = "journal.json"
_NEW_JOURNAL = "journal.json.new"
_LOCK = "lock"
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come.

    Attributes:
        texts: how many are done.
        digest: hash of their ids and texts.
        lengths: bytes of each spool.
        truncated: how many were cut.
        examples: ids of the first of those.
        complete: everything is embedded; only the files must be put in place.
    """

    texts: int = 0
    digest: str = ""
    lengths: Mapping[str, int] = field(default_factory=dict)
    truncated: int = 0
    examples: tuple[str, ...] = ()
    complete: bool = False


class Spool:
    """A file that grows; ``length`` counts what was written, synced or not."""

    def __init__(self, path: Path, length: int) -> None:
        self.path = path
        if length and (not path.exists() or path.stat().st_size < length):
            raise IntegrityError(f"{path} is shorter than its journal says. --overwrite starts over.")
        self._file = path.open("r+b" if path.exists() else "w+b")
        self._file.truncate(length)
        self._file.seek(length)
        self.length = length

    def write(self, data: bytes | memoryview) -> None:
        """Append."""
        self._file.write(data)
        self.length += len(data)

    def sync(self) -> None:
        """Wait until everything is on disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Partial:
    """The folder of one run, locked while it is open; a context manager.

    Args:
        outputs: the files that the run makes; the folder lies beside the first.
        overwrite: discard an unfinished run, and replace the outputs.
    """

    settings: dict[str, Any] | None
    """What the run was begun with; None: it is to begin, or it is over."""
    progress: Progress

    def __init__(self, outputs: Sequence[Path], *, overwrite: bool) -> None:
        self.folder = partial_folder(outputs[0])
        self._outputs = outputs
        self._overwrite = overwrite
        self._spools: dict[str, Spool] = {}

    def __enter__(self) -> "Partial":
        """Lock the folder and read how far the run is.

        Raises:
            RapidEmbedError: an output exists, or another process writes it.
            IntegrityError: the folder holds something else than an unfinished run, or a damaged one.
            OSError: a file cannot be written there.
        """
        self._check_outputs()
        self._lock = _locked(self.folder, self._outputs[0])
        try:
            if self._overwrite:
                self._clear()
            self.settings, self.progress = self._read()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._close()
        if self.settings is None:  # nothing was done yet, or all is
            self._clear()
        self._lock.release()
        if self.settings is None:
            shutil.rmtree(self.folder)

    def begin(self, settings: Mapping[str, Any]) -> None:
        """Begin the run, or go on with it.

        Raises:
            RapidEmbedError: it was begun with other settings.
        """
        if self.settings is None:
            self.settings = dict(settings)
            self.commit(self.progress)
            return
        if changed := [name for name, value in settings.items() if self.settings.get(name) != value]:
            differences = ", ".join(
                f"{name} was {self.settings.get(name)!r}, is {settings[name]!r}" for name in changed
            )
            raise RapidEmbedError(
                f"{self.folder} holds an unfinished run with other settings: {differences}. Give the same to go on "
                "with it, or --overwrite to start over."
            )

    def spool(self, name: str) -> Spool:
        """The spool of that name, as long as the journal says."""
        if name not in self._spools:
            self._spools[name] = Spool(self.folder / name, self.progress.lengths.get(name, 0))
        return self._spools[name]

    def lengths(self) -> dict[str, int]:
        """Present lengths of the spools."""
        return {name: spool.length for name, spool in self._spools.items()}

    def commit(self, progress: Progress) -> None:
        """Make ``progress`` the point from which the run goes on if it ends now."""
        for spool in self._spools.values():
            spool.sync()
        journal = {"version": _VERSION, "settings": self.settings, "progress": asdict(progress)}
        fresh = self.folder / _NEW_JOURNAL
        with fresh.open("w", encoding="utf-8") as file:
            json.dump(journal, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, self.folder / _JOURNAL)
        self.progress = progress

    def complete(self) -> None:
        """All is embedded: from now on the run only puts its files in place, however often it is begun again."""
        self.commit(replace(self.progress, complete=True))
        self._close()

    def place(self, name: str, destination: Path) -> None:
        """Move a finished file to where the user wants it; once moved, this does nothing."""
        if (self.folder / name).exists():
            os.replace(self.folder / name, destination)

    def finish(self) -> None:
        """Everything is in place: the folder goes when it is closed."""
        self.settings = None

    def _check_outputs(self) -> None:
        for output in self._outputs:
            if not output.absolute().parent.is_dir():
                raise FileNotFoundError(f"The folder {output.absolute().parent} does not exist.")
            if output.is_dir():
                raise IsADirectoryError(f"{output} is a folder; name a file to write.")
            if output.exists() and not self._overwrite and not self.folder.exists():
                raise RapidEmbedError(f"{output} exists. --overwrite replaces it.")

    def _close(self) -> None:
        for spool in self._spools.values():
            spool.close()
        self._spools.clear()

    def _read(self) -> tuple[dict[str, Any] | None, Progress]:
        path = self.folder / _JOURNAL
        if not path.exists():
            self._clear()
            return None, Progress()
        try:
            journal = json.loads(path.read_text(encoding="utf-8"))
            if journal["version"] != _VERSION:
                raise IntegrityError(f"{path} was written by another version of rapidembed. --overwrite starts over.")
            progress = Progress(**journal["progress"])
            return dict(journal["settings"]), replace(progress, examples=tuple(progress.examples))
        except (ValueError, TypeError, KeyError) as error:
            raise IntegrityError(f"{path} is damaged ({error!r}). --overwrite starts over.") from error

    def _clear(self) -> None:
        """Delete the files of a run, the journal last; what is not a run's is left alone."""
        entries = {path.name: path for path in self.folder.iterdir() if path.name != _LOCK}
        journal = entries.pop(_JOURNAL, None)
        if journal is None and entries.keys() - {_NEW_JOURNAL}:
            raise IntegrityError(f"{self.folder} is not the folder of an unfinished run; move it away.")
        for path in (*entries.values(), *filter(None, [journal])):
            path.unlink()


def partial_folder(output: Path) -> Path:
    """Where the unfinished run lies whose result will be ``output``."""
    return output.with_name(output.name + ".partial")


def _locked(folder: Path, output: Path) -> Any:
    from filelock import FileLock, Timeout

    folder.mkdir(exist_ok=True)
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise RapidEmbedError(f"Another process is writing {output}. Wait for it, or name another file.") from error
    return lock
