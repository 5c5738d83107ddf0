// float32 by AVX2 and FMA: Haswell and later, all Zen.
#include "lanes.h"
// Behind what they are made of.
#include "../fp32/table.h"

namespace rapidembed {

const Kernels kAvx2 = kTable;

double roof_avx2() { return roof_of<Singles>(2); }

}  // namespace rapidembed
