"""Where the files of one model are looked for: a folder on disk, or a repository on the hub."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Protocol

from rapidembed.errors import IntegrityError, ModelNotFoundError, UnsupportedModelError
from rapidembed.hub.content import is_lfs_pointer


class Files(Protocol):
    """The files of one model. Names are relative, with forward slashes, and are checked: see :func:`check_name`."""

    @property
    def label(self) -> str:
        """What messages call the place."""

    @property
    def root(self) -> Path:
        """Local folder that the names are relative to; known once a file was found."""

    @property
    def revision(self) -> str | None:
        """Commit that the files belong to; None where there is no such thing."""

    def find(self, file: str) -> Path | None:
        """Local path of ``file``; None where it is known not to exist."""

    def fetch(self, file: str) -> Path:
        """Local path of ``file``, which must exist."""

    def has(self, file: str) -> bool:
        """Whether ``file`` exists, without fetching it."""


class Folder:
    """Files that are on this machine.

    Args:
        root: the folder.
        linked: whether links may lead out of it, which an installed package's may.
    """

    revision = None

    def __init__(self, root: Path, *, linked: bool = False) -> None:
        self.root = root.expanduser().resolve()
        self._linked = linked

    @property
    def label(self) -> str:
        """The path."""
        return str(self.root)

    def find(self, file: str) -> Path | None:
        """See :meth:`Files.find`."""
        path = self.root / check_name(file, self.label)
        if not path.is_file():
            return None
        if not self._linked and not lies_within(path, self.root):
            raise IntegrityError(
                f"{path} is a link to {path.resolve()}, which lies outside of the model's folder; refused. Put the "
                "file itself there, or move what it links to into the folder."
            )
        if is_lfs_pointer(path):
            raise IntegrityError(
                f"{path} is a Git LFS pointer, a few lines that stand for the file. Fetch the file itself: "
                "`git lfs pull` in that folder."
            )
        return path

    def fetch(self, file: str) -> Path:
        """See :meth:`Files.fetch`.

        Raises:
            UnsupportedModelError: the file does not exist.
        """
        path = self.find(file)
        if path is None:
            if not self.root.is_dir():
                raise ModelNotFoundError(f"{self.root} is not a folder.")
            raise UnsupportedModelError(f"{self.root} has no {file}, which the model needs.")
        return path

    def has(self, file: str) -> bool:
        """See :meth:`Files.has`."""
        return self.find(file) is not None


def lies_within(path: Path, root: Path) -> bool:
    """Whether a file really lies below ``root``, or where links of the hub's cache lead: to the repository's blobs."""
    real = path.resolve()
    return real.is_relative_to(root.resolve()) or any(real.is_relative_to(folder) for folder in _blob_folders(root))


def _blob_folders(root: Path) -> Iterator[Path]:
    # <cache>/models--x--y/snapshots/<commit> links to <cache>/models--x--y/blobs, or to a store that caches share.
    if root.parent.name == "snapshots":
        yield (root.parents[1] / "blobs").resolve()
        yield from {link.resolve().parent for link in (root.parents[1] / "blobs").glob("*") if link.is_symlink()}


_LONGEST_NAME = 255
_CONTROL = {chr(code) for code in range(32)} | {"\x7f", "\\", ":"}


def check_name(file: str, label: str) -> str:
    """Return ``file`` if it is a plain relative path: model files name other files, and they come from anywhere.

    Raises:
        IntegrityError: it is absolute, leaves its folder, or holds what no file system takes.
    """
    path = PurePosixPath(file)
    plain = file and not path.is_absolute() and ".." not in path.parts and not _CONTROL.intersection(file)
    if not plain or any(len(part.encode()) > _LONGEST_NAME for part in path.parts):
        raise IntegrityError(f"{label} names the file {file[:80]!r}, which is not a plain path below it; refused.")
    return file
