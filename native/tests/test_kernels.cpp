// Every kernel of every instruction set that is here against its scalar reference: integers bit for bit, floats to a
// bound that stands beside each.
#include <limits>

#include "amx/sums.h"
#include "check.h"
#include "pack.h"

using namespace rapidembed;
using test::Array;
using test::check;
using test::Random;

namespace {

constexpr int64_t kPad = kPadRows;

struct Weights {
  Array<uint8_t> memory;
  Matrix matrix;
};

Weights random_matrix(Random& random, Precision precision, bool gated, int64_t outputs, int64_t width, int32_t zero) {
  const int64_t each = gated ? outputs / 2 : outputs;
  const int64_t count = gated ? 2 : 1;
  std::vector<std::vector<float>> weights, scales, biases;
  std::vector<std::vector<int8_t>> integers;
  std::vector<rn_part> parts;
  for (int64_t i = 0; i < count; ++i) {
    weights.push_back(random.normals(each * width, 0.1F));
    scales.push_back(random.normals(each, 0.001F));
    biases.push_back(random.normals(each));
    integers.emplace_back(static_cast<size_t>(each * width));
    for (int8_t& v : integers.back()) v = static_cast<int8_t>(random.below(255) - 127);
  }
  for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
    const void* data = precision == Precision::int8 ? static_cast<const void*>(integers[i].data()) : weights[i].data();
    parts.push_back({data, scales[i].data(), biases[i].data(), each, 0.5F});
  }
  Weights w{Array<uint8_t>(static_cast<int64_t>(packed_bytes(precision, outputs, width))), {}};
  w.matrix = pack(precision, gated, parts.data(), count, width, zero, w.memory.data());
  return w;
}

// The largest difference, in parts of the larger of 1 and the value.
double distance(float a, float b) { return std::fabs(double{a} - b) / std::fmax(1.0, std::fabs(double{b})); }

// Sums of float products in another order, activations by polynomials (1e-4, times what a gate lets through; of fp32
// 1e-6), results in bfloat16 (2^-8).
void product_agrees(Isa isa, Random& random, Precision precision, Then then, Activation activation, bool gated) {
  const Kernels& kernels = kernels_of(isa, precision);
  const int64_t count = 1 + random.below(40), width = 1 + random.below(200);
  const int64_t outputs = (gated ? 2 : 1) * (1 + random.below(150));
  const bool fine = precision == Precision::int8 && then == Then::activate && activation == Activation::identity;
  const Weights w = random_matrix(random, precision, gated, outputs, width, fine ? kMiddle : kLow);
  const Matrix& m = w.matrix;
  const int64_t rows = round_up(count, kernels.row_tile), out = gated ? m.columns / 2 : m.columns;
  Array<uint8_t> from(rows * m.row_bytes()), rest(rows * m.row_bytes());
  Array<float> steps(rows), residual(rows * out);
  for (int64_t i = 0; i < rows * m.depth; ++i) {
    if (precision == Precision::int8) {
      from[i] = static_cast<uint8_t>(random.below(256));
      rest[i] = static_cast<uint8_t>(random.below(256));
    } else if (precision == Precision::bf16) {
      const Bf16 half = to_bf16(random.normal());
      std::memcpy(&from[2 * i], &half, 2);
    } else {
      const float x = random.normal();
      std::memcpy(&from[4 * i], &x, 4);
    }
  }
  for (int64_t i = 0; i < rows; ++i) steps[i] = std::fabs(random.normal(0.01F));
  for (int64_t i = 0; i < rows * out; ++i) residual[i] = random.normal();
  Array<float> floats[2] = {Array<float>(rows * out), Array<float>(rows * out)};
  Array<Bf16> halves[2] = {Array<Bf16>(rows * out), Array<Bf16>(rows * out)};
  const bool to_floats = precision == Precision::fp32 || then == Then::add || random.coin();
  Product p{};
  p.matrix = m;
  p.rows = from.data();
  p.remainders = fine ? rest.data() : nullptr;
  p.steps = steps.data();
  p.stride = m.row_bytes();
  p.count = count;
  p.first_panel = random.below(m.columns / kPanel);
  p.last_panel = m.columns / kPanel;
  p.fine_panel = random.below(3);
  p.then = then;
  p.activation = activation;
  p.residual = residual.data();
  p.out_stride = out;
  for (int i = 0; i < 2; ++i) {
    p.floats = to_floats ? floats[i].data() : nullptr;
    p.halves = halves[i].data();
    (i == 0 ? kScalar : kernels).product(p);
  }
  double worst = 0;
  for (int64_t i = 0; i < count * out; ++i)
    worst = std::fmax(worst, to_floats ? distance(floats[1][i], floats[0][i])
                                       : distance(from_bf16(halves[1][i]), from_bf16(halves[0][i])));
  const bool exact =
      precision == Precision::int8 && to_floats && (then == Then::add || activation == Activation::identity);
  const double of_floats = precision == Precision::fp32 ? 5e-6 : gated ? 1e-3 : 2e-4;
  const double bound = exact ? 0 : to_floats ? of_floats : 9e-3;
  check(worst <= bound, "product isa %d precision %d then %d activation %d gated %d: %g", static_cast<int>(isa),
        static_cast<int>(precision), static_cast<int>(then), static_cast<int>(activation), gated, worst);
}

