// The order of every operation is Pillow's: a weight may be rounded the other way by any other.
#include "taps.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "resample.h"

namespace rapidembed::pictures {
namespace {

constexpr double kPi = 3.14159265358979323846;

double box(double x) { return x > -0.5 && x <= 0.5 ? 1.0 : 0.0; }

double bilinear(double x) { return std::max(1.0 - std::fabs(x), 0.0); }

double hamming(double x) {
  x = std::fabs(x);
  if (x == 0.0) return 1.0;
  if (x >= 1.0) return 0.0;
  x *= kPi;
  return std::sin(x) / x * (double{0.54F} + double{0.46F} * std::cos(x));
}

double bicubic(double x) {
  constexpr double a = -0.5;
  x = std::fabs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  return x < 2.0 ? (((x - 5) * x + 8) * x - 4) * a : 0.0;
}

double sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= kPi;
  return std::sin(x) / x;
}

double lanczos(double x) { return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0; }

struct Filter {
  double (*function)(double);
  double support;
};

Filter filter_of(int32_t filter) {
  switch (filter) {
    case RN_LANCZOS:
      return {lanczos, 3.0};
    case RN_BILINEAR:
      return {bilinear, 1.0};
    case RN_BICUBIC:
      return {bicubic, 2.0};
    case RN_BOX:
      return {box, 0.5};
    default:
      return {hamming, 1.0};
  }
}

// Signed digits to the base 256, the lowest first; false: there are more than three.
bool split(int32_t weight, int32_t* digits) {
  for (int i = 0; i < 3; ++i) {
    digits[i] = ((weight + 128) & 255) - 128;
    weight = (weight - digits[i]) / 256;
  }
  return weight == 0;
}

}  // namespace

Side::Side(int32_t filter, int64_t size, int64_t to)
    : filter_(filter_of(filter).function),
      size_(size),
      scale_(double{static_cast<float>(size)} / static_cast<double>(to)),
      spread_(std::max(scale_, 1.0)),
      support_(filter_of(filter).support * spread_) {}

Side::Window Side::window(int64_t output) const {
  const double centre = (static_cast<double>(output) + 0.5) * scale_;
  const int64_t start = std::max(static_cast<int64_t>(centre - support_ + 0.5), int64_t{0});
  const int64_t end = std::min(static_cast<int64_t>(centre + support_ + 0.5), size_);
  return {centre, start, end - start};
}

int64_t Side::taps(int64_t first, int64_t count) const {
  int64_t most = 1;
  for (int64_t i = first; i < first + count; ++i) most = std::max(most, window(i).length);
  return std::min((most + kGroup - 1) / kGroup * kGroup, size_);
}

bool Side::fill(int64_t first, int64_t count, int64_t taps, int32_t* starts, int32_t* weights, int32_t* digits) const {
  std::vector<double> values(static_cast<size_t>(taps));
  bool fits = true;
  for (int64_t i = 0; i < count; ++i) {
    const Window w = window(first + i);
    double sum = 0;
    for (int64_t k = 0; k < w.length; ++k) {
      const double at = static_cast<double>(k + w.start) - w.centre + 0.5;
      sum += values[static_cast<size_t>(k)] = filter_(at * (1.0 / spread_));
    }
    // All outputs read as many inputs; at the end of the side zeros stand in front.
    starts[i] = static_cast<int32_t>(std::min(w.start, size_ - taps));
    int32_t* row = weights + i * taps;
    std::fill(row, row + taps, 0);
    for (int64_t k = 0; k < w.length; ++k) {
      double value = values[static_cast<size_t>(k)];
      if (sum != 0.0) value /= sum;
      value *= 1 << kBits;
      row[k + w.start - starts[i]] = static_cast<int32_t>(value < 0 ? value - 0.5 : value + 0.5);
    }
    for (int64_t k = 0; k < taps && digits != nullptr; ++k) {
      int32_t three[3];
      fits = split(row[k], three) && fits;
      auto* bytes = reinterpret_cast<int8_t*>(digits + (i * taps + k) / kGroup * 3) + k % kGroup;
      for (int64_t place = 0; place < 3; ++place) bytes[place * 4] = static_cast<int8_t>(three[place]);
    }
  }
  return fits;
}

}  // namespace rapidembed::pictures
