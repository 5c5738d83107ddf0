// The weights of a resampled side.
#pragma once

#include <cstdint>

namespace rapidembed::pictures {

// A side of `size` that is resized to `to`, by one of rn_filter.
class Side {
 public:
  Side(int32_t filter, int64_t size, int64_t to);

  // The most inputs that any of these outputs is made of, made a multiple of four where there are so many inputs.
  int64_t taps(int64_t first, int64_t count) const;
  // See rn_make_taps; false: a weight is too large for three digits.
  bool fill(int64_t first, int64_t count, int64_t taps, int32_t* starts, int32_t* weights, int32_t* digits) const;

 private:
  struct Window {
    double centre;
    int64_t start, length;
  };
  Window window(int64_t output) const;

  double (*filter_)(double);
  int64_t size_;
  double scale_, spread_, support_;
};

}  // namespace rapidembed::pictures
