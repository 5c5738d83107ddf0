// Attention of one head: 6 queries at a time against all keys, then their shares of all values.
//
// Keys are turned so that a vector holds a pair of dimensions of 16 keys; values so that one holds a pair of keys of 16
// dimensions: the form that the product of bfloat16 reads.
#pragma once

#include "lanes.h"

namespace rapidembed {
namespace {

constexpr int64_t kQueries = 6;
constexpr int64_t kKeyTile = 16;
constexpr int64_t kTileHalves = kKeyTile * 2;  // bfloat16 of a tile in a vector

// Tiles of 16 keys: [pair of dimensions][key][2].
RN_APART void pack_keys(const Attention& a, const AttentionLayout& layout, Bf16* to) {
  const Bf16* keys = a.queries + a.keys_at + layout.first_key * a.stride;
  for (int64_t tile = 0; tile < layout.keys / kKeyTile; ++tile)
    for (int64_t d = 0; d < a.width; d += 32) {
      Ints pairs[kLanes];
      const Bf16* from = keys + tile * kKeyTile * a.stride + d;
      RN_UNROLL for (int64_t i = 0; i < kLanes; ++i) pairs[i] = load_ints(from + i * a.stride);
      transpose(pairs);
      Bf16* turned = to + tile * kKeyTile * a.width + d * kKeyTile;
      RN_UNROLL for (int64_t i = 0; i < kLanes; ++i) store_ints(turned + i * kTileHalves, pairs[i]);
    }
}

// Columns of 32 dimensions: [pair of keys][dimension][2]; zeros behind the last key.
RN_APART void pack_values(const Attention& a, const AttentionLayout& layout, Bf16* to) {
  const Ints low = _mm512_set_epi16(47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8, 39, 7, 38, 6, 37, 5,
                                    36, 4, 35, 3, 34, 2, 33, 1, 32, 0);
  const Ints high = _mm512_add_epi16(low, _mm512_set1_epi16(16));
  const Bf16* values = a.queries + a.values_at + layout.first_key * a.stride;
  const int64_t real = layout.last_key - layout.first_key;
  for (int64_t d = 0; d < a.width; d += 32)
    for (int64_t key = 0; key < layout.keys; key += 2) {
      const Bf16* at = values + key * a.stride + d;
      const Ints first = key < real ? load_ints(at) : all_ints(0);
      const Ints second = key + 1 < real ? load_ints(at + a.stride) : all_ints(0);
      Bf16* column = to + d * layout.keys + key * 32;
      store_ints(column, _mm512_permutex2var_epi16(first, low, second));
      store_ints(column + 32, _mm512_permutex2var_epi16(first, high, second));
    }
}

// Scores of 6 queries against tiles of 16 keys, and the largest so far.
struct Scores {
  const Bf16* queries;
  int64_t query_stride, width;
  const float* bias;  // of the first query and key; each further query's begins one before; or null
  float* to;
  int64_t stride;
  __mmask16 real;  // keys of the last tile
};

template <int64_t kTiles>
RN_APART void score(const Scores& s, const Bf16* __restrict keys, int64_t tile, bool last, Floats* __restrict largest) {
  Floats sum[kQueries][kTiles];
  RN_UNROLL for (int64_t i = 0; i < kQueries; ++i) RN_UNROLL for (int64_t j = 0; j < kTiles; ++j) sum[i][j] = zero();
  const int64_t size = kKeyTile * s.width;
  const Bf16* tiles = keys + tile * size;
  for (int64_t d = 0; d < s.width; d += 2) {
    Ints key[kTiles];
    RN_UNROLL for (int64_t j = 0; j < kTiles; ++j) key[j] = load_ints(tiles + j * size + d * kKeyTile);
    RN_UNROLL for (int64_t i = 0; i < kQueries; ++i) {
      const Ints query = repeat(s.queries + i * s.query_stride + d);
      RN_UNROLL for (int64_t j = 0; j < kTiles; ++j) Halves::dot(sum[i][j], query, key[j]);
    }
  }
  RN_UNROLL for (int64_t i = 0; i < kQueries; ++i) {
    if (s.bias != nullptr) {
      RN_UNROLL for (int64_t j = 0; j < kTiles; ++j) sum[i][j] =
          add(sum[i][j], load(s.bias - i + (tile + j) * kKeyTile));
    }
    if (last) sum[i][kTiles - 1] = _mm512_mask_mov_ps(all(kUnseen), s.real, sum[i][kTiles - 1]);
    RN_UNROLL for (int64_t j = 0; j < kTiles; ++j) {
      largest[i] = most(largest[i], sum[i][j]);
      store(s.to + i * s.stride + (tile + j) * kKeyTile, sum[i][j]);
    }
  }
}

RN_INLINE void score_all(const Scores& s, const Bf16* keys, int64_t tiles, Floats* largest) {
  int64_t tile = 0;
  for (; tile + 4 < tiles; tile += 4) score<4>(s, keys, tile, false, largest);
  switch (tiles - tile) {
    case 4:
      score<4>(s, keys, tile, true, largest);
      break;
    case 3:
      score<3>(s, keys, tile, true, largest);
      break;
    case 2:
      score<2>(s, keys, tile, true, largest);
      break;
    default:
      score<1>(s, keys, tile, true, largest);
  }
}

// Scores to shares, not yet divided by their sum; one over it is what comes back.
RN_INLINE float shares(const float* __restrict scores, int64_t keys, Floats largest, Bf16* __restrict to) {
  const Floats top = all(most_of(largest));
  Floats first = zero(), second = zero();
  for (int64_t key = 0; key < keys; key += 32) {
    const Floats a = power_of_two(sub(load(scores + key), top));
    const Floats b = power_of_two(sub(load(scores + key + kLanes), top));
    first = add(first, a);
    second = add(second, b);
    store_ints(to + key, to_halves(a, b));
  }
  return 1 / sum_of(add(first, second));
}

// The shares' sum of kVectors x 16 dimensions of the values, for 6 queries.
template <int64_t kVectors>
RN_APART void blend(const Bf16* __restrict shares, int64_t stride, const Bf16* __restrict values, int64_t column,
                    int64_t pairs, const float* factors, float* __restrict to) {
  Floats sum[kQueries][kVectors];
  RN_UNROLL for (int64_t i = 0; i < kQueries; ++i) RN_UNROLL for (int64_t j = 0; j < kVectors; ++j) sum[i][j] = zero();
  for (int64_t pair = 0; pair < pairs; ++pair) {
    Ints value[kVectors];
    RN_UNROLL for (int64_t j = 0; j < kVectors; ++j) value[j] =
        load_ints(values + j / 2 * column + pair * 64 + j % 2 * 32);
    RN_UNROLL for (int64_t i = 0; i < kQueries; ++i) {
      const Ints share = repeat(shares + i * stride + 2 * pair);
      RN_UNROLL for (int64_t j = 0; j < kVectors; ++j) Halves::dot(sum[i][j], share, value[j]);
    }
  }
  RN_UNROLL for (int64_t i = 0; i < kQueries; ++i) {
    RN_UNROLL for (int64_t j = 0; j < kVectors; ++j)
        store(to + i * kVectors * kLanes + j * kLanes, mul(sum[i][j], all(factors[i])));
  }
}

template <int64_t kVectors>
RN_INLINE void emit(const Attention& a, int64_t query, int64_t d, const float* from) {
  const int64_t count = smaller(kQueries, a.last - query);
  for (int64_t i = 0; i < count; ++i) {
    const float* row = from + i * kVectors * kLanes;
    const int64_t at = (query + i) * a.out_stride + d;
    RN_UNROLL for (int64_t j = 0; j < kVectors; j += 2) {
      const Floats low = load(row + j * kLanes), high = load(row + (j + 1) * kLanes);
      if (a.precision == Precision::int8) {
        store(a.floats + at + j * kLanes, low);
        store(a.floats + at + (j + 1) * kLanes, high);
      } else {
        store_ints(a.halves + at + j * kLanes, to_halves(low, high));
      }
    }
  }
}

RN_APART void attend(const Attention& a) {
  const AttentionLayout layout = attention_layout(a.precision, a.length, a.width, a.first, a.last, a.reach);
  auto* keys = reinterpret_cast<Bf16*>(a.scratch);
  auto* values = reinterpret_cast<Bf16*>(a.scratch + layout.values_at);
  auto* scores = reinterpret_cast<float*>(a.scratch + layout.scores_at);
  auto* share = reinterpret_cast<Bf16*>(a.scratch + layout.shares_at);
  const int64_t stride = layout.score_stride;
  pack_keys(a, layout, keys);
  pack_values(a, layout, values);
  for (int64_t query = a.first; query < a.last; query += kQueries) {
    // Keys that one of these queries sees, counted from the first that is packed.
    const int64_t from = a.reach > 0 ? larger(0, query - a.reach) / 32 * 32 - layout.first_key : 0;
    const int64_t end = a.reach > 0 ? smaller(layout.last_key, query + kQueries + a.reach) : layout.last_key;
    const int64_t count = end - layout.first_key - from, tiles = (count + kKeyTile - 1) / kKeyTile;
    Floats largest[kQueries];
    RN_UNROLL for (int64_t i = 0; i < kQueries; ++i) largest[i] = all(kUnseen);
    const float* bias = a.bias == nullptr ? nullptr : a.bias + layout.first_key + from - query;
    const auto real = static_cast<__mmask16>(count % kKeyTile != 0 ? (1U << (count % kKeyTile)) - 1 : 0xffffU);
    score_all({a.queries + query * a.stride, a.stride, a.width, bias, scores, stride, real}, keys + from * a.width,
              tiles, largest);
    if (tiles % 2 != 0) {
      RN_UNROLL for (int64_t i = 0; i < kQueries; ++i) store(scores + i * stride + tiles * kKeyTile, all(kUnseen));
    }
    float factors[kQueries];
    for (int64_t i = 0; i < kQueries; ++i)
      factors[i] = shares(scores + i * stride, round_up(count, 32), largest[i], share + i * stride);
    alignas(64) float out[kQueries * 64];
    for (int64_t d = 0; d < a.width;) {
      const Bf16* column = values + d * layout.keys + from * 32;
      if (a.width - d >= 64) {
        blend<4>(share, stride, column, 32 * layout.keys, (count + 1) / 2, factors, out);
        emit<4>(a, query, d, out);
        d += 64;
      } else {
        blend<2>(share, stride, column, 0, (count + 1) / 2, factors, out);
        emit<2>(a, query, d, out);
        d += 32;
      }
    }
  }
}

// Value i of a head is turned together with value i + width / 2.
RN_APART void rotate(const Rotation& r) {
  const int64_t half = r.width / 2;
  for (int64_t row = 0; row < r.count; ++row) {
    const float* cos = r.cos + r.positions[row] * half;
    const float* sin = r.sin + r.positions[row] * half;
    for (int64_t head = 0; head < r.heads; ++head) {
      Bf16* x = r.rows + row * r.stride + head * r.width;
      for (int64_t i = 0; i < half; i += kLanes) {
        const Floats a = from_halves(x + i), b = from_halves(x + half + i), c = load(cos + i), s = load(sin + i);
        const Ints both = to_halves(sub(mul(a, c), mul(b, s)), add(mul(b, c), mul(a, s)));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(x + i), _mm512_castsi512_si256(both));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(x + half + i), _mm512_extracti64x4_epi64(both, 1));
      }
    }
  }
}

}  // namespace
}  // namespace rapidembed
