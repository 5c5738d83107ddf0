// Attention of one head: 6 queries at a time against all keys, then their shares of all values.
//
// Keys are turned so that a vector holds one dimension of as many keys as there are lanes; values are moved together.
#pragma once

#include "activation.h"

namespace rapidembed {
namespace {

constexpr int64_t kQueries = 6;

// Tiles of keys, zeros behind the last: [tile][dimension][key].
RN_APART void pack_keys(const Attention& a, const AttentionLayout& layout, float* to) {
  const float* keys = a.float_queries + a.keys_at + layout.first_key * a.stride;
  const int64_t real = layout.last_key - layout.first_key;
  for (int64_t tile = 0; tile < layout.keys; tile += kLanes)
    for (int64_t d = 0; d < a.width; d += kLanes) {
      Floats rows[kLanes];
      RN_UNROLL for (int64_t i = 0; i < kLanes; ++i) rows[i] =
          tile + i < real ? load(keys + (tile + i) * a.stride + d) : zero();
      transpose(rows);
      RN_UNROLL for (int64_t i = 0; i < kLanes; ++i) store(to + tile * a.width + (d + i) * kLanes, rows[i]);
    }
}

RN_APART void pack_values(const Attention& a, const AttentionLayout& layout, float* to) {
  const float* values = a.float_queries + a.values_at + layout.first_key * a.stride;
  for (int64_t key = 0; key < layout.last_key - layout.first_key; ++key)
    for (int64_t d = 0; d < a.width; d += kLanes) store(to + key * a.width + d, load(values + key * a.stride + d));
}

// Scores of 6 queries against tiles of keys, and the largest so far.
struct Scores {
  const float* queries;
  int64_t query_stride, width;
  const float* bias;  // of the first query and key; each further query's begins one before; or null
  float* to;
  int64_t stride;
  Floats tail;  // added to the last tile: hides the keys that are none
};

template <int64_t kTiles>
RN_APART void score(const Scores& s, const float* __restrict keys, int64_t tile, bool last, Floats* __restrict largest) {
  Floats sum[kQueries][kTiles];
  RN_UNROLL for (int64_t i = 0; i < kQueries; ++i) RN_UNROLL for (int64_t j = 0; j < kTiles; ++j) sum[i][j] = zero();
  const int64_t size = kLanes * s.width;
  const float* tiles = keys + tile * size;
  for (int64_t d = 0; d < s.width; ++d) {
    Floats key[kTiles];
    RN_UNROLL for (int64_t j = 0; j < kTiles; ++j) key[j] = load(tiles + j * size + d * kLanes);
    RN_UNROLL for (int64_t i = 0; i < kQueries; ++i) {
      const Floats query = repeat_float(s.queries + i * s.query_stride + d);
      RN_UNROLL for (int64_t j = 0; j < kTiles; ++j) sum[i][j] = fma(query, key[j], sum[i][j]);
    }
  }
  RN_UNROLL for (int64_t i = 0; i < kQueries; ++i) {
    if (s.bias != nullptr) {
      RN_UNROLL for (int64_t j = 0; j < kTiles; ++j) sum[i][j] = add(sum[i][j], load(s.bias - i + (tile + j) * kLanes));
    }
    if (last) sum[i][kTiles - 1] = add(sum[i][kTiles - 1], s.tail);
    RN_UNROLL for (int64_t j = 0; j < kTiles; ++j) {
      largest[i] = most(largest[i], sum[i][j]);
      store(s.to + i * s.stride + (tile + j) * kLanes, sum[i][j]);
    }
  }
}

RN_INLINE void score_all(const Scores& s, const float* keys, int64_t tiles, Floats* largest) {
  constexpr int64_t kTogether = kLanes == 16 ? 4 : 2;
  int64_t tile = 0;
  for (; tile + kTogether <= tiles; tile += kTogether)
    score<kTogether>(s, keys, tile, tile + kTogether == tiles, largest);
  for (; tile < tiles; ++tile) score<1>(s, keys, tile, tile + 1 == tiles, largest);
}

// Scores to shares, not yet divided by their sum; one over it is what comes back.
RN_INLINE float shares(float* scores, int64_t tiles, Floats largest) {
  const Floats top = all(most_of(largest));
  Floats total = zero();
  for (int64_t at = 0; at < tiles * kLanes; at += kLanes) {
    const Floats share = power(sub(load(scores + at), top));
    total = add(total, share);
    store(scores + at, share);
  }
  return 1 / sum_of(total);
}

// What 6 queries get of kCount vectors of the values' dimensions.
template <int64_t kCount>
RN_APART void blend(const float* __restrict shares, int64_t stride, const float* __restrict values, int64_t width,
                    int64_t keys, const float* factors, int64_t queries, float* __restrict to, int64_t to_stride) {
  Floats sum[kQueries][kCount];
  RN_UNROLL for (int64_t i = 0; i < kQueries; ++i) RN_UNROLL for (int64_t j = 0; j < kCount; ++j) sum[i][j] = zero();
  for (int64_t key = 0; key < keys; ++key) {
    Floats value[kCount];
    RN_UNROLL for (int64_t j = 0; j < kCount; ++j) value[j] = load(values + key * width + j * kLanes);
    RN_UNROLL for (int64_t i = 0; i < kQueries; ++i) {
      const Floats share = repeat_float(shares + i * stride + key);
      RN_UNROLL for (int64_t j = 0; j < kCount; ++j) sum[i][j] = fma(share, value[j], sum[i][j]);
    }
  }
  RN_UNROLL for (int64_t i = 0; i < kQueries; ++i) {
    if (i < queries) {
      RN_UNROLL for (int64_t j = 0; j < kCount; ++j)
          store(to + i * to_stride + j * kLanes, mul(sum[i][j], all(factors[i])));
    }
  }
}

// -1e30 from a number of lanes on.
RN_INLINE Floats hidden_from(int64_t lane) {
  alignas(64) float tail[kLanes];
  for (int64_t i = 0; i < kLanes; ++i) tail[i] = i < lane ? 0 : kUnseen;
  return load(tail);
}

RN_APART void attend(const Attention& a) {
  const AttentionLayout layout = attention_layout(a.precision, a.length, a.width, a.first, a.last, a.reach);
  auto* keys = reinterpret_cast<float*>(a.scratch);
  auto* values = reinterpret_cast<float*>(a.scratch + layout.values_at);
  auto* scores = reinterpret_cast<float*>(a.scratch + layout.scores_at);
  const int64_t stride = layout.score_stride;
  pack_keys(a, layout, keys);
  pack_values(a, layout, values);
  for (int64_t query = a.first; query < a.last; query += kQueries) {
    // Keys that one of these queries sees, counted from the first that is packed.
    const int64_t from = a.reach > 0 ? larger(0, query - a.reach) / 32 * 32 - layout.first_key : 0;
    const int64_t end = a.reach > 0 ? smaller(layout.last_key, query + kQueries + a.reach) : layout.last_key;
    const int64_t count = end - layout.first_key - from, tiles = (count + kLanes - 1) / kLanes;
    Floats largest[kQueries];
    RN_UNROLL for (int64_t i = 0; i < kQueries; ++i) largest[i] = all(kUnseen);
    const float* bias = a.bias == nullptr ? nullptr : a.bias + layout.first_key + from - query;
    const Floats tail = hidden_from(count - (tiles - 1) * kLanes);
    score_all({a.float_queries + query * a.stride, a.stride, a.width, bias, scores, stride, tail},
              keys + from * a.width, tiles, largest);
    float factors[kQueries];
    for (int64_t i = 0; i < kQueries; ++i) factors[i] = shares(scores + i * stride, tiles, largest[i]);
    constexpr int64_t kTogether = kLanes == 16 ? 4 : 2;
    const int64_t queries = smaller(kQueries, a.last - query);
    float* to = a.floats + query * a.out_stride;
    for (int64_t d = 0; d < a.width;) {
      const bool many = a.width - d >= kTogether * kLanes;
      (many ? blend<kTogether> : blend<2>)(scores, stride, values + from * a.width + d, a.width, count, factors,
                                           queries, to + d, a.out_stride);
      d += (many ? kTogether : 2) * kLanes;
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
      float* x = r.float_rows + row * r.stride + head * r.width;
      for (int64_t i = 0; i < half; i += kLanes) {
        const Floats a = load(x + i), b = load(x + half + i), c = load(cos + i), s = load(sin + i);
        store(x + i, sub(mul(a, c), mul(b, s)));
        store(x + half + i, add(mul(b, c), mul(a, s)));
      }
    }
  }
}

}  // namespace
}  // namespace rapidembed
