// Encoders of random weights and any shape, through the C interface.
#pragma once

#include <list>

#include "check.h"
#include "rapidembed_native.h"

namespace test {

struct Shape {
  int32_t precision = RN_INT8, heads = 2, head_width = 32, intermediate = 96, layers = 2, embedding = 0;
  int32_t activation = RN_GELU, gated = 0, prenorm = 0, padding = -1, positions = 64, types = 2;
  int32_t rotary = 0, reach = 0, bias = 0;
  int32_t vocabulary = 50;

  int32_t hidden() const { return heads * head_width; }
};

// Owns all that a description points at.
class RandomModel {
 public:
  RandomModel(const Shape& shape, uint64_t seed) : shape_(shape), random_(seed) {
    const int32_t hidden = shape.hidden(), embedding = shape.embedding > 0 ? shape.embedding : hidden;
    d_.bytes = sizeof d_;
    d_.precision = shape.precision;
    d_.hidden = hidden;
    d_.heads = shape.heads;
    d_.head_width = shape.head_width;
    d_.intermediate = shape.intermediate;
    d_.layers = shape.layers;
    d_.embedding = embedding;
    d_.vocabulary = shape.vocabulary;
    d_.types = shape.types;
    d_.positions = shape.positions;
    d_.padding = shape.padding;
    d_.activation = shape.activation;
    d_.gated = shape.gated;
    d_.prenorm = shape.prenorm;
    d_.epsilon = 1e-5F;
    d_.words = floats(int64_t{shape.vocabulary} * embedding);
    if (shape.positions > 0) d_.position_table = floats(int64_t{shape.positions} * embedding);
    if (shape.types > 0) d_.type_table = floats(int64_t{shape.types} * embedding);
    d_.embedding_norm = norm(embedding);
    if (embedding != hidden) d_.projection = matrix({hidden}, embedding, 128, false);
    if (shape.bias != 0) {
      d_.bias_reach = shape.bias;
      d_.bias = floats(int64_t{shape.heads} * (2 * shape.bias + 1));
    }
    if (shape.rotary > 0) {
      const int64_t count = int64_t{shape.rotary} * shape.head_width / 2;
      rotary_ = {floats(count), floats(count), shape.rotary};
      d_.rotary = &rotary_;
      d_.rotary_count = 1;
    }
    for (int32_t i = 0; i < shape.layers; ++i) layers_.push_back(layer(i));
    d_.layer = layers_.data();
  }

  rn_description description(int32_t isa) const {
    rn_description d = d_;
    d.isa = isa;
    return d;
  }
  const Shape& shape() const { return shape_; }

 private:
  const float* floats(int64_t count, float scale = 1) {
    floats_.push_back(random_.normals(count, scale));
    return floats_.back().data();
  }

  rn_norm norm(int64_t width) {
    floats_.push_back(random_.normals(width, 0.2F));
    for (float& x : floats_.back()) x += 1;
    const float* weight = floats_.back().data();
    return {weight, floats(width, 0.2F)};
  }

  rn_layer layer(int32_t number) {
    const int32_t hidden = shape_.hidden(), inner = shape_.intermediate;
    rn_layer l{};
    l.qkv = matrix({hidden, hidden, hidden}, hidden, 128, false);
    l.out = matrix({hidden}, hidden, 128, false);
    l.up = shape_.gated != 0 ? matrix({inner, inner}, hidden, 128, true) : matrix({inner}, hidden, 128, false);
    l.down = matrix({hidden}, inner, rn_zero(shape_.activation, shape_.gated), false);
    l.middle = norm(hidden);
    l.last = norm(hidden);
    l.qkv_multipliers = norm(hidden).weight;
    l.up_multipliers = norm(hidden).weight;
    l.rotary = shape_.rotary > 0 ? 0 : -1;
    l.reach = number % 2 == 0 ? shape_.reach : 0;
    return l;
  }

