// AVX2 and FMA by short names: 8 floats at a time.
//
// Everything here is static, and nothing of the standard library is used, or the linker might give this file's code to
// processors that lack it.
#pragma once

#include <immintrin.h>

#include "../kernels.h"

#define RN_INLINE static inline __attribute__((always_inline))
#define RN_APART static __attribute__((noinline))
#define RN_UNROLL _Pragma("GCC unroll 32")

namespace rapidembed {
namespace {

using Floats = __m256;
using Ints = __m256i;
constexpr int64_t kLanes = 8;

RN_INLINE Floats load(const float* p) { return _mm256_loadu_ps(p); }
RN_INLINE void store(float* p, Floats v) { _mm256_storeu_ps(p, v); }
RN_INLINE Floats all(float v) { return _mm256_set1_ps(v); }
RN_INLINE Ints all_ints(int32_t v) { return _mm256_set1_epi32(v); }
RN_INLINE Floats zero() { return _mm256_setzero_ps(); }
RN_INLINE Floats add(Floats a, Floats b) { return _mm256_add_ps(a, b); }
RN_INLINE Floats sub(Floats a, Floats b) { return _mm256_sub_ps(a, b); }
RN_INLINE Floats mul(Floats a, Floats b) { return _mm256_mul_ps(a, b); }
RN_INLINE Floats divide(Floats a, Floats b) { return _mm256_div_ps(a, b); }
RN_INLINE Floats fma(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
// Of a number and one that is none (NaN) it is b: what must not get lost stands there.
RN_INLINE Floats most(Floats a, Floats b) { return _mm256_max_ps(a, b); }
RN_INLINE Floats magnitude(Floats a) { return _mm256_andnot_ps(all(-0.0F), a); }
RN_INLINE Floats nearest(Floats a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
// a * 2 ** whole, for a whole from -126 on.
RN_INLINE Floats times_power(Floats a, Floats whole) {
  const Ints exponent = _mm256_add_epi32(_mm256_cvtps_epi32(whole), all_ints(127));
  return mul(a, _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23)));
}
// a where what is asked about is below zero, else b.
RN_INLINE Floats where_negative(Floats asked, Floats a, Floats b) {
  return _mm256_blendv_ps(b, a, _mm256_cmp_ps(asked, zero(), _CMP_LT_OQ));
}
RN_INLINE Floats as_floats(Ints v) { return _mm256_castsi256_ps(v); }

RN_INLINE float sum_of(Floats v) {
  __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  half = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(half, _mm_shuffle_ps(half, half, 1)));
}
RN_INLINE float most_of(Floats v) {
  __m128 half = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  half = _mm_max_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_max_ss(half, _mm_shuffle_ps(half, half, 1)));
}

// The float at p in every lane. In assembly, because GCC 12 would load it anew for each use.
RN_INLINE Floats repeat_float(const float* p) {
  Floats v;
  __asm__("vbroadcastss %1,%0" : "=x"(v) : "m"(*p));
  return v;
}

// Number i of row j becomes number j of row i.
RN_INLINE void transpose(Floats* r) {
  Floats t[kLanes];
  RN_UNROLL for (int64_t i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
  RN_UNROLL for (int64_t i = 0; i < 8; i += 4) {
    r[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
    r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
    r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
  RN_UNROLL for (int64_t i = 0; i < 4; ++i) {
    t[i] = _mm256_permute2f128_ps(r[i], r[i + 4], 0x20);
    t[i + 4] = _mm256_permute2f128_ps(r[i], r[i + 4], 0x31);
  }
  RN_UNROLL for (int64_t i = 0; i < 8; ++i) r[i] = t[i];
}

// What a float of each lane times another adds to it.
struct Singles {
  using Lane = Floats;
  RN_INLINE void dot(Floats& sum, Ints a, Ints b) { sum = fma(as_floats(a), as_floats(b), sum); }
};

}  // namespace
}  // namespace rapidembed
