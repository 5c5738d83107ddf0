// Activations to the last places of float32.
#pragma once

namespace rapidembed {
namespace {

// 2 ** x, to 1e-7 of itself, for x from kLeastPower to 0.
RN_INLINE Floats power(Floats x) {
  x = most(all(kLeastPower), x);
  const Floats whole = nearest(x), rest = sub(x, whole);
  Floats y = fma(rest, all(0.00015353359F), all(0.0013398875F));
  y = fma(y, rest, all(0.009618437F));
  y = fma(y, rest, all(0.055503324F));
  y = fma(y, rest, all(0.24022648F));
  y = fma(y, rest, all(0.6931472F));
  y = fma(y, rest, all(1.0F));
  return times_power(y, whole);
}

// The normal distribution's share above a positive z is e ** (-z z / 2) times a smooth function, here a polynomial of
// 1 / (1 + 0.3 z): to 5e-7 of itself.
RN_INLINE Floats gelu(Floats x) {
  const Floats z = magnitude(x);
  const Floats t = divide(all(1.0F), fma(z, all(0.3F), all(1.0F)));
  Floats y = fma(t, all(0.038271576F), all(-0.1686462F));
  y = fma(y, t, all(0.22758327F));
  y = fma(y, t, all(-0.07527126F));
  y = fma(y, t, all(0.14167944F));
  y = fma(y, t, all(0.09504963F));
  y = fma(y, t, all(0.12182624F));
  y = fma(y, t, all(0.11950095F));
  y = fma(y, t, all(6.385659e-06F));
  const Floats above = mul(y, power(mul(mul(z, z), all(-0.72134752F))));
  return mul(x, where_negative(x, above, sub(all(1.0F), above)));
}

}  // namespace
}  // namespace rapidembed

#include "../gates.h"
