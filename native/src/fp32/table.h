// The kernels of float32, whatever the width of a lane.
#pragma once

#include "../roof.h"
#include "attention.h"
#include "norm.h"
#include "product.h"

namespace rapidembed {
namespace {

// A product computes just the rows that it is given.
constexpr Kernels kTable = {kRowTile, product, norm_rows, copy_rows, attend, rotate};

}  // namespace
}  // namespace rapidembed
