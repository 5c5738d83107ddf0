// Resampling of pictures: what an instruction set must compute, and the arithmetic that all share.
//
// Included by files that are compiled with flags of their own: nothing of the standard library, everything static.
#pragma once

#include <cstdint>

#include "rapidembed_pictures.h"

namespace rapidembed::pictures {

constexpr int kBits = 22;                    // of a weight's fraction
constexpr int32_t kHalf = 1 << (kBits - 1);  // rounds
constexpr int64_t kGroup = 4;                // taps that are read at a time
constexpr int64_t kBytes = 4;                // of a pixel
constexpr int64_t kColours = 3;              // of these

struct Across {
  const rn_taps& taps;
  const uint8_t* pixels;
  int64_t stride, rows;
  uint8_t* out;
};

struct Down {
  const rn_taps& taps;
  const uint8_t* pixels;
  int64_t top, columns;
  uint8_t* out;
};

struct Kernels {
  void (*across)(const Across&);  // taps are a multiple of kGroup
  void (*down)(const Down&);
};

extern const Kernels kScalar;
#if defined(RAPIDEMBED_X86)
extern const Kernels kAvx2;
extern const Kernels kVnni;
#endif

namespace {

[[maybe_unused]] inline uint8_t to_byte(int32_t sum) {
  const int32_t value = sum >> kBits;
  return static_cast<uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
}

// Sums are of 32 bits and may pass their end on the way, as long as they come back: so they are kept unsigned.
[[maybe_unused]] inline uint8_t weighted(const uint8_t* bytes, int64_t step, const int32_t* weights, int64_t taps) {
  uint32_t sum = kHalf;
  for (int64_t k = 0; k < taps; ++k) sum += bytes[k * step] * static_cast<uint32_t>(weights[k]);
  return to_byte(static_cast<int32_t>(sum));
}

// Columns from `first` on of output row y.
[[maybe_unused]] inline void down_row(const Down& d, int64_t y, int64_t first) {
  const int32_t* weights = d.taps.weights + y * d.taps.taps;
  const int64_t stride = d.columns * kBytes;
  const uint8_t* from = d.pixels + (d.taps.starts[y] - d.top) * stride;
  uint8_t* out = d.out + y * d.columns * kColours;
  for (int64_t x = first; x < d.columns; ++x)
    for (int64_t c = 0; c < kColours; ++c)
      out[x * kColours + c] = weighted(from + x * kBytes + c, stride, weights, d.taps.taps);
}

}  // namespace
}  // namespace rapidembed::pictures
