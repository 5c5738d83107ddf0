"""Calls of the tokenizers package, whose bare exceptions become errors of the library."""

from collections.abc import Sequence
from pathlib import Path

from tokenizers import Encoding
from tokenizers import Tokenizer as FastTokenizer

from rapidembed.errors import IntegrityError


def encodings(
    tokenizer: FastTokenizer, texts: Sequence[str], path: Path, *, special: bool = True, offsets: bool = False
) -> list[Encoding]:
    """What the tokenizer makes of each text.

    Args:
        tokenizer: of the tokenizers package.
        texts: are str, and Unicode.
        path: of its files, for messages.
        special: whether special tokens are added.
        offsets: whether places in the texts are needed, which takes longer.

    Raises:
        MemoryError: there is too little for the texts.
        IntegrityError: the tokenizer contradicts itself, as where its vocabulary lacks the token for unknown words.
    """
    encode = tokenizer.encode_batch if offsets else tokenizer.encode_batch_fast
    try:
        found: list[Encoding] = encode(list(texts), add_special_tokens=special)
    except MemoryError:
        raise
    except Exception as error:  # tokenizers raises bare Exception
        raise IntegrityError(f"{path}: the tokenizer cannot cut a text: {error}. Its vocabulary is damaged.") from error
    return found
