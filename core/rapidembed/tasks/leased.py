"""A loaded model as a facade holds it: a lease on the shared engine, and the limits of this facade."""

import logging
import threading
from collections.abc import Awaitable, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

from rapidembed.errors import ClosedError, IntegrityError, RapidEmbedError, UnsupportedModelError
from rapidembed.graph import buildable_architectures
from rapidembed.hub import Checkpoint, HubOptions, mend, resolve
from rapidembed.registry import ModelSpec, Pooling
from rapidembed.registry.static_files import STATIC_ARCHITECTURES
from rapidembed.runtime.backends import BACKENDS
from rapidembed.runtime.batcher import Batcher
from rapidembed.runtime.engine import NOTHING, EngineKey
from rapidembed.runtime.lease import Lease
from rapidembed.runtime.meter import Work
from rapidembed.runtime.ready import X
from rapidembed.runtime.sinks import Sink, W
from rapidembed.runtime.stream import LARGEST_WINDOW, Steps, run_windows
from rapidembed.tasks.arithmetic import arithmetic_on
from rapidembed.tasks.bulk import Bulk
from rapidembed.tasks.call import Call
from rapidembed.tasks.facade import Facade, O
from rapidembed.tasks.few import Few, is_few, make_ready
from rapidembed.tasks.fingerprint import fingerprint
from rapidembed.tasks.lone import Lone, LoneJob

if TYPE_CHECKING:
    from rapidembed.tasks.info import ModelInfo

logger = logging.getLogger(__name__)

