// Which instruction sets this processor, and the system on it, offer.
#pragma once

#include "kernels.h"

namespace rapidembed {

enum class Isa : int32_t { scalar = 0, vnni = 1, bf16 = 2, amx = 3 };

Isa best_isa();
bool has_isa(int32_t isa);
const Kernels& kernels_of(Isa isa);

}  // namespace rapidembed
