// The C interface of pictures: checks, and which instruction set is here.
#include <cstring>
#include <new>

#include "error.h"
#include "resample.h"
#include "taps.h"

namespace {

using rapidembed::Refused;
namespace pictures = rapidembed::pictures;

constexpr int64_t kLongest = int64_t{1} << 24;  // from which on a float holds not every whole number

template <class Body>
int32_t guarded(rn_message* message, Body body) {
  try {
    body();
    return RN_OK;
  } catch (const Refused& refused) {
    if (message != nullptr) std::strcpy(message->text, refused.what());
    return refused.status();
  } catch (const std::bad_alloc&) {
    if (message != nullptr) std::strcpy(message->text, "out of memory");
    return RN_OUT_OF_MEMORY;
  }
}

void expect(bool holds, const char* what) {
  if (!holds) throw Refused(RN_BAD_ARGUMENT, "expected %s", what);
}

int32_t best() {
#if defined(RAPIDEMBED_X86)
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni"))
    return RN_PICTURE_VNNI;
  if (__builtin_cpu_supports("avx2")) return RN_PICTURE_AVX2;
#endif
  return RN_PICTURE_SCALAR;
}

const pictures::Kernels& kernels_of(int32_t isa) {
#if defined(RAPIDEMBED_X86)
  if (isa == RN_PICTURE_VNNI) return pictures::kVnni;
  if (isa == RN_PICTURE_AVX2) return pictures::kAvx2;
#endif
  (void)isa;
  return pictures::kScalar;
}

// Every output lies within its inputs, which are those from `first` on, `count` of them.
void check(int32_t isa, const rn_taps* taps, int64_t first, int64_t count) {
  if (isa < 0 || isa > rn_picture_best_isa())
    throw Refused(RN_UNSUPPORTED, "this processor lacks instruction set %d of pictures", isa);
  expect(taps != nullptr && taps->starts != nullptr && taps->weights != nullptr, "taps");
  expect(taps->count > 0 && taps->taps > 0, "at least one output and one tap");
  for (int64_t i = 0; i < taps->count; ++i)
    expect(taps->starts[i] >= first && taps->starts[i] + taps->taps <= first + count, "taps within the picture");
}

}  // namespace

int32_t rn_picture_best_isa(void) {
  static const int32_t found = best();
  return found;
}

int32_t rn_make_taps(int32_t filter, int64_t size, int64_t to, int64_t first, int64_t count, int64_t* taps,
                     int32_t* starts, int32_t* weights, int32_t* digits, rn_message* message) {
  return guarded(message, [&] {
    expect(filter >= RN_LANCZOS && filter <= RN_HAMMING, "a filter from 1 to 5");
    expect(size > 0 && size <= kLongest && to > 0 && to <= kLongest, "sides from 1 to 2^24");
    expect(first >= 0 && count > 0 && count <= to - first && taps != nullptr, "outputs of the resized side");
    const pictures::Side side(filter, size, to);
    *taps = side.taps(first, count);
    if (starts == nullptr) return;
    expect(weights != nullptr && (digits == nullptr || *taps % pictures::kGroup == 0), "room for the weights");
    if (!side.fill(first, count, *taps, starts, weights, digits))
      throw Refused(RN_UNSUPPORTED, "a weight is too large for three digits");
  });
}

int32_t rn_resample_across(int32_t isa, const rn_taps* taps, const uint8_t* pixels, int64_t stride, int64_t rows,
                           uint8_t* out, rn_message* message) {
  return guarded(message, [&] {
    check(isa, taps, 0, taps == nullptr ? 0 : taps->size);
    expect(pixels != nullptr && out != nullptr && rows > 0, "rows of pixels, and where to write");
    expect(stride >= taps->size * pictures::kBytes, "rows that do not overlap");
    const bool grouped = taps->taps % pictures::kGroup == 0;
    expect(isa != RN_PICTURE_VNNI || !grouped || taps->digits != nullptr, "digits of the weights");
    kernels_of(grouped ? isa : RN_PICTURE_SCALAR).across({*taps, pixels, stride, rows, out});
  });
}

int32_t rn_resample_down(int32_t isa, const rn_taps* taps, const uint8_t* pixels, int64_t top, int64_t rows,
                         int64_t columns, uint8_t* out, rn_message* message) {
  return guarded(message, [&] {
    expect(pixels != nullptr && out != nullptr && columns > 0, "rows of pixels, and where to write");
    check(isa, taps, top, rows);
    kernels_of(isa).down({*taps, pixels, top, columns, out});
  });
}