T = TypeVar("T")
V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasedModel(Generic[O]):
    """What every facade's loaded model has. Immutable; the lease knows whether it is still valid.

    A task's own says how its options fit a model (:meth:`of`).
    """

    shares: ClassVar[bool] = False
    """Whether calls of few inputs share batches: not where it takes long to make an input ready."""

    lease: Lease
    checkpoint: Checkpoint

    @classmethod
    def of(cls, lease: Lease, checkpoint: Checkpoint, options: O) -> Self:
        """The model over an engine that is leased; an error gives the lease back.

        Raises:
            ValueError: an option does not fit the model.
        """
        raise NotImplementedError

    @classmethod
    def pooling(cls, options: O) -> Pooling | None:
        """What the options say of pooling, see :func:`rapidembed.hub.resolve`; most tasks have none."""
        return None

    @classmethod
    def computed(cls, checkpoint: Checkpoint, options: O) -> Checkpoint:
        """The checkpoint as the engine is to see it; most tasks compute what its spec says.

        Raises:
            UnsupportedModelError: the options ask for what it cannot give.
        """
        return checkpoint

    @classmethod
    def load(cls, owner: Facade[O, Any]) -> Self:
        """Find a facade's model, lease its engine, and check the options against it.

        A curated model whose files no graph can be built for runs its ONNX file: the authors may change their files,
        the export that is known by name still computes what it did.

        Args:
            owner: the facade; its end is the lease's.
        """
        opened = partial(cls._opened, owner)
        row, buildable = owner._task.find(owner._options.model_name), buildable_architectures()
        if row is None or row.onnx_source is None or row.architecture not in buildable:
            return opened(buildable)
        ways = (buildable, buildable - {row.architecture})
        first, second = reversed(ways) if owner._view.exported else ways
        try:
            return opened(first)
        except UnsupportedModelError as error:
            if row.source is None:
                raise
            try:
                model = opened(second)
            except RapidEmbedError as other:
                raise error from other
            if not owner._view.exported:
                logger.warning("%s: %s The ONNX file of %s runs instead.", row.source, error, row.onnx_source.repo)
            return model

    @classmethod
    def _opened(cls, owner: Facade[O, Any], buildable: frozenset[str]) -> Self:
        """The model, over files of which damaged ones were fetched again."""
        options = owner._options
        hub = HubOptions(
            cache_dir=options.cache_path,
            revision=options.revision,
            local_files_only=options.local_files_only,
            token=options.token,
        )
        find = partial(
            resolve,
            options.model_name,
            buildable=buildable,
            task=owner._task,
            pooling=cls.pooling(options),
            specific_model_path=options.model_path,
            hub=hub,
        )
        checkpoint = find()
        try:
            return cls._over(checkpoint, owner)
        except IntegrityError as error:
            mend(checkpoint.root if checkpoint.revision else None, error, hub)
        return cls._over(find(), owner)

    @classmethod
    def _over(cls, checkpoint: Checkpoint, owner: Facade[O, Any]) -> Self:
        """The model in a checkpoint."""
        options, placement = owner._options, owner._placement
        checkpoint = replace(checkpoint, spec=owner._view.spec(checkpoint))
        if checkpoint.spec.architecture in STATIC_ARCHITECTURES:
            placement = options.place_on_cpu(f"{checkpoint.spec.name} is a static model, which")
        arithmetic = arithmetic_on(options, placement, checkpoint)
        run = cls.computed(checkpoint, options)
        lease = Lease(owner, EngineKey(run, placement, options.threads, run.stamp(), arithmetic))
        try:
            lease.engine.prepare()
            return cls.of(lease, checkpoint, options)
        except BaseException:
            lease.release()
            raise

    @property
    def engine(self) -> Batcher[Any]:
        """The shared engine.

        Raises:
            ClosedError: the facade was closed.
        """
        return self.lease.engine

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
        self, items: Iterable[T], steps: Steps[T, X], sink: Sink[X, W], bulk: Bulk, extra: Mapping[str, int] = NOTHING
    ) -> Iterator[W]:
        """Run the model over many inputs, window by window; see :func:`rapidembed.runtime.stream.run_windows`.

        Few inputs are one window, and share batches with those of other callers where there are some.
        """
        engine, unwanted = self.engine, _Unwanted(self.lease, bulk.cancelled)
        if self.shares and engine.busy and is_few(items, bulk):
            check, ready = partial(self._check_wanted, unwanted), partial(make_ready, items, steps, engine)
            yield engine.run_few(Few(ready, sink, extra, check, lambda window: window))
            return
        windows = run_windows(
            engine,
            items,
            steps,
            sink,
            first=bulk.window,
            batch_size=bulk.batch_size,
            workers=bulk.workers,
            extra=extra,
            most=bulk.most or LARGEST_WINDOW,
            cancelled=unwanted,
        )
        try:
            for window in windows:
                self.check_open()
                yield window
        except CancelledError:
            self.check_open()
            raise

    def run_lone(self, item: T, lone: Lone[T, X, V]) -> V:
        """Run the model over a lone input, on all cores if they are free."""
        engine = self.engine
        ready = lone.make(item, engine)
        return lone.read(ready, engine.run_one(ready, lone.extra))

    def aone(self, call: Call, item: Any) -> Awaitable[Any] | None:
        """See :meth:`rapidembed.tasks.runner.RunnableModel.aone`; tasks that have such a way say it."""
        return None

    def arun_lone(self, item: T, lone: Lone[T, X, V]) -> Awaitable[V] | None:
        """:meth:`run_lone` for who awaits, without a thread of its own; None: this engine has no such way."""
        engine = self.engine
        if not engine.together:
            return None
        return engine.arun_one(LoneJob(item, lone, engine, self.check_open))

    def check_open(self) -> None:
        """Raise a ClosedError if the facade was closed while a call runs."""
        if self.lease.released:
            raise ClosedError(f"{self.spec.name} was closed while texts were being embedded.")

    def _check_wanted(self, unwanted: "_Unwanted") -> None:
        """Raise if nobody waits for a call's results any more: a ClosedError, or that it was cancelled."""
        self.check_open()
        if unwanted.is_set():
            raise CancelledError

    def work(self) -> Work:
        """What the shared engine has computed so far, for whomever; nothing once this model gave it back."""
        return Work() if self.lease.released else self.engine.work()

    def info(self) -> "ModelInfo":
        """What is loaded, and from where."""
        from rapidembed.tasks.info import ModelInfo

        spec, engine = self.spec, self.engine
        return ModelInfo(
            model_name=spec.name,
            dimensions=spec.dim,
            max_tokens=None,
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
            device=engine.key.placement.label,
            precision=engine.key.precision,
            backend=engine.backend,
            cores=engine.cores,
        )

    def facts(self) -> dict[str, Any]:
        """Everything beside the files that decides the results, in JSON's types."""
        spec, numbers = self.spec, self.engine.key.numbers
        own = {"backend": numbers.backend} if numbers.precision in BACKENDS[numbers.backend].own_numbers else {}
        return {
            **own,
            "head": spec.head,
            "precision": numbers.precision,
            "lower_case": spec.lower_case,
            "over_files": [dict(spec.tokenizer), dict(spec.config)],
            "layers": [repr(layer) for layer in spec.dense],
        }


@dataclass(frozen=True, slots=True)
class _Unwanted:
    """Whether nobody waits for a call's results any more."""

    lease: Lease
    cancelled: threading.Event | None

    def is_set(self) -> bool:
        return self.lease.released or (self.cancelled is not None and self.cancelled.is_set())
