// Activations by their definitions.
#pragma once

#include <cmath>

#include "../kernels.h"

namespace rapidembed::scalar {

inline float activate(Activation activation, float x) {
  switch (activation) {
    case Activation::gelu:
      return static_cast<float>(0.5 * x * std::erfc(-x * 0.7071067811865476));
    case Activation::gelu_tanh:
      return static_cast<float>(0.5 * x * (1 + std::tanh(0.7978845608028654 * (x + 0.044715 * x * x * x))));
    case Activation::relu:
      return x < 0 ? 0 : x;
    case Activation::silu:
      return static_cast<float>(x / (1 + std::exp(-static_cast<double>(x))));
    case Activation::identity:
      break;
  }
  return x;
}

}  // namespace rapidembed::scalar
