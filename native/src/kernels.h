// What an instruction set computes: a table of functions, and what they are given.
//
// Activations are rows. In the int8 precision a row is of integers around a zero and one step, what an integer is
// worth; in bf16 it is of bfloat16. The residual stream is float32 in both, and in fp32 everything is.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bfloat.h"

namespace rapidembed {

constexpr int64_t kPanel = 64;       // columns of a packed matrix that lie together
constexpr int64_t kGroup = 16;       // of them, in fp32: they lie together for one row of activations after the other
constexpr int64_t kPadRows = 64;     // rows behind the last that kernels may read, and write
constexpr int32_t kMiddle = 128;     // the integer of zero
constexpr int32_t kLow = 24;         // that of zero where activations have a floor: more is left for what is above
constexpr float kFine = 1.0F / 254;  // what a remainder's integer is worth, in steps
constexpr float kSmallest = 1e-20F;  // at least so large is the largest of a row taken to be
constexpr float kUnseen = -1e30F;    // the score of a key that a query does not see
constexpr float kLeastPower = -100;  // below, 2 ** x is not told from 2 ** -100

constexpr int64_t round_up(int64_t value, int64_t step) { return (value + step - 1) / step * step; }
constexpr int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
constexpr int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

enum class Precision : int32_t { int8 = 0, bf16 = 1, fp32 = 2 };

constexpr int64_t element_bytes(Precision precision) {
  return precision == Precision::int8 ? 1 : precision == Precision::bf16 ? 2 : 4;
}
enum class Activation : int32_t { identity = 0, gelu = 1, gelu_tanh = 2, relu = 3, silu = 4 };

// A packed matrix: panels of 64 columns; in each, for every four bytes of a row's activations, four bytes a column. In
// fp32 a panel is four groups of 16 columns, one behind the other, so that fewer registers find theirs together too.
struct Matrix {
  Precision precision;
  bool gated;       // a panel holds 32 columns of the gate, then 32 of what it lets through
  int64_t outputs;  // without padding
  int64_t columns;  // with: a multiple of 64
  int64_t width;    // of the activations, without padding
  int64_t depth;    // with: a multiple of 64
  const uint8_t* panels;
  const float* scales;  // int8: of each column
  const float* bias;
  const int32_t* start;  // int8: where the sums of each column begin, which makes up for the integer of zero
  int32_t zero;

  int64_t row_bytes() const { return depth * element_bytes(precision); }
  const uint8_t* panel(int64_t number) const { return panels + number * kPanel * row_bytes(); }
};

// What becomes of the sums of a product.
enum class Then : int32_t {
  add,       // + residual -> floats
  activate,  // activation, gate -> floats where these are given, else halves
};

struct Product {
  Matrix matrix;
  const uint8_t* rows;        // int8: integers; bf16: bfloat16; fp32: float
  const uint8_t* remainders;  // int8: of the same form as rows; or null
  const float* steps;         // int8: of each row
  int64_t stride;             // of rows, in bytes
  int64_t count;              // of rows; computed are as many as row_tile makes of it
  int64_t first_panel, last_panel;
  int64_t fine_panel;  // from this one on remainders are added
  Then then;
  Activation activation;
  const float* residual;  // of the stride of the output
  float* floats;
  Bf16* halves;
  int64_t out_stride;
};

// Rows as products read them: integers, bfloat16 or, not rounded at all, floats.
struct Rounded {
  uint8_t* integers;
  uint8_t* remainders;  // what rounding took away, in 1 / 254 of a step; null: not wanted
  float* steps;
  Bf16* halves;
  float* floats;