  rn_matrix matrix(std::vector<int64_t> outputs, int64_t width, int32_t zero, bool gated) {
    const float scale = 1 / std::sqrt(static_cast<float>(width));
    std::vector<rn_part> parts;
    int64_t all = 0;
    for (const int64_t count : outputs) {
      rn_part part{};
      part.outputs = count;
      // Of queries: as in models that are in use, so that no single key takes all.
      part.factor = outputs.size() == 3 && parts.empty() ? 1 / std::sqrt(static_cast<float>(shape_.head_width)) : 1;
      part.bias = floats(count, 0.1F);
      part.weights = floats(count * width, scale);
      if (shape_.precision == RN_INT8) {
        integers_.emplace_back(static_cast<size_t>(count * width));
        for (int8_t& v : integers_.back()) v = static_cast<int8_t>(random_.below(255) - 127);
        part.weights = integers_.back().data();
        floats_.emplace_back(static_cast<size_t>(count), scale / 73);
        part.scales = floats_.back().data();
      }
      parts.push_back(part);
      all += count;
    }
    uint64_t bytes = 0;
    rn_packed_bytes(shape_.precision, all, width, &bytes);
    packed_.emplace_back(static_cast<int64_t>(bytes));
    rn_message message{};
    const int32_t status =
        rn_pack(shape_.precision, gated ? RN_GATED : RN_SIDE_BY_SIDE, parts.data(), static_cast<int32_t>(parts.size()),
                width, zero, packed_.back().data(), bytes, &message);
    check(status == RN_OK, "rn_pack: %s", message.text);
    return {packed_.back().data(), bytes};
  }

  Shape shape_;
  Random random_;
  rn_description d_{};
  rn_rotary rotary_{};
  std::vector<rn_layer> layers_;
  std::list<std::vector<float>> floats_;
  std::list<std::vector<int8_t>> integers_;
  std::list<Array<uint8_t>> packed_;
};

// Texts of random tokens.
struct Texts {
  std::vector<int32_t> ids, types;
  std::vector<int64_t> offsets = {0};

  Texts() = default;
  Texts(Random& random, const std::vector<int64_t>& lengths, int32_t vocabulary) {
    for (const int64_t length : lengths) {
      for (int64_t i = 0; i < length; ++i) {
        ids.push_back(static_cast<int32_t>(random.below(vocabulary)));
        types.push_back(static_cast<int32_t>(random.below(2)));
      }
      offsets.push_back(static_cast<int64_t>(ids.size()));
    }
  }
  int64_t count() const { return static_cast<int64_t>(offsets.size()) - 1; }
};

class Encoder {
 public:
  Encoder(const RandomModel& model, int32_t isa) : hidden_(model.shape().hidden()), types_(model.shape().types > 1) {
    const rn_description d = model.description(isa);
    rn_message message{};
    const int32_t status = rn_model_create(&d, &model_, &message);
    check(status == RN_OK, "rn_model_create: %s", message.text);
    if (status != RN_OK) std::exit(1);
  }
  ~Encoder() { rn_model_destroy(model_); }
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  rn_call call(const Texts& texts, int32_t output, std::vector<float>& out) const {
    const int64_t rows = output == RN_TOKENS ? texts.offsets.back() : texts.count();
    out.assign(static_cast<size_t>(rows * hidden_), -77.0F);
    rn_call c{};
    c.bytes = sizeof c;
    c.output = output;
    c.ids = texts.ids.data();
    c.types = types_ ? texts.types.data() : nullptr;
    c.offsets = texts.offsets.data();
    c.texts = texts.count();
    c.out = out.data();
    return c;
  }

  std::vector<float> encode(const Texts& texts, int32_t output, int64_t chunk = 0) const {
    std::vector<float> out;
    rn_call c = call(texts, output, out);
    c.chunk = chunk;
    rn_message message{};
    const int32_t status = rn_encode(model_, &c, &message);
    check(status == RN_OK, "rn_encode: %s", message.text);
    return out;
  }

  const rn_model* model() const { return model_; }
  int64_t hidden() const { return hidden_; }

 private:
  rn_model* model_ = nullptr;
  int64_t hidden_;
  bool types_;
};

inline bool equal(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// The least cosine of the rows of both.
inline double cosine(const std::vector<float>& a, const std::vector<float>& b, int64_t width) {
  double least = 1;
  for (size_t row = 0; row + static_cast<size_t>(width) <= a.size(); row += static_cast<size_t>(width)) {
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = row; i < row + static_cast<size_t>(width); ++i) {
      ab += double{a[i]} * b[i];
      aa += double{a[i]} * a[i];
      bb += double{b[i]} * b[i];
    }
    const double c = ab / std::sqrt(aa * bb);
    if (!(c >= least)) least = c;
  }
  return least;
}

}  // namespace test
