"""Words of many texts to their terms' ids at once: no Python object per word, but arrays over the bytes of all texts.

A word's key is its UTF-8 bytes as one 64-bit number; of words longer than 8 bytes it is a hash (two of 100,000 words
share one in a vocabulary out of four billion). Ids are kept by key in a table with open addressing.
"""

import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

_LANE = 8
_LANES = 5
"""Words of more than 40 bytes have no key."""
_MASKS = np.array([(1 << 8 * length) - 1 for length in range(_LANE + 1)], dtype=np.uint64)
_SPREAD, _MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_SMALLEST_BITS = 12

Keys = NDArray[np.uint64]
Ids = NDArray[np.int64]


class WordTable:
    """Ids by key. Safe to use from several threads.

    Args:
        resolve: the id of a word that is not in the table yet.
    """

    def __init__(self, resolve: Callable[[str], int]) -> None:
        self._resolve = resolve
        self._lock = threading.Lock()
        self._count = 0
        self._clear(_SMALLEST_BITS)

    def __len__(self) -> int:
        return self._count

    def look_up(self, words: bytes) -> tuple[Ids, Ids]:
        """The ids of words that are separated by zero bytes, and the offsets at which they begin."""
        # Zeros on both ends: every word has an edge on either side, and its lanes lie inside.
        raw = b"".join((b"\0", words, bytes(_LANE * _LANES)))
        data = np.frombuffer(raw, dtype=np.uint8)
        inside = data != 0
        edges = np.flatnonzero(inside[1:] != inside[:-1])
        starts, ends = edges[::2] + 1, edges[1::2] + 1
        keys = _keys(data, starts, ends - starts)
        with self._lock:
            ids, unknown = self._find(keys)
            if len(unknown):
                self._learn(raw, starts, ends, keys, unknown)
                ids[unknown] = self._find(keys[unknown])[0]
        for word in np.flatnonzero(keys == 0):
            ids[word] = self._resolve(raw[starts[word] : ends[word]].decode())
        return ids, starts - 1

    def _find(self, keys: Keys) -> tuple[Ids, Ids]:
        """Ids, and the positions of the keys that are not there."""
        slots = self._home(keys)
        ids = self._ids[slots]
        searched = np.flatnonzero(self._keys[slots] != keys)
        unknown = []
        while len(searched):
            found = self._keys[slots[searched]]
            hit = found == keys[searched]
            ids[searched[hit]] = self._ids[slots[searched[hit]]]
            unknown.append(searched[found == 0])
            searched = searched[~hit & (found != 0)]
            slots[searched] = (slots[searched] + 1) & self._mask
        missing = np.concatenate(unknown) if unknown else np.zeros(0, dtype=np.int64)
        return ids, missing[keys[missing] != 0]

    def _learn(self, raw: bytes, starts: Ids, ends: Ids, keys: Keys, unknown: Ids) -> None:
        fresh, first = np.unique(keys[unknown], return_index=True)
        words = unknown[first]
        spans = zip(starts[words].tolist(), ends[words].tolist(), strict=True)
        ids = np.array([self._resolve(raw[start:end].decode()) for start, end in spans], dtype=np.int64)
        self._count += len(fresh)
        if self._count * 2 > len(self._keys):
            used = self._keys != 0
            fresh, ids = np.append(fresh, self._keys[used]), np.append(ids, self._ids[used])
            self._clear((self._count * 4).bit_length())
        self._insert(fresh, ids)

    def _insert(self, keys: Keys, ids: Ids) -> None:
        """Add keys that are distinct and new."""
        slots = self._home(keys)
        waiting = np.arange(len(keys))
        while len(waiting):
            free = waiting[self._keys[slots[waiting]] == 0]
            self._keys[slots[free]] = keys[free]  # of several for one slot the last stays
            stayed = free[self._keys[slots[free]] == keys[free]]
            self._ids[slots[stayed]] = ids[stayed]
            waiting = np.setdiff1d(waiting, stayed, assume_unique=True)
            slots[waiting] = (slots[waiting] + 1) & self._mask

    def _home(self, keys: Keys) -> Ids:
        return ((keys * _SPREAD) >> self._shift).astype(np.int64)

    def _clear(self, bits: int) -> None:
        self._keys = np.zeros(1 << bits, dtype=np.uint64)
        self._ids = np.zeros(1 << bits, dtype=np.int64)
        self._mask = (1 << bits) - 1
        self._shift = np.uint64(64 - bits)


def _keys(data: NDArray[np.uint8], starts: Ids, lengths: Ids) -> Keys:
    """A key for each word; 0 for those that have none."""
    # Eight bytes from every offset on, as numbers: windows that overlap.
    lanes: Keys = np.ndarray((len(data) - _LANE + 1,), dtype="<u8", buffer=data.data, strides=(1,))
    keys = lanes[starts] & _MASKS[np.minimum(lengths, _LANE)]
    rest = np.flatnonzero(lengths > _LANE)
    for lane in range(1, _LANES):
        if not len(rest):
            break
        left = lengths[rest] - lane * _LANE
        mixed = keys[rest] * _SPREAD
        mixed ^= mixed >> np.uint64(32)
        keys[rest] = (
            mixed ^ (lanes[starts[rest] + lane * _LANE] & _MASKS[np.minimum(left, _LANE)]) * _MIX
        ) | np.uint64(1)
        rest = rest[left > _LANE]
    keys[rest] = 0
    return keys
