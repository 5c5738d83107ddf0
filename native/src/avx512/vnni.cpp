// AVX-512 with VNNI, without BF16: Cascade Lake, Ice Lake. Compiled with the flags of these.
#include "table.h"
// Behind what it is made of.
#include "../roof.h"

namespace rapidembed {

const Kernels kVnni = kTable;

double roof_vnni() { return roof_of<Bytes>(8); }

}  // namespace rapidembed
