"""What ``.model`` of this package's classes is: a model with the attributes of fastembed's."""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rapidembed.compat.cached import cached_snapshot
from rapidembed.compat.common.model_description import BaseModelDescription
from rapidembed.compat.common.utils import define_cache_dir
from rapidembed.errors import DownloadError, IntegrityError, ModelNotCachedError, RapidEmbedError
from rapidembed.importing import load
from rapidembed.types import Device, Providers

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from rapidembed.tasks.bulk import Bulk

_OURS = ("package:", "builtin:")
"""Beginnings of names that this library knows and fastembed does not."""


class NotLoadedError(ModelNotCachedError, ValueError):
    """The model is not on this machine and could not be fetched: a ValueError, as in fastembed."""


class UnreadableError(IntegrityError, ValueError):
    """A file of the model is damaged or lacks something that was asked for: a ValueError, as in fastembed."""


class FastembedModel:
    """A model of one class.

    Args:
        model_name: one of the class's :meth:`list_supported_models`, or a name that begins with ``package:`` or
            ``builtin:``.
        cache_dir: see :func:`rapidembed.compat.common.utils.define_cache_dir`.
        threads: most cores to use; None or 0: all.
        providers: execution providers of ONNX Runtime; they win over ``cuda`` and ``device_ids``.
        cuda: True, False, or as :class:`rapidembed.Device` has it.
        device_ids: CUDA devices; ignored on the CPU.
        lazy_load: load at the first use; files are fetched at once.
        device_id: the CUDA device, before ``device_ids``.
        specific_model_path: folder with the model's files; nothing is downloaded.
        kwargs: ``local_files_only``, and what only some models take. All others are ignored.

    Raises:
        ValueError: no such model, not on this machine, or no such device.
    """

    _facade: ClassVar[str]
    """Name of the class that holds it."""
    _inner: ClassVar[tuple[str, str]]
    """Module and name of the facade that computes."""
    _listed: ClassVar[str] = "dense"
    """Function of :mod:`rapidembed.compat.listing` that describes the models."""
    _options: ClassVar[Sequence[str]] = ()
    """Arguments for it beyond those of all."""
    _settled: ClassVar[Mapping[str, object]] = {}
    """Arguments for it that fastembed's users have no say in."""

    def __init__(
        self,
        model_name: str,
        cache_dir: str | Path | None = None,
        threads: int | None = None,
        providers: Providers | None = None,
        cuda: bool | Device | str = Device.AUTO,
        device_ids: list[int] | None = None,
        lazy_load: bool = False,
        device_id: int | None = None,
        specific_model_path: str | Path | None = None,
        **kwargs: Any,
    ) -> None:
        self.model_name = model_name
        self.threads = threads
        self.providers = providers
        self.cuda = cuda
        self.device_ids = device_ids
        self.device_id = device_id if device_id is not None else next(iter(device_ids or ()), None)
        self.lazy_load = lazy_load
        self._local_files_only = bool(kwargs.get("local_files_only", False))
        self._specific_model_path = specific_model_path
        self.model_description = self._get_model_description(model_name)
        self.cache_dir = str(define_cache_dir(cache_dir))
        self._used = False
        self._tokenizer: Tokenizer | None = None
        self._native = self._opened(kwargs)

    # Facts

    @classmethod
    def list_supported_models(cls) -> list[dict[str, Any]]:
        """The models of this class, a fresh dict each."""
        return [asdict(description) for description in cls._list_supported_models()]

    @classmethod
    def _list_supported_models(cls) -> list[Any]:
        from rapidembed.compat import listing

        models: list[Any] = getattr(listing, cls._listed)(cls._computing()._task.models())
        return models

    @classmethod
    def _computing(cls) -> Any:
        """The facade that computes, which loads what it needs."""
        module, name = cls._inner
        return getattr(load(module), name)

    @classmethod
    def _get_model_description(cls, model_name: str) -> BaseModelDescription | None:
        """What the listing says of a model; None for names of ours.

        Raises:
            ValueError: there is no such model.
        """
        wanted = model_name.lower()
        for description in cls._list_supported_models():
            if description.model.lower() == wanted:
                found: BaseModelDescription = description
                return found
        if wanted.startswith(_OURS):
            return None
        raise ValueError(
            f"Model {model_name} is not supported in {cls._facade}. {cls._facade}.list_supported_models() lists those "
            "that are; rapidembed itself takes any model of the hub."
        )

    @property
    def _model_dir(self) -> Path:
        """Folder of the model's files."""
        if self._specific_model_path:
            return Path(self._specific_model_path)
        root: Path = self._native._loaded().checkpoint.root
        return root

    @property
    def tokenizer(self) -> "Tokenizer":
        """A tokenizer of the model's, cutting and padding as fastembed has it; changing it changes nothing else."""
        if self._tokenizer is None:
            from rapidembed.compat.tokenizer import open_tokenizer

            self._tokenizer = open_tokenizer(self._native._loaded().checkpoint.folder)
        return self._tokenizer

    @property
    def model(self) -> Any:
        """The engine that runs the model; there is none before it is loaded."""
        if not self._used:
            raise AttributeError(f"{self.model_name} is not loaded yet.", name="model", obj=self)
        return self._native._loaded().engine

    def load_onnx_model(self) -> None:
        """Load the model, if that is not done yet."""
        self._fetch(self._native, warm=True)

    # Work

    def _bulk(self, batch_size: int, parallel: int | None) -> "Bulk":
        from rapidembed.tasks.bulk import Bulk

        self._used = True
        return Bulk(batch_size, parallel if parallel is None else max(parallel, 0), False)

    def _opened(self, kwargs: Mapping[str, Any]) -> Any:
        """The facade that computes; its files are there, and loaded unless the model is lazy."""
        if self._specific_model_path:
            return self._open(kwargs, self._specific_model_path, fetch=not self.lazy_load)
        known = self.model_description
        found = cached_snapshot(known, Path(self.cache_dir)) if known else None
        try:
            return self._open(kwargs, found)
        except IntegrityError:
            if found is None:
                raise
            return self._open(kwargs, None)  # which fetches damaged files again

    def _open(self, kwargs: Mapping[str, Any], folder: str | Path | None, *, fetch: bool = True) -> Any:
        native = self._computing()(
            self.model_name,
            cache_dir=self.cache_dir,
            threads=self.threads or None,
            lazy_load=True,
            local_files_only=self._local_files_only,
            specific_model_path=folder or None,
            **self._placed(),
            **{option: kwargs[option] for option in self._options if kwargs.get(option) is not None},
            **self._settled,
        )
        if fetch:
            self._fetch(native, warm=not self.lazy_load)
        return native

    def _fetch(self, native: Any, *, warm: bool) -> None:
        with _as_fastembed_fails(self.model_name):
            model = native._loaded()
            if warm:
                model.warm()
                self._used = True

    def _placed(self) -> dict[str, Any]:
        """Where to run, in the words of rapidembed, which takes no contradictions."""
        cuda = self.cuda is True or self.cuda == Device.CUDA
        if self.providers is not None:
            if cuda:
                warnings.warn(
                    f"providers={self.providers} are used, and cuda={self.cuda} is ignored. Give one of them.",
                    UserWarning,
                    stacklevel=6,
                )
            return {"providers": list(self.providers)} if self.providers else {"device": "cpu"}
        if not cuda and self.cuda != Device.AUTO:
            return {"device": "cpu"}
        from rapidembed.runtime.session import available_providers

        if not cuda and "CUDAExecutionProvider" not in available_providers():
            return {"device": "cpu"}
        ids = self.device_ids or (None if self.device_id is None else [self.device_id])
        return {"cuda": True, "device_ids": ids}


