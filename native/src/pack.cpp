#include "pack.h"

#include <cstring>

namespace rapidembed {
namespace {

constexpr char kMagic[8] = {'r', 'n', 'p', 'a', 'c', 'k', '\n', '\0'};

// What stands before a packed matrix, which may have come from a file.
struct alignas(64) Header {
  char magic[8];
  int32_t version, precision, gated, zero;
  int64_t outputs, width;
};
static_assert(sizeof(Header) == 64);

struct Sizes {
  int64_t columns, depth;
  uint64_t panels, bytes;  // bytes of the panels, and of all
};

Sizes sizes_of(Precision precision, int64_t outputs, int64_t width) {
  Sizes sizes{};
  sizes.columns = round_up(outputs, kPanel);
  sizes.depth = round_up(width, 64);
  sizes.panels = static_cast<uint64_t>(sizes.columns * sizes.depth * element_bytes(precision));
  sizes.bytes = sizeof(Header) + sizes.panels + 3 * static_cast<uint64_t>(sizes.columns) * sizeof(float);
  return sizes;
}

Matrix matrix_in(uint8_t* memory, const Header& header) {
  const auto precision = static_cast<Precision>(header.precision);
  const Sizes sizes = sizes_of(precision, header.outputs, header.width);
  Matrix matrix{};
  matrix.precision = precision;
  matrix.gated = header.gated != 0;
  matrix.outputs = header.outputs;
  matrix.columns = sizes.columns;
  matrix.width = header.width;
  matrix.depth = sizes.depth;
  matrix.zero = header.zero;
  matrix.panels = memory + sizeof(Header);
  matrix.scales = reinterpret_cast<const float*>(matrix.panels + sizes.panels);
  matrix.bias = matrix.scales + sizes.columns;
  matrix.start = reinterpret_cast<const int32_t*>(matrix.bias + sizes.columns);
  return matrix;
}

// One output of a part.
struct Column {
  const rn_part* part;
  int64_t number;

