// Activations of 16 floats at a time.
#pragma once

#include "lanes.h"

namespace rapidembed {
namespace {

// x times the normal distribution's share below x, whose odd part is a polynomial within -4.2 and 4.2: to 1e-4.
RN_INLINE Floats gelu(Floats x) {
  const Floats inner = least(most(x, all(-4.2F)), all(4.2F));
  const Floats square = mul(inner, inner);
  Floats y = fma(square, all(4.92383044e-11F), all(-4.79567097e-09F));
  y = fma(y, square, all(2.07247922e-07F));
  y = fma(y, square, all(-5.28956934e-06F));
  y = fma(y, square, all(8.9835994e-05F));
  y = fma(y, square, all(-0.00108645926F));
  y = fma(y, square, all(0.00974094123F));
  y = fma(y, square, all(-0.0662220791F));
  y = fma(y, square, all(0.398834586F));
  return mul(x, fma(inner, y, all(0.5F)));
}

// x / (1 + 2 ** -exponent), whichever sign the exponent has.
RN_INLINE Floats gated_by(Floats x, Floats exponent) {
  const Floats power = power_of_two(sub(zero(), magnitude(exponent)));
  const __mmask16 positive = _mm512_cmp_ps_mask(exponent, zero(), _CMP_GE_OQ);
  const Floats above = _mm512_mask_mov_ps(power, positive, all(1.0F));
  return _mm512_div_ps(mul(x, above), add(all(1.0F), power));
}

RN_INLINE Floats silu(Floats x) { return gated_by(x, mul(x, all(1.4426950408889634F))); }

// (1 + tanh(t)) / 2 is 1 / (1 + e ** -2t).
RN_INLINE Floats gelu_tanh(Floats x) {
  const Floats cubic = mul(mul(x, x), x);
  return gated_by(x, mul(fma(cubic, all(0.044715F), x), all(2.302208198F)));
}

template <Activation kActivation>
RN_INLINE Floats activate(Floats x) {
  if constexpr (kActivation == Activation::gelu) return gelu(x);
  if constexpr (kActivation == Activation::gelu_tanh) return gelu_tanh(x);
  if constexpr (kActivation == Activation::relu) return most(x, zero());
  if constexpr (kActivation == Activation::silu) return silu(x);
  return x;
}

}  // namespace
}  // namespace rapidembed
