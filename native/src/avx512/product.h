// Rows of activations times a packed matrix: sums of a few rows and 64 columns, and what becomes of them.
#pragma once

#include "activation.h"
#include "sums.h"

namespace rapidembed {
namespace {

// A row's 64 values at a panel.
struct Values {
  Floats v[kVectors];
};

template <bool kIntegers>
RN_INLINE Values values(const Product& p, int64_t panel, int64_t row, const int32_t* sums, const int32_t* rest) {
  Values out;
  const float* bias = p.matrix.bias + panel * kPanel;
  if constexpr (!kIntegers) {
    RN_UNROLL for (int64_t j = 0; j < kVectors; ++j) out.v[j] =
        add(as_floats(load_ints(sums + j * kLanes)), load(bias + j * kLanes));
  } else {
    const float* scales = p.matrix.scales + panel * kPanel;
    const Floats step = all(p.steps[row]);
    RN_UNROLL for (int64_t j = 0; j < kVectors; ++j) {
      Floats sum = to_floats(load_ints(sums + j * kLanes));
      if (rest != nullptr) sum = fma(to_floats(load_ints(rest + j * kLanes)), all(kFine), sum);
      out.v[j] = fma(sum, mul(step, load(scales + j * kLanes)), load(bias + j * kLanes));
    }
  }
  return out;
}

template <int64_t kCount>
RN_INLINE void store_halves(Bf16* to, const Floats* v) {
  RN_UNROLL for (int64_t j = 0; j < kCount; j += 2) store_ints(to + j * kLanes, to_halves(v[j], v[j + 1]));
}

using Finish = void (*)(const Product& p, int64_t panel, int64_t row, int64_t count, const int32_t* sums,
                        const int32_t* rest);

template <bool kIntegers, Then kThen, Activation kActivation, bool kGated>
RN_APART void finish(const Product& p, int64_t panel, int64_t row, int64_t count, const int32_t* sums,
                     const int32_t* rest) {
  constexpr int64_t kCount = kGated ? kVectors / 2 : kVectors;
  for (int64_t i = 0; i < count; ++i) {
    Values x = values<kIntegers>(p, panel, row + i, sums + i * kPanel, rest == nullptr ? rest : rest + i * kPanel);
    const int64_t at = (row + i) * p.out_stride + panel * kCount * kLanes;
    if constexpr (kThen == Then::activate) {
      RN_UNROLL for (int64_t j = 0; j < kCount; ++j) {
        x.v[j] = activate<kActivation>(x.v[j]);
        if constexpr (kGated) x.v[j] = mul(x.v[j], x.v[j + kCount]);
      }
    }
    if constexpr (kThen == Then::add) {
      RN_UNROLL for (int64_t j = 0; j < kCount; ++j)
          store(p.floats + at + j * kLanes, add(x.v[j], load(p.residual + at + j * kLanes)));
    } else if (p.floats == nullptr) {
      store_halves<kCount>(p.halves + at, x.v);
    } else {
      RN_UNROLL for (int64_t j = 0; j < kCount; ++j) store(p.floats + at + j * kLanes, x.v[j]);
    }
  }
}

template <bool kIntegers, bool kGated>
Finish activated(Activation activation) {
  switch (activation) {
    case Activation::gelu:
      return finish<kIntegers, Then::activate, Activation::gelu, kGated>;
    case Activation::gelu_tanh:
      return finish<kIntegers, Then::activate, Activation::gelu_tanh, kGated>;
    case Activation::relu:
      return finish<kIntegers, Then::activate, Activation::relu, kGated>;
    case Activation::silu:
      return finish<kIntegers, Then::activate, Activation::silu, kGated>;
    case Activation::identity:
      break;
  }
  return finish<kIntegers, Then::activate, Activation::identity, kGated>;
}

template <bool kIntegers>
Finish finish_of(const Product& p) {
  if (p.then == Then::add) return finish<kIntegers, Then::add, Activation::identity, false>;
  return p.matrix.gated ? activated<kIntegers, true>(p.activation) : activated<kIntegers, false>(p.activation);
}

// A panel stays in the first cache while all rows pass by it.
template <int64_t kTile>
RN_INLINE void multiply(const Product& p, Sums sums, Finish finish) {
  alignas(64) int32_t sum[kTile * kPanel], rest[kTile * kPanel];
  const int64_t row_bytes = p.matrix.row_bytes();
  for (int64_t panel = p.first_panel; panel < p.last_panel; ++panel) {
    const uint8_t* weights = p.matrix.panel(panel);
    const int32_t* start = p.matrix.start + panel * kPanel;
    const bool fine = p.remainders != nullptr && panel >= p.fine_panel;
    for (int64_t row = 0; row < p.count; row += kTile) {
      sums(p.rows + row * p.stride, p.stride, weights, row_bytes, start, sum);
      if (fine) sums(p.remainders + row * p.stride, p.stride, weights, row_bytes, start, rest);
      finish(p, panel, row, kTile, sum, fine ? rest : nullptr);
    }
  }
}

}  // namespace
}  // namespace rapidembed