  int32_t integer(int64_t k) const { return static_cast<const int8_t*>(part->weights)[k * part->outputs + number]; }
  float weight(int64_t k, int64_t width) const {
    return static_cast<const float*>(part->weights)[number * width + k] * part->factor;
  }
};

// Which output stands in a column; a part of null: none.
Column column_at(const rn_part* parts, int64_t count, bool gated, int64_t column) {
  if (gated) {
    constexpr int64_t kHalf = kPanel / 2;
    const int64_t number = column / kPanel * kHalf + column % kHalf;
    const rn_part& part = parts[column % kPanel / kHalf];
    return number < part.outputs ? Column{&part, number} : Column{nullptr, 0};
  }
  for (int64_t i = 0; i < count; ++i) {
    if (column < parts[i].outputs) return {parts + i, column};
    column -= parts[i].outputs;
  }
  return {nullptr, 0};
}

struct Range {
  int64_t first, last;
};

void pack_integers(const Column& column, Range range, uint8_t* to) {
  for (int64_t k = range.first; k < range.last; ++k)
    to[k / 4 * kPanel * 4 + k % 4] = static_cast<uint8_t>(column.integer(k));
}

void pack_halves(const Column& column, int64_t width, Range range, uint8_t* to) {
  for (int64_t k = range.first; k < range.last; ++k) {
    const Bf16 half = to_bf16(column.weight(k, width));
    std::memcpy(to + k / 2 * kPanel * 4 + k % 2 * 2, &half, sizeof half);
  }
}

void pack_floats(const Column& column, int64_t width, Range range, uint8_t* to) {
  for (int64_t k = range.first; k < range.last; ++k) {
    const float weight = column.weight(k, width);
    std::memcpy(to + k * kGroup * 4, &weight, sizeof weight);
  }
}

int32_t sum(const Column& column, int64_t width) {
  int32_t total = 0;
  for (int64_t k = 0; k < width; ++k) total += column.integer(k);
  return total;
}

}  // namespace

uint64_t packed_bytes(Precision precision, int64_t outputs, int64_t width) {
  return sizes_of(precision, outputs, width).bytes;
}

Matrix pack(Precision precision, bool gated, const rn_part* parts, int64_t count, int64_t width, int32_t zero,
            void* memory) {
  Header header{};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  header.version = RN_PACK_VERSION;
  header.precision = static_cast<int32_t>(precision);
  header.gated = gated ? 1 : 0;
  header.zero = zero;
  header.width = width;
  for (int64_t i = 0; i < count; ++i) header.outputs += parts[i].outputs;
  auto* bytes = static_cast<uint8_t*>(memory);
  std::memset(bytes, 0, packed_bytes(precision, header.outputs, width));
  std::memcpy(bytes, &header, sizeof header);
  const Matrix matrix = matrix_in(bytes, header);
  auto* panels = bytes + sizeof header;
  auto* scales = reinterpret_cast<float*>(panels + (reinterpret_cast<const uint8_t*>(matrix.scales) - matrix.panels));
  auto* bias = scales + matrix.columns;
  auto* start = reinterpret_cast<int32_t*>(bias + matrix.columns);
  for (int64_t c = 0; c < matrix.columns; ++c) {
    const Column column = column_at(parts, count, gated, c);
    if (column.part == nullptr) continue;
    const rn_part& part = *column.part;
    if (part.bias != nullptr) bias[c] = part.bias[column.number] * part.factor;
    if (precision != Precision::int8) continue;
    scales[c] = part.scales[column.number] * part.factor;
    start[c] = -zero * sum(column, width);
  }
  // Few rows of a panel at a time: they stay in the first cache until all columns have written there.
  constexpr int64_t kRows = 256;
  for (int64_t panel = 0; panel < matrix.columns / kPanel; ++panel)
    for (int64_t first = 0; first < width; first += kRows)
      for (int64_t c = 0; c < kPanel; ++c) {
        const Column column = column_at(parts, count, gated, panel * kPanel + c);
        if (column.part == nullptr) continue;
        const Range range = {first, smaller(width, first + kRows)};
        uint8_t* to = panels + panel * kPanel * matrix.row_bytes();
        if (precision == Precision::int8) pack_integers(column, range, to + c * 4);
        if (precision == Precision::bf16) pack_halves(column, width, range, to + c * 4);
        if (precision == Precision::fp32)
          pack_floats(column, width, range, to + (c / kGroup * kGroup * matrix.depth + c % kGroup) * 4);
      }
  return matrix;
}

Matrix unpack(const rn_matrix& matrix, const char* name) {
  Header header{};
  if (matrix.memory == nullptr) throw Refused(RN_BAD_ARGUMENT, "%s: expected a packed matrix, got NULL", name);
  if (reinterpret_cast<uintptr_t>(matrix.memory) % alignof(Header) != 0)
    throw Refused(RN_BAD_ARGUMENT, "%s: packed matrices must begin at a multiple of 64 bytes", name);
  if (matrix.bytes < sizeof header) throw Refused(RN_BAD_ARGUMENT, "%s: too few bytes for a packed matrix", name);
  std::memcpy(&header, matrix.memory, sizeof header);
  if (std::memcmp(header.magic, kMagic, sizeof kMagic) != 0)
    throw Refused(RN_BAD_ARGUMENT, "%s: this is no packed matrix", name);
  if (header.version != RN_PACK_VERSION)
    throw Refused(RN_BAD_ARGUMENT, "%s: packed by version %d, expected %d; pack it again", name, header.version,
                  RN_PACK_VERSION);
  constexpr int64_t kMost = int64_t{1} << 24;
  const bool sound = header.precision >= RN_INT8 && header.precision <= RN_FP32 && header.outputs > 0 &&
                     header.outputs <= kMost && header.width > 0 && header.width <= kMost;
  if (!sound || matrix.bytes != packed_bytes(static_cast<Precision>(header.precision), header.outputs, header.width))
    throw Refused(RN_BAD_ARGUMENT, "%s: damaged: %llu bytes do not fit %lld outputs of width %lld", name,
                  static_cast<unsigned long long>(matrix.bytes), static_cast<long long>(header.outputs),
                  static_cast<long long>(header.width));
  // Nothing is ever written there.
  return matrix_in(static_cast<uint8_t*>(const_cast<void*>(matrix.memory)), header);
}

}  // namespace rapidembed