struct RoundedRows {
  Array<uint8_t> integers, remainders;
  Array<float> steps;
  Array<Bf16> halves;
  Array<float> floats;
  explicit RoundedRows(int64_t rows, int64_t width)
      : integers(rows * width), remainders(rows * width), steps(rows), halves(rows * width), floats(rows * width) {}
  Rounded to(bool rest) const {
    return {integers.data(), rest ? remainders.data() : nullptr, steps.data(), halves.data(), floats.data()};
  }
};

void same(const RoundedRows& a, const RoundedRows& b, const char* what, Isa isa) {
  check(std::memcmp(a.integers.data(), b.integers.data(), static_cast<size_t>(a.integers.size())) == 0,
        "%s isa %d: integers", what, static_cast<int>(isa));
  check(std::memcmp(a.remainders.data(), b.remainders.data(), static_cast<size_t>(a.remainders.size())) == 0,
        "%s isa %d: remainders", what, static_cast<int>(isa));
  check(std::memcmp(a.steps.data(), b.steps.data(), static_cast<size_t>(a.steps.size()) * 4) == 0, "%s isa %d: steps",
        what, static_cast<int>(isa));
  check(std::memcmp(a.halves.data(), b.halves.data(), static_cast<size_t>(a.halves.size()) * 2) == 0,
        "%s isa %d: halves", what, static_cast<int>(isa));
  check(std::memcmp(a.floats.data(), b.floats.data(), static_cast<size_t>(a.floats.size()) * 4) == 0,
        "%s isa %d: floats", what, static_cast<int>(isa));
}

// Bit for bit.
void rounding_agrees(Isa isa, Random& random, Precision precision) {
  const int64_t count = 1 + random.below(5), width = 64 * (1 + random.below(6));
  const float scale = std::exp2(static_cast<float>(random.below(40) - 20));
  std::vector<float> x = random.normals(count * width, scale);
  if (random.coin()) std::fill(x.begin(), x.begin() + width, 0.0F);
  if (random.coin()) x[static_cast<size_t>(random.below(width))] = 1e-40F;
  const std::vector<float> multipliers = random.normals(width);
  const float floors[] = {-1, 0, 0.171F, 0.279F};
  Rounding r{precision, x.data(), count, width, random.coin() ? multipliers.data() : nullptr, floors[random.below(4)],
             {},        nullptr};
  Array<float> scratch(width);
  r.scratch = scratch.data();
  const RoundedRows expected(count, width), got(count, width);
  const bool rest = r.floor < 0 && random.coin();
  r.to = expected.to(rest);
  kScalar.round(r);
  r.to = got.to(rest);
  kernels_of(isa, precision).round(r);
  same(got, expected, "round", isa);
}

