"""One run of ``rapidembed embed``, from the options to the files."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from rapidembed import ImageEmbedding, TextEmbedding
from rapidembed.cli import console
from rapidembed.cli.embedding.bar import Bar
from rapidembed.cli.embedding.chunks import MOST_TEXTS, Chunk, Chunker, Inputs
from rapidembed.cli.embedding.encoder import Embedded, Encoder
from rapidembed.cli.embedding.partial import Partial, Progress
from rapidembed.cli.embedding.writers import IdWriter, StreamWriter, Writer, stdout, vector_writer
from rapidembed.errors import RapidEmbedError

_SECONDS_BETWEEN_COMMITS = 2.0
_EXAMPLES = 3
_MOST_PICTURES = 64

Model: TypeAlias = TextEmbedding | ImageEmbedding


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to embed, and where the vectors go.

    Attributes:
        inputs: the texts.
        model: options of the facade.
        role: "plain", "query" or "document".
        batch_size: most texts in a batch; None: sized by their work.
        output: .npy, .jsonl or .parquet file; None: JSON Lines on stdout.
        ids: file for the ids.
        truncated: file for the ids of texts that were cut.
        with_text: whether rows hold their text.
        truncate: whether texts over the model's limit are cut; else they are an error.
        pictures: whether the inputs are pictures.
        overwrite: start over, and replace existing files.
        quiet: neither progress nor summary.
    """

    inputs: Inputs
    model: dict[str, Any]
    role: str
    batch_size: int | None
    output: Path | None
    ids: Path | None
    truncated: Path | None
    with_text: bool
    truncate: bool
    pictures: bool
    overwrite: bool
    quiet: bool

    def run(self) -> None:
        """Embed everything, or go on where an earlier run ended.

        Raises:
            RapidEmbedError: an output exists, or what was done before does not fit.
            ValueError: an option or a record is wrong.
        """
        rows = stdout() if self.output is None else None  # closed? that shows before a model is loaded
        live = rows is not None and self.inputs.live
        with closing(Chunker(self.inputs, self._most_texts, live=live)) as chunker:
            chunker.peek()  # most mistakes show here, before a model is loaded or downloaded
            if self.output is not None:
                self._run_to_file(chunker, self.output)
                return
            with self._load() as model:
                self._embed(model, chunker, [StreamWriter(stdout(), with_text=self.with_text)], None)

    def _load(self) -> Model:
        return ImageEmbedding(**self.model) if self.pictures else TextEmbedding(**self.model)

    def _run_to_file(self, chunker: Chunker, output: Path) -> None:
        started = time.monotonic()
        also = [path for path in (self.ids, self.truncated) if path is not None]
        with Partial([output, *also], overwrite=self.overwrite) as partial, self._load() as model:
            partial.begin(self._settings(model))
            writers = self._writers(model, partial, output)
            if not partial.progress.complete:
                with self._can_be_resumed(partial):
                    self._embed(model, chunker, writers, partial)
                partial.complete()
            for writer in writers:
                writer.finish()
            partial.finish()
            if not self.quiet:
                count, seconds = partial.progress.texts, time.monotonic() - started
                console.say(
                    f"Wrote {output}: {count:,} vectors of {model.embedding_size} dimensions, {seconds:,.1f} s."
                )

    def _embed(self, model: Model, chunker: Chunker, writers: Sequence[Writer], partial: Partial | None) -> None:
        progress = partial.progress if partial else Progress()
        if progress.texts:
            self._skip(chunker, progress)
        for writer in writers:
            writer.start()
        committed = time.monotonic()
        try:
            with (
                self._bar(progress) as bar,
                Encoder(model, self.role, self._most_texts) as encoder,
            ):
                for chunk, embedded in encoder.embed(chunker):
                    self._refuse_truncated(chunk, embedded, model)
                    for writer in writers:
                        writer.write(chunk, embedded)
                    progress = _advanced(progress, chunk, embedded, partial)
                    bar.update(progress.texts, chunk.bytes_read)
                    if partial and time.monotonic() - committed > _SECONDS_BETWEEN_COMMITS:
                        partial.commit(progress)
                        committed = time.monotonic()
        finally:
            if partial:
                partial.commit(progress)
        self._report(model, progress)

    def _skip(self, chunker: Chunker, progress: Progress) -> None:
        if not self.quiet:
            console.say(f"Going on after the {progress.texts:,} {self._noun} that are done.")
        if chunker.skip(progress.texts) != progress.digest:
            raise RapidEmbedError(
                f"The input changed: its first {progress.texts:,} {self._noun} are not those that were embedded "
                "before. Give the same input in the same order to go on, or --overwrite to start over."
            )

    def _report(self, model: Model, progress: Progress) -> None:
        if not progress.truncated:
            return
        shown = ", ".join(progress.examples) + (", …" if progress.truncated > len(progress.examples) else "")
        remedy = "" if self.truncated else " --truncated-ids FILE writes all their ids."
        console.warn(
            f"{progress.truncated:,} of {progress.texts:,} texts had more than {model.info.max_tokens} tokens and were "
            f"cut: {shown}. Split them, give --long-text weighted, or raise --max-tokens if the model has room.{remedy}"
        )

    def _refuse_truncated(self, chunk: Chunk, embedded: Embedded, model: Model) -> None:
        if embedded.truncated and not self.truncate:
            raise ValueError(
                f"{chunk.ids[embedded.truncated[0]]} has more than {model.info.max_tokens} tokens, and --no-truncate "
                "was given. Split it, raise --max-tokens, or allow truncation."
            )

    @contextmanager
    def _can_be_resumed(self, partial: Partial) -> Iterator[None]:
        """Say, with whatever ends the run, that nothing is lost."""
        again = "The same command without --overwrite" if self.overwrite else "The same command"
        try:
            yield
        except KeyboardInterrupt:
            done = f"Interrupted after {partial.progress.texts:,} {self._noun}."
            raise KeyboardInterrupt(f"{done} {again} goes on from there; --overwrite starts over.") from None
        except Exception as error:
            if partial.progress.texts:
                done = f"{partial.progress.texts:,} {self._noun} are done and kept."
                error.add_note(f"{done} {again} goes on from there.")
            raise

    def _writers(self, model: Model, partial: Partial, output: Path) -> list[Writer]:
        notes = {"model": model.info.model_name, "fingerprint": model.fingerprint, "role": self.role}
        dimensions = model.embedding_size
        writers = [vector_writer(partial, output, dimensions, with_text=self.with_text, notes=notes)]
        if self.ids is not None:
            writers.append(IdWriter(partial, self.ids, truncated_only=False))
        if self.truncated is not None:
            writers.append(IdWriter(partial, self.truncated, truncated_only=True))
        return writers

    def _settings(self, model: Model) -> dict[str, Any]:
        """Everything that decides the bytes of the output, beside the input."""
        info = model.info
        return {
            "model": info.model_name,
            "role": self.role,
            "dimensions": info.dimensions,
            "max_tokens": info.max_tokens,
            "normalize": info.normalize,
            "precision": info.precision,
            "fingerprint": model.fingerprint,
            "batch_size": self.batch_size,
            "with_text": self.with_text,
            "ids": self.ids is not None,
            "truncated": self.truncated is not None,
        }

    def _bar(self, progress: Progress) -> Bar:
        return Bar(
            self.inputs.bytes,
            noun=self._noun,
            texts=progress.texts,
            done=self.inputs.bytes_read if progress.texts else 0,
            # A bar among rows on one terminal would be read by nobody.
            shown=not self.quiet and (self.output is not None or not stdout().isatty()),
        )

    @property
    def _noun(self) -> str:
        return "pictures" if self.pictures else "texts"

    @property
    def _most_texts(self) -> int:
        most = _MOST_PICTURES if self.pictures else MOST_TEXTS
        return min(self.batch_size or most, most)


def _advanced(progress: Progress, chunk: Chunk, embedded: Embedded, partial: Partial | None) -> Progress:
    cut = [str(chunk.ids[index]) for index in embedded.truncated]
    return Progress(
        texts=chunk.end,
        digest=chunk.digest,
        lengths=partial.lengths() if partial else {},
        truncated=progress.truncated + len(cut),
        examples=(*progress.examples, *cut)[:_EXAMPLES],
    )