class TextsModel(FastembedModel):
    """A model that reads texts."""

    def embed(
        self, documents: str | Iterable[str], batch_size: int = 256, parallel: int | None = None, **kwargs: Any
    ) -> Iterator[Any]:
        """Vectors of documents."""
        yield from self._vectors("document", documents, self._bulk(batch_size, parallel))

    def query_embed(
        self, query: str | Iterable[str], batch_size: int = 256, parallel: int | None = None, **kwargs: Any
    ) -> Iterator[Any]:
        """Vectors of queries."""
        yield from self._vectors("query", query, self._bulk(batch_size, parallel))

    def passage_embed(
        self, texts: str | Iterable[str], batch_size: int = 256, parallel: int | None = None, **kwargs: Any
    ) -> Iterator[Any]:
        """Vectors of documents."""
        yield from self._vectors("document", texts, self._bulk(batch_size, parallel))

    def token_count(self, texts: str | Iterable[str], batch_size: int = 1024, **kwargs: Any) -> int:
        """Tokens of all texts."""
        count: int = self._native.token_count(texts, batch_size)
        return count

    def _vectors(self, role: str, texts: str | Iterable[str], bulk: "Bulk") -> Iterator[Any]:
        vectors: Iterator[Any] = self._native._embed(role, texts, bulk)
        return vectors


class PicturesModel(FastembedModel):
    """A model that reads pictures."""

    _settled: ClassVar[Mapping[str, object]] = {"alpha": "drop", "rotate": False}
    """fastembed drops transparency, and does not turn pictures as their camera says."""
    _listed = "pictures"

    def _pictures(self, role: str, images: Any, bulk: "Bulk") -> Iterator[Any]:
        """Vectors of pictures; of one that does not exist the error is a FileNotFoundError, as in fastembed."""
        try:
            yield from self._native._embed(role, images, bulk)
        except RapidEmbedError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise FileNotFoundError(str(error)) from error
            raise


@contextmanager
def _as_fastembed_fails(model_name: str) -> Iterator[None]:
    try:
        yield
    except (ModelNotCachedError, DownloadError) as error:
        raise NotLoadedError(f"Could not load model {model_name}: {error}") from error
    except IntegrityError as error:
        raise UnreadableError(f"Could not load model {model_name}: {error}") from error