// Floats to 1e-5 (sums in another order); integers bit for bit those of the floats.
void norm_agrees(Isa isa, Random& random, Precision precision) {
  const int64_t count = 1 + random.below(5), width = 64 * (1 + random.below(6));
  std::vector<float> x = random.normals(count * width, 3);
  const std::vector<float> weight = random.normals(width), bias = random.normals(width),
                           multipliers = random.normals(width);
  Array<float> kept[2] = {Array<float>(count * width), Array<float>(count * width)}, scratch(width);
  const RoundedRows rows(count, width), unused(count, width), again(count, width);
  Norm n{};
  n.precision = precision;
  n.sums = x.data();
  n.count = count;
  n.width = width;
  n.weight = weight.data();
  n.bias = random.coin() ? bias.data() : nullptr;
  n.epsilon = 1e-5F;
  n.multipliers = random.coin() ? multipliers.data() : nullptr;
  n.keep_sums = random.coin();
  n.round = true;
  n.scratch = scratch.data();
  n.kept = kept[0].data();
  n.to = unused.to(true);
  kScalar.norm(n);
  n.kept = kept[1].data();
  n.to = rows.to(true);
  kernels_of(isa, precision).norm(n);
  double worst = 0;
  for (int64_t i = 0; i < count * width; ++i) worst = std::fmax(worst, distance(kept[1][i], kept[0][i]));
  check(worst <= (n.keep_sums ? 0 : 1e-5), "norm isa %d: %g", static_cast<int>(isa), worst);
  if (n.keep_sums) return;
  kScalar.round({precision, kept[1].data(), count, width, n.multipliers, -1, again.to(true), scratch.data()});
  same(rows, again, "norm", isa);
}

// To 2^-7 of the values: shares and results are bfloat16; in fp32 to 1e-5.
void attention_agrees(Isa isa, Random& random, Precision precision, int64_t width) {
  const int64_t length = 1 + random.below(random.below(4) == 0 ? 700 : 70), heads = 2, hidden = heads * width;
  const int64_t stride = 3 * hidden, rows = length + kPad;
  Array<Bf16> qkv(rows * stride);
  Array<float> wide(rows * stride);
  for (int64_t i = 0; i < rows * stride; ++i) {
    wide[i] = random.normal(i % stride < hidden ? 0.3F : 1.0F);
    qkv[i] = to_bf16(wide[i]);
  }
  Attention a{};
  a.precision = precision;
  a.queries = qkv.data() + width;  // the second head
  a.float_queries = wide.data() + width;
  a.keys_at = hidden;
  a.values_at = 2 * hidden;
  a.stride = stride;
  a.length = length;
  a.width = width;
  a.first = random.coin() ? 0 : random.below(length);
  a.last = random.coin() ? length : a.first + 1 + random.below(length - a.first);
  std::vector<float> table(static_cast<size_t>(2 * rows + 1));
  if (random.coin()) {
    if (random.coin()) a.reach = 1 + random.below(40);
    for (int64_t i = 0; i <= 2 * rows; ++i) {
      const bool seen = a.reach == 0 || std::abs(i - rows) <= a.reach;
      table[static_cast<size_t>(i)] = !seen ? kUnseen : a.reach > 0 ? 0 : random.normal();
    }
    a.bias = table.data() + rows;
  }
  a.out_stride = width;
  Array<uint8_t> scratch(attention_layout(precision, length, width, a.first, a.last, a.reach).bytes);
  a.scratch = scratch.data();
  Array<float> floats[2] = {Array<float>(length * width), Array<float>(length * width)};
  Array<Bf16> halves[2] = {Array<Bf16>(length * width), Array<Bf16>(length * width)};
  for (int i = 0; i < 2; ++i) {
    a.floats = floats[i].data();
    a.halves = halves[i].data();
    (i == 0 ? kScalar : kernels_of(isa, precision)).attend(a);
  }
  double worst = 0;
  for (int64_t i = 0; i < length * width; ++i) {
    const float x = precision == Precision::bf16 ? from_bf16(halves[1][i]) : floats[1][i];
    const float y = precision == Precision::bf16 ? from_bf16(halves[0][i]) : floats[0][i];
    worst = std::fmax(worst, distance(x, y));
  }
  check(worst <= (precision == Precision::fp32 ? 1e-5 : 8e-3), "attend isa %d width %d length %d reach %d: %g", static_cast<int>(isa), static_cast<int>(width),
        static_cast<int>(length), static_cast<int>(a.reach), worst);
}