  uint8_t* rows() const {
    if (integers != nullptr) return integers;
    return halves != nullptr ? reinterpret_cast<uint8_t*>(halves) : reinterpret_cast<uint8_t*>(floats);
  }
  // From a row on.
  Rounded at(int64_t row, int64_t width) const {
    Rounded r = *this;
    if (integers != nullptr) r.integers += row * width;
    if (remainders != nullptr) r.remainders += row * width;
    if (steps != nullptr) r.steps += row;
    if (halves != nullptr) r.halves += row * width;
    if (floats != nullptr) r.floats += row * width;
    return r;
  }
};

struct Norm {
  Precision precision;
  const float* sums;  // (count, width)
  int64_t count, width;
  const float* weight;
  const float* bias;  // or null
  float epsilon;
  const float* multipliers;  // of what is rounded; null: none
  float* kept;               // (count, width): what is normalized, or with keep_sums the sums
  bool keep_sums;
  bool round;  // whether anything is rounded
  Rounded to;
  float* scratch;  // (width,)
};

struct Rounding {
  Precision precision;
  const float* x;  // (count, width)
  int64_t count, width;
  const float* multipliers;  // of channels; null: none
  float floor;               // int8: nothing is below minus this, zero is kLow; negative: there is none
  Rounded to;
  float* scratch;  // (width,)
};

struct Attention {
  Precision precision;
  const Bf16* queries;         // of the text's first token, this head
  const float* float_queries;   // fp32: the same
  int64_t keys_at, values_at;  // from there
  int64_t stride;              // of tokens
  int64_t length;              // tokens that are seen; there may be queries behind them
  int64_t width;               // of a head
  int64_t first, last;         // queries to compute
  int64_t reach;               // how far a query sees; 0: all keys
  const float* bias;           // added to the score of a key by its distance; points at distance 0; or null
  float* floats;               // where query 0 goes
  Bf16* halves;                // bf16: the same
  int64_t out_stride;
  uint8_t* scratch;  // attention_scratch() bytes
};

struct Rotation {
  Bf16* rows;        // queries and keys: heads of both, one behind the other
  float* float_rows;  // fp32: the same
  int64_t stride, count;
  int64_t heads;     // of both together
  int64_t width;     // of a head
  const float* cos;  // (positions, width / 2)
  const float* sin;
  const int32_t* positions;  // of the rows
};

struct Kernels {
  int64_t row_tile;  // product computes a multiple of so many rows
  void (*product)(const Product&);
  void (*norm)(const Norm&);
  void (*round)(const Rounding&);
  void (*attend)(const Attention&);
  void (*rotate)(const Rotation&);
};

// Where keys and values of an attention lie in its scratch memory.
struct AttentionLayout {
  int64_t first_key, last_key;  // that any of its queries sees, from a multiple of 32 on
  int64_t keys;                 // of them, a multiple of 32
  int64_t score_stride;         // floats
  int64_t values_at, scores_at, shares_at, bytes;
};

inline AttentionLayout attention_layout(Precision precision, int64_t length, int64_t width, int64_t first, int64_t last,
                                        int64_t reach) {
  constexpr int64_t kQueries = 8;
  AttentionLayout layout{};
  if (reach > 0) layout.first_key = larger(0, first - reach) / 32 * 32;
  layout.last_key = reach > 0 ? smaller(length, last + reach) : length;
  layout.keys = round_up(layout.last_key - layout.first_key, 32);
  layout.score_stride = layout.keys + 32;
  if (layout.score_stride % 512 == 0) layout.score_stride += 32;  // rows a page apart would share their cache lines
  layout.values_at = layout.keys * width * (precision == Precision::fp32 ? 4 : 2);
  layout.scores_at = 2 * layout.values_at;
  layout.shares_at = layout.scores_at + kQueries * layout.score_stride * 4;
  layout.bytes = layout.shares_at + kQueries * layout.score_stride * 2;
  return layout;
}

extern const Kernels kScalar;
#if defined(RAPIDEMBED_X86)
extern const Kernels kAvx2;        // of fp32
extern const Kernels kAvx512;  // of fp32
extern const Kernels kVnni;
extern const Kernels kBf16;
extern const Kernels kAmx;
double roof_avx2();
double roof_avx512();
double roof_vnni();
double roof_bf16();
double roof_amx(Precision precision);
#endif

}  // namespace rapidembed
