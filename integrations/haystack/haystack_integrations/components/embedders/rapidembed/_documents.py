"""What is embedded of a Document."""

from haystack import Document


def texts_of(
    documents: list[Document], meta_fields: list[str] | None, separator: str, components: tuple[str, str]
) -> list[str]:
    """The text of each Document: the named metadata that it has, and its content.

    Args:
        documents: what the component got.
        meta_fields: names of metadata.
        separator: put between metadata and content.
        components: names of the component that asks, and of the one for a lone text, for errors.

    Raises:
        TypeError: ``documents`` is not a list of Documents.
    """
    expected, other = f"{components[0]} embeds a list of Documents", f"{components[1]} embeds a str."
    if not isinstance(documents, list):
        raise TypeError(f"{expected}, got {type(documents).__name__}; {other}")
    texts = []
    for index, document in enumerate(documents):
        if not isinstance(document, Document):
            raise TypeError(f"{expected}, but documents[{index}] is of type {type(document).__name__}; {other}")
        parts = [str(document.meta[name]) for name in meta_fields or () if document.meta.get(name) is not None]
        # Without content it is embedded as an empty text, as Haystack's own embedders do.
        texts.append(separator.join([*parts, document.content or ""]))
    return texts
