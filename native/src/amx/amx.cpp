// AMX with AVX-512 BF16: Sapphire Rapids and later. Products in tiles; the rest is AVX-512's. Compiled with its flags.
#include "../avx512/attention.h"
#include "../avx512/norm.h"
#include "../avx512/product.h"
#include "../roof.h"
#include "sums.h"

namespace rapidembed {
namespace {

template <bool kIntegers>
void tile_sums(const uint8_t* rows, int64_t stride, const uint8_t* panel, int64_t row_bytes, const int32_t* start,
               int32_t* to) {
  ProcessorTiles tiles;
  sums_in_tiles<kIntegers>(tiles, rows, stride, panel, row_bytes, start, to);
}

void tile_product(const Product& p) {
  const TileUse use;
  if (p.matrix.precision == Precision::int8)
    multiply<kTileRows>(p, tile_sums<true>, finish_of<true>(p));
  else
    multiply<kTileRows>(p, tile_sums<false>, finish_of<false>(p));
}

template <bool kIntegers>
double tile_roof() {
  constexpr int64_t kRounds = 100000, kTries = 5, kDots = 4;
  const TileUse use;
  ProcessorTiles tiles;
  alignas(64) static const uint8_t kZeros[16 * 64] = {};
  tiles.load<4>(kZeros, 64);
  tiles.load<6>(kZeros, 64);
  double best = 0;
  for (int64_t i = 0; i < kTries; ++i) {
    const double begin = cpu_seconds();
    for (int64_t k = 0; k < kRounds; ++k) {
      if constexpr (kIntegers) {
        tiles.dot_bytes<0, 4, 6>();
        tiles.dot_bytes<1, 4, 6>();
        tiles.dot_bytes<2, 4, 6>();
        tiles.dot_bytes<3, 4, 6>();
      } else {
        tiles.dot_halves<0, 4, 6>();
        tiles.dot_halves<1, 4, 6>();
        tiles.dot_halves<2, 4, 6>();
        tiles.dot_halves<3, 4, 6>();
      }
    }
    const int64_t operations = kRounds * kDots * 16 * 16 * (kIntegers ? 128 : 64);
    const double speed = static_cast<double>(operations) / (cpu_seconds() - begin) * 1e-9;
    if (speed > best) best = speed;
  }
  return best;
}

}  // namespace

const Kernels kAmx = {kTileRows, tile_product, norm_rows, round_rows, attend, rotate};

double roof_amx(Precision precision) { return precision == Precision::int8 ? tile_roof<true>() : tile_roof<false>(); }

}  // namespace rapidembed
