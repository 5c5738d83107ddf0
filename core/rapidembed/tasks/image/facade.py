"""Embeds pictures; the public class is :class:`rapidembed.ImageEmbedding`."""

from collections.abc import Awaitable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, overload

from rapidembed.registry import ModelSpec
from rapidembed.runtime.pictures.reading import Alpha
from rapidembed.runtime.pictures.source import Picture
from rapidembed.tasks.bulk import Bulk
from rapidembed.tasks.custom import custom_picture, spec_of
from rapidembed.tasks.dimensions import DenseResults
from rapidembed.tasks.image.inputs import check_pictures
from rapidembed.tasks.image.model import ImageModel
from rapidembed.tasks.image.options import ImageOptions
from rapidembed.tasks.known import Known
from rapidembed.types import Device, Providers, Vectors

if TYPE_CHECKING:
    from rapidembed.tasks.arrow.columns import Column

Pictures: TypeAlias = "Picture | Iterable[Picture]"


class ImageEmbedding(DenseResults[ImageOptions, ImageModel, Any]):
    """Turns pictures into vectors. Needs the extra ``image`` (Pillow).

    Example:
        >>> from rapidembed import ImageEmbedding
        >>> import numpy as np
        >>> model = ImageEmbedding("builtin:image")
        >>> picture = np.zeros((300, 400, 3), dtype=np.uint8)  # or a path, bytes, an open file, a PIL image
        >>> model.encode([picture, picture]).shape
        (2, 1280)

    Results:
        float32 arrays: ``(dimensions,)`` for one picture, ``(pictures, dimensions)`` for several; ``embed`` yields an
        array ``(dimensions,)`` for each picture.

    Pictures are decoded, turned and resized on the threads of the pool, a window of them at a time: a folder of any
    size takes constant memory. A picture is a path, the bytes of a file, an open binary file, a PIL image, or an array
    (height, width, 3, 4 or 1) of uint8. JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF, JPEG 2000, PPM and ICO are read; of
    animations the first frame. Nothing is downloaded: URLs are refused.

    Args:
        model_name: a curated name (:meth:`list_supported_models`), a hub repository or folder of CLIP, SigLIP, ViT or
            DINOv2 in transformers' or sentence-transformers' layout, ``package:NAME``, or ``builtin:image``, which
            comes with this package.
        device: "auto", "cpu", "cuda", "cuda:N", or a list of CUDA devices.
        precision: "auto" (float32), "fp32", "int8", "bf16", which needs ``backend="openvino"``, or "fast".
        backend: "onnxruntime", or "openvino" (extra ``openvino``), which is for CPUs.
        threads: most cores that this model uses, decoding included. None: all of the process-wide pool.
        cache_dir: Hugging Face cache for downloads. None: the user's.
        revision: branch, tag or commit of a hub repository.
        local_files_only: never ask the network.
        token: access token for gated or private repositories. None: ``$HF_TOKEN``, or a login of the hub's client.
        normalize: scale vectors to length 1. None: as the model was published.
        rotate: turn pictures as their camera says (EXIF). transformers and fastembed do not; False is for vectors
            equal to theirs.
        alpha: "white" lays transparent pictures on white, as people see them; "drop" takes the colours stored under
            the transparency, as fastembed does.
        max_pixels: larger pictures are refused before they are decoded. None: 89,478,485.
        draft: decode JPEG at a part of its size where that is still twice what the model needs: less to compute,
            and vectors that differ a little.
        lazy_load: load at the first use instead of now.
        providers: ONNX Runtime execution providers to use as they are, instead of ``device``.
        cuda: fastembed's device option: True, False or "auto".
        device_ids: fastembed's list of CUDA devices.
        specific_model_path: folder that holds the model's files; nothing is downloaded.

    Raises:
        ModelNotFoundError, ModelNotCachedError, UnsupportedModelError, DeviceError, ValueError: as
            :class:`rapidembed.TextEmbedding`.

    Objects are safe to use from several threads, may be pickled and copied, and free the model when they are closed or
    collected.
    """

    __module__ = "rapidembed"
    _task = Known("image")
    _kind = ImageModel
    _unit = "picture"
    _batch_size = 16

    def __init__(
        self,
        model_name: str | Path = "builtin:image",
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
        normalize: bool | None = None,
        rotate: bool = True,
        alpha: Alpha = "white",
        max_pixels: int | None = None,
        draft: bool = False,
        specific_model_path: str | Path | None = None,
    ) -> None:
        self._start(ImageOptions, locals())

    def encode(
        self, images: Pictures, *, batch_size: int = 16, parallel: int | None = None, show_progress: bool = False
    ) -> Vectors:
        """Embed pictures.

        Args:
            images: one picture, or an iterable of pictures.
            batch_size: most pictures in one batch; batches are otherwise sized by their work.
            parallel: most cores to use for this call; None or 0: all that the model may use.
            show_progress: show a progress bar.

        Returns:
            float32 ``(dimensions,)`` for one picture, ``(pictures, dimensions)`` for several.

        Raises:
            TypeError: an item is no picture; names its index. Lists are checked before any work begins.
            PictureError: a picture cannot be read; names its index and path.
            ValueError: an argument is out of range.
            NonFiniteError: the model produced NaN or infinity.
            ClosedError: the model was closed.
        """
        return self._encode("plain", images, Bulk(batch_size, parallel, show_progress))

    def aencode(
        self, images: Pictures, *, batch_size: int = 16, parallel: int | None = None, show_progress: bool = False
    ) -> Awaitable[Vectors]:
        """:meth:`encode` off the event loop; a cancelled task ends its work soon."""
        return self._aencode("plain", images, Bulk(batch_size, parallel, show_progress))

    def embed(
        self, images: Pictures, batch_size: int = 16, parallel: int | None = None, *, show_progress: bool = False
    ) -> Iterator[Vectors]:
        """Embed pictures one after the other, as fastembed does; arguments and errors are those of :meth:`encode`.

        A picture that cannot be read is an error when its turn comes: the vectors of those before it come first.

        Yields:
            float32 ``(dimensions,)`` for each picture, in order.
        """
        return self._embed("plain", images, Bulk(batch_size, parallel, show_progress))

    # Facts

    @property
    def text_model(self) -> str | None:
        """Name for :class:`~rapidembed.TextEmbedding` whose vectors lie in the same space; None: there are none."""
        return self._loaded().spec.texts

    @overload
    @classmethod
    def add_custom_model(cls, model: ModelSpec) -> None: ...

    @overload
    @classmethod
    def add_custom_model(
        cls,
        model: str,
        pooling: str,
        normalization: bool,
        sources: object,
        dim: int,
        model_file: str | None = None,
        description: str = "",
        license: str = "",
        size_in_gb: float = 0.0,
        additional_files: Sequence[str] | None = None,
        output_name: str | None = None,
    ) -> None: ...

    @classmethod
    def add_custom_model(cls, model: str | ModelSpec, *args: Any, **options: Any) -> None:
        """Give a model of your own a name, as :meth:`rapidembed.TextEmbedding.add_custom_model` does.

        Its repository needs ``preprocessor_config.json`` or ``processor_config.json``, which say what is done with a
        picture before the model sees it; a ModelSpec may say that itself (``picture``).

        Args:
            model: the name, or a whole :class:`~rapidembed.ModelSpec` instead of all other arguments.
            pooling: "disabled" where the ONNX file gives a vector of each picture; "cls" or "mean" where it gives one
                for each patch.
            normalization: whether vectors are scaled to length 1.
            sources: hub repository, "organisation/name"; fastembed's ``ModelSource`` too.
            dim: dimensions of the vectors.
            model_file: ONNX file to run. None: the safetensors weights if their architecture can be built, else
                onnx/model.onnx.
            description: for listings.
            license: for listings.
            size_in_gb: for listings.
            additional_files: files that the ONNX file keeps data in.
            output_name: output of the ONNX file to read. None: the first that fits.

        Raises:
            ValueError: a value is impossible, or the name is taken.
            TypeError: an argument is missing or unknown.
        """
        super().add_custom_model(spec_of(custom_picture, model, *args, **options))

    def _lone(self, role: str, images: Any) -> Any | None:
        return check_pictures(images)

    def _column(self, column: Any) -> "Column[Any]":
        from rapidembed.tasks.arrow.columns import Pictures

        return Pictures(column)
