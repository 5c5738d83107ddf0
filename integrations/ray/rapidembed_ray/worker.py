"""What an actor runs."""

from typing import Any

from rapidembed import EmbedColumn


class Embed:
    """For ``Dataset.map_batches(..., batch_format="pyarrow")``: adds a column of vectors, or of scores, to every batch.

    An actor finds the model when it starts, so one that does not exist shows before any row is read.

    Example:
        >>> dataset.map_batches(  # doctest: +SKIP
        ...     Embed,
        ...     fn_constructor_args=(TextEmbedding("BAAI/bge-small-en-v1.5", lazy_load=True, threads=1), "text"),
        ...     batch_format="pyarrow",
        ...     batch_size=2048,
        ...     compute=ActorPoolStrategy(size=8),
        ...     num_cpus=1,
        ... )

    Args:
        model: any facade of rapidembed, made with ``lazy_load=True``; its options travel, its weights do not.
        column: of the texts or pictures.
        output: the column to add. None: "embedding"; of a reranker "score".
        options: arguments of the model's ``embed_arrow``, or ``score_arrow``.
    """

    def __init__(self, model: Any, column: str, output: str | None = None, **options: Any) -> None:
        self._embed = EmbedColumn(model, column, output, **options)
        _ = self._embed.model.info

    def __call__(self, table: Any) -> Any:
        """The batch, a ``pyarrow.Table``, with the column."""
        return self._embed(table)
