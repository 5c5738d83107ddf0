// The eight tile registers of AMX, each of 16 rows of 64 bytes.
#pragma once

#include <cstdint>
#include <cstring>

#include "../bfloat.h"

namespace rapidembed {
namespace {

// A thread must hold one of these while it uses the processor's tiles.
class TileUse {
 public:
  TileUse() {
    struct alignas(64) Configuration {
      uint8_t palette = 1, start_row = 0, reserved[14] = {};
      uint16_t row_bytes[16] = {};
      uint8_t rows[16] = {};
    } configuration;
    for (int i = 0; i < 8; ++i) {
      configuration.row_bytes[i] = 64;
      configuration.rows[i] = 16;
    }
    __asm__ volatile("ldtilecfg %0" : : "m"(configuration));
  }
  ~TileUse() { __asm__ volatile("tilerelease"); }
  TileUse(const TileUse&) = delete;
  TileUse& operator=(const TileUse&) = delete;
};

// The processor's.
struct ProcessorTiles {
  template <int kTile>
  void load(const void* from, int64_t stride) {
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(stride), "i"(kTile) : "memory");
  }
  template <int kTile>
  void store(void* to, int64_t stride) {
    __asm__ volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(to), "r"(stride), "i"(kTile) : "memory");
  }
  // Four unsigned bytes of a row of kA times four signed ones of each column of kB, summed into kSum.
  template <int kSum, int kA, int kB>
  void dot_bytes() {
    __asm__ volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSum), "i"(kA), "i"(kB));
  }
  // The same of two bfloat16 each.
  template <int kSum, int kA, int kB>
  void dot_halves() {
    __asm__ volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSum), "i"(kA), "i"(kB));
  }
};

// The same in software, for tests of what uses them.
class SoftwareTiles {
 public:
  template <int kTile>
  void load(const void* from, int64_t stride) {
    for (int i = 0; i < 16; ++i) std::memcpy(tile_[kTile][i], static_cast<const uint8_t*>(from) + i * stride, 64);
  }
  template <int kTile>
  void store(void* to, int64_t stride) {
    for (int i = 0; i < 16; ++i) std::memcpy(static_cast<uint8_t*>(to) + i * stride, tile_[kTile][i], 64);
  }
  template <int kSum, int kA, int kB>
  void dot_bytes() {
    for (int row = 0; row < 16; ++row)
      for (int column = 0; column < 16; ++column) {
        int32_t sum;
        std::memcpy(&sum, tile_[kSum][row] + 4 * column, 4);
        for (int k = 0; k < 64; ++k)
          sum += tile_[kA][row][k] * static_cast<int8_t>(tile_[kB][k / 4][4 * column + k % 4]);
        std::memcpy(tile_[kSum][row] + 4 * column, &sum, 4);
      }
  }
  template <int kSum, int kA, int kB>
  void dot_halves() {
    for (int row = 0; row < 16; ++row)
      for (int column = 0; column < 16; ++column) {
        float sum;
        std::memcpy(&sum, tile_[kSum][row] + 4 * column, 4);
        for (int k = 0; k < 32; ++k)
          sum += half(tile_[kA][row] + 2 * k) * half(tile_[kB][k / 2] + 4 * column + k % 2 * 2);
        std::memcpy(tile_[kSum][row] + 4 * column, &sum, 4);
      }
  }

 private:
  static float half(const uint8_t* p) {
    Bf16 value;
    std::memcpy(&value, p, sizeof value);
    return from_bf16(value);
  }
  uint8_t tile_[8][16][64] = {};
};

}  // namespace
}  // namespace rapidembed
