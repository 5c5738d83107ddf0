"""How BM25 tells words apart."""

import re


class SimpleTokenizer:
    """Lower-case words: letters, digits and underscores that stand together."""

    @staticmethod
    def tokenize(text: str) -> list[str]:
        """The words of a text."""
        return re.sub(r"\W", " ", text.lower()).split()
