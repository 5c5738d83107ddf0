"""Texts to token ids, without ever changing the shared tokenizer.

Padding and truncation that a ``tokenizer.json`` carries are switched off when it is loaded. Truncation happens here,
so one tokenizer serves every token limit, and how long a text really was is known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Encoding, normalizers

from rapidembed.errors import UnsupportedModelError
from rapidembed.hub import Checkpoint
from rapidembed.registry.config_file import ConfigFile
from rapidembed.runtime.fast_tokenizer import encodings
from rapidembed.runtime.tokenizer_classes import steps_of
from rapidembed.runtime.tokenizer_files import load_tokenizer

# Characters that surely hold enough tokens for most texts; where they do not, four times as many are tried.
_CHARS_PER_TOKEN = 12
_MIN_CHARS = 4096
_LONGEST_ADDED_TOKEN = 256
_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class TokenIds:
    """Token ids of one text or pair, special tokens included, and whether the text was cut."""

    ids: list[int]
    truncated: bool
    types: list[int] | None = None
    """Which text of a pair each token belongs to; None: all are of type 0."""
    attended: int | None = None
    """How many leading tokens the others see; None: all."""

    @property
    def length(self) -> int:
        """Tokens."""
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Located:
    """All tokens of a text, and where in it they stand.

    Attributes:
        prefix: ids of special tokens before the text.
        ids: of the text's own tokens.
        suffix: ids of special tokens after it.
        offsets: where each of the text's own tokens begins and ends, in characters.
    """

    prefix: list[int]
    ids: list[int]
    suffix: list[int]
    offsets: list[tuple[int, int]]


class Tokenizer:
    """A checkpoint's tokenizer, safe to use from several threads at once.

    Args:
        folder: where its files lie.
        truncation_side: "right" keeps the beginning of a long text, "left" its end; None: what the files say.
        lower_case: lower every text first, as the checkpoint's sentence-transformers config may ask for.
        arguments: what its module of sentence-transformers says of it, see
            :func:`rapidembed.runtime.tokenizer_files.load_tokenizer`.

    Raises:
        IntegrityError: a file is damaged.
        UnsupportedModelError: the tokenizer is of a kind that is not known.
    """

    def __init__(
        self,
        folder: Path,
        *,
        truncation_side: str | None = None,
        lower_case: bool = False,
        arguments: Mapping[str, Any] = _NOTHING,
    ) -> None:
        self._tokenizer, self._folder = load_tokenizer(folder, arguments), folder
        stated = ConfigFile.read_optional(folder / "tokenizer_config.json").values | dict(arguments)
        serialized = (self._tokenizer.truncation or {}).get("direction")
        side = truncation_side or stated.get("truncation_side") or serialized or "right"
        if side not in ("left", "right"):
            raise UnsupportedModelError(f"{folder}: truncation_side must be left or right, got {side!r}.")
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = bool(stated.get("split_special_tokens", False))
        own = self._tokenizer.normalizer
        if lower_case and not _lowers(own):
            self._tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), *steps_of(own)])
        self._keep_end = side == "left"
        self._prefix, self._suffix = self._affixes(folder)

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> "Tokenizer":
        """The tokenizer of a checkpoint."""
        spec = checkpoint.spec
        return cls(checkpoint.folder, lower_case=spec.lower_case, arguments=spec.tokenizer)

    @property
    def special_tokens(self) -> int:
        """Tokens that are added to every text."""
        return self._prefix + self._suffix

    @property
    def trailing(self) -> int:
        """Those of them that stand after the text."""
        return self._suffix

    def encode(self, texts: Sequence[str], max_tokens: int) -> list[TokenIds]:
        """Token ids of each text, at most ``max_tokens`` of them."""
        limit = max(_MIN_CHARS, max_tokens * _CHARS_PER_TOKEN)
        if not self._keep_end and any(len(text) > limit for text in texts):
            return [self._encode_long(text, max_tokens, limit) for text in texts]
        return [self._truncate(encoding, max_tokens) for encoding in encodings(self._tokenizer, texts, self._folder)]

    def locate(self, text: str) -> Located:
        """All tokens of a text, however long it is."""
        encoding = encodings(self._tokenizer, [text], self._folder, offsets=True)[0]
        ids, end = encoding.ids, len(encoding) - self._suffix
        return Located(ids[: self._prefix], ids[self._prefix : end], ids[end:], encoding.offsets[self._prefix : end])

    def content(self, texts: Sequence[str], max_tokens: int) -> list[TokenIds]:
        """Like :meth:`encode`, without the special tokens."""
        end = -self._suffix or None
        encoded = self.encode(texts, max_tokens + self.special_tokens)
        return [TokenIds(text.ids[self._prefix : end], text.truncated) for text in encoded]

    def encode_pair(self, first: str, second: str) -> Encoding:
        """Two texts as one sequence, not truncated: shows how the tokenizer puts them together."""
        return self._tokenizer.encode(first, second)

    @property
    def keeps_end(self) -> bool:
        """Whether a long text loses its beginning instead of its end."""
        return self._keep_end

    @property
    def special_ids(self) -> list[int]:
        """Ids of all special tokens of the vocabulary."""
        return [number for number, token in self._tokenizer.get_added_tokens_decoder().items() if token.special]

    def tokens(self, ids: Sequence[int]) -> list[str]:
        """The vocabulary's tokens by their ids."""
        return [self._tokenizer.id_to_token(number) or "" for number in ids]

    @property
    def size(self) -> int:
        """Numbers of tokens are below this."""
        return max(self._tokenizer.get_vocab_size(), *(n + 1 for n in self._tokenizer.get_added_tokens_decoder()), 0)

    def token_id(self, token: str) -> int | None:
        """Id of a token of the vocabulary, special ones included; None: there is none of that name."""
        number: int | None = self._tokenizer.token_to_id(token)
        return number

    def _encode_long(self, text: str, max_tokens: int, limit: int) -> TokenIds:
        """Tokenize only the beginning of a long text, if that provably gives the same tokens.

        A cut can only change the last word of what is left (or an added token that it runs through), so the kept tokens
        are those of the whole text as soon as they end before that word begins, and well before the cut.
        """
        while len(text) > limit:
            encoding = encodings(self._tokenizer, [text[:limit]], self._folder, offsets=True)[0]
            content = len(encoding) - self._suffix
            kept = max_tokens - self._suffix
            if content > kept > self._prefix and self._settled(encoding, kept - 1, content - 1, limit):
                return TokenIds(self._cut(encoding.ids, max_tokens), truncated=True)
            limit *= 4
        return self._truncate(encodings(self._tokenizer, [text], self._folder)[0], max_tokens)

    @staticmethod
    def _settled(encoding: Encoding, kept: int, last: int, cut: int) -> bool:
        words, offsets = encoding.word_ids, encoding.offsets
        return words[kept] != words[last] and offsets[kept][1] + _LONGEST_ADDED_TOKEN <= cut

    def _truncate(self, encoding: Encoding, max_tokens: int) -> TokenIds:
        ids = encoding.ids
        if len(ids) <= max_tokens:
            return TokenIds(ids, truncated=False)
        return TokenIds(self._cut(ids, max_tokens), truncated=True)

    def _cut(self, ids: list[int], max_tokens: int) -> list[int]:
        content = max_tokens - self.special_tokens
        end = len(ids) - self._suffix
        if self._keep_end:
            return ids[: self._prefix] + ids[end - content : end] + ids[end:]
        return ids[: self._prefix + content] + ids[end:]

    def _affixes(self, folder: Path) -> tuple[int, int]:
        """How many special tokens stand before and after every text."""
        if self._tokenizer.num_special_tokens_to_add(False) == 0:
            return 0, 0  # a vocabulary of a few words may not have this one
        mask = encodings(self._tokenizer, ["a"], folder)[0].special_tokens_mask
        content = [i for i, special in enumerate(mask) if not special]
        if content:
            prefix, suffix = content[0], len(mask) - 1 - content[-1]
            if prefix + suffix == self._tokenizer.num_special_tokens_to_add(False):
                return prefix, suffix
        raise UnsupportedModelError(
            f"{folder}: special tokens must stand before or after the text, got the mask {mask}."
        )


def _lowers(normalizer: Any) -> bool:
    """Whether a step of the normalizer lowers texts; BERT's does so too, which sentence-transformers does not count."""
    return any(isinstance(step, normalizers.Lowercase) for step in steps_of(normalizer))