// What is no number must show in what comes out, or a damaged model would give vectors that look sound.
void nothing_hides(Isa isa, Precision precision) {
  constexpr int64_t kLength = 9, kWidth = 32, kStride = 3 * kWidth;
  constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
  Array<float> wide((kLength + kPad) * kStride), floats(kLength * kWidth);
  Array<Bf16> qkv((kLength + kPad) * kStride), halves(kLength * kWidth);
  wide[0] = kNone;
  qkv[0] = to_bf16(kNone);
  Attention a{};
  a.precision = precision;
  a.queries = qkv.data();
  a.float_queries = wide.data();
  a.keys_at = kWidth;
  a.values_at = 2 * kWidth;
  a.stride = kStride;
  a.length = a.last = kLength;
  a.width = a.out_stride = kWidth;
  Array<uint8_t> scratch(attention_layout(precision, kLength, kWidth, 0, kLength, 0).bytes);
  a.scratch = scratch.data();
  a.floats = floats.data();
  a.halves = halves.data();
  kernels_of(isa, precision).attend(a);
  const auto found = [&](int64_t i) { return precision == Precision::bf16 ? from_bf16(halves[i]) : floats[i]; };
  check(std::isnan(found(0)) && found(kWidth) == 0, "attend isa %d precision %d: %g and %g", static_cast<int>(isa),
        static_cast<int>(precision), found(0), found(kWidth));
  Random random(1);
  const Weights w = random_matrix(random, Precision::fp32, false, 64, 64, kMiddle);
  Array<float> row(64), out(64);
  row[5] = kNone;
  Product p{};
  p.matrix = w.matrix;
  p.rows = reinterpret_cast<const uint8_t*>(row.data());
  p.stride = w.matrix.row_bytes();
  p.count = p.last_panel = 1;
  p.then = Then::activate;
  p.activation = Activation::relu;
  p.floats = out.data();
  p.out_stride = 64;
  kernels_of(isa, Precision::fp32).product(p);
  check(std::isnan(out[0]), "relu isa %d: %g", static_cast<int>(isa), out[0]);
}

void rotation_agrees(Isa isa, Random& random, Precision precision, int64_t width) {
  const int64_t count = 1 + random.below(9), heads = 4, stride = 3 * heads * width;
  Array<Bf16> rows[2] = {Array<Bf16>(count * stride), Array<Bf16>(count * stride)};
  Array<float> wide[2] = {Array<float>(count * stride), Array<float>(count * stride)};
  for (int64_t i = 0; i < count * stride; ++i) {
    wide[0][i] = wide[1][i] = random.normal();
    rows[0][i] = rows[1][i] = to_bf16(wide[0][i]);
  }
  const std::vector<float> cos = random.normals(20 * width / 2), sin = random.normals(20 * width / 2);
  std::vector<int32_t> positions;
  for (int64_t i = 0; i < count; ++i) positions.push_back(static_cast<int32_t>(random.below(20)));
  const bool floats = precision == Precision::fp32;
  for (int i = 0; i < 2; ++i)
    (i == 0 ? kScalar : kernels_of(isa, precision))
        .rotate({floats ? nullptr : rows[i].data(), floats ? wide[i].data() : nullptr, stride, count, heads, width,
                 cos.data(), sin.data(), positions.data()});
  check(std::memcmp(rows[0].data(), rows[1].data(), static_cast<size_t>(count * stride) * 2) == 0 &&
            std::memcmp(wide[0].data(), wide[1].data(), static_cast<size_t>(count * stride) * 4) == 0,
        "rotate isa %d width %d", static_cast<int>(isa), static_cast<int>(width));
}

