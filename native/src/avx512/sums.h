// The sums of 6 rows and a panel of 64 columns, in registers: the innermost loop of all.
#pragma once

#include "lanes.h"

namespace rapidembed {
namespace {

constexpr int64_t kRowTile = 6;  // 6 x 4 accumulators, 4 columns' weights, and the activation: 29 of 32 registers
constexpr int64_t kVectors = kPanel / kLanes;

// Apart, because the accumulators are spilled where this is inlined into a large function.
template <class Dot>
RN_APART void sums(const uint8_t* __restrict rows, int64_t stride, const uint8_t* __restrict panel, int64_t row_bytes,
                   const int32_t* start, int32_t* __restrict to) {
  typename Dot::Lane sum[kRowTile][kVectors];
  RN_UNROLL for (int64_t j = 0; j < kVectors; ++j) {
    const auto first = Dot::begin(start + j * kLanes);
    RN_UNROLL for (int64_t i = 0; i < kRowTile; ++i) sum[i][j] = first;
  }
  const uint8_t* below = rows + 3 * stride;
  for (int64_t k = 0; k < row_bytes; k += 4) {
    Ints weights[kVectors];
    RN_UNROLL for (int64_t j = 0; j < kVectors; ++j) weights[j] = load_ints(panel + j * 64);
    RN_UNROLL for (int64_t i = 0; i < kRowTile; ++i) {
      const Ints activation = repeat((i < 3 ? rows + i * stride : below + (i - 3) * stride) + k);
      RN_UNROLL for (int64_t j = 0; j < kVectors; ++j) Dot::dot(sum[i][j], activation, weights[j]);
    }
    panel += kPanel * 4;
  }
  RN_UNROLL for (int64_t i = 0; i < kRowTile; ++i) {
    RN_UNROLL for (int64_t j = 0; j < kVectors; ++j) store_ints(to + i * kPanel + j * kLanes, (Ints)sum[i][j]);
  }
}

// What a product is given to compute sums with; tiles have functions of the same form.
using Sums = void (*)(const uint8_t* rows, int64_t stride, const uint8_t* panel, int64_t row_bytes,
                      const int32_t* start, int32_t* to);

}  // namespace
}  // namespace rapidembed
