// The reference of every kernel: plain loops, on any processor.
#pragma once

#include "../kernels.h"

namespace rapidembed::scalar {

void product(const Product& p);
void norm(const Norm& n);
void round(const Rounding& r);
void attend(const Attention& a);
void rotate(const Rotation& r);

}  // namespace rapidembed::scalar
