/* The C interface of rapidembed-native, pictures: resampling that equals Pillow's, bit for bit.
 *
 * A picture is resized in two passes, as Pillow does: across, whose results are bytes again, then down. Either may make
 * a part of its outputs only: the middle that is cropped from a resized picture costs no more than that middle.
 */
#ifndef RAPIDEMBED_PICTURES_H
#define RAPIDEMBED_PICTURES_H

#include "rapidembed_native.h"

#ifdef __cplusplus
extern "C" {
#endif

/* By Pillow's numbers. */
typedef enum rn_filter { RN_LANCZOS = 1, RN_BILINEAR = 2, RN_BICUBIC = 3, RN_BOX = 4, RN_HAMMING = 5 } rn_filter;

/* Instruction sets of resampling; results are the same. */
typedef enum rn_picture_isa { RN_PICTURE_SCALAR = 0, RN_PICTURE_AVX2 = 1, RN_PICTURE_VNNI = 2 } rn_picture_isa;

/* How one side is resampled: each output is a weighted sum of `taps` inputs in a row, in units of 2^-22. */
typedef struct rn_taps {
  const int32_t* starts;  /* (count,): the first input of each output */
  const int32_t* weights; /* (count, taps) */
  const int32_t* digits;  /* (count, taps / 4, 3): the same as rn_make_taps writes them; NULL where taps % 4 is not 0 */
  int64_t count, taps;
  int64_t size; /* inputs */
} rn_taps;

/* The best of rn_picture_isa that is here. */
RN_API int32_t rn_picture_best_isa(void);

/* Taps of outputs `first` to `first + count` of a side of `size` that is resized to `to`. *taps is written always, what
 * the pointers show only where starts is not NULL: so a caller learns first how much room is wanted. */
RN_API int32_t rn_make_taps(int32_t filter, int64_t size, int64_t to, int64_t first, int64_t count, int64_t* taps,
                            int32_t* starts, int32_t* weights, int32_t* digits, rn_message* message);

/* Rows of pixels of 4 bytes, `stride` bytes apart and `taps->size` wide, to (rows, taps->count, 4). */
RN_API int32_t rn_resample_across(int32_t isa, const rn_taps* taps, const uint8_t* pixels, int64_t stride, int64_t rows,
                                  uint8_t* out, rn_message* message);

/* Rows of pixels of 4 bytes, (rows, columns, 4), the first of which is number `top` of the whole, to
 * (taps->count, columns, 3): the fourth byte is dropped. */
RN_API int32_t rn_resample_down(int32_t isa, const rn_taps* taps, const uint8_t* pixels, int64_t top, int64_t rows,
                                int64_t columns, uint8_t* out, rn_message* message);

#ifdef __cplusplus
}
#endif

#endif
