// AVX-512 with VNNI and BF16: Cooper Lake, Zen 4, Sapphire Rapids. Compiled with the flags of these.
#include "roof.h"
#include "table.h"

namespace rapidembed {

const Kernels kBf16 = kAvx512;

double roof_bf16() { return roof_of<Halves>(4); }

}  // namespace rapidembed
