"""Late interaction between texts and pages; the public class is :class:`LateInteractionMultimodalEmbedding`."""

from collections.abc import Awaitable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

from numpy.typing import NDArray

from rapidembed.runtime import inputs
from rapidembed.runtime.pictures.reading import Alpha
from rapidembed.tasks.bulk import Bulk, Texts, check_texts
from rapidembed.tasks.dimensions import WithDimensions
from rapidembed.tasks.image.facade import Pictures
from rapidembed.tasks.image.inputs import check_pictures
from rapidembed.tasks.known import Known
from rapidembed.tasks.max_sim import max_sim
from rapidembed.tasks.multimodal.model import MultimodalModel
from rapidembed.tasks.multimodal.options import MultimodalOptions
from rapidembed.tasks.runner import Runner
from rapidembed.types import Device, Providers, Vectors

_TEXT, _PICTURE = "query", "document"


class LateInteractionMultimodalEmbedding(
    Runner[MultimodalOptions, MultimodalModel, Any, Vectors, list[Vectors]], WithDimensions
):
    """Searches pages of documents by what they look like (ColPali, https://arxiv.org/abs/2407.01449).

    A page, which is a picture, gets a vector for each of its parts, and a text one for each of its tokens. The page's
    relevance is the sum, over the text's vectors, of each one's largest product with a vector of the page
    (:meth:`max_sim`): no text is recognized, so tables, figures and scans are found too. Needs the extra ``image``
    (Pillow).

    Example:
        >>> from rapidembed import LateInteractionMultimodalEmbedding
        >>> model = LateInteractionMultimodalEmbedding("Qdrant/colmodernvbert")  # doctest: +SKIP
        >>> pages = model.encode_image(["page1.png", "page2.png"])  # doctest: +SKIP
        >>> question = model.encode_text("What did rent cost in 1990?")  # doctest: +SKIP
        >>> model.max_sim(question, pages)  # doctest: +SKIP

    Results:
        Methods return a float32 array ``(tokens, dimensions)`` for one text or picture, and a list or an iterator of
        such arrays for several; vectors have length 1. Those of a text include the tokens that the model puts behind
        every query, those of a page the tokens of the prompt around it.

    Args:
        model_name: a curated name (:meth:`list_supported_models`), a hub repository or local folder of ColModernVBERT
            in transformers' layout, or ``package:NAME``.
        max_tokens: cut texts at this many tokens, those behind each query included; pages beyond it are a ValueError.
            None: the checkpoint's limit. It may go up to the model's positions.
        truncate: whether texts over the limit are cut, with one :class:`~rapidembed.TruncationWarning` per call; if
            False they are a ValueError.
        rotate: turn pictures as their camera says (EXIF). transformers and fastembed do not; False is for vectors equal
            to theirs.
        alpha: "white" lays transparent pictures on white; "drop" takes the colours stored under the transparency.
        max_pixels: larger pictures are refused before they are decoded. None: 89,478,485.

    Texts alone never load the part of the model that sees pictures, where it is built from safetensors. What a picture
    may be given as, :class:`rapidembed.ImageEmbedding` says. The other arguments, the errors, and what is said there of
    threads, copies and lifetime are those of :class:`rapidembed.TextEmbedding`.
    """

    __module__ = "rapidembed"
    _task = Known("multimodal")
    _kind = MultimodalModel
    _unit = "input"

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
        rotate: bool = True,
        alpha: Alpha = "white",
        max_pixels: int | None = None,
        specific_model_path: str | Path | None = None,
    ) -> None:
        self._start(MultimodalOptions, locals())

    # Texts

    @overload
    def encode_text(  # type: ignore[overload-overlap]  # a str is an iterable of str
        self, texts: str, *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Vectors: ...

    @overload
    def encode_text(
        self, texts: Iterable[str], *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> list[Vectors]: ...

    def encode_text(
        self, texts: Texts, *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Vectors | list[Vectors]:
        """Embed what pages are searched for.

        Args:
            texts: one text, or an iterable of texts.
            batch_size: most texts in one batch; batches are otherwise sized by their work.
            parallel: most cores to use for this call; None or 0: all that the model may use.
            show_progress: show a progress bar.

        Returns:
            float32 ``(tokens, dimensions)`` for one text, a list of such arrays for several.

        Raises:
            TypeError: an item is not a str; names its index. Lists are checked before any work begins.
            ValueError: an argument is out of range, or a text is too long and ``truncate`` is False.
            NonFiniteError: the model produced NaN or infinity.
            ClosedError: the model was closed.
        """
        return self._encode(_TEXT, texts, Bulk(batch_size, parallel, show_progress))

    def aencode_text(
        self, texts: Texts, *, batch_size: int = 256, parallel: int | None = None, show_progress: bool = False
    ) -> Awaitable[Vectors | list[Vectors]]:
        """:meth:`encode_text` off the event loop; a cancelled task ends its work soon."""
        return self._aencode(_TEXT, texts, Bulk(batch_size, parallel, show_progress))

    def embed_text(
        self, documents: Texts, batch_size: int = 256, parallel: int | None = None, *, show_progress: bool = False
    ) -> Iterator[Vectors]:
        """Embed texts one after the other, as fastembed does; arguments and errors are those of :meth:`encode_text`.

        Yields:
            float32 ``(tokens, dimensions)`` for each text, in order.
        """
        return self._embed(_TEXT, documents, Bulk(batch_size, parallel, show_progress))

    # Pictures

    def encode_image(
        self, images: Pictures, *, batch_size: int = 4, parallel: int | None = None, show_progress: bool = False
    ) -> Vectors | list[Vectors]:
        """Embed pages that are searched.

        Args:
            images: one picture, or an iterable of pictures.
            batch_size: most pictures in one batch, all of one grid of tiles; batches are otherwise sized by their work.
            parallel: most cores to use for this call; None or 0: all that the model may use.
            show_progress: show a progress bar.

        Returns:
            float32 ``(tokens, dimensions)`` for one picture, a list of such arrays for several.

        Raises:
            TypeError: an item is no picture; names its index. Lists are checked before any work begins.
            PictureError: a picture cannot be read; names its index and path.
            ValueError: an argument is out of range, or a page has more tokens than the model reads.
            NonFiniteError: the model produced NaN or infinity.
            ClosedError: the model was closed.
        """
        return self._encode(_PICTURE, images, Bulk(batch_size, parallel, show_progress))

    def aencode_image(
        self, images: Pictures, *, batch_size: int = 4, parallel: int | None = None, show_progress: bool = False
    ) -> Awaitable[Vectors | list[Vectors]]:
        """:meth:`encode_image` off the event loop; a cancelled task ends its work soon."""
        return self._aencode(_PICTURE, images, Bulk(batch_size, parallel, show_progress))

    def embed_image(
        self, images: Pictures, batch_size: int = 4, parallel: int | None = None, *, show_progress: bool = False
    ) -> Iterator[Vectors]:
        """Embed pages one after the other, as fastembed does; arguments and errors are those of :meth:`encode_image`.

        A picture that cannot be read is an error when its turn comes: the vectors of those before it come first.

        Yields:
            float32 ``(tokens, dimensions)`` for each picture, in order.
        """
        return self._embed(_PICTURE, images, Bulk(batch_size, parallel, show_progress))

    # Both

    @staticmethod
    def max_sim(query: NDArray[Any], documents: Sequence[NDArray[Any]] | NDArray[Any]) -> Vectors:
        """Score pages for a text, see :func:`rapidembed.max_sim`.

        Args:
            query: a result of :meth:`encode_text`, ``(tokens, dimensions)``.
            documents: results of :meth:`encode_image`, ``(tokens, dimensions)`` each.

        Returns:
            float32 ``(documents,)``; higher is more relevant.

        Raises:
            ValueError: a shape does not fit; names the document's index.
        """
        return max_sim(query, documents)

    # Facts

    def token_count(self, texts: Texts, batch_size: int = 1024, include_extension: bool = False) -> int:
        """Tokens over all texts: special tokens included, after truncation.

        Args:
            texts: one text, or an iterable of texts.
            batch_size: texts that are tokenized at once.
            include_extension: count what is put before and behind every query as well.
        """
        inputs.check_positive("batch_size", batch_size)
        many = [texts] if inputs.is_single(texts) else texts
        return self._loaded().token_count(many, batch_size, include_extension=include_extension)

    def _lone(self, role: str, items: Any) -> Any | None:
        return check_texts(items) if role == _TEXT else check_pictures(items)
