#include "cpu.h"

#if defined(RAPIDEMBED_X86)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

namespace rapidembed {
namespace {

#if defined(RAPIDEMBED_X86)

bool bit(uint32_t word, unsigned number) { return ((word >> number) & 1U) != 0; }

struct Registers {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers cpuid(uint32_t leaf, uint32_t part) {
  Registers r;
  if (__get_cpuid_max(0, nullptr) >= leaf) __cpuid_count(leaf, part, r.eax, r.ebx, r.ecx, r.edx);
  return r;
}

// What registers the system saves when it switches threads.
uint64_t saved_state() {
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<uint64_t>(high) << 32) | low;
}

// Linux gives a process tiles only if it asks for them.
bool may_use_tiles() {
#if defined(__linux__)
  constexpr long kRequest = 0x1023, kTileData = 18;
  return syscall(SYS_arch_prctl, kRequest, kTileData) == 0;
#else
  return false;
#endif
}

Isa detect() {
  constexpr uint64_t kHalves = 0x6, kVectors = 0xe6, kTiles = 0x60000;
  const Registers one = cpuid(1, 0);
  if (!bit(one.ecx, 27)) return Isa::scalar;
  const uint64_t saved = saved_state();
  const Registers seven = cpuid(7, 0), more = seven.eax >= 1 ? cpuid(7, 1) : Registers{};
  if (!bit(one.ecx, 12) || !bit(seven.ebx, 5) || (saved & kHalves) != kHalves) return Isa::scalar;
  const bool avx512 = bit(seven.ebx, 16) && bit(seven.ebx, 17) && bit(seven.ebx, 30) && bit(seven.ebx, 31);
  if (!avx512 || !bit(seven.ecx, 11) || (saved & kVectors) != kVectors) return Isa::avx2;
  if (!bit(more.eax, 5)) return Isa::vnni;
  const bool tiles = bit(seven.edx, 22) && bit(seven.edx, 24) && bit(seven.edx, 25);
  if (!tiles || (saved & kTiles) != kTiles || !may_use_tiles()) return Isa::bf16;
  return Isa::amx;
}

#else

Isa detect() { return Isa::scalar; }

#endif

}  // namespace

Isa best_isa() {
  static const Isa best = detect();
  return best;
}

bool has_isa(int32_t isa) { return isa >= 0 && isa <= static_cast<int32_t>(best_isa()); }

const Kernels& kernels_of(Isa isa, Precision precision) {
#if defined(RAPIDEMBED_X86)
  if (precision == Precision::fp32) return isa == Isa::scalar ? kScalar : isa == Isa::avx2 ? kAvx2 : kAvx512;
  switch (isa) {
    case Isa::vnni:
      return kVnni;
    case Isa::bf16:
      return kBf16;
    case Isa::amx:
      return kAmx;
    case Isa::avx2:
    case Isa::scalar:
      break;
  }
#endif
  (void)isa, (void)precision;
  return kScalar;
}

}  // namespace rapidembed
