// Rows of activations times a packed matrix, and what becomes of the sums; one number after the other.
#include <cmath>

#include "activation.h"
#include "scalar.h"

namespace rapidembed::scalar {
namespace {

int32_t integer_sum(const uint8_t* row, const uint8_t* column, int64_t depth, int32_t start) {
  int32_t sum = start;
  for (int64_t k = 0; k < depth; ++k) sum += row[k] * static_cast<int8_t>(column[k / 4 * kPanel * 4 + k % 4]);
  return sum;
}

float half_sum(const uint8_t* row, const uint8_t* column, int64_t depth) {
  float sum = 0;
  for (int64_t k = 0; k < depth; ++k) {
    Bf16 a, b;
    std::memcpy(&a, row + 2 * k, sizeof a);
    std::memcpy(&b, column + k / 2 * kPanel * 4 + k % 2 * 2, sizeof b);
    sum = std::fma(from_bf16(a), from_bf16(b), sum);
  }
  return sum;
}

float float_sum(const uint8_t* row, const uint8_t* column, int64_t depth) {
  float sum = 0;
  for (int64_t k = 0; k < depth; ++k) {
    float a, b;
    std::memcpy(&a, row + 4 * k, sizeof a);
    std::memcpy(&b, column + k * kGroup * 4, sizeof b);
    sum = std::fma(a, b, sum);
  }
  return sum;
}

// x @ matrix + bias at one row and column.
float value(const Product& p, int64_t row, int64_t column) {
  const Matrix& m = p.matrix;
  const int64_t in_panel = column % kPanel;
  if (m.precision == Precision::fp32) {
    const uint8_t* group = m.panel(column / kPanel) + in_panel / kGroup * kGroup * m.depth * 4;
    return float_sum(p.rows + row * p.stride, group + in_panel % kGroup * 4, m.depth) + m.bias[column];
  }
  const uint8_t* packed = m.panel(column / kPanel) + in_panel * 4;
  if (m.precision == Precision::bf16) return half_sum(p.rows + row * p.stride, packed, m.depth) + m.bias[column];
  auto sum = static_cast<float>(integer_sum(p.rows + row * p.stride, packed, m.depth, m.start[column]));
  if (p.remainders != nullptr && column / kPanel >= p.fine_panel) {
    // The integer of zero is kMiddle in remainders as in what they remain of.
    const int32_t rest = integer_sum(p.remainders + row * p.stride, packed, m.depth, m.start[column]);
    sum = std::fma(static_cast<float>(rest), kFine, sum);
  }
  return std::fma(sum, p.steps[row] * m.scales[column], m.bias[column]);
}

void store(const Product& p, int64_t row, int64_t column, float v) {
  const int64_t at = row * p.out_stride + column;
  if (p.then == Then::add)
    p.floats[at] = v + p.residual[at];
  else if (p.floats == nullptr)
    p.halves[at] = to_bf16(v);
  else
    p.floats[at] = v;
}

}  // namespace

void product(const Product& p) {
  constexpr int64_t kHalf = kPanel / 2;
  for (int64_t panel = p.first_panel; panel < p.last_panel; ++panel)
    for (int64_t row = 0; row < p.count; ++row) {
      if (p.matrix.gated) {
        for (int64_t i = 0; i < kHalf; ++i) {
          const int64_t gate = panel * kPanel + i;
          store(p, row, panel * kHalf + i, activate(p.activation, value(p, row, gate)) * value(p, row, gate + kHalf));
        }
        continue;
      }
      for (int64_t column = panel * kPanel; column < (panel + 1) * kPanel; ++column) {
        const float v = value(p, row, column);
        store(p, row, column, p.then == Then::activate ? activate(p.activation, v) : v);
      }
    }
}

}  // namespace rapidembed::scalar
