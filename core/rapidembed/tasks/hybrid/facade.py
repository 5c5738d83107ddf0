"""Dense, sparse and token vectors of a text, from one pass."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rapidembed.tasks.dimensions import WithDimensions
from rapidembed.tasks.embedder import Embedder
from rapidembed.tasks.hybrid.model import HybridModel
from rapidembed.tasks.known import Known
from rapidembed.tasks.options import TokenOptions
from rapidembed.tasks.results import HybridEmbedding
from rapidembed.types import Device, Providers

if TYPE_CHECKING:
    from rapidembed.tasks.arrow.forms import Form
    from rapidembed.tasks.arrow.packing import Packing


class HybridTextEmbedding(Embedder[TokenOptions, HybridModel, HybridEmbedding, list[HybridEmbedding]], WithDimensions):
    """Turns texts into all kinds of vectors at once (BGE-M3, https://arxiv.org/abs/2402.03216).

    :class:`~rapidembed.TextEmbedding`, :class:`~rapidembed.SparseTextEmbedding` and
    :class:`~rapidembed.LateInteractionTextEmbedding` give each kind by itself, under the same name; in one process they
    share one loaded model.

    Example:
        >>> from rapidembed import HybridTextEmbedding
        >>> model = HybridTextEmbedding("BAAI/bge-m3")  # doctest: +SKIP
        >>> found = model.encode("a feline")  # doctest: +SKIP
        >>> found.dense.shape, found.token_vectors.shape, found.sparse.as_dict()  # doctest: +SKIP
        ((1024,), (4, 1024), {10: 0.04, 70: 0.03, 56813: 0.27})

    Results:
        Methods return a :class:`~rapidembed.HybridEmbedding` for one text, and a list or an iterator of them for
        several.

    Args:
        model_name: a curated name (:meth:`list_supported_models`), a hub repository or local folder that has the two
            layers of BGE-M3 beside the encoder, ``colbert_linear`` and ``sparse_linear``, each as ``.safetensors`` or
            ``.pt``; or ``package:NAME``. Of ``.pt`` files only numbers are read: what else they hold is never run.
        max_tokens: cut texts at this many tokens, special tokens included. None: the checkpoint's limit.
        truncate: whether texts over the limit are cut, with one :class:`~rapidembed.TruncationWarning` per call; if
            False they are a ValueError.

    The other arguments, the errors, and what is said there of threads, copies and lifetime are those of
    :class:`rapidembed.TextEmbedding`.
    """

    __module__ = "rapidembed"
    _task = Known("hybrid")
    _kind = HybridModel

    def __init__(
        self,
        model_name: str | Path,
        cache_dir: str | Path | None = None,
        threads: int | None = None,
        providers: Providers | None = None,
        cuda: bool | Device | str = Device.AUTO,
        device_ids: Sequence[int] | None = None,
        lazy_load: bool = False,
        *,
        device: str | Sequence[str] = "auto",
        precision: str = "auto",
        backend: str = "onnxruntime",
        revision: str | None = None,
        local_files_only: bool = False,
        token: str | None = None,
        max_tokens: int | None = None,
        truncate: bool = True,
        specific_model_path: str | Path | None = None,
    ) -> None:
        self._start(TokenOptions, locals())

    # Facts

    @property
    def vocab_size(self) -> int:
        """Number of possible indices of the sparse vectors."""
        return self._loaded().weights.vocab_size

    def _form(self, packing: "Packing") -> "Form[list[HybridEmbedding]]":
        from rapidembed.tasks.arrow.forms import Hybrid

        return Hybrid(self.embedding_size, packing)
