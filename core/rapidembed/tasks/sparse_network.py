"""Neural sparse models behind the facade for sparse text."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from rapidembed.errors import ClosedError, IntegrityError
from rapidembed.hub import Checkpoint
from rapidembed.registry import SPARSE, SparseWeights
from rapidembed.registry.config_file import ConfigFile
from rapidembed.runtime.device import Placement
from rapidembed.runtime.lease import Lease
from rapidembed.runtime.sinks import ListSink
from rapidembed.runtime.tokenizer import TokenIds, Tokenizer
from rapidembed.tasks.bulk import Bulk
from rapidembed.tasks.call import Call
from rapidembed.tasks.info import ModelInfo
from rapidembed.tasks.leased import LeasedModel, graph_tokenizer, lease_model, token_limit
from rapidembed.tasks.sparse_options import SparseOptions
from rapidembed.tasks.steps import TextSteps
from rapidembed.types import SparseEmbedding


@dataclass(frozen=True, slots=True, kw_only=True)
class SparseModel(LeasedModel):
    """Everything that a call needs; see :class:`rapidembed.tasks.sparse.SparseBackend`."""

    prompts: dict[str, str]
    """Text put before inputs, by role: "plain", "query", "document"."""
    sparse: SparseWeights
    skipped: NDArray[np.int64]
    """Tokens that get no weight."""
    query_weights: NDArray[np.float32] | None
    """A weight for each token, float32 (vocabulary,), where queries do without the network."""

    @classmethod
    def load(cls, owner: object, options: SparseOptions, placement: Placement) -> "SparseModel":
        """Find the model, lease its engine for ``owner``, and check the options against it."""

        def make(lease: Lease, checkpoint: Checkpoint) -> "SparseModel":
            spec, tokenizer = checkpoint.spec, graph_tokenizer(lease.engine)
            sparse = spec.sparse or SparseWeights()
            prompts = {"plain": spec.plain_prompt, "query": spec.query_prompt, "document": spec.document_prompt}
            file = sparse.query_weights
            return cls(
                lease=lease,
                checkpoint=checkpoint,
                max_tokens=token_limit(options.max_tokens, spec, lease.engine),
                truncate=options.truncate,
                prompts=prompts | dict(options.prompts or {}),
                sparse=sparse,
                skipped=np.array(tokenizer.special_ids if sparse.skip_special else [], dtype=np.int64),
                query_weights=_weights(checkpoint.root / file, tokenizer, spec.dim) if file else None,
            )

        return lease_model(owner, options, placement, SPARSE, make)

    @property
    def requires_idf(self) -> bool:
        """Whether an index has to multiply the weights by the terms' idf: never, training saw to that."""
        return False

    @property
    def vocab_size(self) -> int:
        """Number of possible indices: the tokens of the model's vocabulary."""
        return self.spec.dim

    def call(self, role: str) -> Call:
        """A new call in the role "plain", "query" or "document"."""
        return Call(self.prompts[role], self.max_tokens, self.truncate, role=role)

    def one(self, call: Call, text: str) -> SparseEmbedding:
        """The vector of a lone text."""
        if self._looks_up(call):
            return self._look_up(call, text, None)
        return self.single(text, TextSteps(call, self.tokenizer), self.sink())[0]

    def rows(self, call: Call, texts: Iterable[str], bulk: Bulk) -> Iterator[list[SparseEmbedding]]:
        """The vectors of many texts, window by window, in order."""
        if self._looks_up(call):
            return self._looked_up(call, texts, bulk)
        return self.windows(texts, TextSteps(call, self.tokenizer), self.sink(), bulk)

    def sink(self) -> ListSink[SparseEmbedding]:
        """Takes the words that have weight."""
        logs = 0 if self.sparse.pooling == "sum" else self.sparse.logs

        def read(text: TokenIds, output: NDArray[np.float32]) -> SparseEmbedding:
            indices = np.flatnonzero(output > 0)
            if len(self.skipped):
                indices = indices[~np.isin(indices, self.skipped)]
            values = output[indices]
            for _ in range(logs):
                values = np.log1p(values)
            return SparseEmbedding(values, indices)

        return ListSink(read)

    def token_count(self, texts: Iterable[str], batch_size: int) -> int:
        """Tokens of all texts: special tokens included, after truncation."""
        steps = TextSteps(self.call("plain"), self.tokenizer)
        return sum(
            len(tokens.ids) for chunk in self.chunks(texts, steps, batch_size) for tokens in steps.tokenize(chunk)
        )

    def info(self) -> ModelInfo:
        """What is loaded, and from where."""
        prompts = self.prompts
        return replace(LeasedModel.info(self), query_prompt=prompts["query"], document_prompt=prompts["document"])

    def facts(self) -> dict[str, Any]:
        """Everything beside the files that decides the weights."""
        sparse = [self.sparse.pooling, self.sparse.logs, self.sparse.skip_special]
        return LeasedModel.facts(self) | {"sparse": sparse, "prompts": self.prompts}

    def _looks_up(self, call: Call) -> bool:
        return call.role == "query" and self.query_weights is not None

    def _look_up(self, call: Call, text: str, index: int | None) -> SparseEmbedding:
        """A query's vector where the network is not needed: the weight of each of its tokens, once."""
        tokens = self.tokenizer.content([call.prepare(text, index)], self.max_tokens)[0]
        call.inspect(tokens, index or 0)
        indices = np.setdiff1d(np.array(tokens.ids, dtype=np.int64), self.skipped)  # sorted, each once
        values = np.zeros(0, np.float32) if self.query_weights is None else self.query_weights[indices]
        return SparseEmbedding(values[values != 0], indices[values != 0])

    def _looked_up(self, call: Call, texts: Iterable[str], bulk: Bulk) -> Iterator[list[SparseEmbedding]]:
        for index, text in enumerate(texts):
            if bulk.cancelled is not None and bulk.cancelled.is_set():
                return
            if self.lease.released:
                raise ClosedError(f"{self.spec.name} was closed while texts were being embedded.")
            yield [self._look_up(call, text, index)]


def _weights(path: Path, tokenizer: Tokenizer, words: int) -> NDArray[np.float32]:
    """A weight for each token of the vocabulary."""
    if path.suffix == ".json":
        weights = np.zeros(words, dtype=np.float32)
        for token, weight in ConfigFile.read(path).values.items():
            number = tokenizer.token_id(token)
            if isinstance(weight, bool) or not isinstance(weight, int | float):
                raise IntegrityError(f"{path}: expected a number for {token!r}, got {weight!r}.")
            if number is not None and number < words:
                weights[number] = weight
        return weights
    try:
        found = load_file(path)["weight"]
    except (SafetensorError, OSError, KeyError) as error:
        raise IntegrityError(f"{path} does not hold a tensor 'weight': {error}") from error
    if found.ndim != 1 or len(found) < words:
        raise IntegrityError(f"{path}: expected a weight for each of {words} tokens, got shape {found.shape}.")
    return np.asarray(found, dtype=np.float32)
