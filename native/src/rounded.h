// Memory of rows as products read them.
#pragma once

#include "kernels.h"
#include "memory.h"

namespace rapidembed {

inline Rounded take_rounded(Carver& carver, Precision precision, int64_t rows, int64_t width, bool remainders) {
  Rounded r{};
  if (precision == Precision::bf16) r.halves = carver.take<Bf16>(rows * width);
  if (precision == Precision::fp32) r.floats = carver.take<float>(rows * width);
  if (precision != Precision::int8) return r;
  r.integers = carver.take<uint8_t>(rows * width);
  if (remainders) r.remainders = carver.take<uint8_t>(rows * width);
  r.steps = carver.take<float>(rows);
  return r;
}

}  // namespace rapidembed
