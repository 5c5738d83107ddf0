// The sums of 32 rows and a panel of 64 columns, in tiles. Panels are those of AVX-512: a tile of weights is 16 columns
// of 16 quadruples of bytes, which lie a panel's row apart.
#pragma once

#include "../kernels.h"
#include "tiles.h"

namespace rapidembed {
namespace {

constexpr int64_t kTileRows = 32;

template <bool kIntegers, class Tiles>
void sums_in_tiles(Tiles& tiles, const uint8_t* rows, int64_t stride, const uint8_t* panel, int64_t row_bytes,
                   const int32_t* start, int32_t* to) {
  constexpr int64_t kTileBytes = 64, kPanelRow = kPanel * 4;
  for (int64_t column = 0; column < kPanel; column += 32) {
    // A stride of 0: every row begins with the same sums.
    tiles.template load<0>(start + column, 0);
    tiles.template load<1>(start + column + 16, 0);
    tiles.template load<2>(start + column, 0);
    tiles.template load<3>(start + column + 16, 0);
    const uint8_t* weights = panel + column * 4;
    for (int64_t k = 0; k < row_bytes; k += kTileBytes) {
      tiles.template load<4>(rows + k, stride);
      tiles.template load<5>(rows + 16 * stride + k, stride);
      tiles.template load<6>(weights, kPanelRow);
      tiles.template load<7>(weights + kTileBytes, kPanelRow);
      if constexpr (kIntegers) {
        tiles.template dot_bytes<0, 4, 6>();
        tiles.template dot_bytes<1, 4, 7>();
        tiles.template dot_bytes<2, 5, 6>();
        tiles.template dot_bytes<3, 5, 7>();
      } else {
        tiles.template dot_halves<0, 4, 6>();
        tiles.template dot_halves<1, 4, 7>();
        tiles.template dot_halves<2, 5, 6>();
        tiles.template dot_halves<3, 5, 7>();
      }
      weights += 16 * kPanelRow;
    }
    int32_t* block = to + column;
    tiles.template store<0>(block, kPanelRow);
    tiles.template store<1>(block + 16, kPanelRow);
    tiles.template store<2>(block + 16 * kPanel, kPanelRow);
    tiles.template store<3>(block + 16 * kPanel + 16, kPanelRow);
  }
}

}  // namespace
}  // namespace rapidembed
