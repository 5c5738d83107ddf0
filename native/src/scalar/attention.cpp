// Attention of one head, and the turning of queries and keys; one number after the other.
#include <cmath>

#include "scalar.h"

namespace rapidembed {
namespace scalar {
namespace {

// A number of the queries, or where these begin of keys or values.
float at(const Attention& a, int64_t begin, int64_t token, int64_t i) {
  const int64_t place = begin + token * a.stride + i;
  return a.precision == Precision::fp32 ? a.float_queries[place] : from_bf16(a.queries[place]);
}

// What is no number (NaN) stays so, unlike in fmax.
float at_least(float x, float least) { return x < least ? least : x; }

float score(const Attention& a, int64_t query, int64_t key) {
  float sum = 0;
  for (int64_t i = 0; i < a.width; ++i) sum = std::fma(at(a, 0, query, i), at(a, a.keys_at, key, i), sum);
  return a.bias == nullptr ? sum : sum + a.bias[key - query];
}

// Value i of a head is turned together with value i + width / 2.
template <class Element, class Read, class Write>
void rotate_rows(const Rotation& r, Element* rows, Read read, Write write) {
  const int64_t half = r.width / 2;
  for (int64_t row = 0; row < r.count; ++row) {
    const float* cos = r.cos + r.positions[row] * half;
    const float* sin = r.sin + r.positions[row] * half;
    for (int64_t head = 0; head < r.heads; ++head) {
      Element* x = rows + row * r.stride + head * r.width;
      for (int64_t i = 0; i < half; ++i) {
        const float a = read(x[i]), b = read(x[i + half]);
        x[i] = write(a * cos[i] - b * sin[i]);
        x[i + half] = write(b * cos[i] + a * sin[i]);
      }
    }
  }
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
      const float share = std::exp2(at_least(shares[key - first] - most, kLeastPower));
      total += share;
      shares[key - first] = a.precision == Precision::fp32 ? share : from_bf16(to_bf16(share));
    }
    for (int64_t i = 0; i < a.width; ++i) {
      float sum = 0;
      for (int64_t key = first; key < last; ++key)
        sum = std::fma(shares[key - first], at(a, a.values_at, key, i), sum);
      sum *= 1 / total;
      if (a.precision == Precision::bf16)
        a.halves[query * a.out_stride + i] = to_bf16(sum);
      else
        a.floats[query * a.out_stride + i] = sum;
    }
  }
}

void rotate(const Rotation& r) {
  if (r.float_rows != nullptr)
    rotate_rows(r, r.float_rows, [](float x) { return x; }, [](float x) { return x; });
  else
    rotate_rows(r, r.rows, from_bf16, to_bf16);
}

}  // namespace scalar

const Kernels kScalar = {1, scalar::product, scalar::norm, scalar::round, scalar::attend, scalar::rotate};

}  // namespace rapidembed
