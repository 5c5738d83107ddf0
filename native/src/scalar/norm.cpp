// Normalizing rows, and rounding them to integers or bfloat16; one number after the other.
#include <cmath>
#include <cstring>

#include "scalar.h"

namespace rapidembed::scalar {
namespace {

// The nearest whole number, ties to even, around zero and within a byte.
uint8_t byte(float x, int32_t zero) {
  const float limited = std::fmin(std::fmax(std::nearbyint(x), -1e6F), 1e6F);
  return static_cast<uint8_t>(smaller(larger(static_cast<int64_t>(limited) + zero, 0), 255));
}

void to_bytes(const float* x, int64_t width, float floor, uint8_t* integers, uint8_t* remainders, float* step) {
  const int32_t zero = floor < 0 ? kMiddle : kLow;
  const auto above = static_cast<float>(255 - zero);
  float largest = kSmallest;
  for (int64_t i = 0; i < width; ++i) largest = std::fmax(largest, floor < 0 ? std::fabs(x[i]) : x[i]);
  if (floor > 0) largest = std::fmax(largest, floor * above / static_cast<float>(zero));
  *step = largest * (1 / above);
  const float scale = above / largest;
  for (int64_t i = 0; i < width; ++i) {
    const float scaled = x[i] * scale;
    integers[i] = byte(scaled, zero);
    if (remainders != nullptr) remainders[i] = byte((scaled - std::nearbyint(scaled)) * 254, kMiddle);
  }
}

float mean(const float* x, int64_t width) {
  double sum = 0;
  for (int64_t i = 0; i < width; ++i) sum += x[i];
  return static_cast<float>(sum / static_cast<double>(width));
}

float mean_square(const float* x, int64_t width, float from) {
  double sum = 0;
  for (int64_t i = 0; i < width; ++i) sum += (static_cast<double>(x[i]) - from) * (static_cast<double>(x[i]) - from);
  return static_cast<float>(sum / static_cast<double>(width));
}

}  // namespace

void round(const Rounding& r) {
  for (int64_t row = 0; row < r.count; ++row) {
    const float* x = r.x + row * r.width;
    if (r.precision == Precision::fp32) {
      std::memcpy(r.to.floats + row * r.width, x, static_cast<size_t>(r.width) * sizeof(float));
      continue;
    }
    if (r.precision == Precision::bf16) {
      for (int64_t i = 0; i < r.width; ++i) r.to.halves[row * r.width + i] = to_bf16(x[i]);
      continue;
    }
    float* scaled = r.scratch;
    for (int64_t i = 0; i < r.width; ++i) scaled[i] = r.multipliers == nullptr ? x[i] : x[i] * r.multipliers[i];
    uint8_t* remainders = r.to.remainders == nullptr ? nullptr : r.to.remainders + row * r.width;
    to_bytes(scaled, r.width, r.floor, r.to.integers + row * r.width, remainders, r.to.steps + row);
  }
}

void norm(const Norm& n) {
  for (int64_t row = 0; row < n.count; ++row) {
    const float* x = n.sums + row * n.width;
    float* kept = n.kept + row * n.width;
    const float centre = mean(x, n.width);
    const float scale = 1 / std::sqrt(mean_square(x, n.width, centre) + n.epsilon);
    float* normalized = n.scratch;
    for (int64_t i = 0; i < n.width; ++i) {
      normalized[i] = std::fma((x[i] - centre) * scale, n.weight[i], n.bias == nullptr ? 0 : n.bias[i]);
    }
    for (int64_t i = 0; i < n.width; ++i) kept[i] = n.keep_sums ? x[i] : normalized[i];
    if (!n.round) continue;
    round(Rounding{n.precision, normalized, 1, n.width, n.multipliers, -1, n.to.at(row, n.width), n.scratch});
  }
}

}  // namespace rapidembed::scalar
