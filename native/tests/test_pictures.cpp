// Resampling: every instruction set that is here against the reference, bit for bit, on memory of just the right size.
// That the reference equals Pillow, the tests in Python show.
#include "check.h"
#include "rapidembed_pictures.h"

using test::Array;
using test::check;
using test::Random;

namespace {

constexpr int64_t kBytes = 4, kColours = 3;

struct Side {
  std::vector<int32_t> starts, weights, digits;
  rn_taps taps{};

  Side(int32_t filter, int64_t size, int64_t to, int64_t first, int64_t count) {
    int64_t most = 0;
    check(rn_make_taps(filter, size, to, first, count, &most, nullptr, nullptr, nullptr, nullptr) == RN_OK, "taps");
    starts.resize(static_cast<size_t>(count));
    weights.resize(static_cast<size_t>(count * most));
    if (most % 4 == 0) digits.resize(static_cast<size_t>(count * most / 4 * 3));
    int32_t* place = digits.empty() ? nullptr : digits.data();
    const int32_t status =
        rn_make_taps(filter, size, to, first, count, &most, starts.data(), weights.data(), place, nullptr);
    check(status == RN_OK, "taps of filter %d, %d to %d", filter, static_cast<int>(size), static_cast<int>(to));
    taps = {starts.data(), weights.data(), place, count, most, size};
  }
};

void all_agree(Random& random, int64_t longest) {
  const int32_t filter = 1 + static_cast<int32_t>(random.below(5));
  const int64_t width = 1 + random.below(longest), height = 1 + random.below(longest);
  const int64_t columns = 1 + random.below(longest), rows = 1 + random.below(longest);
  const int64_t left = random.below(columns), top = random.below(rows);
  const Side x(filter, width, columns, left, 1 + random.below(columns - left));
  const Side y(filter, height, rows, top, 1 + random.below(rows - top));
  Array<uint8_t> picture(width * height * kBytes);
  for (int64_t i = 0; i < picture.size(); ++i)
    picture[i] = static_cast<uint8_t>(random.coin() ? random.below(256) : 255);
  const int64_t narrow = height * x.taps.count * kBytes, made = y.taps.count * x.taps.count * kColours;
  const Array<uint8_t> across[2] = {Array<uint8_t>(narrow), Array<uint8_t>(narrow)};
  const Array<uint8_t> down[2] = {Array<uint8_t>(made), Array<uint8_t>(made)};
  for (int32_t isa = RN_PICTURE_SCALAR; isa <= rn_picture_best_isa(); ++isa) {
    const int out = isa == RN_PICTURE_SCALAR ? 0 : 1;
    rn_message why{};
    int32_t status = rn_resample_across(isa, &x.taps, picture.data(), width * kBytes, height, across[out].data(), &why);
    check(status == RN_OK, "across isa %d: %s", isa, static_cast<const char*>(why.text));
    status = rn_resample_down(isa, &y.taps, across[out].data(), 0, height, x.taps.count, down[out].data(), &why);
    check(status == RN_OK, "down isa %d: %s", isa, static_cast<const char*>(why.text));
    check(std::memcmp(across[0].data(), across[out].data(), static_cast<size_t>(narrow)) == 0,
          "across isa %d filter %d, %d to %d", isa, filter, static_cast<int>(width), static_cast<int>(columns));
    check(std::memcmp(down[0].data(), down[out].data(), static_cast<size_t>(made)) == 0,
          "down isa %d filter %d, %d to %d", isa, filter, static_cast<int>(height), static_cast<int>(rows));
  }
}

void refused(int32_t status, int32_t expected, const char* what) {
  check(status == expected, "%s: status %d, expected %d", what, status, expected);
}

void wrong_calls_are_refused() {
  const Side side(RN_BICUBIC, 100, 20, 0, 20);
  Array<uint8_t> picture(100 * kBytes), out(20 * kBytes);
  int64_t most = 0;
  refused(rn_make_taps(9, 100, 20, 0, 20, &most, nullptr, nullptr, nullptr, nullptr), RN_BAD_ARGUMENT, "filter");
  refused(rn_make_taps(3, 0, 20, 0, 20, &most, nullptr, nullptr, nullptr, nullptr), RN_BAD_ARGUMENT, "no input");
  refused(rn_make_taps(3, 100, 20, 5, 16, &most, nullptr, nullptr, nullptr, nullptr), RN_BAD_ARGUMENT, "outputs");
  refused(rn_resample_across(7, &side.taps, picture.data(), 400, 1, out.data(), nullptr), RN_UNSUPPORTED, "isa");
  refused(rn_resample_across(0, &side.taps, picture.data(), 396, 1, out.data(), nullptr), RN_BAD_ARGUMENT, "stride");
  refused(rn_resample_down(0, &side.taps, picture.data(), 0, 99, 1, out.data(), nullptr), RN_BAD_ARGUMENT, "rows");
  refused(rn_resample_down(0, &side.taps, picture.data(), 1, 100, 1, out.data(), nullptr), RN_BAD_ARGUMENT, "top");
}

}  // namespace

int main(int count, char** arguments) {
  const int rounds = count > 1 ? std::atoi(arguments[1]) : 60;
  Random random(20261127);
  for (int32_t isa = rn_picture_best_isa() + 1; isa <= RN_PICTURE_VNNI; ++isa)
    std::printf("NOT RUN: instruction set %d of pictures, which this processor lacks\n", isa);
  for (int round = 0; round < rounds; ++round) all_agree(random, round % 2 == 0 ? 20 : 200);
  wrong_calls_are_refused();
  return test::report("pictures");
}
