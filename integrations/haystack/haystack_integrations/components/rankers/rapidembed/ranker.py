"""The component that ranks by a cross-encoder."""

from typing import Any, Literal

from haystack import component
from haystack.utils import ComponentDevice, Secret
from haystack_integrations.components.rankers.rapidembed._ranker import LocalRanker

import rapidembed  # its facades load at their first use, so that importing the components stays instant


@component
class FastembedRanker(LocalRanker):
    """Ranks Documents by a model that reads query and Document together, on this machine.

    Takes the parameters of fastembed-haystack's component of that name, in their order, and more by keyword.

    Args:
        model_name: curated name, hub id, folder or ``package:NAME``.
        top_k: how many Documents to return at most; None: all.
        cache_dir: Hugging Face cache for downloads. None: the user's.
        threads: most cores to use. None: all that the process may use.
        batch_size: most pairs in one batch; batches are otherwise sized by their work.
        parallel: most cores to use for one call; None or 0: all that the model may use. No processes are started.
        local_files_only: never ask the network.
        meta_fields_to_embed: metadata to read with the content, in this order. Fields that a Document lacks, and those
            that are None, are left out; 0, False and "" are kept.
        meta_data_separator: put between metadata and content.
        score_threshold: Documents with a lower score are left out, after ``top_k`` was applied.
        model_kwargs: options of :class:`rapidembed.TextCrossEncoder` that have no parameter here: ``providers``,
            ``cuda``, ``device_ids``, ``specific_model_path``, ``lazy_load``.
        progress_bar: show a progress bar.
        device: "cpu", "cuda", "cuda:N", a list of CUDA devices, or a ComponentDevice. None: CUDA where ONNX Runtime
            offers it.
        precision: "auto" (float32), "fp32", "int8", "bf16" with ``backend="openvino"`` or "native", or "fast"; see
            docs/precision.md.
        backend: "onnxruntime", "openvino" (extra ``openvino``) or "native" (package rapidembed-native).
        revision: branch, tag or commit of a hub repository.
        max_tokens: cut texts at this many tokens. None: the model's limit.
        truncate: whether longer texts are cut, with a warning; if False they are a ValueError.
        token: access token for gated or private repositories, resolved when the model is loaded.
        label: of a classifier with several labels, the one whose score ranks: its name or its number.
        activation: "logit": scores are the model's own numbers; "sigmoid": between 0 and 1.

    Raises:
        ValueError: ``top_k`` is not positive, or ``model_kwargs`` holds an unknown option.

    The model is loaded by ``warm_up`` or the first ``run``. Components may be pickled and copied.
    """

    label: str | int | None
    activation: Literal["logit", "sigmoid"]

    def __init__(
        self,
        model_name: str = "Xenova/ms-marco-MiniLM-L-6-v2",
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
        truncate: bool = True,
        token: Secret | None = Secret.from_env_var(["HF_API_TOKEN", "HF_TOKEN"], strict=False),  # noqa: B008
        label: str | int | None = None,
        activation: Literal["logit", "sigmoid"] = "logit",
    ) -> None:
        self._keep(locals())
        self._check_options()

    def _load(self) -> "rapidembed.TextCrossEncoder":
        return rapidembed.TextCrossEncoder(**self._model_options(), label=self.label)

    def _scores(self, query: str, texts: list[str]) -> Any:
        return self._warm().score(query, texts, **self._score_options())

    async def _ascores(self, query: str, texts: list[str]) -> Any:
        return await (await self._warm_async()).ascore(query, texts, **self._score_options())

    def _score_options(self) -> dict[str, Any]:
        return self._bulk_options() | {"activation": self.activation}
