// Which instruction sets this processor, and the system on it, offer.
#pragma once

#include "kernels.h"

namespace rapidembed {

enum class Isa : int32_t { scalar = 0, avx2 = 1, vnni = 2, bf16 = 3, amx = 4 };

Isa best_isa();
bool has_isa(int32_t isa);
const Kernels& kernels_of(Isa isa, Precision precision);

}  // namespace rapidembed
