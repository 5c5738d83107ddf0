// Memory of calls: aligned, zeroed once, and kept for the next call without a lock, so that a fork at any moment leaves
// the child nothing that waits.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace rapidembed {

// A block at a multiple of 64 bytes; throws std::bad_alloc.
class Block {
 public:
  Block() = default;
  explicit Block(size_t bytes);
  ~Block();
  Block(Block&& other) noexcept;
  Block& operator=(Block&& other) noexcept;
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  uint8_t* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

// Hands out blocks of at least the wanted size, and keeps some that come back.
class BlockPool {
 public:
  BlockPool() = default;
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  Block take(size_t bytes);
  void give_back(Block block) noexcept;
  size_t bytes() const { return held_.load(std::memory_order_relaxed); }

 private:
  static constexpr int kSlots = 64;
  std::atomic<Block*> slots_[kSlots] = {};
  std::atomic<size_t> held_{0};
};

// A block of a pool while one call uses it.
class Lent {
 public:
  Lent(BlockPool& pool, size_t bytes) : pool_(pool), block_(pool.take(bytes)) {}
  ~Lent();
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;
  uint8_t* data() const { return block_.data(); }

 private:
  BlockPool& pool_;
  Block block_;
};

// Cuts a block into arrays; without one it only counts.
class Carver {
 public:
  explicit Carver(uint8_t* at) : at_(at) {}
  template <class T>
  T* take(int64_t count) {
    auto* array = reinterpret_cast<T*>(at_ == nullptr ? nullptr : at_ + used_);
    used_ += (static_cast<size_t>(count) * sizeof(T) + 63) / 64 * 64;
    return array;
  }
  size_t used() const { return used_; }

 private:
  uint8_t* at_;
  size_t used_ = 0;
};

}  // namespace rapidembed
