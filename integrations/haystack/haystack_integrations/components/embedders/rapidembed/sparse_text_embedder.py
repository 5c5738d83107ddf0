"""The component that embeds a query for search by words."""

from typing import Any

from haystack import component
from haystack.dataclasses import SparseEmbedding
from haystack.utils import ComponentDevice, Secret
from haystack_integrations.components.embedders.rapidembed._sparse_embedder import LocalSparseEmbedder, to_haystack


@component
class FastembedSparseTextEmbedder(LocalSparseEmbedder):
    """Embeds a text, usually a search query, as a sparse vector, on this machine.

    Takes the parameters of fastembed-haystack's component of that name, in their order, and more by keyword. The text
    is embedded as a query, which BM25 and others weigh in another way than documents.

    Example:
        >>> from rapidembed_haystack import FastembedSparseTextEmbedder
        >>> embedder = FastembedSparseTextEmbedder(model="Qdrant/bm25", model_kwargs={"language": "english"})
        >>> embedder.run("felines")["sparse_embedding"].values
        [1.0]

    Args:
        model: curated name.
        cache_dir: Hugging Face cache for downloads. None: the user's.
        threads: most cores to use. None: all that the process may use.
        progress_bar: accepted for fastembed-haystack's sake, as are ``parallel`` and ``batch_size``: one text has no
            use for them.
        parallel: see ``progress_bar``.
        local_files_only: never ask the network.
        model_kwargs: options of :class:`rapidembed.SparseTextEmbedding` that have no parameter here: ``providers``,
            ``cuda``, ``device_ids``, ``specific_model_path``, ``lazy_load``; and of BM25 ``k``, ``b``, ``avg_len``,
            ``language``, ``token_max_length``, ``disable_stemmer``, ``stopwords``, ``tokenizer``;
            of BM42 ``alpha``.
        batch_size: see ``progress_bar``.
        device: "cpu", "cuda", "cuda:N", a list of CUDA devices, or a ComponentDevice. None: what the model can use.
        precision: "auto" (float32), "fp32", "int8", "bf16" with ``backend="openvino"`` or "native", or "fast"; see
            docs/precision.md.
        backend: "onnxruntime", "openvino" (extra ``openvino``) or "native" (package rapidembed-native).
        revision: branch, tag or commit of a hub repository.
        prompts: replaces the model's "query" and "document" prompts. BM25 has none.
        max_tokens: cut texts at this many tokens. None: the model's limit. BM25 has none.
        truncate: whether longer texts are cut, with a warning; if False they are a ValueError.
        token: access token for gated or private repositories, resolved when the model is loaded.

    Raises:
        ValueError: ``model_kwargs`` holds an unknown option. Other options are checked when the model is loaded.

    The model is loaded by ``warm_up`` or the first ``run``. Components may be pickled and copied.
    """

    def __init__(
        self,
        model: str = "prithivida/Splade_PP_en_v1",
        cache_dir: str | None = None,
        threads: int | None = None,
        progress_bar: bool = False,
        parallel: int | None = None,
        local_files_only: bool = False,
        model_kwargs: dict[str, Any] | None = None,
        *,
        batch_size: int = 32,
        device: str | list[str] | ComponentDevice | None = None,
        precision: str = "auto",
        backend: str = "onnxruntime",
        revision: str | None = None,
        prompts: dict[str, str] | None = None,
        max_tokens: int | None = None,
        truncate: bool = True,
        token: Secret | None = Secret.from_env_var(["HF_API_TOKEN", "HF_TOKEN"], strict=False),  # noqa: B008
    ) -> None:
        self._keep(locals())

    @component.output_types(sparse_embedding=SparseEmbedding)
    def run(self, text: str) -> dict[str, SparseEmbedding]:
        """Embed a text.

        Returns:
            ``{"sparse_embedding": ...}``.

        Raises:
            TypeError: ``text`` is not a str.
        """
        _check(text)
        return {"sparse_embedding": to_haystack(self._warm().encode_query(text))}

    @component.output_types(sparse_embedding=SparseEmbedding)
    async def run_async(self, text: str) -> dict[str, SparseEmbedding]:
        """:meth:`run` without blocking the event loop; cancelling stops the work."""
        _check(text)
        engine = await self._warm_async()
        return {"sparse_embedding": to_haystack(await engine.aencode_query(text))}


def _check(text: object) -> None:
    if not isinstance(text, str):
        raise TypeError(
            f"FastembedSparseTextEmbedder embeds a str, got {type(text).__name__}; FastembedSparseDocumentEmbedder "
            "embeds a list of Documents."
        )
