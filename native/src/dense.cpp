#include "dense.h"

#include <cstring>

#include "rounded.h"

namespace rapidembed {
namespace {

constexpr int64_t kRows = 96;  // at a time: a multiple of every row_tile

struct Buffers {
  Rounded rounded;
  float* row;
  float* out;

  Buffers(uint8_t* memory, const Matrix& m, size_t* used) : rounded{} {
    Carver carver(memory);
    constexpr int64_t kAll = kRows + kPadRows;
    rounded = take_rounded(carver, m.precision, kAll, m.depth, false);
    row = carver.take<float>(m.depth);
    out = carver.take<float>(kAll * m.columns);
    *used = carver.used();
  }
};

}  // namespace

void dense(const Kernels& kernels, const Matrix& m, Activation activation, const float* multipliers, const float* x,
           int64_t rows, float* out) {
  size_t used = 0;
  const Buffers counted(nullptr, m, &used);
  const Block block(used);
  const Buffers b(block.data(), m, &used);
  for (int64_t first = 0; first < rows; first += kRows) {
    const int64_t count = smaller(kRows, rows - first);
    kernels.round({m.precision, x + first * m.width, count, m.width, multipliers, -1, b.rounded, b.row});
    Product p{};
    p.matrix = m;
    p.rows = b.rounded.rows();
    p.steps = b.rounded.steps;
    p.stride = m.row_bytes();
    p.count = count;
    p.last_panel = m.columns / kPanel;
    p.then = Then::activate;
    p.activation = activation;
    p.floats = b.out;
    p.out_stride = m.columns;
    kernels.product(p);
    for (int64_t row = 0; row < count; ++row)
      std::memcpy(out + (first + row) * m.outputs, b.out + row * m.columns,
                  static_cast<size_t>(m.outputs) * sizeof(float));
  }
}

}  // namespace rapidembed
