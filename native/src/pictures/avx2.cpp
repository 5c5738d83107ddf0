// Resampling on AVX2: two pixels of 32-bit sums in a register.
#include <immintrin.h>

#include <cstring>

#include "down.h"

namespace rapidembed::pictures {
namespace {

constexpr int64_t kRows = 4;  // that share what is read of the weights

struct Lanes {
  static constexpr int64_t pixels = 2;
  __m256i v;

  static Lanes all(int32_t value) { return {_mm256_set1_epi32(value)}; }
  static Lanes add(Lanes a, Lanes b) { return {_mm256_add_epi32(a.v, b.v)}; }
  static Lanes mul(Lanes a, Lanes b) { return {_mm256_mullo_epi32(a.v, b.v)}; }
  static Lanes widen(const uint8_t* p) {
    return {_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)))};
  }
  // The bytes of both pixels.
  static int64_t bytes(Lanes sums) {
    const __m256i shifted = _mm256_srai_epi32(sums.v, kBits);
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(shifted), _mm256_extracti128_si256(shifted, 1));
    return _mm_cvtsi128_si64(_mm_packus_epi16(words, words));
  }
  static void store_colours(uint8_t* p, Lanes sums) {
    const int64_t both = bytes(sums), second = both >> 32;
    std::memcpy(p, &both, kColours);
    std::memcpy(p + kColours, &second, kColours);
  }
};

// The sums of one output in some rows: its even and its odd taps are in the halves of a register.
template <int64_t rows>
inline void column(const Across& a, int64_t y, int64_t x) {
  const int64_t taps = a.taps.taps;
  const int32_t* weights = a.taps.weights + x * taps;
  const uint8_t* from = a.pixels + y * a.stride + a.taps.starts[x] * kBytes;
  const __m256i pairs[2] = {_mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1), _mm256_setr_epi32(2, 2, 2, 2, 3, 3, 3, 3)};
  Lanes sums[rows];
  for (Lanes& sum : sums) sum = {_mm256_setzero_si256()};
  for (int64_t k = 0; k < taps; k += kGroup) {
    const __m256i four = _mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(weights + k)));
    for (int64_t half = 0; half < 2; ++half) {
      const Lanes weight = {_mm256_permutevar8x32_epi32(four, pairs[half])};
      for (int64_t r = 0; r < rows; ++r) {
        const Lanes two = Lanes::widen(from + r * a.stride + (k + half * Lanes::pixels) * kBytes);
        sums[r] = Lanes::add(sums[r], Lanes::mul(two, weight));
      }
    }
  }
  for (int64_t r = 0; r < rows; ++r) {
    const Lanes swapped = {_mm256_permute2x128_si256(sums[r].v, sums[r].v, 1)};
    const int64_t both = Lanes::bytes(Lanes::add(Lanes::add(sums[r], swapped), Lanes::all(kHalf)));
    std::memcpy(a.out + ((y + r) * a.taps.count + x) * kBytes, &both, kBytes);
  }
}

void across(const Across& a) {
  int64_t y = 0;
  for (; y + kRows <= a.rows; y += kRows)
    for (int64_t x = 0; x < a.taps.count; ++x) column<kRows>(a, y, x);
  for (; y < a.rows; ++y)
    for (int64_t x = 0; x < a.taps.count; ++x) column<1>(a, y, x);
}

}  // namespace

const Kernels kAvx2 = {across, down<Lanes>};

}  // namespace rapidembed::pictures
