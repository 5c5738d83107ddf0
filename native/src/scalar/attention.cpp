// Attention of one head, and the turning of queries and keys; one number after the other.
#include <cmath>

#include "scalar.h"

namespace rapidembed {
namespace scalar {
namespace {

float score(const Attention& a, int64_t query, int64_t key) {
  const Bf16* q = a.queries + query * a.stride;
  const Bf16* k = a.queries + a.keys_at + key * a.stride;
  float sum = 0;
  for (int64_t i = 0; i < a.width; ++i) sum = std::fma(from_bf16(q[i]), from_bf16(k[i]), sum);
  return a.bias == nullptr ? sum : sum + a.bias[key - query];
}

}  // namespace

void attend(const Attention& a) {
  auto* shares = reinterpret_cast<float*>(a.scratch);
  for (int64_t query = a.first; query < a.last; ++query) {
    const int64_t first = a.reach > 0 ? larger(0, query - a.reach) : 0;
    const int64_t last = a.reach > 0 ? smaller(a.length, query + a.reach + 1) : a.length;
    float most = kUnseen, total = 0;
    for (int64_t key = first; key < last; ++key) {
      shares[key - first] = score(a, query, key);
      most = std::fmax(most, shares[key - first]);
    }
    for (int64_t key = first; key < last; ++key) {
      const float share = std::exp2(std::fmax(shares[key - first] - most, kLeastPower));
      total += share;
      shares[key - first] = from_bf16(to_bf16(share));
    }
    for (int64_t i = 0; i < a.width; ++i) {
      float sum = 0;
      const Bf16* values = a.queries + a.values_at + i;
      for (int64_t key = first; key < last; ++key)
        sum = std::fma(shares[key - first], from_bf16(values[key * a.stride]), sum);
      sum *= 1 / total;
      if (a.precision == Precision::int8)
        a.floats[query * a.out_stride + i] = sum;
      else
        a.halves[query * a.out_stride + i] = to_bf16(sum);
    }
  }
}

// Value i of a head is turned together with value i + width / 2.
void rotate(const Rotation& r) {
  const int64_t half = r.width / 2;
  for (int64_t row = 0; row < r.count; ++row) {
    const float* cos = r.cos + r.positions[row] * half;
    const float* sin = r.sin + r.positions[row] * half;
    for (int64_t head = 0; head < r.heads; ++head) {
      Bf16* x = r.rows + row * r.stride + head * r.width;
      for (int64_t i = 0; i < half; ++i) {
        const float a = from_bf16(x[i]), b = from_bf16(x[i + half]);
        x[i] = to_bf16(a * cos[i] - b * sin[i]);
        x[i + half] = to_bf16(b * cos[i] + a * sin[i]);
      }
    }
  }
}

}  // namespace scalar

const Kernels kScalar = {1, scalar::product, scalar::norm, scalar::round, scalar::attend, scalar::rotate};

}  // namespace rapidembed
