#include "memory.h"

#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace rapidembed {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kKeptAtMost = size_t{64} << 20;  // of a block; larger ones were for a rare long text

}  // namespace

Block::Block(size_t bytes) {
  const size_t alignment = bytes >= kHugePage ? kHugePage : 64;
  if (bytes > SIZE_MAX / 2) throw std::bad_alloc();
  size_ = (bytes + alignment - 1) / alignment * alignment;
  if (size_ == 0) return;
  data_ = static_cast<uint8_t*>(std::aligned_alloc(alignment, size_));
  if (data_ == nullptr) throw std::bad_alloc();
#if defined(__linux__)
  if (alignment == kHugePage) madvise(data_, size_, MADV_HUGEPAGE);
#endif
  std::memset(data_, 0, size_);
}

Block::~Block() { std::free(data_); }

Block::Block(Block&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Block& Block::operator=(Block&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

BlockPool::~BlockPool() {
  for (auto& slot : slots_) delete slot.load();
}

Block BlockPool::take(size_t bytes) {
  for (auto& slot : slots_) {
    Block* held = slot.exchange(nullptr, std::memory_order_acquire);
    if (held == nullptr) continue;
    Block block = std::move(*held);
    delete held;
    held_.fetch_sub(block.size(), std::memory_order_relaxed);
    if (block.size() >= bytes) return block;
    break;  // too small: it goes, and a larger one takes its place
  }
  return Block(bytes);
}

void BlockPool::give_back(Block block) noexcept {
  if (block.size() > kKeptAtMost) return;
  const size_t size = block.size();
  auto* held = new (std::nothrow) Block(std::move(block));
  if (held == nullptr) return;
  held_.fetch_add(size, std::memory_order_relaxed);
  for (auto& slot : slots_) {
    Block* empty = nullptr;
    if (slot.compare_exchange_strong(empty, held, std::memory_order_release, std::memory_order_relaxed)) return;
  }
  held_.fetch_sub(size, std::memory_order_relaxed);
  delete held;
}

Lent::~Lent() { pool_.give_back(std::move(block_)); }

}  // namespace rapidembed
