// Normalizing rows; nothing is rounded.
#pragma once

#include "../rows.h"

namespace rapidembed {
namespace {

RN_INLINE void copy(const float* from, int64_t width, float* to) {
  for (int64_t i = 0; i < width; i += kLanes) store(to + i, load(from + i));
}

RN_APART void norm_rows(const Norm& n) {
  for (int64_t row = 0; row < n.count; ++row) {
    float* ready = n.to.floats + row * n.width;
    float* normalized = n.keep_sums ? ready : n.kept + row * n.width;
    normalize(n, row, normalized);
    if (n.round && !n.keep_sums) copy(normalized, n.width, ready);
  }
}

RN_APART void copy_rows(const Rounding& r) {
  for (int64_t row = 0; row < r.count; ++row) copy(r.x + row * r.width, r.width, r.to.floats + row * r.width);
}

}  // namespace
}  // namespace rapidembed