// What AMX would do, with its registers in software: the sums of 32 rows, against the scalar product.
template <bool kIntegers>
void tiles_agree(Random& random) {
  const Precision precision = kIntegers ? Precision::int8 : Precision::bf16;
  const Weights w = random_matrix(random, precision, false, 1 + random.below(64), 1 + random.below(300), kMiddle);
  const Matrix& m = w.matrix;
  Array<uint8_t> rows(kTileRows * m.row_bytes());
  for (int64_t i = 0; i < kTileRows * m.depth; ++i) {
    if (kIntegers) {
      rows[i] = static_cast<uint8_t>(random.below(256));
    } else {
      const Bf16 half = to_bf16(random.normal());
      std::memcpy(&rows[2 * i], &half, 2);
    }
  }
  Array<int32_t> sums(kTileRows * kPanel);
  SoftwareTiles tiles;
  sums_in_tiles<kIntegers>(tiles, rows.data(), m.row_bytes(), m.panel(0), m.row_bytes(), m.start, sums.data());
  Array<float> expected(kTileRows * kPanel), steps(kTileRows);
  for (int64_t i = 0; i < kTileRows; ++i) steps[i] = 1;
  Product p{};
  p.matrix = m;
  p.rows = rows.data();
  p.steps = steps.data();
  p.stride = m.row_bytes();
  p.count = kTileRows;
  p.last_panel = 1;
  p.fine_panel = 1;
  p.then = Then::activate;
  p.floats = expected.data();
  p.out_stride = kPanel;
  kScalar.product(p);
  double worst = 0;
  for (int64_t i = 0; i < kTileRows * kPanel; ++i) {
    float sum;
    std::memcpy(&sum, &sums[i], 4);
    const int64_t column = i % kPanel;
    const float value =
        kIntegers ? std::fma(static_cast<float>(sums[i]), m.scales[column], m.bias[column]) : sum + m.bias[column];
    worst = std::fmax(worst, distance(value, expected[i]));
  }
  check(worst <= (kIntegers ? 0 : 1e-4), "tiles, integers %d: %g", kIntegers, worst);
}

}  // namespace

int main(int count, char** arguments) {
  const int rounds = count > 1 ? std::atoi(arguments[1]) : 12;
  Random random(20261126);
  for (const Isa isa : test::instruction_sets())
    for (int round = 0; round < rounds; ++round)
      for (const Precision precision : {Precision::int8, Precision::bf16, Precision::fp32}) {
        product_agrees(isa, random, precision, Then::add, Activation::identity, false);
        for (int32_t activation = 0; activation < 5; ++activation) {
          product_agrees(isa, random, precision, Then::activate, static_cast<Activation>(activation), false);
          product_agrees(isa, random, precision, Then::activate, static_cast<Activation>(activation), true);
        }
        rounding_agrees(isa, random, precision);
        norm_agrees(isa, random, precision);
        for (const int64_t width : {32, 64, 96, 128}) {
          attention_agrees(isa, random, precision, width);
          rotation_agrees(isa, random, precision, width);
        }
      }
  for (const Isa isa : test::instruction_sets())
    for (const Precision precision : {Precision::int8, Precision::bf16, Precision::fp32}) nothing_hides(isa, precision);
  for (int round = 0; round < rounds; ++round) {
    tiles_agree<true>(random);
    tiles_agree<false>(random);
  }
  std::printf("AMX products were computed with tiles in software; its instructions run only where AMX is listed\n");
  return test::report("kernels");
}
