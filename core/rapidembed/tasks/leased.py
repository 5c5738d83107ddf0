"""A loaded model as a facade holds it: a lease on the shared engine, and the limits of this facade."""

import itertools
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rapidembed.errors import ClosedError, RapidEmbedError, UnsupportedModelError
from rapidembed.graph import buildable_architectures
from rapidembed.hub import Checkpoint, HubOptions, mended, resolve
from rapidembed.registry import ModelSpec, Pooling, Task
from rapidembed.registry.static_files import STATIC_ARCHITECTURES
from rapidembed.runtime.device import Placement
from rapidembed.runtime.engine import NOTHING, Engine, EngineKey
from rapidembed.runtime.lease import Lease
from rapidembed.runtime.sinks import Sink, W
from rapidembed.runtime.static_tokenizer import UNLIMITED
from rapidembed.runtime.stream import Steps, run_windows
from rapidembed.runtime.tokenizer import Tokenizer
from rapidembed.tasks.arithmetic import arithmetic_on
from rapidembed.tasks.bulk import Bulk
from rapidembed.tasks.fingerprint import fingerprint
from rapidembed.tasks.options import ModelOptions

if TYPE_CHECKING:
    from rapidembed.tasks.info import ModelInfo

logger = logging.getLogger(__name__)

T = TypeVar("T")
M = TypeVar("M")


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasedModel:
    """What every facade's loaded model has. Immutable; the lease knows whether it is still valid."""

    lease: Lease
    checkpoint: Checkpoint
    max_tokens: int
    truncate: bool

    @property
    def engine(self) -> Engine:
        """The shared engine.

        Raises:
            ClosedError: the facade was closed.
        """
        return self.lease.engine

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer of a model that runs a graph.

        Raises:
            UnsupportedModelError: the model is a table of token vectors.
        """
        return graph_tokenizer(self.engine)

    @property
    def spec(self) -> ModelSpec:
        """The model's facts."""
        return self.checkpoint.spec

    def warm(self) -> None:
        """Load what a first call needs."""
        self.engine.load()

    def close(self) -> None:
        """Give the engine back; it is freed with its last user."""
        self.lease.release()

    @property
    def fingerprint(self) -> str:
        """See :func:`rapidembed.tasks.fingerprint.fingerprint`."""
        return fingerprint(self.engine, self.facts())

    def windows(
        self, items: Iterable[T], steps: Steps[T], sink: Sink[W], bulk: Bulk, extra: Mapping[str, int] = NOTHING
    ) -> Iterator[W]:
        """Run the model over many inputs, window by window; see :func:`rapidembed.runtime.stream.run_windows`."""
        for window in run_windows(
            self.engine,
            items,
            steps,
            sink,
            first=bulk.window,
            batch_size=bulk.batch_size,
            workers=bulk.workers,
            extra=extra,
            cancelled=bulk.cancelled,
        ):
            if self.lease.released:
                raise ClosedError(f"{self.spec.name} was closed while texts were being embedded.")
            yield window

    def single(self, item: T, steps: Steps[T], sink: Sink[W], extra: Mapping[str, int] = NOTHING) -> W:
        """Run the model over a lone input, on all cores if they are free: a window of one."""
        engine = self.engine
        tokens = steps.tokenize([steps.prepare(item, None)])
        engine.refuse(tokens[0], "The text")
        steps.inspect(tokens[0], 0)
        window = sink.window(1)
        sink.fill(window, [0], tokens, engine.run_one(tokens[0], extra))
        return window

    def chunks(self, items: Iterable[T], steps: Steps[T], batch_size: int) -> Iterator[list[T]]:
        """Inputs made ready for the tokenizer, a few at a time."""
        prepared = (steps.prepare(item, index) for index, item in enumerate(items))
        # The tokenizers' own threads take as many cores as there are texts in a chunk.
        size = min(batch_size, self.engine.cores)
        return iter(lambda: list(itertools.islice(prepared, size)), [])

    def info(self) -> "ModelInfo":
        """What is loaded, and from where."""
        from rapidembed.tasks.info import ModelInfo

        spec = self.spec
        return ModelInfo(
            model_name=spec.name,
            dimensions=spec.dim,
            max_tokens=None if self.max_tokens == UNLIMITED else self.max_tokens,
            architecture=spec.architecture,
            head=spec.head,
            pooling=spec.pooling,
            normalize=spec.normalize,
            query_prompt=spec.query_prompt,
            document_prompt=spec.document_prompt,
            weights=self.checkpoint.weight_files[0],
            revision=self.checkpoint.revision,
            similarity=spec.similarity,
            license=spec.license,
            device=self.engine.key.placement.label,
            precision=self.engine.key.precision,
            backend=self.engine.backend,
            cores=self.engine.cores,
        )

    def facts(self) -> dict[str, Any]:
        """Everything beside the files that decides the results, in JSON's types."""
        spec = self.spec
        return {
            "head": spec.head,
            "max_tokens": self.max_tokens,
            "precision": self.info().precision,
            "lower_case": spec.lower_case,
            "over_files": [dict(spec.tokenizer), dict(spec.config)],
            "layers": [repr(layer) for layer in spec.dense],
        }


