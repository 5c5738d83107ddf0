"""Files of a hub repository, from the Hugging Face cache or over the network.

A file that is cached, or known to be absent, costs no request. All files of one model come from one commit. What
arrives is compared with the hash that the hub announced.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url, try_to_load_from_cache
from huggingface_hub.constants import HF_HUB_CACHE, HF_HUB_ETAG_TIMEOUT
from huggingface_hub.errors import EntryNotFoundError, HFValidationError

from rapidembed.errors import IntegrityError, ModelNotFoundError, UnsupportedModelError
from rapidembed.hub.faults import Refusals
from rapidembed.hub.files import check_name
from rapidembed.hub.mend import damage_of, remove
from rapidembed.hub.options import HubOptions
from rapidembed.hub.patience import Patience
from rapidembed.hub.progress import BoundedProgress

R = TypeVar("R")

logger = logging.getLogger(__name__)


class Repository:
    """One hub repository at one revision: :class:`rapidembed.hub.files.Files`, downloaded as they are needed."""

    def __init__(self, repo: str, options: HubOptions, model: str | None = None) -> None:
        self.repo = repo
        self._options = options
        self._root: Path | None = None
        self._answered = False
        self._cache = options.cache_dir or Path(HF_HUB_CACHE)
        self._refusals = Refusals(repo, options.revision, self._cache, model)
        self._patience = Patience()

    @property
    def label(self) -> str:
        """The repository, and the revision if one was asked for."""
        return self._refusals.label

    @property
    def root(self) -> Path:
        """Folder of the snapshot.

        Raises:
            ModelNotFoundError: none of the files that were asked for exists.
        """
        if self._root is None:
            raise ModelNotFoundError(f"{self.label} has none of the files of a model.")
        return self._root

    def known_root(self) -> Path | None:
        """Folder of the snapshot, if a file was found."""
        return self._root

    @property
    def revision(self) -> str | None:
        """Commit that the files belong to; None before the first file."""
        return self._root.name if self._root else None

    def fetch(self, file: str) -> Path:
        """Local path of ``file``, downloaded if it is not cached.

        Raises:
            ModelNotCachedError: it is not cached, and the hub may not be asked or does not answer.
            ModelNotFoundError: the hub has no such repository or revision.
            UnsupportedModelError: the repository has no such file.
            DownloadError: the hub refused, or the transfer failed.
            IntegrityError: what arrived is not what the hub announced.
        """
        path = self.find(file)
        if path is None:
            raise UnsupportedModelError(f"{self.label} has no {file}, which the model needs.")
        return path

    def find(self, file: str) -> Path | None:
        """Like :meth:`fetch`, but None where the repository is known not to have the file."""
        known, path = self._cached(file)
        if known:
            return path
        self._refusals.refuse_offline(file, self._options)
        path = self._asked(file, lambda: self._download(file))
        return path and self._verified(path, file)

    def has(self, file: str) -> bool:
        """Whether the repository has ``file``, without fetching it."""
        known, path = self._cached(file)
        if known:
            return path is not None
        self._refusals.refuse_offline(file, self._options)
        return self._asked(file, lambda: self._announced(file)) is not None

    def _asked(self, file: str, work: Callable[[], R]) -> R:
        """What ``work`` gives, which asks the hub for the file."""
        return self._patience.persist(work, lambda error: self._refusals.explain(error, file))

    def _cached(self, file: str) -> tuple[bool, Path | None]:
        """Whether the cache knows about the file, and where it is if it exists."""
        check_name(file, self.label)
        revision = self.revision or self._options.revision
        try:
            cached = try_to_load_from_cache(self.repo, file, cache_dir=self._cache, revision=revision)
        except HFValidationError as error:
            raise ModelNotFoundError(f"{self.repo!r} is not a valid hub id: {error}") from error
        if isinstance(cached, str):
            self._remember(Path(cached), file)
            return True, Path(cached)
        return cached is not None, None  # else: a marker that the repository is known to lack the file

    def _download(self, file: str, *, force: bool = False) -> Path | None:
        if not self._answered or self._patience.tried:
            # One request without the hub client's own retries, so that an unreachable hub is reported at once.
            self._announced(file)
            self._answered = True
        try:
            path = hf_hub_download(
                self.repo,
                file,
                revision=self.revision or self._options.revision,
                cache_dir=self._cache,
                token=self._options.token,
                etag_timeout=HF_HUB_ETAG_TIMEOUT,
                force_download=force,
                tqdm_class=BoundedProgress,
            )
        except EntryNotFoundError as error:
            if isinstance(error, FileNotFoundError):  # not in the cache either, and the hub did not answer
                raise
            return None
        self._remember(Path(path), file)
        return Path(path)

    def _announced(self, file: str) -> str | None:
        """The hash under which the hub has ``file``; None where it does not have it."""
        url = hf_hub_url(self.repo, file, revision=self.revision or self._options.revision)
        try:
            return get_hf_file_metadata(url, timeout=HF_HUB_ETAG_TIMEOUT, token=self._options.token).etag or ""
        except EntryNotFoundError:
            return None

    def _verified(self, path: Path, file: str) -> Path:
        """``path``, fetched once more if its content is not what the hub announced."""
        wrong = damage_of(path)
        if wrong is None:
            return path
        logger.warning("%s arrived damaged (%s); fetching it again.", file, wrong)
        remove(path)
        again = self._asked(file, lambda: self._download(file, force=True))
        wrong = damage_of(path) if again else "the hub no longer has it"
        if wrong is None:
            return path
        remove(path)
        raise IntegrityError(
            f"{self.label}: {file!r} arrived damaged twice: {wrong}. It was removed from the cache ({path}). "
            "A proxy or mirror between this machine and the hub may change files; HF_ENDPOINT names the hub to use."
        )

    def _remember(self, path: Path, file: str) -> None:
        # <cache>/models--x--y/snapshots/<commit>/<file>
        self._root = path.parents[len(Path(file).parts) - 1]
