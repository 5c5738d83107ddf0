"""Models of the user's own, from fastembed's keywords to specs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from rapidembed.names import POOLING_MODES
from rapidembed.registry import ModelSpec, OnnxSource, Pooling
from rapidembed.runtime.inputs import check_positive

# Fastembed's names, which are upper case there.
_FASTEMBED_POOLING = {"last_token": "lasttoken", "disabled": "none"}


def spec_of(make: Callable[..., ModelSpec], model: str | ModelSpec, *args: Any, **options: Any) -> ModelSpec:
    """The spec given, or what ``make`` makes of the arguments.

    Raises:
        TypeError: both are given, or an argument is missing or unknown.
    """
    if not isinstance(model, ModelSpec):
        return make(model, *args, **options)
    if args or options:
        raise TypeError("A ModelSpec says everything; give no other arguments.")
    return model


def custom_spec(
    model: str,
    pooling: str | Sequence[str],
    normalization: bool,
    sources: object,
    dim: int,
    model_file: str | None = None,
    description: str = "",
    license: str = "",
    size_in_gb: float = 0.0,
    additional_files: Sequence[str] | None = None,
    output_name: str | None = None,
    *,
    max_tokens: int | None = None,
    prompts: Mapping[str, str] | None = None,
) -> ModelSpec:
    """The spec that :meth:`rapidembed.TextEmbedding.add_custom_model` describes.

    Raises:
        ValueError: a value is impossible; names the argument.
    """
    return ModelSpec(
        dim=check_positive("dim", dim),
        pooling=_pooling(pooling),
        normalize=bool(normalization),
        output=output_name if output_name is not None else 0,
        prompts=dict(prompts or {}),
        **_common(model, sources, model_file, additional_files, max_tokens),
        description=description,
        license=license,
        size_gb=size_in_gb or None,
    )


def custom_picture(
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
) -> ModelSpec:
    """The spec that :meth:`rapidembed.ImageEmbedding.add_custom_model` describes.

    Raises:
        ValueError: a value is impossible; names the argument.
    """
    listed = (description, license, size_in_gb)
    spec = custom_spec(model, pooling, normalization, sources, dim, model_file, *listed, additional_files, output_name)
    return replace(spec, head="picture")


def custom_reranker(
    model: str,
    sources: object,
    model_file: str | None = None,
    description: str = "",
    license: str = "",
    size_in_gb: float = 0.0,
    additional_files: Sequence[str] | None = None,
    *,
    max_tokens: int | None = None,
) -> ModelSpec:
    """The spec that :meth:`rapidembed.TextCrossEncoder.add_custom_model` describes.

    Raises:
        ValueError: a value is impossible; names the argument.
    """
    return ModelSpec(
        dim=1,
        head="classification",
        **_common(model, sources, model_file, additional_files, max_tokens),
        description=description,
        license=license,
        size_gb=size_in_gb or None,
    )


def _common(
    model: str, sources: object, model_file: str | None, additional_files: Sequence[str] | None, max_tokens: int | None
) -> dict[str, Any]:
    """What every model has: a name, a place that it comes from, a token limit."""
    if not isinstance(model, str) or not model:
        raise ValueError(f"model must be a non-empty str, got {model!r}.")
    repo = _repository(sources)
    onnx = None
    if model_file is not None:
        onnx = OnnxSource(repo=repo, file=model_file, additional_files=tuple(additional_files or ()))
    elif additional_files:
        raise ValueError("additional_files belong to a model_file; name that too.")
    return {
        "name": model,
        "source": None if onnx else repo,
        "onnx_source": onnx,
        "max_tokens": None if max_tokens is None else check_positive("max_tokens", max_tokens),
    }


def _pooling(pooling: str | Sequence[str]) -> Pooling:
    modes = [pooling] if isinstance(pooling, str) else list(pooling)
    names = [str(getattr(mode, "value", mode)).lower() for mode in modes]
    names = [_FASTEMBED_POOLING.get(name, name) for name in names]
    if not names or any(name not in POOLING_MODES for name in names):
        raise ValueError(f"pooling must be of {', '.join(POOLING_MODES)}, got {pooling!r}.")
    return cast("Pooling", tuple(names))


def _repository(sources: Any) -> str:
    """A hub id, given as such, in a mapping as {"hf": id}, or as fastembed's ModelSource."""
    hf = sources.get("hf") if isinstance(sources, Mapping) else getattr(sources, "hf", sources)
    if not isinstance(hf, str) or hf.count("/") != 1:
        raise ValueError(
            f'sources must name a hub repository, as "organisation/name" or {{"hf": "organisation/name"}}; got '
            f"{sources!r}. Archives at a URL are not read: pass a local folder as model_name instead."
        )
    return hf
