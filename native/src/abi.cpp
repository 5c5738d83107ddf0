// The C interface: no exception passes it.
#include <cstring>
#include <new>
#include <utility>

#include "dense.h"
#include "encode.h"
#include "error.h"
#include "pack.h"

using rapidembed::Activation;
using rapidembed::Isa;
using rapidembed::Matrix;
using rapidembed::Precision;
using rapidembed::Refused;

struct rn_model {
  rapidembed::Model model;
};
struct rn_job {
  rapidembed::Job job;
};

namespace {

void write(rn_message* message, const char* text) {
  if (message == nullptr) return;
  std::strncpy(message->text, text, sizeof message->text - 1);
  message->text[sizeof message->text - 1] = '\0';
}

template <class Body>
int32_t guarded(rn_message* message, Body body) {
  try {
    return body();
  } catch (const Refused& refused) {
    write(message, refused.what());
    return refused.status();
  } catch (const std::bad_alloc&) {
    write(message, "out of memory");
    return RN_OUT_OF_MEMORY;
  } catch (const std::exception& error) {
    write(message, error.what());
    return RN_OUT_OF_MEMORY;
  }
}

void expect(bool holds, const char* what) {
  if (!holds) throw Refused(RN_BAD_ARGUMENT, "expected %s", what);
}

bool known(int32_t precision) { return precision >= RN_INT8 && precision <= RN_FP32; }

void check_parts(int32_t precision, int32_t arrangement, const rn_part* parts, int32_t count) {
  expect(parts != nullptr && count > 0 && count <= 16, "1 to 16 parts");
  int64_t outputs = 0;
  for (int32_t i = 0; i < count; ++i) {
    expect(parts[i].weights != nullptr && parts[i].outputs > 0, "weights and at least one output in every part");
    expect(precision != RN_INT8 || parts[i].scales != nullptr, "scales of the integers in every part");
    outputs += parts[i].outputs;
  }
  expect(outputs <= (int64_t{1} << 24), "at most 2^24 outputs");
  if (arrangement == RN_GATED)
    expect(count == 2 && parts[0].outputs == parts[1].outputs, "two parts of equal size, as the arrangement is gated");
}

}  // namespace

int32_t rn_abi_version(void) { return RN_ABI_VERSION; }
int32_t rn_pack_version(void) { return RN_PACK_VERSION; }
int32_t rn_best_isa(void) { return static_cast<int32_t>(rapidembed::best_isa()); }
int32_t rn_has_isa(int32_t isa) { return rapidembed::has_isa(isa) ? 1 : 0; }

int32_t rn_packed_bytes(int32_t precision, int64_t outputs, int64_t width, uint64_t* bytes) {
  constexpr int64_t kMost = int64_t{1} << 24;
  if (!known(precision) || outputs < 1 || outputs > kMost || width < 1 || width > kMost || bytes == nullptr)
    return RN_BAD_ARGUMENT;
  *bytes = rapidembed::packed_bytes(static_cast<Precision>(precision), outputs, width);
  return RN_OK;
}

int32_t rn_zero(int32_t activation, int32_t gated) {
  return rapidembed::floor_of(static_cast<Activation>(activation), gated != 0) < 0 ? rapidembed::kMiddle
                                                                                   : rapidembed::kLow;
}

int32_t rn_pack(int32_t precision, int32_t arrangement, const rn_part* parts, int32_t count, int64_t width,
                int32_t zero, void* memory, uint64_t bytes, rn_message* message) {
  return guarded(message, [&]() -> int32_t {
    expect(known(precision), "a known precision");
    expect(arrangement == RN_SIDE_BY_SIDE || arrangement == RN_GATED, "a known arrangement");
    check_parts(precision, arrangement, parts, count);
    expect(zero >= 0 && zero <= 255, "a zero from 0 to 255");
    int64_t outputs = 0;
    for (int32_t i = 0; i < count; ++i) outputs += parts[i].outputs;
    uint64_t wanted = 0;
    expect(rn_packed_bytes(precision, outputs, width, &wanted) == RN_OK, "a width from 1 to 2^24");
    if (bytes != wanted)
      throw Refused(RN_BAD_ARGUMENT, "expected memory of %llu bytes, got %llu", static_cast<unsigned long long>(wanted),
                    static_cast<unsigned long long>(bytes));
    expect(memory != nullptr && reinterpret_cast<uintptr_t>(memory) % 64 == 0, "memory at a multiple of 64 bytes");
    rapidembed::pack(static_cast<Precision>(precision), arrangement == RN_GATED, parts, count, width, zero, memory);
    return RN_OK;
  });
}

