// Rows of floats times a packed matrix: sums of a few rows and some columns, and what becomes of them.
#pragma once

#include "activation.h"

namespace rapidembed {
namespace {

constexpr int64_t kRowTile = 6;
constexpr int64_t kTogether = kLanes == 16 ? 4 : 2;  // vectors of columns whose sums registers hold for a tile's rows
constexpr int64_t kColumns = kTogether * kLanes;
constexpr int64_t kHalf = kPanel / 2;
constexpr int64_t kSumsRow = kLanes * 4;  // of a gate and what it lets through, or of kColumns

// The sums of kRows rows and kColumns columns. Apart, because the accumulators are spilled where this is inlined into a
// large function.
template <int64_t kRows>
RN_APART void sums(const float* __restrict rows, int64_t stride, const float* __restrict weights, int64_t depth,
                   float* __restrict to) {
  Floats sum[kRows][kTogether];
  RN_UNROLL for (int64_t i = 0; i < kRows; ++i) RN_UNROLL for (int64_t j = 0; j < kTogether; ++j) sum[i][j] = zero();
  const float* below = rows + 3 * stride;
  _Pragma("GCC unroll 4") for (int64_t k = 0; k < depth; ++k) {
    Floats weight[kTogether];
    RN_UNROLL for (int64_t j = 0; j < kTogether; ++j) weight[j] =
        load(weights + j * kLanes / kGroup * kGroup * depth + j * kLanes % kGroup);
    RN_UNROLL for (int64_t i = 0; i < kRows; ++i) {
      const Floats activation = repeat_float((i < 3 ? rows + i * stride : below + (i - 3) * stride) + k);
      RN_UNROLL for (int64_t j = 0; j < kTogether; ++j) sum[i][j] = fma(activation, weight[j], sum[i][j]);
    }
    weights += kGroup;
  }
  RN_UNROLL for (int64_t i = 0; i < kRows; ++i) {
    RN_UNROLL for (int64_t j = 0; j < kTogether; ++j) store(to + i * kSumsRow + j * kLanes, sum[i][j]);
  }
}

using Sums = void (*)(const float* rows, int64_t stride, const float* weights, int64_t depth, float* to);

// Of a tile that ends before its rows are six.
RN_INLINE Sums sums_of(int64_t rows) {
  constexpr Sums kByRows[] = {sums<1>, sums<2>, sums<3>, sums<4>, sums<5>, sums<6>};
  return kByRows[smaller(rows, kRowTile) - 1];
}

// From a column of the matrix on, to one of what comes out.
using Finish = void (*)(const Product& p, int64_t column, int64_t to, int64_t row, int64_t count, const float* sums);

template <Then kThen, Activation kActivation, bool kGated>
RN_APART void finish(const Product& p, int64_t column, int64_t to, int64_t row, int64_t count, const float* sums) {
  constexpr int64_t kCount = kGated ? 2 : kTogether;
  const float* bias = p.matrix.bias + column;
  for (int64_t i = 0; i < count; ++i) {
    const float* from = sums + i * kSumsRow;
    const int64_t at = (row + i) * p.out_stride + to;
    RN_UNROLL for (int64_t j = 0; j < kCount; ++j) {
      Floats x = add(load(from + j * kLanes), load(bias + j * kLanes));
      if constexpr (kThen == Then::activate) x = activate<kActivation>(x);
      if constexpr (kGated) x = mul(x, add(load(from + (kCount + j) * kLanes), load(bias + kHalf + j * kLanes)));
      if constexpr (kThen == Then::add) x = add(x, load(p.residual + at + j * kLanes));
      store(p.floats + at + j * kLanes, x);
    }
  }
}

template <bool kGated>
Finish activated(Activation activation) {
  switch (activation) {
    case Activation::gelu:
      return finish<Then::activate, Activation::gelu, kGated>;
    case Activation::gelu_tanh:
      return finish<Then::activate, Activation::gelu_tanh, kGated>;
    case Activation::relu:
      return finish<Then::activate, Activation::relu, kGated>;
    case Activation::silu:
      return finish<Then::activate, Activation::silu, kGated>;
    case Activation::identity:
      break;
  }
  return finish<Then::activate, Activation::identity, kGated>;
}

Finish finish_of(const Product& p) {
  if (p.then == Then::add) return finish<Then::add, Activation::identity, false>;
  return p.matrix.gated ? activated<true>(p.activation) : activated<false>(p.activation);
}

// Columns stay in a cache while all rows pass by them.
RN_APART void product(const Product& p) {
  const Finish finish = finish_of(p);
  alignas(64) float sum[kRowTile * kSumsRow];
  const int64_t stride = p.stride / 4, depth = p.matrix.depth, wide = p.matrix.gated ? kHalf : kPanel;
  const bool apart = p.matrix.gated && kColumns < kPanel;  // the gate, and what it lets through
  for (int64_t panel = p.first_panel; panel < p.last_panel; ++panel) {
    const auto* weights = reinterpret_cast<const float*>(p.matrix.panel(panel));
    for (int64_t column = 0; column < wide; column += kColumns)
      for (int64_t row = 0; row < p.count; row += kRowTile) {
        const int64_t count = smaller(kRowTile, p.count - row);
        const auto* rows = reinterpret_cast<const float*>(p.rows) + row * stride;
        sums_of(count)(rows, stride, weights + column * depth, depth, sum);
        if (apart) sums_of(count)(rows, stride, weights + (column + kHalf) * depth, depth, sum + 2 * kLanes);
        finish(p, panel * kPanel + column, panel * wide + column, row, count, sum);
      }
  }
}

}  // namespace
}  // namespace rapidembed
