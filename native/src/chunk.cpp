#include "chunk.h"

#include <cstring>

#include "rounded.h"

namespace rapidembed {
namespace {

constexpr int64_t kBlockBytes = 640 << 10;  // of widened rows: what stays in the second cache beside the weights
constexpr int64_t kItemsPerWorker = 3;
constexpr int64_t kLeastQueries = 48;  // of an item: packing the keys for it must pay

int64_t block_rows(const Model& model) {
  const bool integers = model.precision() == Precision::int8;  // which are floats first
  const int64_t row = model.inner() * (integers ? 5 : element_bytes(model.precision()));
  const int64_t tile = model.kernels().row_tile;
  return round_up(larger(smaller(kBlockBytes / row, 192), 24), tile);
}

}  // namespace

Chunk::Chunk(const Model& model, const rn_call& call, int64_t first, int64_t last, int64_t workers)
    : model_(model),
      call_(call),
      first_(first),
      last_(last),
      base_(call.offsets[first]),
      rows_(call.offsets[last] - call.offsets[first]) {
  for (int64_t text = first; text < last; ++text)
    longest_ = larger(longest_, call.offsets[text + 1] - call.offsets[text]);
  plan(workers);
}

void Chunk::plan(int64_t workers) {
  const int64_t tile = model_.kernels().row_tile;
  plan_.workers = workers;
  plan_.block = block_rows(model_);
  part_ = longest_;
  if (workers > 1) {
    plan_.by_columns = rows_ < 2 * kLeastQueries * workers;
    const int64_t shared = (rows_ + workers - 1) / workers;
    plan_.block = round_up(smaller(plan_.block, plan_.by_columns ? shared : larger(shared / 2, 24)), tile);
    const int64_t heads = model_.description().heads;
    if (texts() * heads < kItemsPerWorker * workers * 2)
      part_ = larger(kLeastQueries, longest_ * texts() * heads / (kItemsPerWorker * workers * 2));
  }
  parts_ = (longest_ + part_ - 1) / part_;
  const auto blocks = [&](int64_t rows) { return (rows + plan_.block - 1) / plan_.block; };
  stages_.push_back({Kind::embed, 0, blocks(rows_)});
  for (int32_t layer = 0; layer < model_.description().layers; ++layer) plan_layer(layer);
  stages_.push_back({Kind::emit, 0, call_.output == RN_TOKENS ? blocks(rows_) : texts()});
}

void Chunk::plan_layer(int32_t number) {
  const Layer& layer = model_.layers()[static_cast<size_t>(number)];
  const auto blocks = [&](int64_t rows) { return (rows + plan_.block - 1) / plan_.block; };
  const auto add = [&](Kind kind, int64_t items) { stages_.push_back({kind, number, items}); };
  add(Kind::qkv, plan_.by_columns ? panel_items(layer.qkv) : blocks(rows_));
  if (layer.rotary >= 0 && plan_.by_columns) add(Kind::rotate, blocks(rows_));
  add(Kind::attend, texts() * model_.description().heads * (only_first(number) ? 1 : parts_));
  if (only_first(number)) add(Kind::gather, 1);
  const int64_t rest = blocks(rows_of(number));
  if (!plan_.by_columns) {
    add(Kind::rest, rest);
    return;
  }
  if (model_.precision() == Precision::int8) add(Kind::round, rest);
  add(Kind::out, panel_items(layer.out));
  add(Kind::middle, rest);
  add(Kind::up, panel_items(layer.up));
  if (model_.precision() == Precision::int8) add(Kind::round_wide, rest);
  add(Kind::down, panel_items(layer.down));
  add(Kind::last, rest);
}

// Whether of the last layer nothing is needed but the first token of each text.
bool Chunk::only_first(int32_t layer) const {
  return layer + 1 == model_.description().layers && call_.output == RN_FIRST && call_.spans == nullptr;
}

Workspace Chunk::carve_workspace(uint8_t* memory, size_t* used) const {
  Carver carver(memory);
  const int64_t rows = rows_ + kPadRows, hidden = model_.hidden(), inner = model_.inner();
  const bool integers = model_.precision() == Precision::int8;
  Workspace w{};
  w.stream = carver.take<float>(rows * hidden);
  w.sums = carver.take<float>(rows * hidden);
  w.rounded = take_rounded(carver, model_.precision(), rows, hidden, true);
  if (model_.precision() == Precision::fp32)
    w.float_qkv = carver.take<float>(rows * 3 * hidden);
  else
    w.qkv = carver.take<Bf16>(rows * 3 * hidden);
  if (plan_.by_columns) {
    if (integers) w.wide = carver.take<float>(rows * inner);
    w.wide_rounded = take_rounded(carver, model_.precision(), rows, inner, false);
  }
  w.places = carver.take<int32_t>(rows);
  w.positions = carver.take<int32_t>(rows);
  *used = carver.used();
  return w;
}

Scratch Chunk::carve_scratch(uint8_t* memory, size_t* used) const {
  Carver carver(memory);
  const rn_description& d = model_.description();
  const bool integers = model_.precision() == Precision::int8;
  const int64_t rows = plan_.block + kPadRows;
  Scratch s{};
  int64_t attention = 0;
  for (const Layer& layer : model_.layers()) {
    const int64_t seen = layer.reach > 0 ? smaller(longest_, part_ + 2 * layer.reach + 64) : longest_;
    attention = larger(attention, attention_layout(model_.precision(), seen, d.head_width, 0, seen, 0).bytes);
  }
  s.attention = carver.take<uint8_t>(attention);
  s.row = carver.take<float>(larger(larger(model_.inner(), d.hidden), d.embedding));
  if (model_.projects()) {
    s.embedded = carver.take<float>(rows * d.embedding);
    s.embedded_rounded = take_rounded(carver, model_.precision(), rows, d.embedding, false);
  }
  if (!plan_.by_columns) {
    if (integers) s.wide = carver.take<float>(rows * model_.inner());
    s.wide_rounded = take_rounded(carver, model_.precision(), rows, model_.inner(), false);
  }
  *used = carver.used();
  return s;
}

size_t Chunk::workspace_bytes() const {
  size_t used = 0;
  carve_workspace(nullptr, &used);
  return used;
}

size_t Chunk::scratch_bytes() const {
  size_t used = 0;
  carve_scratch(nullptr, &used);
  return used;
}

Scratch Chunk::scratch(uint8_t* memory) const {
  size_t used = 0;
  return carve_scratch(memory, &used);
}

// Numbers the tokens. A padding token among the others has the position of padding, and is not counted.
void Chunk::begin(uint8_t* workspace) {
  size_t used = 0;
  w_ = carve_workspace(workspace, &used);
  const int32_t padding = model_.description().padding;
  for (int64_t text = 0; text < texts(); ++text) {
    int32_t counted = 0;
    for (int64_t row = begins(text); row < begins(text + 1); ++row) {
      w_.places[row] = static_cast<int32_t>(row - begins(text));
      const bool skipped = padding >= 0 && call_.ids[base_ + row] == padding;
      w_.positions[row] = padding < 0 ? w_.places[row] : skipped ? padding : padding + ++counted;
    }
  }
}

Chunk::Rows Chunk::rows_at(int64_t item, int64_t rows) const {
  const int64_t first = item * plan_.block;
  return {first, smaller(plan_.block, rows - first)};
}

int64_t Chunk::panel_items(const Matrix& matrix) const {
  return smaller(matrix.columns / kPanel, plan_.workers * kItemsPerWorker);
}

Chunk::Panels Chunk::panels_at(int64_t item, const Matrix& matrix) const {
  const int64_t panels = matrix.columns / kPanel, items = panel_items(matrix);
  return {item * panels / items, (item + 1) * panels / items};
}

void Chunk::run(int64_t stage, int64_t item, const Scratch& scratch) const {
  const Stage& s = stages_[static_cast<size_t>(stage)];
  const Layer& layer = model_.layers()[static_cast<size_t>(s.layer)];
  const Rows all_rows = {0, rows_}, rest_rows = {0, rows_of(s.layer)};
  const Rows rows =
      rows_at(item, s.kind == Kind::embed || s.kind == Kind::qkv || s.kind == Kind::rotate ? rows_ : rest_rows.count);
  switch (s.kind) {
    case Kind::embed:
      return embed(rows, scratch);
    case Kind::qkv:
      if (plan_.by_columns) return qkv(layer, all_rows, panels_at(item, layer.qkv));
      qkv(layer, rows, all(layer.qkv));
      return rotate(layer, rows);
    case Kind::rotate:
      return rotate(layer, rows);
    case Kind::attend:
      return attend(s.layer, item, scratch);
    case Kind::gather:
      return gather();
    case Kind::rest:
      return rest(s.layer, rows, scratch);
    case Kind::round:
      return round_attended(rows, scratch);
    case Kind::out:
      return out(layer, rest_rows, panels_at(item, layer.out));
    case Kind::middle:
      return middle(layer, rows, scratch);
    case Kind::up:
      return up(layer, rest_rows, panels_at(item, layer.up), wide_of(rest_rows));
    case Kind::round_wide:
      return round_wide(rows.count, wide_of(rows), scratch);
    case Kind::down:
      return down(layer, rest_rows, panels_at(item, layer.down), wide_of(rest_rows));
    case Kind::last:
      return last(s.layer, rows, scratch);
    case Kind::emit:
      return emit(item);
  }
}

}  // namespace rapidembed
