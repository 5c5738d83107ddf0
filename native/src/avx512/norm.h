// Normalizing rows, and rounding them to integers or bfloat16.
#pragma once

#include "lanes.h"
// Behind what it is made of.
#include "../rows.h"

namespace rapidembed {
namespace {

struct Range {
  float largest, scale, step;
};

// The integers' step, by the same operations as the reference.
RN_INLINE Range range_of(float largest, float floor) {
  const float zero = floor < 0 ? static_cast<float>(kMiddle) : static_cast<float>(kLow), above = 255 - zero;
  if (!(largest > kSmallest)) largest = kSmallest;
  if (floor > 0 && largest < floor * above / zero) largest = floor * above / zero;
  return {largest, above / largest, largest * (1 / above)};
}

RN_INLINE void to_bytes(const float* x, int64_t width, float floor, float largest, uint8_t* integers,
                        uint8_t* remainders, float* step) {
  const Range range = range_of(largest, floor);
  const Floats scale = all(range.scale), fine = all(254.0F);
  const Ints zero = all_ints(floor < 0 ? kMiddle : kLow), middle = all_ints(kMiddle);
  *step = range.step;
  for (int64_t i = 0; i < width; i += kLanes) {
    const Floats scaled = mul(load(x + i), scale);
    const Ints nearest = to_ints(scaled);
    store_bytes(integers + i, _mm512_add_epi32(nearest, zero));
    if (remainders == nullptr) continue;
    const Floats rest = mul(sub(scaled, to_floats(nearest)), fine);
    store_bytes(remainders + i, _mm512_add_epi32(to_ints(rest), middle));
  }
}

RN_INLINE void to_halves(const float* x, int64_t width, Bf16* to) {
  for (int64_t i = 0; i < width; i += 2 * kLanes) store_ints(to + i, to_halves(load(x + i), load(x + i + kLanes)));
}

// Rows times the channels' multipliers into to, and the largest magnitude, or with a floor the largest.
RN_INLINE float scaled(const float* x, int64_t width, const float* multipliers, float floor, float* to) {
  Four large = {{zero(), zero(), zero(), zero()}};
  for (int64_t i = 0; i < width; i += 64) {
    RN_UNROLL for (int64_t j = 0; j < 4; ++j) {
      const int64_t at = i + j * kLanes;
      Floats v = load(x + at);
      if (multipliers != nullptr) {
        v = mul(v, load(multipliers + at));
        store(to + at, v);
      }
      large.v[j] = most(large.v[j], floor < 0 ? magnitude(v) : v);
    }
  }
  return most_of(widest(large));
}

RN_INLINE void round_row(const float* x, const Rounding& r, int64_t row) {
  if (r.precision == Precision::bf16) {
    to_halves(x, r.width, r.to.halves + row * r.width);
    return;
  }
  const float largest = scaled(x, r.width, r.multipliers, r.floor, r.scratch);
  const int64_t at = row * r.width;
  to_bytes(r.multipliers == nullptr ? x : r.scratch, r.width, r.floor, largest, r.to.integers + at,
           r.to.remainders == nullptr ? nullptr : r.to.remainders + at, r.to.steps + row);
}

RN_APART void round_rows(const Rounding& r) {
  for (int64_t row = 0; row < r.count; ++row) round_row(r.x + row * r.width, r, row);
}

RN_APART void norm_rows(const Norm& n) {
  const Rounding rounding = {n.precision, nullptr, n.count, n.width, n.multipliers, -1, n.to, n.scratch};
  for (int64_t row = 0; row < n.count; ++row) {
    float* normalized = n.keep_sums ? n.scratch : n.kept + row * n.width;
    normalize(n, row, normalized);
    if (n.round) round_row(normalized, rounding, row);
  }
}

}  // namespace
}  // namespace rapidembed
