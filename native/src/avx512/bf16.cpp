// AVX-512 with VNNI and BF16: Cooper Lake, Zen 4, Sapphire Rapids. Compiled with the flags of these.
#include "table.h"
// Behind what it is made of.
#include "../roof.h"

namespace rapidembed {

const Kernels kBf16 = kTable;

double roof_bf16() { return roof_of<Halves>(4); }

}  // namespace rapidembed
