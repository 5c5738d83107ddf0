// The pass down, for registers of any width: Lanes holds 32-bit sums of whole pixels.
#pragma once

#include "resample.h"

namespace rapidembed::pictures {
namespace {

constexpr int64_t kTogether = 4;  // registers of sums, which share what is read of the weights

template <class Lanes>
inline void down(const Down& d) {
  constexpr int64_t step = kTogether * Lanes::pixels;
  const int64_t taps = d.taps.taps, stride = d.columns * kBytes;
  for (int64_t y = 0; y < d.taps.count; ++y) {
    const int32_t* weights = d.taps.weights + y * taps;
    const uint8_t* from = d.pixels + (d.taps.starts[y] - d.top) * stride;
    uint8_t* out = d.out + y * d.columns * kColours;
    int64_t x = 0;
    for (; x + step <= d.columns; x += step) {
      Lanes sums[kTogether];
      for (Lanes& sum : sums) sum = Lanes::all(kHalf);
      for (int64_t k = 0; k < taps; ++k) {
        const Lanes weight = Lanes::all(weights[k]);
        const uint8_t* row = from + k * stride + x * kBytes;
        for (int64_t i = 0; i < kTogether; ++i)
          sums[i] = Lanes::add(sums[i], Lanes::mul(Lanes::widen(row + i * Lanes::pixels * kBytes), weight));
      }
      for (int64_t i = 0; i < kTogether; ++i) Lanes::store_colours(out + (x + i * Lanes::pixels) * kColours, sums[i]);
    }
    down_row(d, y, x);
  }
}

}  // namespace
}  // namespace rapidembed::pictures
