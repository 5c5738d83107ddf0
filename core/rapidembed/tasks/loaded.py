"""A model as one facade uses it: a lease on the shared engine, and what the facade's options make of its vectors."""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rapidembed.errors import ClosedError, DeviceError
from rapidembed.graph import buildable_architectures
from rapidembed.hub import Checkpoint, HubOptions, mended, resolve
from rapidembed.registry import ModelSpec
from rapidembed.registry.static_files import STATIC_ARCHITECTURES
from rapidembed.runtime.device import CPU_PROVIDER, Placement, place
from rapidembed.runtime.engine import Engine, EngineKey
from rapidembed.runtime.lease import Lease
from rapidembed.runtime.static_tokenizer import UNLIMITED
from rapidembed.runtime.stream import embed_windows
from rapidembed.tasks.call import Call
from rapidembed.tasks.info import ModelInfo
from rapidembed.tasks.options import TextOptions
from rapidembed.types import Vectors

_SMALLEST_NORM = 1e-12


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """Everything that a call needs. Immutable; the lease knows whether it is still valid."""

    lease: Lease
    checkpoint: Checkpoint
    placement: Placement
    dimensions: int
    max_tokens: int
    normalize: bool
    truncate: bool
    prompts: dict[str, str]
    """Text put before inputs, by role: "plain", "query", "document"."""

    @classmethod
    def load(cls, owner: object, options: TextOptions, placement: Placement) -> "LoadedModel":
        """Find the model, lease its engine for ``owner``, and check the options against it."""
        hub = HubOptions(
            cache_dir=options.cache_path,
            revision=options.revision,
            local_files_only=options.local_files_only,
            token=options.token,
        )
        snapshots: list[Path] = []

        def load() -> "LoadedModel":
            checkpoint = resolve(
                options.model_name,
                buildable=buildable_architectures(),
                pooling=options.pooling_modes,
                specific_model_path=options.model_path,
                hub=hub,
            )
            if checkpoint.revision is not None:
                snapshots.append(checkpoint.root)
            return cls._of(owner, checkpoint, options, placement)

        return mended(load, lambda: next(iter(snapshots), None), hub)

    @classmethod
    def _of(cls, owner: object, checkpoint: Checkpoint, options: TextOptions, placement: Placement) -> "LoadedModel":
        spec = checkpoint.spec
        if spec.architecture in STATIC_ARCHITECTURES:
            placement = _table_placement(spec, options)
        dimensions = options.dimensions or spec.dim
        if dimensions > spec.dim:
            raise ValueError(f"dimensions must be at most {spec.dim} for {spec.name}, got {dimensions}.")
        lease = Lease(owner, EngineKey(checkpoint, placement, options.threads, checkpoint.stamp()))
        prompts = {"plain": spec.plain_prompt, "query": spec.query_prompt, "document": spec.document_prompt}
        try:
            lease.engine.prepare()
            return cls(
                lease=lease,
                checkpoint=checkpoint,
                placement=placement,
                dimensions=dimensions,
                max_tokens=_token_limit(options.max_tokens, spec, lease.engine),
                normalize=spec.normalize if options.normalize is None else options.normalize,
                truncate=options.truncate,
                prompts=prompts | dict(options.prompts or {}),
            )
        except BaseException:
            lease.release()
            raise

    @property
    def engine(self) -> Engine:
        """The shared engine.

        Raises:
            ClosedError: the facade was closed.
        """
        return self.lease.engine

    @property
    def spec(self) -> ModelSpec:
        """The model's facts."""
        return self.checkpoint.spec

    def call(self, role: str) -> Call:
        """A new call in the role "plain", "query" or "document"."""
        tasks, prompt = self.spec.tasks, self.prompts[role]
        extra = {}
        if tasks:
            extra["task_id"] = tasks["retrieval.query" if role == "query" else "retrieval.passage"]
        if not self.spec.include_prompt:
            extra["prompt_tokens"] = self._prompt_tokens(prompt)
        return Call(prompt, self.max_tokens, self.truncate, extra)

    def one(self, call: Call, text: str) -> Vectors:
        """The vector of a lone text, float32 (dimensions,)."""
        engine = self.engine
        tokens = engine.tokenizer.encode([call.prepare(text, None)], self.max_tokens)
        call.inspect(tokens[0], 0)
        vector: Vectors = self._finish(engine.run_one(tokens[0], call.extra))[0]
        return vector

    def rows(
        self,
        call: Call,
        texts: Iterable[str],
        batch_size: int,
        workers: int | None,
        cancelled: threading.Event | None = None,
    ) -> Iterator[Vectors]:
        """The vectors of many texts, window by window, float32 (some texts, dimensions)."""
        engine = self.engine
        windows = embed_windows(
            engine,
            texts,
            dim=self.spec.dim,
            batch_size=batch_size,
            max_tokens=self.max_tokens,
            workers=workers,
            extra=call.extra,
            cancelled=cancelled,
            prepare=call.prepare,
            inspect=call.inspect,
        )
        for window in windows:
            if self.lease.released:
                raise ClosedError(f"{self.spec.name} was closed while texts were being embedded.")
            yield self._finish(window)

    def info(self) -> ModelInfo:
        """What is loaded, and from where."""
        spec, engine = self.spec, self.engine
        return ModelInfo(
            model_name=spec.name,
            dimensions=self.dimensions,
            max_tokens=None if self.max_tokens == UNLIMITED else self.max_tokens,
            architecture=spec.architecture,
            pooling=spec.pooling,
            normalize=self.normalize,
            query_prompt=self.prompts["query"],
            document_prompt=self.prompts["document"],
            weights=self.checkpoint.weight_files[0],
            revision=self.checkpoint.revision,
            similarity=spec.similarity,
            license=spec.license,
            device=self.placement.label,
            precision="fp32",
            backend=engine.backend,
            cores=engine.cores,
        )

    def _prompt_tokens(self, prompt: str) -> int:
        """Tokens of every text that the prompt takes, the special one at the beginning included."""
        if not prompt:
            return 0
        tokenizer = self.engine.tokenizer
        return len(tokenizer.encode([prompt], self.max_tokens)[0].ids) - tokenizer.trailing

    def _finish(self, vectors: Vectors) -> Vectors:
        """Cut and normalize, per facade: the engine below is shared."""
        vectors = vectors[:, : self.dimensions]
        if not self.normalize:
            return vectors
        norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
        return np.asarray(vectors / np.maximum(norms, _SMALLEST_NORM)[:, None])


def _table_placement(spec: ModelSpec, options: TextOptions) -> Placement:
    """The CPU, which is where tables are; that a GPU is there does not matter, that one was asked for does."""
    try:
        return place(
            available=[CPU_PROVIDER],
            device=options.device,
            cuda=options.cuda,
            device_ids=options.device_ids,
            providers=options.providers,
        )
    except DeviceError as error:
        raise DeviceError(
            f"{spec.name} is a static model, which runs on the CPU only; leave the device out."
        ) from error


def _token_limit(wanted: int | None, spec: ModelSpec, engine: Engine) -> int:
    """The limit that applies: the one asked for, else the checkpoint's, never beyond the model's positions."""
    most = engine.position_limit or spec.max_tokens
    limit = wanted or spec.max_tokens or most
    if limit is None or most is None:
        raise ValueError(f"{spec.name} does not say how many tokens it takes; give max_tokens.")
    if limit > most:
        raise ValueError(f"max_tokens must be at most {most}, the positions of {spec.name}; got {limit}.")
    special = engine.tokenizer.special_tokens
    if limit <= special:
        raise ValueError(f"max_tokens must leave room beside {special} special tokens, got {limit}.")
    return limit
