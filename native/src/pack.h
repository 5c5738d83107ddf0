// Weight matrices in the order in which products read them.
#pragma once

#include "error.h"
#include "kernels.h"
#include "rapidembed_native.h"

namespace rapidembed {

uint64_t packed_bytes(Precision precision, int64_t outputs, int64_t width);
Matrix pack(Precision precision, bool gated, const rn_part* parts, int64_t count, int64_t width, int32_t zero,
            void* memory);
// The matrix that lies in memory; throws Refused if it is none.
Matrix unpack(const rn_matrix& matrix, const char* name);

}  // namespace rapidembed
