// bfloat16: the upper half of a float32.
#pragma once

#include <cstdint>
#include <cstring>

namespace rapidembed {

using Bf16 = uint16_t;

inline uint32_t bits_of(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

inline float float_of(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// To the nearest, ties to even; what is too small for a normal number becomes zero, as the processors have it.
inline Bf16 to_bf16(float value) {
  const uint32_t bits = bits_of(value);
  const uint32_t magnitude = bits & 0x7fffffffU;
  if (magnitude > 0x7f800000U) return static_cast<Bf16>((bits >> 16) | 0x40U);
  if (magnitude < 0x00800000U) return static_cast<Bf16>((bits >> 16) & 0x8000U);
  return static_cast<Bf16>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}

inline float from_bf16(Bf16 value) { return float_of(static_cast<uint32_t>(value) << 16); }

}  // namespace rapidembed
