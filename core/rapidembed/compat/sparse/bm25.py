"""fastembed's class for BM25."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rapidembed.compat.common.model_description import ModelSource, SparseModelDescription
from rapidembed.compat.model import TextsModel
from rapidembed.compat.sparse.sparse_embedding_base import SparseEmbedding
from rapidembed.lexical.languages import SNOWBALL, fastembed_stopwords
from rapidembed.lexical.vocabulary import Stemmer, term_id
from rapidembed.types import Device

_NAME = "Qdrant/bm25"


class Bm25(TextsModel):
    """BM25 weights of words, which an index multiplies by the words' idf: float64, with int64 indices.

    Args:
        model_name: ``Qdrant/bm25``; stopwords of all languages ship with this package.
        cache_dir: kept, and made; nothing is downloaded.
        k: how slowly repetitions of a word stop to count.
        b: how much long documents are held against their words, 0 to 1.
        avg_len: words in an average document.
        language: decides stemmer and stopwords.
        token_max_length: longer words are dropped.
        disable_stemmer: words count as they are, and there are no stopwords but those given.
        specific_model_path: folder with ``<language>.txt``, the stopwords; without that file there are none.
        stemmer: an object with ``stem_word(word)``, instead of the language's.
        stopwords: words to drop, instead of the language's.
        kwargs: ignored.

    Raises:
        ValueError: there is no stemmer for the language, or a stemmer was given and disabled.
    """

    _facade = "SparseTextEmbedding"
    _inner = ("rapidembed.compat.inner.sparse", "InnerSparse")

    def __init__(
        self,
        model_name: str,
        cache_dir: str | None = None,
        k: float = 1.2,
        b: float = 0.75,
        avg_len: float = 256.0,
        language: str = "english",
        token_max_length: int = 40,
        disable_stemmer: bool = False,
        specific_model_path: str | Path | None = None,
        stemmer: Stemmer | None = None,
        stopwords: Collection[str] | None = None,
        **kwargs: Any,
    ) -> None:
        if not disable_stemmer and stemmer is None and language not in SNOWBALL:
            raise ValueError(f"{language} language is not supported; give a stemmer, or disable_stemmer=True.")
        if disable_stemmer and stemmer is not None:
            raise ValueError("stemmer cannot be supplied with disable_stemmer=True; give one of them.")
        self.language = language
        self.k, self.b, self.avg_len = k, b, avg_len
        self.token_max_length, self.disable_stemmer, self.stemmer = token_max_length, disable_stemmer, stemmer
        self.stopwords = set(_stopwords(self, stopwords, specific_model_path))
        super().__init__(
            model_name,
            cache_dir,
            specific_model_path=specific_model_path,
            local_files_only=kwargs.get("local_files_only", False),
        )

    @staticmethod
    def is_name(model_name: str) -> bool:
        """Whether a model of that name is this one."""
        return model_name.lower() == _NAME.lower()

    @classmethod
    def _list_supported_models(cls) -> list[SparseModelDescription]:
        from rapidembed.lexical.models import find_lexical

        model = find_lexical(_NAME)
        return [
            SparseModelDescription(
                model=_NAME,
                sources=ModelSource(hf=_NAME),
                model_file="config.json",
                description=model.description if model else "",
                license=model.license if model else "",
                size_in_GB=0.01,
                additional_files=[f"{language}.txt" for language in SNOWBALL if fastembed_stopwords(language)],
                requires_idf=True,
                vocab_size=0,
            )
        ]

    @property
    def _model_dir(self) -> Path:
        """Where fastembed would keep its stopwords; there is nothing."""
        if self._specific_model_path:
            return Path(self._specific_model_path)
        return Path(self.cache_dir, "models--Qdrant--bm25", "snapshots", "none")

    def query_embed(  # type: ignore[override]  # neither argument means anything here
        self, query: str | Iterable[str], **kwargs: Any
    ) -> Iterator[SparseEmbedding]:
        """Vectors of queries: each word's index, int64, with the weight 1."""
        yield from self._vectors("query", query, self._bulk(256, None))

    def raw_embed(self, documents: list[str]) -> list[SparseEmbedding]:
        """Vectors of documents, at once."""
        return list(self.embed(documents))

    def token_count(self, texts: str | Iterable[str], **kwargs: Any) -> int:  # type: ignore[override]
        """Words of all texts, stopwords included."""
        count: int = self._native.token_count(texts)
        return count

    @classmethod
    def compute_token_id(cls, token: str) -> int:
        """The index of a stem."""
        return term_id(token)

    def _opened(self, kwargs: Mapping[str, Any]) -> Any:
        return self._computing()(
            _NAME,
            device="cpu",
            cuda=Device.AUTO,
            lazy_load=True,
            k=self.k,
            b=self.b,
            avg_len=self.avg_len,
            language=self.language,
            token_max_length=self.token_max_length,
            disable_stemmer=self.disable_stemmer or None,
            stemmer=self.stemmer,
            stopwords=self.stopwords,
            tokenizer="word",
        )


def _stopwords(model: Bm25, given: Collection[str] | None, folder: str | Path | None) -> Iterable[str]:
    if given is not None:
        return (word.lower() for word in given)
    if model.disable_stemmer or model.language not in SNOWBALL:
        return ()
    if folder:
        file = Path(folder, f"{model.language}.txt")
        return file.read_text(encoding="utf-8").splitlines() if file.is_file() else ()
    return fastembed_stopwords(model.language)
