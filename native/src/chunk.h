// A few texts on their way through a model: stages, one after the other, each of items that any threads may share.
//
// With many rows an item is a block of rows, which goes from attention to the end of its layer while it is in the
// cache. With few rows an item is some columns of a matrix, so that threads can share even one short text.
#pragma once

#include <vector>

#include "model.h"

namespace rapidembed {

// What a chunk is computed in; carved of one block. Rows are of all texts, one behind the other.
struct Workspace {
  float* stream;    // the residual stream, (rows, hidden)
  float* sums;      // (rows, hidden): of products, and what attention gives in int8
  Rounded rounded;  // (rows, hidden)
  Bf16* qkv;         // (rows, 3 * hidden)
  float* float_qkv;   // fp32: the same
  float* wide;      // (rows, inner) where columns are shared, else null
  Rounded wide_rounded;
  int32_t* places;     // of each row in its text
  int32_t* positions;  // of each row in the table of positions
};

// What one thread needs besides.
struct Scratch {
  uint8_t* attention;
  float* row;       // one row of any width
  float* embedded;  // a block of embeddings that are to be projected
  Rounded embedded_rounded;
  float* wide;  // a block of widened rows
  Rounded wide_rounded;
};

struct Plan {
  int64_t workers = 1;
  bool by_columns = false;
  int64_t block = 0;  // rows of an item
};

class Chunk {
 public:
  // Texts from first to last of the call.
  Chunk(const Model& model, const rn_call& call, int64_t first, int64_t last, int64_t workers);

  size_t workspace_bytes() const;
  size_t scratch_bytes() const;
  void begin(uint8_t* workspace);
  Scratch scratch(uint8_t* memory) const;

  int64_t stages() const { return static_cast<int64_t>(stages_.size()); }
  int64_t items(int64_t stage) const { return stages_[static_cast<size_t>(stage)].items; }
  void run(int64_t stage, int64_t item, const Scratch& scratch) const;

 private:
  enum class Kind { embed, qkv, rotate, attend, gather, rest, round, out, middle, up, round_wide, down, last, emit };
  struct Stage {
    Kind kind;
    int32_t layer;
    int64_t items;
  };
  struct Rows {
    int64_t first, count;
  };
  struct Panels {
    int64_t first, last;
  };
  struct Wide {
    float* floats;
    Rounded rounded;
  };

  void plan(int64_t workers);
  void plan_layer(int32_t layer);
  bool only_first(int32_t layer) const;
  int64_t rows_of(int32_t layer) const { return only_first(layer) ? texts() : rows_; }
  Workspace carve_workspace(uint8_t* memory, size_t* used) const;
  Scratch carve_scratch(uint8_t* memory, size_t* used) const;
  Rows rows_at(int64_t item, int64_t rows) const;
  Panels panels_at(int64_t item, const Matrix& matrix) const;
  int64_t panel_items(const Matrix& matrix) const;

  void embed(Rows rows, const Scratch& scratch) const;
  void project(Rows rows, const Scratch& scratch) const;
  void qkv(const Layer& layer, Rows rows, Panels panels) const;
  void rotate(const Layer& layer, Rows rows) const;
  void attend(int32_t layer, int64_t item, const Scratch& scratch) const;
  void gather() const;
  void rest(int32_t layer, Rows rows, const Scratch& scratch) const;
  void round_attended(Rows rows, const Scratch& scratch) const;
  void out(const Layer& layer, Rows rows, Panels panels) const;
  void middle(const Layer& layer, Rows rows, const Scratch& scratch) const;
  void up(const Layer& layer, Rows rows, Panels panels, const Wide& wide) const;
  void round_wide(int64_t count, const Wide& wide, const Scratch& scratch) const;
  void down(const Layer& layer, Rows rows, Panels panels, const Wide& wide) const;
  void last(int32_t layer, Rows rows, const Scratch& scratch) const;
  void emit(int64_t item) const;
  void pool(int64_t text) const;

  Product product(const Matrix& matrix, const Rounded& from, Rows rows, Panels panels) const;
  Norm norm(const NormVectors& vectors, Rows rows, const float* multipliers, const Scratch& scratch) const;
  Wide wide_of(Rows rows) const;
  static Panels all(const Matrix& matrix) { return {0, matrix.columns / kPanel}; }

  const Model& model_;
  const rn_call& call_;
  int64_t first_, last_;
  int64_t base_, rows_, longest_ = 0;
  Plan plan_;
  int64_t parts_ = 1, part_ = 0;  // queries of a text that an item of attention computes
  Workspace w_{};
  std::vector<Stage> stages_;

  int64_t texts() const { return last_ - first_; }
  int64_t begins(int64_t text) const { return call_.offsets[first_ + text] - base_; }
};

}  // namespace rapidembed
