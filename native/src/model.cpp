#include "model.h"

#include <climits>
#include <cstring>

#include "error.h"
#include "pack.h"

namespace rapidembed {
namespace {

constexpr int64_t kMargin = 64;  // distances beyond the table that kernels may read

void expect(bool holds, const char* what, int64_t got) {
  if (!holds) throw Refused(RN_BAD_ARGUMENT, "expected %s, got %lld", what, static_cast<long long>(got));
}

void expect_shape(const Matrix& matrix, const char* name, int32_t layer, Precision precision, int64_t outputs,
                  int64_t width, bool gated, int32_t zero) {
  const bool fits = matrix.precision == precision && matrix.outputs == outputs && matrix.width == width &&
                    matrix.gated == gated && (precision != Precision::int8 || matrix.zero == zero);
  if (!fits)
    throw Refused(RN_BAD_ARGUMENT,
                  "%s of layer %d: expected %lld outputs of width %lld%s for zero %d, got %lld of %lld%s for %d", name,
                  layer, static_cast<long long>(outputs), static_cast<long long>(width), gated ? ", gated," : "", zero,
                  static_cast<long long>(matrix.outputs), static_cast<long long>(matrix.width),
                  matrix.gated ? ", gated," : "", matrix.zero);
}

}  // namespace

float floor_of(Activation activation, bool gated) {
  if (gated) return -1;
  switch (activation) {
    case Activation::gelu:
    case Activation::gelu_tanh:
      return 0.171F;
    case Activation::silu:
      return 0.279F;
    case Activation::relu:
      return 0;
    case Activation::identity:
      break;
  }
  return -1;
}

Model::Model(const rn_description& description) : d_(description) {
  check_sizes();
  kernels_ = &kernels_of(static_cast<Isa>(d_.isa), precision());
  inner_ = round_up(d_.intermediate, 64);
  floor_ = floor_of(static_cast<Activation>(d_.activation), d_.gated != 0);
  if (d_.embedding_norm.weight == nullptr) throw Refused(RN_UNSUPPORTED, "embeddings without a norm are not supported");
  embedding_norm_ = norm(d_.embedding_norm, d_.embedding);
  if (projects()) {
    projection_ = unpack(d_.projection, "projection");
    expect_shape(projection_, "projection", 0, precision(), d_.hidden, d_.embedding, false, kMiddle);
    projection_multipliers_ = copy(d_.projection_multipliers, d_.embedding);
    d_.projection_multipliers = projection_multipliers_;
  } else {
    expect(d_.embedding == d_.hidden, "an embedding as wide as hidden where there is no projection", d_.embedding);
  }
  rotary_.assign(d_.rotary, d_.rotary + d_.rotary_count);
  d_.rotary = rotary_.data();
  if (d_.bias != nullptr) {
    const int64_t count = 2 * d_.bias_reach + 1;
    bias_stride_ = count + 2 * kMargin;
    vectors_.emplace_back(static_cast<size_t>(bias_stride_ * d_.heads) * sizeof(float));
    auto* table = reinterpret_cast<float*>(vectors_.back().data());
    for (int64_t head = 0; head < d_.heads; ++head)
      std::memcpy(table + head * bias_stride_ + kMargin, d_.bias + head * count, static_cast<size_t>(count) * 4);
    bias_ = table + kMargin + d_.bias_reach;
  }
  for (int32_t i = 0; i < d_.layers; ++i) layers_.push_back(read(d_.layer[i], i));
  set_longest();
}

void Model::check_sizes() const {
  if (!has_isa(d_.isa)) throw Refused(RN_UNSUPPORTED, "this processor lacks instruction set %d", d_.isa);
  expect(d_.precision >= RN_INT8 && d_.precision <= RN_FP32, "a known precision", d_.precision);
  expect(d_.activation >= RN_IDENTITY && d_.activation <= RN_SILU, "a known activation", d_.activation);
  expect(d_.hidden > 0 && d_.hidden % 64 == 0 && d_.hidden <= 65536, "hidden to be a multiple of 64", d_.hidden);
  expect(d_.embedding > 0 && d_.embedding % 64 == 0 && d_.embedding <= 65536, "embedding to be a multiple of 64",
         d_.embedding);
  expect(d_.head_width == 32 || d_.head_width == 64 || d_.head_width == 96 || d_.head_width == 128,
         "a head_width of 32, 64, 96 or 128", d_.head_width);
  expect(d_.heads > 0 && static_cast<int64_t>(d_.heads) * d_.head_width == d_.hidden,
         "heads times head_width to be hidden", d_.heads);
  expect(d_.intermediate > 0 && d_.intermediate <= 262144, "a positive intermediate", d_.intermediate);
  expect(d_.layers > 0, "at least one layer", d_.layers);
  expect(d_.vocabulary > 0, "a positive vocabulary", d_.vocabulary);
  expect(d_.positions >= 0, "positions of at least 0", d_.positions);
  expect(d_.types >= 0, "types of at least 0", d_.types);
  expect(d_.rotary_count >= 0 && (d_.rotary_count == 0 || d_.rotary != nullptr),
         "as many rotary tables as rotary_count", d_.rotary_count);
  expect(d_.epsilon > 0, "a positive epsilon", static_cast<int64_t>(d_.epsilon));
  if (d_.words == nullptr || d_.layer == nullptr || (d_.positions > 0) != (d_.position_table != nullptr) ||
      (d_.types > 0) != (d_.type_table != nullptr))
    throw Refused(RN_BAD_ARGUMENT, "words, layer, and tables of positions and types where there are any, are needed");
}

Layer Model::read(const rn_layer& from, int32_t number) {
  const int32_t wide_zero = rn_zero(d_.activation, d_.gated);
  Layer layer{};
  layer.qkv = unpack(from.qkv, "qkv");
  layer.out = unpack(from.out, "out");
  layer.up = unpack(from.up, "up");
  layer.down = unpack(from.down, "down");
  const int64_t up = d_.gated != 0 ? int64_t{2} * d_.intermediate : d_.intermediate;
  expect_shape(layer.qkv, "qkv", number, precision(), int64_t{3} * d_.hidden, d_.hidden, false, kMiddle);
  expect_shape(layer.out, "out", number, precision(), d_.hidden, d_.hidden, false, kMiddle);
  expect_shape(layer.up, "up", number, precision(), up, d_.hidden, d_.gated != 0, kMiddle);
  expect_shape(layer.down, "down", number, precision(), d_.hidden, d_.intermediate, false, wide_zero);
  if (from.middle.weight == nullptr || from.last.weight == nullptr)
    throw Refused(RN_BAD_ARGUMENT, "layer %d: both norms are needed", number);
  layer.middle = norm(from.middle, d_.hidden);
  layer.last = norm(from.last, d_.hidden);
  layer.qkv_multipliers = copy(from.qkv_multipliers, d_.hidden);
  layer.up_multipliers = copy(from.up_multipliers, d_.hidden);
  expect(from.rotary >= -1 && from.rotary < d_.rotary_count, "the number of a rotary table, or -1", from.rotary);
  expect(from.reach >= 0, "a reach of at least 0", from.reach);
  if (from.reach > 0 && d_.bias != nullptr) throw Refused(RN_UNSUPPORTED, "a bias and a reach exclude each other");
  layer.rotary = from.rotary;
  layer.reach = from.reach;
  layer.window = from.reach > 0 ? window(from.reach) : nullptr;
  return layer;
}

NormVectors Model::norm(const rn_norm& norm, int64_t width) {
  return {copy(norm.weight, width), copy(norm.bias, width)};
}

const float* Model::copy(const float* vector, int64_t count) {
  if (vector == nullptr) return nullptr;
  vectors_.emplace_back(static_cast<size_t>(count) * sizeof(float));
  std::memcpy(vectors_.back().data(), vector, static_cast<size_t>(count) * sizeof(float));
  return reinterpret_cast<const float*>(vectors_.back().data());
}

const float* Model::window(int64_t reach) {
  const auto known = windows_.find(reach);
  if (known != windows_.end()) return known->second;
  const int64_t side = reach + kMargin;
  vectors_.emplace_back(static_cast<size_t>(2 * side + 1) * sizeof(float));
  auto* table = reinterpret_cast<float*>(vectors_.back().data());
  for (int64_t i = 0; i <= 2 * side; ++i) table[i] = i < side - reach || i > side + reach ? kUnseen : 0;
  return windows_[reach] = table + side;
}

void Model::set_longest() {
  longest_ = INT32_MAX;
  if (d_.positions > 0) longest_ = d_.padding < 0 ? d_.positions : d_.positions - d_.padding - 1;
  if (d_.bias != nullptr) longest_ = smaller(longest_, d_.bias_reach + 1);
  for (const Layer& layer : layers_)
    if (layer.rotary >= 0) longest_ = smaller(longest_, rotary_[static_cast<size_t>(layer.rotary)].positions);
  expect(longest_ > 0, "positions for at least one token", longest_);
}

const float* Model::bias(const Layer& layer, int64_t head) const {
  if (layer.window != nullptr) return layer.window;
  return bias_ == nullptr ? nullptr : bias_ + head * bias_stride_;
}

uint64_t Model::bytes() const {
  uint64_t total = workspaces_.bytes() + scratches_.bytes();
  for (const Block& block : vectors_) total += block.size();
  return total;
}

}  // namespace rapidembed
