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

RN_INLINE Floats power(Floats x) { return power_of_two(x); }

}  // namespace
}  // namespace rapidembed

#include "../gates.h"
