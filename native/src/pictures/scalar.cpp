// The reference of resampling: plain loops, on any processor.
#include "resample.h"

namespace rapidembed::pictures {
namespace {

void across(const Across& a) {
  for (int64_t y = 0; y < a.rows; ++y)
    for (int64_t x = 0; x < a.taps.count; ++x) {
      const uint8_t* from = a.pixels + y * a.stride + a.taps.starts[x] * kBytes;
      uint8_t* out = a.out + (y * a.taps.count + x) * kBytes;
      for (int64_t c = 0; c < kBytes; ++c)
        out[c] = weighted(from + c, kBytes, a.taps.weights + x * a.taps.taps, a.taps.taps);
    }
}

void down(const Down& d) {
  for (int64_t y = 0; y < d.taps.count; ++y) down_row(d, y, 0);
}

}  // namespace

const Kernels kScalar = {across, down};

}  // namespace rapidembed::pictures
