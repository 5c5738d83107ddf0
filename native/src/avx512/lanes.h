// AVX-512 by short names: 16 floats or whole numbers at a time, and the products of VNNI and BF16.
//
// Included by one source file for each instruction set, each compiled with its own flags: everything here is static,
// and nothing of the standard library is used, or the linker might give one file's code to another.
#pragma once

#include <immintrin.h>

#include "../kernels.h"

#define RN_INLINE static inline __attribute__((always_inline))
#define RN_APART static __attribute__((noinline))
#define RN_UNROLL _Pragma("GCC unroll 32")

namespace rapidembed {
namespace {

using Floats = __m512;
using Ints = __m512i;
constexpr int64_t kLanes = 16;

RN_INLINE Floats load(const float* p) { return _mm512_loadu_ps(p); }
RN_INLINE void store(float* p, Floats v) { _mm512_storeu_ps(p, v); }
RN_INLINE Ints load_ints(const void* p) { return _mm512_loadu_si512(p); }
RN_INLINE void store_ints(void* p, Ints v) { _mm512_storeu_si512(p, v); }
RN_INLINE Floats all(float v) { return _mm512_set1_ps(v); }
RN_INLINE Ints all_ints(int32_t v) { return _mm512_set1_epi32(v); }
RN_INLINE Floats zero() { return _mm512_setzero_ps(); }
RN_INLINE Floats add(Floats a, Floats b) { return _mm512_add_ps(a, b); }
RN_INLINE Floats sub(Floats a, Floats b) { return _mm512_sub_ps(a, b); }
RN_INLINE Floats mul(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
RN_INLINE Floats fma(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
// Of a number and one that is none (NaN) it is b: what must not get lost stands there.
RN_INLINE Floats most(Floats a, Floats b) { return _mm512_max_ps(a, b); }
RN_INLINE Floats least(Floats a, Floats b) { return _mm512_min_ps(a, b); }
RN_INLINE Floats divide(Floats a, Floats b) { return _mm512_div_ps(a, b); }
RN_INLINE Floats magnitude(Floats a) { return _mm512_abs_ps(a); }
RN_INLINE Floats nearest(Floats a) {
  return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
// a * 2 ** whole.
RN_INLINE Floats times_power(Floats a, Floats whole) { return _mm512_scalef_ps(a, whole); }
// a where what is asked about is below zero, else b.
RN_INLINE Floats where_negative(Floats asked, Floats a, Floats b) {
  return _mm512_mask_mov_ps(b, _mm512_cmp_ps_mask(asked, zero(), _CMP_LT_OQ), a);
}
RN_INLINE Floats to_floats(Ints v) { return _mm512_cvtepi32_ps(v); }
RN_INLINE Ints to_ints(Floats v) { return _mm512_cvtps_epi32(v); }
RN_INLINE Ints as_ints(Floats v) { return _mm512_castps_si512(v); }
RN_INLINE Floats as_floats(Ints v) { return _mm512_castsi512_ps(v); }
RN_INLINE float sum_of(Floats v) { return _mm512_reduce_add_ps(v); }
RN_INLINE float most_of(Floats v) { return _mm512_reduce_max_ps(v); }

// 16 whole numbers, from 0 to 255 or to the nearer of both, as bytes.
RN_INLINE void store_bytes(uint8_t* p, Ints v) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtusepi32_epi8(_mm512_max_epi32(v, all_ints(0))));
}

// 2 ** x, to 4e-6 of itself, for x from kLeastPower to 0.
RN_INLINE Floats power_of_two(Floats x) {
  x = most(all(kLeastPower), x);
  const Floats whole = nearest(x), rest = sub(x, whole);
  Floats y = fma(rest, all(0.009618129F), all(0.05550411F));
  y = fma(y, rest, all(0.24022651F));
  y = fma(y, rest, all(0.69314718F));
  y = fma(y, rest, all(1.0F));
  return times_power(y, whole);
}

// The four bytes at p in every lane. In assembly, because GCC 12 would load them anew for each use.
RN_INLINE Ints repeat(const void* p) {
  Ints v;
  __asm__("vpbroadcastd %1,%0" : "=v"(v) : "m"(*static_cast<const int32_t*>(p)));
  return v;
}

RN_INLINE Floats repeat_float(const float* p) { return as_floats(repeat(p)); }

// What four unsigned bytes of each lane times four signed ones add to it. In assembly, because GCC 12 spills the
// accumulators of the intrinsic, which halves the speed.
struct Bytes {
  using Lane = Ints;
  RN_INLINE Lane begin(const int32_t* start) { return load_ints(start); }
  RN_INLINE void dot(Ints& sum, Ints a, Ints b) { __asm__("vpdpbusd %2,%1,%0" : "+v"(sum) : "v"(a), "v"(b)); }
};

// Number i of row j becomes number j of row i.
RN_INLINE void transpose(Ints* r) {
  Ints t[kLanes];
  RN_UNROLL for (int64_t i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
  RN_UNROLL for (int64_t i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  RN_UNROLL for (int64_t i = 0; i < 4; ++i) {
    t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
  }
  RN_UNROLL for (int64_t i = 0; i < 8; ++i) {
    r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
    r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
  }
}
RN_INLINE void transpose(Floats* r) { transpose(reinterpret_cast<Ints*>(r)); }

// What a float of each lane times another adds to it.
struct Singles {
  using Lane = Floats;
  RN_INLINE void dot(Floats& sum, Ints a, Ints b) { sum = fma(as_floats(a), as_floats(b), sum); }
};

// 16 and 16 floats as 32 bfloat16; and what two bfloat16 of each lane times two add to it.
#if defined(__AVX512BF16__)
RN_INLINE Ints to_halves(Floats low, Floats high) { return (Ints)_mm512_cvtne2ps_pbh(high, low); }
struct Halves {
  using Lane = Floats;
  RN_INLINE Lane begin(const int32_t*) { return zero(); }
  RN_INLINE void dot(Floats& sum, Ints a, Ints b) { __asm__("vdpbf16ps %2,%1,%0" : "+v"(sum) : "v"(a), "v"(b)); }
};
#else
RN_INLINE __m256i to_halves(Floats v) {
  const Ints bits = as_ints(v);
  const Ints odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), all_ints(1));
  Ints nearest = _mm512_srli_epi32(_mm512_add_epi32(bits, _mm512_add_epi32(odd, all_ints(0x7fff))), 16);
  const __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
  nearest = _mm512_mask_or_epi32(nearest, nan, _mm512_srli_epi32(bits, 16), all_ints(0x40));
  const __mmask16 tiny = _mm512_cmplt_epu32_mask(_mm512_and_si512(bits, all_ints(0x7fffffff)), all_ints(0x00800000));
  nearest = _mm512_mask_and_epi32(nearest, tiny, _mm512_srli_epi32(bits, 16), all_ints(0x8000));
  return _mm512_cvtepi32_epi16(nearest);
}
RN_INLINE Ints to_halves(Floats low, Floats high) {
  return _mm512_inserti64x4(_mm512_castsi256_si512(to_halves(low)), to_halves(high), 1);
}
struct Halves {
  using Lane = Floats;
  RN_INLINE Lane begin(const int32_t*) { return zero(); }
  RN_INLINE void dot(Floats& sum, Ints a, Ints b) {
    const Ints upper = all_ints(static_cast<int32_t>(0xffff0000U));
    sum = fma(as_floats(_mm512_slli_epi32(a, 16)), as_floats(_mm512_slli_epi32(b, 16)), sum);
    sum = fma(as_floats(_mm512_and_si512(a, upper)), as_floats(_mm512_and_si512(b, upper)), sum);
  }
};
#endif

RN_INLINE Floats from_halves(const Bf16* p) {
  const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return as_floats(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

}  // namespace
}  // namespace rapidembed
