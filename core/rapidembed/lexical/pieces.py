"""Words again from the pieces that a WordPiece tokenizer cut them into."""

from collections.abc import Collection, Iterable

_CONTINUED = "##"


def whole_words(pieces: Iterable[str], left_out: Collection[str] = ()) -> list[tuple[str, list[int]]]:
    """The words, and where the pieces of each stand.

    Args:
        pieces: tokens of one text.
        left_out: tokens that belong to no word, such as special ones.
    """
    words: list[tuple[str, list[int]]] = []
    for place, piece in enumerate(pieces):
        if piece in left_out:
            continue
        if words and piece.startswith(_CONTINUED):
            word, places = words[-1]
            words[-1] = (word + piece.removeprefix(_CONTINUED), [*places, place])
        else:
            words.append((piece.removeprefix(_CONTINUED), [place]))
    return words