def lease_model(
    owner: object,
    options: ModelOptions,
    placement: Placement,
    task: Task,
    make: Callable[[Lease, Checkpoint], M],
    pooling: Pooling | None = None,
) -> M:
    """Find the model and lease its engine for ``owner``.

    Args:
        owner: the facade; its end is the lease's.
        options: its options.
        placement: where to run.
        task: what the model is for.
        make: checks the options against the model; an error gives the lease back.
        pooling: see :func:`rapidembed.hub.resolve`.
    """
    hub = HubOptions(
        cache_dir=options.cache_path,
        revision=options.revision,
        local_files_only=options.local_files_only,
        token=options.token,
    )
    snapshots: list[Path] = []

    def load_with(buildable: frozenset[str]) -> M:
        checkpoint = resolve(
            options.model_name,
            buildable=buildable,
            task=task,
            pooling=pooling,
            specific_model_path=options.model_path,
            hub=hub,
        )
        if checkpoint.revision is not None:
            snapshots.append(checkpoint.root)
        where = placement
        if checkpoint.spec.architecture in STATIC_ARCHITECTURES:
            where = options.place_on_cpu(f"{checkpoint.spec.name} is a static model, which")
        arithmetic = arithmetic_on(options, where, checkpoint)
        lease = Lease(owner, EngineKey(checkpoint, where, options.threads, checkpoint.stamp(), *arithmetic))
        try:
            lease.engine.prepare()
            return make(lease, checkpoint)
        except BaseException:
            lease.release()
            raise

    row = task.find(options.model_name)
    return mended(lambda: _built_or_exported(load_with, row), lambda: next(iter(snapshots), None), hub)


def _built_or_exported(load_with: Callable[[frozenset[str]], M], row: ModelSpec | None) -> M:
    """The model, over a graph built here; a curated one whose files no graph can be built for, over its ONNX file.

    The authors may change their files; the export that is known by name still computes what it did.
    """
    buildable = buildable_architectures()
    try:
        return load_with(buildable)
    except UnsupportedModelError as error:
        if row is None or row.source is None or row.onnx_source is None or row.architecture not in buildable:
            raise
        try:
            model = load_with(buildable - {row.architecture})
        except RapidEmbedError as other:
            raise error from other
        logger.warning("%s: %s The ONNX file of %s runs instead.", row.source, error, row.onnx_source.repo)
        return model


def graph_tokenizer(engine: Engine) -> Tokenizer:
    """See :attr:`LeasedModel.tokenizer`."""
    if not isinstance(engine.tokenizer, Tokenizer):
        raise UnsupportedModelError(
            f"{engine.key.checkpoint.spec.name} is a static model, which gives text vectors only."
        )
    return engine.tokenizer


def token_limit(wanted: int | None, spec: ModelSpec, engine: Engine, special: int | None = None) -> int:
    """The limit that applies: the one asked for, else the checkpoint's, never beyond the model's positions.

    Args:
        wanted: limit that the user asked for.
        spec: the model's facts.
        engine: the model.
        special: tokens that are added to every input; None: those of a single text.
    """
    most = engine.position_limit or spec.max_tokens
    limit = wanted or min(filter(None, (spec.max_tokens, most)), default=None)
    if limit is None or most is None:
        raise ValueError(f"{spec.name} does not say how many tokens it takes; give max_tokens.")
    if limit > most:
        raise ValueError(f"max_tokens must be at most {most}, the positions of {spec.name}; got {limit}.")
    special = engine.tokenizer.special_tokens if special is None else special
    if limit <= special:
        raise ValueError(f"max_tokens must leave room beside {special} special tokens, got {limit}.")
    return limit
