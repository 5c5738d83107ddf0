// What the tests share: checks that count, seeded numbers, and memory that ends where it should.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "cpu.h"

namespace test {

inline int failures = 0;
inline int checks = 0;

template <class... Values>
void check(bool holds, const char* format, Values... values) {
  ++checks;
  if (holds) return;
  ++failures;
  std::printf("FAILED: ");
  std::printf(format, values...);
  std::printf("\n");
  std::fflush(stdout);
  if (failures > 20) std::exit(1);
}

inline int report(const char* name) {
  std::printf("%s: %d checks, %d failed\n", name, checks, failures);
  return failures == 0 ? 0 : 1;
}

// Every instruction set that this processor has; says which are not run.
inline std::vector<rapidembed::Isa> instruction_sets() {
  const char* names[] = {"scalar", "AVX2", "AVX-512 VNNI", "AVX-512 BF16", "AMX"};
  std::vector<rapidembed::Isa> found;
  for (int32_t isa = 0; isa < 5; ++isa) {
    if (rapidembed::has_isa(isa))
      found.push_back(static_cast<rapidembed::Isa>(isa));
    else
      std::printf("NOT RUN: %s, which this processor lacks\n", names[isa]);
  }
  return found;
}

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  int64_t below(int64_t count) { return std::uniform_int_distribution<int64_t>(0, count - 1)(engine_); }
  float normal(float scale = 1) { return std::normal_distribution<float>(0, scale)(engine_); }
  bool coin() { return below(2) == 1; }
  std::vector<float> normals(int64_t count, float scale = 1) {
    std::vector<float> v(static_cast<size_t>(count));
    for (float& x : v) x = normal(scale);
    return v;
  }

 private:
  std::mt19937_64 engine_;
};

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

// An array at a multiple of 64 bytes, of just this size: sanitizers see what passes its end.
template <class T>
class Array {
 public:
  explicit Array(int64_t count) : count_(count) {
    const size_t bytes = (static_cast<size_t>(count) * sizeof(T) + 63) / 64 * 64;
    memory_.reset(static_cast<T*>(std::aligned_alloc(64, bytes == 0 ? 64 : bytes)));
    std::memset(static_cast<void*>(memory_.get()), 0, bytes == 0 ? 64 : bytes);
  }
  T* data() const { return memory_.get(); }
  T& operator[](int64_t i) const { return memory_.get()[i]; }
  int64_t size() const { return count_; }

 private:
  std::unique_ptr<T, Free> memory_;
  int64_t count_;
};

}  // namespace test
