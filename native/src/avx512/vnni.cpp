// AVX-512 with VNNI, without BF16: Cascade Lake, Ice Lake. Compiled with the flags of these.
#include "roof.h"
#include "table.h"

namespace rapidembed {

const Kernels kVnni = kAvx512;

double roof_vnni() { return roof_of<Bytes>(8); }

}  // namespace rapidembed
