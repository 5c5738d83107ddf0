// float32 by AVX-512.
#include "lanes.h"
// Behind what they are made of.
#include "../fp32/table.h"

namespace rapidembed {

const Kernels kAvx512 = kTable;

double roof_avx512() { return roof_of<Singles>(2); }

}  // namespace rapidembed
