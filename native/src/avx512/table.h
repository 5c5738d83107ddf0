// The kernels of AVX-512, products in registers.
#pragma once

#include "attention.h"
#include "norm.h"
#include "product.h"
#include "sums.h"

namespace rapidembed {
namespace {

RN_APART void product(const Product& p) {
  if (p.matrix.precision == Precision::int8)
    multiply<kRowTile>(p, sums<Bytes>, finish_of<true>(p));
  else
    multiply<kRowTile>(p, sums<Halves>, finish_of<false>(p));
}

constexpr Kernels kTable = {kRowTile, product, norm_rows, round_rows, attend, rotate};

}  // namespace
}  // namespace rapidembed
