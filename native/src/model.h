// A model: a description that has been checked, and what is made of it once.
#pragma once

#include <map>
#include <vector>

#include "cpu.h"
#include "memory.h"
#include "rapidembed_native.h"

namespace rapidembed {

struct NormVectors {
  const float* weight;
  const float* bias;
};

struct Layer {
  Matrix qkv, out, up, down;
  NormVectors middle, last;
  const float* qkv_multipliers;
  const float* up_multipliers;
  int32_t rotary;
  int64_t reach;
  const float* window;  // what is added to scores by distance, at distance 0; null where all is seen
};

class Model {
 public:
  explicit Model(const rn_description& description);

  const Kernels& kernels() const { return *kernels_; }
  Precision precision() const { return static_cast<Precision>(d_.precision); }
  const rn_description& description() const { return d_; }
  const std::vector<Layer>& layers() const { return layers_; }
  const NormVectors& embedding_norm() const { return embedding_norm_; }
  bool projects() const { return d_.projection.memory != nullptr; }
  const Matrix& projection() const { return projection_; }
  int64_t hidden() const { return d_.hidden; }
  int64_t inner() const { return inner_; }      // width of the widened rows, padded to a multiple of 64
  int64_t longest() const { return longest_; }  // text that positions suffice for
  float floor() const { return floor_; }        // how far below zero widened rows go; negative: there is no floor
  // What is added to the scores of a head, at distance 0; or null.
  const float* bias(const Layer& layer, int64_t head) const;
  // Memory of calls; a model is used by many threads.
  BlockPool& workspaces() const { return workspaces_; }
  BlockPool& scratches() const { return scratches_; }
  uint64_t bytes() const;

 private:
  void check_sizes() const;
  Layer read(const rn_layer& layer, int32_t number);
  NormVectors norm(const rn_norm& norm, int64_t width);
  const float* copy(const float* vector, int64_t count);
  const float* window(int64_t reach);
  void set_longest();

  rn_description d_;
  const Kernels* kernels_ = nullptr;
  std::vector<Layer> layers_;
  std::vector<Block> vectors_;
  std::vector<rn_rotary> rotary_;
  std::map<int64_t, const float*> windows_;
  NormVectors embedding_norm_{};
  Matrix projection_{};
  const float* projection_multipliers_ = nullptr;
  const float* bias_ = nullptr;
  int64_t bias_stride_ = 0;
  int64_t inner_ = 0, longest_ = 0;
  float floor_ = -1;
  mutable BlockPool workspaces_, scratches_;
};

// How far below zero an activation goes; negative: rows have no floor.
float floor_of(Activation activation, bool gated);

}  // namespace rapidembed
