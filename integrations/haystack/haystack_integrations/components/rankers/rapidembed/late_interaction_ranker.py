"""The component that ranks by late interaction."""

from typing import Any

from haystack import component
from haystack.utils import ComponentDevice, Secret
from haystack_integrations.components.rankers.rapidembed._ranker import LocalRanker

import rapidembed  # its facades load at their first use, so that importing the components stays instant


@component
class FastembedLateInteractionRanker(LocalRanker):
    """Ranks Documents by late interaction (ColBERT) of their tokens with the query's, on this machine.

    Takes the parameters of fastembed-haystack's component of that name, in their order, and more by keyword.

    Args:
        model_name: curated name, hub id, folder or ``package:NAME``.
        top_k: how many Documents to return at most; None: all.
        cache_dir: Hugging Face cache for downloads. None: the user's.
        threads: most cores to use. None: all that the process may use.
        batch_size: most texts in one batch; batches are otherwise sized by their work.
        parallel: most cores to use for one call; None or 0: all that the model may use. No processes are started.
        local_files_only: never ask the network.
        meta_fields_to_embed: metadata to read with the content, in this order. Fields that a Document lacks, and those
            that are None, are left out; 0, False and "" are kept.
        meta_data_separator: put between metadata and content.
        score_threshold: Documents with a lower score are left out, after ``top_k`` was applied.
        model_kwargs: options of :class:`rapidembed.LateInteractionTextEmbedding` that have no parameter here:
            ``providers``, ``cuda``, ``device_ids``, ``specific_model_path``, ``lazy_load``.
        progress_bar: show a progress bar.
        device: "cpu", "cuda", "cuda:N", a list of CUDA devices, or a ComponentDevice. None: CUDA where ONNX Runtime
            offers it.
        precision: "auto" (float32), "fp32", "int8", "bf16" with ``backend="openvino"`` or "native", or "fast"; see
            docs/precision.md.
        backend: "onnxruntime", "openvino" (extra ``openvino``) or "native" (package rapidembed-native).
        revision: branch, tag or commit of a hub repository.
        max_tokens: cut texts at this many tokens. None: the model's limit.
        max_query_tokens: the same for queries. None: the checkpoint's limit of queries, or ``max_tokens`` if given.
        truncate: whether longer texts are cut, with a warning; if False they are a ValueError.
        token: access token for gated or private repositories, resolved when the model is loaded.

    Raises:
        ValueError: ``top_k`` is not positive, or ``model_kwargs`` holds an unknown option.

    The model is loaded by ``warm_up`` or the first ``run``. Components may be pickled and copied.
    """

    max_query_tokens: int | None

    def __init__(
        self,
        model_name: str = "colbert-ir/colbertv2.0",
        top_k: int | None = 10,
        cache_dir: str | None = None,
        threads: int | None = None,
        batch_size: int = 64,
        parallel: int | None = None,
        local_files_only: bool = False,
        meta_fields_to_embed: list[str] | None = None,
        meta_data_separator: str = "\n",
        score_threshold: float | None = None,
        model_kwargs: dict[str, Any] | None = None,
        *,
        progress_bar: bool = False,
        device: str | list[str] | ComponentDevice | None = None,
        precision: str = "auto",
        backend: str = "onnxruntime",
        revision: str | None = None,
        max_tokens: int | None = None,
        max_query_tokens: int | None = None,
        truncate: bool = True,
        token: Secret | None = Secret.from_env_var(["HF_API_TOKEN", "HF_TOKEN"], strict=False),  # noqa: B008
    ) -> None:
        self._keep(locals())
        self._check_options()

    def _load(self) -> "rapidembed.LateInteractionTextEmbedding":
        return rapidembed.LateInteractionTextEmbedding(max_query_tokens=self.max_query_tokens, **self._model_options())

    def _scores(self, query: str, texts: list[str]) -> Any:
        model = self._warm()
        vectors = model.encode_document(texts, **self._bulk_options())
        return rapidembed.max_sim(model.encode_query(query), vectors)

    async def _ascores(self, query: str, texts: list[str]) -> Any:
        model = await self._warm_async()
        vectors = await model.aencode_document(texts, **self._bulk_options())
        return rapidembed.max_sim(await model.aencode_query(query), vectors)
