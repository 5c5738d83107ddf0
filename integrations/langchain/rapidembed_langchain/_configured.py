"""What all classes here do with their options, and with input of another kind than the framework's types say."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

from langchain_core.documents import Document
from pydantic import BaseModel


class Configured(BaseModel):
    """Options and the model that is loaded by them: whoever changes the ones gets another of the other."""

    @property
    def fingerprint(self) -> str:
        """A short hash of everything that decides the results, to be stored with them: as a cache's namespace, say."""
        return str(self._model.fingerprint)  # type: ignore[attr-defined]

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy, with the options changed that ``update`` names; these are checked."""
        if not update:
            return super().model_copy(deep=deep)
        names = {field.alias: name for name, field in type(self).model_fields.items()}
        changes = {names.get(name, name): value for name, value in update.items()}
        return type(self)(**{name: getattr(self, name) for name in self.model_fields_set} | changes)

    def copy(self, *, update: dict[str, Any] | None = None, deep: bool = False, **others: Any) -> Self:
        """:meth:`model_copy` by its older name."""
        return self.model_copy(update=update, deep=deep) if update else super().copy(deep=deep, **others)

    def __eq__(self, other: object) -> bool:
        # pydantic compares the loaded models, too, of which each object has its own.
        return type(other) is type(self) and other.__dict__ == self.__dict__

    def __hash__(self) -> int:
        return hash((type(self), self.model_name))  # type: ignore[attr-defined]


def texts_of(texts: object) -> Any:
    """``texts``; a lone str is an error, as its characters would be taken for texts."""
    if isinstance(texts, str):
        raise TypeError("texts must be a list of str, got one str; embed_query() embeds one, or pass [text].")
    return texts


def text_of(text: object, name: str = "text") -> str:
    """``text``, if it is a str."""
    if not isinstance(text, str):
        raise TypeError(f"{name} must be one str, got {type(text).__name__}.")
    return text


def contents_of(documents: Sequence[Document]) -> list[str]:
    """The texts of Documents."""
    if isinstance(documents, str | Document):
        raise TypeError(f"documents must be a list of Documents, got one {type(documents).__name__}; pass [document].")
    for index, document in enumerate(documents):
        if not isinstance(document, Document):
            raise TypeError(f"documents[{index}] must be a Document, got {type(document).__name__}.")
    return [document.page_content for document in documents]
