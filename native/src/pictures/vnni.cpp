// Resampling on AVX-512 with VNNI. Its products are of bytes by signed bytes, four at a time: a weight is three such
// digits, and sums of the digits make the sum.
#include <immintrin.h>

#include <cstring>

#include "down.h"

namespace rapidembed::pictures {
namespace {

constexpr int64_t kRows = 4;  // one to each quarter of a register
constexpr int kDigits = 3;

struct Lanes {
  static constexpr int64_t pixels = 4;
  __m512i v;

  static Lanes all(int32_t value) { return {_mm512_set1_epi32(value)}; }
  static Lanes add(Lanes a, Lanes b) { return {_mm512_add_epi32(a.v, b.v)}; }
  static Lanes mul(Lanes a, Lanes b) { return {_mm512_mullo_epi32(a.v, b.v)}; }
  static Lanes widen(const uint8_t* p) {
    return {_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
  }
  static __m128i bytes(Lanes sums) {
    const __m512i shifted = _mm512_srai_epi32(sums.v, kBits);
    return _mm512_cvtusepi32_epi8(_mm512_max_epi32(shifted, _mm512_setzero_si512()));
  }
  static void store_colours(uint8_t* p, Lanes sums) {
    const __m128i without_fourth = _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
    _mm_mask_storeu_epi8(p, 0xfff, _mm_shuffle_epi8(bytes(sums), without_fourth));
  }
};

// Four pixels of each of four rows, the four values of a channel side by side.
inline __m512i block(const uint8_t* p, int64_t stride) {
  const auto row = [&](int64_t r) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + r * stride)); };
  __m512i rows = _mm512_castsi128_si512(row(0));
  rows = _mm512_inserti32x4(rows, row(1), 1);
  rows = _mm512_inserti32x4(rows, row(2), 2);
  rows = _mm512_inserti32x4(rows, row(3), 3);
  const __m128i by_channel = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return _mm512_shuffle_epi8(rows, _mm512_broadcast_i32x4(by_channel));
}

// Four pixels, one of each row that `stride` parts, `count` of which are wanted.
inline void four_rows(const Across& a, const uint8_t* pixels, int64_t stride, int64_t y, int64_t count) {
  const int64_t groups = a.taps.taps / kGroup;
  for (int64_t x = 0; x < a.taps.count; ++x) {
    const int32_t* digits = a.taps.digits + x * groups * kDigits;
    const uint8_t* from = pixels + a.taps.starts[x] * kBytes;
    __m512i low = _mm512_set1_epi32(kHalf), middle = _mm512_setzero_si512(), high = _mm512_setzero_si512();
    for (int64_t g = 0; g < groups; ++g, digits += kDigits, from += kGroup * kBytes) {
      const __m512i values = block(from, stride);
      low = _mm512_dpbusd_epi32(low, values, _mm512_set1_epi32(digits[0]));
      middle = _mm512_dpbusd_epi32(middle, values, _mm512_set1_epi32(digits[1]));
      high = _mm512_dpbusd_epi32(high, values, _mm512_set1_epi32(digits[2]));
    }
    middle = _mm512_add_epi32(_mm512_slli_epi32(middle, 8), _mm512_slli_epi32(high, 16));
    alignas(16) uint8_t made[kRows * kBytes];
    _mm_store_si128(reinterpret_cast<__m128i*>(made), Lanes::bytes({_mm512_add_epi32(low, middle)}));
    for (int64_t r = 0; r < count; ++r)
      std::memcpy(a.out + ((y + r) * a.taps.count + x) * kBytes, made + r * kBytes, kBytes);
  }
}

void across(const Across& a) {
  int64_t y = 0;
  for (; y + kRows <= a.rows; y += kRows) four_rows(a, a.pixels + y * a.stride, a.stride, y, kRows);
  // What is left is read as if each row came four times.
  for (; y < a.rows; ++y) four_rows(a, a.pixels + y * a.stride, 0, y, 1);
}

}  // namespace

const Kernels kVnni = {across, down<Lanes>};

}  // namespace rapidembed::pictures
