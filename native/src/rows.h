// Means and norms of rows, by what a lane has. Widths are multiples of 64.
#pragma once

namespace rapidembed {
namespace {

// Four sums, so that none waits for another.
struct Four {
  Floats v[4];
};

RN_INLINE Floats joined(const Four& f) { return add(add(f.v[0], f.v[1]), add(f.v[2], f.v[3])); }
RN_INLINE Floats widest(const Four& f) { return most(most(f.v[0], f.v[1]), most(f.v[2], f.v[3])); }

RN_INLINE float mean(const float* x, int64_t width) {
  Four sum = {{zero(), zero(), zero(), zero()}};
  for (int64_t i = 0; i < width; i += 4 * kLanes) {
    RN_UNROLL for (int64_t j = 0; j < 4; ++j) sum.v[j] = add(sum.v[j], load(x + i + j * kLanes));
  }
  return sum_of(joined(sum)) / static_cast<float>(width);
}

RN_INLINE float mean_square(const float* x, int64_t width, Floats centre) {
  Four sum = {{zero(), zero(), zero(), zero()}};
  for (int64_t i = 0; i < width; i += 4 * kLanes) {
    RN_UNROLL for (int64_t j = 0; j < 4; ++j) {
      const Floats d = sub(load(x + i + j * kLanes), centre);
      sum.v[j] = fma(d, d, sum.v[j]);
    }
  }
  return sum_of(joined(sum)) / static_cast<float>(width);
}

// A row normalized; kept are its sums too where the norm says so.
RN_INLINE void normalize(const Norm& n, int64_t row, float* normalized) {
  const float* x = n.sums + row * n.width;
  float* kept = n.kept + row * n.width;
  const Floats centre = all(mean(x, n.width));
  const Floats scale = all(1 / __builtin_sqrtf(mean_square(x, n.width, centre) + n.epsilon));
  for (int64_t i = 0; i < n.width; i += kLanes) {
    const Floats v = load(x + i), weight = load(n.weight + i);
    const Floats bias = n.bias == nullptr ? zero() : load(n.bias + i);
    if (n.keep_sums) store(kept + i, v);
    store(normalized + i, fma(mul(sub(v, centre), scale), weight, bias));
  }
}

}  // namespace
}  // namespace rapidembed
