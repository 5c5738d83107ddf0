// How fast products are whose operands are in registers: what no product can be faster than.
#pragma once

#include <time.h>

#include "kernels.h"

namespace rapidembed {
namespace {

constexpr int64_t kSums = kLanes == 16 ? 24 : 12;  // as in a product: none waits for another

RN_INLINE double cpu_seconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

template <class Dot>
RN_APART void in_registers(int64_t rounds, float* to) {
  using Lane = typename Dot::Lane;
  Lane sum[kSums];
  RN_UNROLL for (int64_t i = 0; i < kSums; ++i) sum[i] = (Lane)all_ints(i);  // alike they would be one
  const Ints a = all_ints(0x01010101), b = all_ints(0x02020202);
  for (int64_t k = 0; k < rounds; ++k) RN_UNROLL for (int64_t i = 0; i < kSums; ++i) Dot::dot(sum[i], a, b);
  RN_UNROLL for (int64_t i = 0; i < kSums; ++i) store(to + i * kLanes, (Floats)sum[i]);
}

// A lane of bytes does 8 operations at a time, one of bfloat16 4, one of a float 2.
template <class Dot>
double roof_of(int64_t operations_per_lane) {
  constexpr int64_t kRounds = 200000, kTries = 5;
  alignas(64) float sink[kSums * kLanes];
  double best = 0;
  for (int64_t i = 0; i < kTries; ++i) {
    const double begin = cpu_seconds();
    in_registers<Dot>(kRounds, sink);
    __asm__ volatile("" : : "r"(sink) : "memory");  // somebody reads it: else nothing were computed
    const double speed =
        static_cast<double>(kRounds * kSums * kLanes * operations_per_lane) / (cpu_seconds() - begin) * 1e-9;
    if (speed > best) best = speed;
  }
  return best;
}

}  // namespace
}  // namespace rapidembed
