// A matrix by itself, for what follows an encoder.
#pragma once

#include "kernels.h"

namespace rapidembed {

// activation(x @ matrix + bias), (rows, width) -> (rows, outputs).
void dense(const Kernels& kernels, const Matrix& matrix, Activation activation, const float* multipliers,
           const float* x, int64_t rows, float* out);

}  // namespace rapidembed
