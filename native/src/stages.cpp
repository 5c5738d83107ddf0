// What the stages of a chunk compute.
#include <cstring>

#include "chunk.h"

namespace rapidembed {

Chunk::Wide Chunk::wide_of(Rows rows) const {
  return {w_.wide == nullptr ? nullptr : w_.wide + rows.first * model_.inner(),
          w_.wide_rounded.at(rows.first, model_.inner())};
}

// From rows that begin with those of `from`; the caller says what becomes of the sums.
Product Chunk::product(const Matrix& matrix, const Rounded& from, Rows rows, Panels panels) const {
  Product p{};
  p.matrix = matrix;
  p.rows = from.rows();
  p.steps = from.steps;
  p.stride = matrix.row_bytes();
  p.count = rows.count;
  p.first_panel = panels.first;
  p.last_panel = panels.last;
  return p;
}

Norm Chunk::norm(const NormVectors& vectors, Rows rows, const float* multipliers, const Scratch& scratch) const {
  const int64_t hidden = model_.hidden(), at = rows.first * hidden;
  Norm n{};
  n.precision = model_.precision();
  n.sums = w_.sums + at;
  n.count = rows.count;
  n.width = hidden;
  n.weight = vectors.weight;
  n.bias = vectors.bias;
  n.epsilon = model_.description().epsilon;
  n.multipliers = multipliers;
  n.kept = w_.stream + at;
  n.round = true;
  n.to = w_.rounded.at(rows.first, hidden);
  n.scratch = scratch.row;
  return n;
}

void Chunk::embed(Rows rows, const Scratch& scratch) const {
  const rn_description& d = model_.description();
  const int64_t width = d.embedding;
  float* sums = model_.projects() ? scratch.embedded : w_.sums + rows.first * width;
  for (int64_t i = 0; i < rows.count; ++i) {
    const int64_t row = rows.first + i, token = base_ + row;
    const float* word = d.words + call_.ids[token] * width;
    const float* position = d.positions > 0 ? d.position_table + w_.positions[row] * width : nullptr;
    const int32_t type = call_.types == nullptr ? 0 : call_.types[token];
    const float* kind = d.types > 0 ? d.type_table + type * width : nullptr;
    float* to = sums + i * width;
    for (int64_t k = 0; k < width; ++k) {
      const float place = position == nullptr ? 0 : position[k];
      to[k] = word[k] + (kind == nullptr ? place : place + kind[k]);
    }
  }
  if (model_.projects()) return project(rows, scratch);
  model_.kernels().norm(norm(model_.embedding_norm(), rows, model_.layers().front().qkv_multipliers, scratch));
}

void Chunk::project(Rows rows, const Scratch& scratch) const {
  const rn_description& d = model_.description();
  Norm n = norm(model_.embedding_norm(), rows, d.projection_multipliers, scratch);
  n.sums = scratch.embedded;
  n.kept = scratch.embedded;
  n.width = d.embedding;
  n.to = scratch.embedded_rounded;
  model_.kernels().norm(n);
  const Matrix& matrix = model_.projection();
  Product p = product(matrix, scratch.embedded_rounded, rows, all(matrix));
  p.then = Then::activate;
  p.activation = Activation::identity;
  p.floats = w_.stream + rows.first * model_.hidden();
  p.out_stride = model_.hidden();
  model_.kernels().product(p);
  model_.kernels().round({model_.precision(), p.floats, rows.count, model_.hidden(),
                          model_.layers().front().qkv_multipliers, -1,
                          w_.rounded.at(rows.first, model_.hidden()), scratch.row});
}

// Values are what integers lose most of: they get the remainders too.
void Chunk::qkv(const Layer& layer, Rows rows, Panels panels) const {
  const int64_t hidden = model_.hidden();
  const Rounded from = w_.rounded.at(rows.first, hidden);
  Product p = product(layer.qkv, from, rows, panels);
  p.remainders = from.remainders;
  p.fine_panel = 2 * hidden / kPanel;
  p.then = Then::activate;
  p.activation = Activation::identity;
  p.out_stride = 3 * hidden;
  if (w_.float_qkv != nullptr)
    p.floats = w_.float_qkv + rows.first * p.out_stride;
  else
    p.halves = w_.qkv + rows.first * p.out_stride;
  model_.kernels().product(p);
}

void Chunk::rotate(const Layer& layer, Rows rows) const {
  if (layer.rotary < 0) return;
  const rn_description& d = model_.description();
  const rn_rotary& angles = d.rotary[layer.rotary];
  const int64_t stride = 3 * model_.hidden();
  Rotation r{};
  if (w_.float_qkv != nullptr)
    r.float_rows = w_.float_qkv + rows.first * stride;
  else
    r.rows = w_.qkv + rows.first * stride;
  r.stride = stride;
  r.count = rows.count;
  r.heads = 2 * static_cast<int64_t>(d.heads);
  r.width = d.head_width;
  r.cos = angles.cos;
  r.sin = angles.sin;
  r.positions = w_.places + rows.first;
  model_.kernels().rotate(r);
}

void Chunk::attend(int32_t number, int64_t item, const Scratch& scratch) const {
  const rn_description& d = model_.description();
  const Layer& layer = model_.layers()[static_cast<size_t>(number)];
  const int64_t parts = only_first(number) ? 1 : parts_;
  const int64_t text = item / parts / d.heads, head = item / parts % d.heads, part = item % parts;
  const int64_t begin = begins(text), length = begins(text + 1) - begin, hidden = model_.hidden();
  if (part * part_ >= length) return;
  Attention a{};
  a.precision = model_.precision();
  a.stride = 3 * hidden;
  const int64_t from = begin * a.stride + head * d.head_width;
  if (w_.float_qkv != nullptr)
    a.float_queries = w_.float_qkv + from;
  else
    a.queries = w_.qkv + from;
  a.keys_at = hidden;
  a.values_at = 2 * hidden;
  a.length = call_.seen == nullptr ? length : call_.seen[first_ + text];
  a.width = d.head_width;
  a.first = part * part_;
  a.last = only_first(number) ? 1 : smaller(length, a.first + part_);
  a.reach = layer.reach;
  a.bias = model_.bias(layer, head);
  a.out_stride = hidden;
  // First tokens come to lie one behind the other.
  const int64_t at = (only_first(number) ? text : begin) * hidden + head * d.head_width;
  if (a.precision == Precision::int8)
    a.floats = w_.sums + at;
  else if (a.precision == Precision::fp32)
    a.floats = w_.rounded.floats + at;
  else
    a.halves = w_.rounded.halves + at;
  a.scratch = scratch.attention;
  model_.kernels().attend(a);
}

void Chunk::gather() const {
  const int64_t hidden = model_.hidden();
  for (int64_t text = 0; text < texts(); ++text)
    std::memmove(w_.stream + text * hidden, w_.stream + begins(text) * hidden, static_cast<size_t>(hidden) * 4);
}

void Chunk::rest(int32_t number, Rows rows, const Scratch& scratch) const {
  const Layer& layer = model_.layers()[static_cast<size_t>(number)];
  const Wide wide = {scratch.wide, scratch.wide_rounded};
  if (model_.precision() == Precision::int8) round_attended(rows, scratch);
  out(layer, rows, all(layer.out));
  middle(layer, rows, scratch);
  up(layer, rows, all(layer.up), wide);
  if (model_.precision() == Precision::int8) round_wide(rows.count, wide, scratch);
  down(layer, rows, all(layer.down), wide);
  last(number, rows, scratch);
}

void Chunk::round_attended(Rows rows, const Scratch& scratch) const {
  const int64_t hidden = model_.hidden();
  Rounded to = w_.rounded.at(rows.first, hidden);
  to.remainders = nullptr;
  model_.kernels().round(
      {model_.precision(), w_.sums + rows.first * hidden, rows.count, hidden, nullptr, -1, to, scratch.row});
}

void Chunk::out(const Layer& layer, Rows rows, Panels panels) const {
  const int64_t hidden = model_.hidden(), at = rows.first * hidden;
  Product p = product(layer.out, w_.rounded.at(rows.first, hidden), rows, panels);
  p.then = Then::add;
  p.residual = w_.stream + at;
  p.floats = w_.sums + at;
  p.out_stride = hidden;
  model_.kernels().product(p);
}

void Chunk::middle(const Layer& layer, Rows rows, const Scratch& scratch) const {
  Norm n = norm(layer.middle, rows, layer.up_multipliers, scratch);
  n.to.remainders = nullptr;
  n.keep_sums = model_.description().prenorm != 0;
  model_.kernels().norm(n);
}

void Chunk::up(const Layer& layer, Rows rows, Panels panels, const Wide& wide) const {
  const rn_description& d = model_.description();
  Product p = product(layer.up, w_.rounded.at(rows.first, model_.hidden()), rows, panels);
  p.then = Then::activate;
  p.activation = static_cast<Activation>(d.activation);
  p.floats = wide.floats != nullptr ? wide.floats : wide.rounded.floats;
  p.halves = wide.rounded.halves;
  p.out_stride = model_.inner();
  // Where half a panel stays empty nothing writes, but down reads.
  const int64_t written = layer.up.columns / (d.gated != 0 ? 2 : 1);
  const int64_t element = element_bytes(model_.precision());
  if (written < model_.inner() && panels.first == 0 && wide.floats == nullptr)
    for (int64_t row = 0; row < rows.count; ++row)
      std::memset(wide.rounded.rows() + (row * model_.inner() + written) * element, 0,
                  static_cast<size_t>((model_.inner() - written) * element));
  model_.kernels().product(p);
}

// Columns of padding are computed as zeros, and meet weights that are zeros: only their bytes must be there.
void Chunk::round_wide(int64_t count, const Wide& wide, const Scratch& scratch) const {
  const int64_t written = model_.layers().front().up.columns / (model_.description().gated != 0 ? 2 : 1);
  if (written < model_.inner())
    for (int64_t row = 0; row < count; ++row)
      std::memset(wide.floats + row * model_.inner() + written, 0, static_cast<size_t>(model_.inner() - written) * 4);
  model_.kernels().round(
      {model_.precision(), wide.floats, count, model_.inner(), nullptr, model_.floor(), wide.rounded, scratch.row});
}

void Chunk::down(const Layer& layer, Rows rows, Panels panels, const Wide& wide) const {
  const int64_t hidden = model_.hidden(), at = rows.first * hidden;
  Product p = product(layer.down, wide.rounded, rows, panels);
  p.then = Then::add;
  p.residual = w_.stream + at;
  p.floats = w_.sums + at;
  p.out_stride = hidden;
  model_.kernels().product(p);
}

void Chunk::last(int32_t number, Rows rows, const Scratch& scratch) const {
  const Layer& layer = model_.layers()[static_cast<size_t>(number)];
  const bool final = number + 1 == model_.description().layers;
  const float* multipliers = final ? nullptr : model_.layers()[static_cast<size_t>(number) + 1].qkv_multipliers;
  Norm n = norm(layer.last, rows, multipliers, scratch);
  n.keep_sums = model_.description().prenorm != 0 && !final;
  n.round = !final;
  model_.kernels().norm(n);
}

void Chunk::emit(int64_t item) const {
  const int64_t hidden = model_.hidden();
  if (call_.output != RN_TOKENS) return pool(item);
  const Rows rows = rows_at(item, rows_);
  std::memcpy(call_.out + (base_ - call_.offsets[0] + rows.first) * hidden, w_.stream + rows.first * hidden,
              static_cast<size_t>(rows.count * hidden) * sizeof(float));
}

void Chunk::pool(int64_t text) const {
  const int64_t hidden = model_.hidden();
  const int32_t* span = call_.spans == nullptr ? nullptr : call_.spans + 2 * (first_ + text);
  const int64_t first = begins(text) + (span == nullptr ? 0 : span[0]);
  const int64_t last = span == nullptr ? begins(text + 1) : begins(text) + span[1];
  float* to = call_.out + (first_ + text) * hidden;
  const bool gathered = only_first(model_.description().layers - 1);
  const int64_t one = gathered ? text : call_.output == RN_LAST ? last - 1 : first;
  std::memcpy(to, w_.stream + one * hidden, static_cast<size_t>(hidden) * sizeof(float));
  if (call_.output == RN_FIRST || call_.output == RN_LAST) return;
  for (int64_t row = first + 1; row < last; ++row) {
    const float* x = w_.stream + row * hidden;
    for (int64_t k = 0; k < hidden; ++k) to[k] = call_.output == RN_MEAN ? to[k] + x[k] : (x[k] > to[k] ? x[k] : to[k]);
  }
  if (call_.output == RN_MAX) return;
  const auto share = 1 / static_cast<float>(last - first);
  for (int64_t k = 0; k < hidden; ++k) to[k] *= share;
}

}  // namespace rapidembed