int32_t rn_model_create(const rn_description* description, rn_model** model, rn_message* message) {
  return guarded(message, [&]() -> int32_t {
    expect(description != nullptr && model != nullptr, "a description, and where to put the model");
    if (description->bytes != sizeof(rn_description))
      throw Refused(RN_BAD_ARGUMENT, "expected a description of %d bytes, got %u: it is of another version",
                    static_cast<int>(sizeof(rn_description)), description->bytes);
    *model = new rn_model{rapidembed::Model(*description)};
    return RN_OK;
  });
}

void rn_model_destroy(rn_model* model) { delete model; }

uint64_t rn_model_bytes(const rn_model* model) { return model->model.bytes(); }

namespace {

void check_call(const rn_model* model, const rn_call* call) {
  expect(model != nullptr && call != nullptr, "a model and a call");
  if (call->bytes != sizeof(rn_call))
    throw Refused(RN_BAD_ARGUMENT, "expected a call of %d bytes, got %u: it is of another version",
                  static_cast<int>(sizeof(rn_call)), call->bytes);
  rapidembed::check(model->model, *call);
}

}  // namespace

int32_t rn_encode(const rn_model* model, const rn_call* call, rn_message* message) {
  return guarded(message, [&]() -> int32_t {
    check_call(model, call);
    return rapidembed::encode(model->model, *call);
  });
}

int32_t rn_job_open(const rn_model* model, const rn_call* call, int32_t workers, rn_job** job, rn_message* message) {
  return guarded(message, [&]() -> int32_t {
    check_call(model, call);
    expect(workers > 0 && workers <= 4096 && job != nullptr, "1 to 4096 workers, and where to put the job");
    *job = new rn_job{rapidembed::Job(model->model, *call, workers)};
    return RN_OK;
  });
}

int32_t rn_job_work(rn_job* job) {
  return guarded(nullptr, [&]() -> int32_t { return job->job.work(); });
}

void rn_job_close(rn_job* job) { delete job; }

int32_t rn_dense(int32_t isa, const rn_matrix* matrix, int32_t activation, const float* multipliers, const float* x,
                 int64_t rows, float* out, rn_message* message) {
  return guarded(message, [&]() -> int32_t {
    expect(matrix != nullptr && x != nullptr && out != nullptr && rows >= 0, "a matrix, x, out and a count of rows");
    expect(activation >= RN_IDENTITY && activation <= RN_SILU, "a known activation");
    if (!rapidembed::has_isa(isa)) throw Refused(RN_UNSUPPORTED, "this processor lacks instruction set %d", isa);
    const Matrix m = rapidembed::unpack(*matrix, "matrix");
    expect(!m.gated, "a matrix that is not gated");
    expect(m.width % 64 == 0, "a matrix whose width is a multiple of 64");
    expect(m.precision != Precision::int8 || m.zero == rapidembed::kMiddle,
           "a matrix packed for the zero of RN_IDENTITY");
    rapidembed::dense(rapidembed::kernels_of(static_cast<Isa>(isa), m.precision), m, static_cast<Activation>(activation),
                      multipliers, x, rows, out);
    return RN_OK;
  });
}

double rn_roof(int32_t isa, int32_t precision) {
  if (!rapidembed::has_isa(isa) || !known(precision)) return 0;
#if defined(RAPIDEMBED_X86)
  const auto wanted = static_cast<Isa>(isa);
  if (precision == RN_FP32)
    return wanted == Isa::scalar ? 0 : wanted == Isa::avx2 ? rapidembed::roof_avx2() : rapidembed::roof_avx512();
  if (wanted == Isa::amx) return rapidembed::roof_amx(static_cast<Precision>(precision));
  if (wanted >= Isa::vnni && precision == RN_INT8) return rapidembed::roof_vnni();
  if (wanted == Isa::bf16) return rapidembed::roof_bf16();
#endif
  return 0;
}
