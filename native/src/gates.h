// Activations by what a lane has: its file has defined gelu() and power(), 2 ** x for x from kLeastPower to 0.
#pragma once

namespace rapidembed {
namespace {

// x / (1 + 2 ** -exponent), whichever sign the exponent has.
RN_INLINE Floats gated_by(Floats x, Floats exponent) {
  const Floats small = power(sub(zero(), magnitude(exponent)));
  const Floats above = where_negative(exponent, small, all(1.0F));
  return divide(mul(x, above), add(all(1.0F), small));
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
  if constexpr (kActivation == Activation::relu) return most(zero(), x);
  if constexpr (kActivation == Activation::silu) return silu(x);
  return x;
}

}  // namespace
}  // namespace rapidembed
