#include "encode.h"

#include <new>

#include "error.h"

#if defined(RAPIDEMBED_X86)
#include <immintrin.h>
#endif
#if defined(__unix__) || defined(__APPLE__)
#include <sched.h>
#endif

namespace rapidembed {
namespace {

constexpr int64_t kChunk = 256;         // tokens: small enough for the second cache, enough to use weights well
constexpr int64_t kSharedChunk = 4096;  // of a job: enough for many threads
constexpr int kSpins = 4000;            // before a waiting thread lets others run
constexpr uint64_t kItems = 0xffffffff, kDone = ~uint64_t{0};

uint64_t ticket_of(int64_t stage, int64_t items) {
  return (static_cast<uint64_t>(stage) << 32) | static_cast<uint64_t>(items);
}

bool is_cancelled(const rn_call& call) {
  return call.cancel != nullptr && __atomic_load_n(call.cancel, __ATOMIC_RELAXED) != 0;
}

// The text behind those that, from `first` on, fit a chunk; at least one does.
int64_t chunk_end(const rn_call& call, int64_t first, int64_t tokens) {
  int64_t last = first + 1;
  while (last < call.texts && call.offsets[last + 1] - call.offsets[first] <= tokens) ++last;
  return last;
}

void pause(int spins) {
  if (spins < kSpins) {
#if defined(RAPIDEMBED_X86)
    _mm_pause();
#endif
  } else {
#if defined(__unix__) || defined(__APPLE__)
    sched_yield();
#endif
  }
}

void check_text(const Model& model, const rn_call& call, int64_t text) {
  const auto number = static_cast<long long>(text);
  const int64_t length = call.offsets[text + 1] - call.offsets[text];
  if (length < 1) throw Refused(RN_BAD_ARGUMENT, "text %lld has no tokens", number);
  if (length > model.longest())
    throw Refused(RN_BAD_ARGUMENT, "text %lld has %lld tokens; the model has positions for %lld", number,
                  static_cast<long long>(length), static_cast<long long>(model.longest()));
  if (call.spans != nullptr) {
    const int32_t from = call.spans[2 * text], to = call.spans[2 * text + 1];
    if (from < 0 || to <= from || to > length)
      throw Refused(RN_BAD_ARGUMENT, "span %d to %d of text %lld, which has %lld tokens", from, to, number,
                    static_cast<long long>(length));
  }
}

void check_seen(const Model& model, const rn_call& call, int64_t text) {
  const int64_t length = call.offsets[text + 1] - call.offsets[text], seen = call.seen[text];
  if (seen < 1 || seen > length)
    throw Refused(RN_BAD_ARGUMENT, "text %lld has %lld tokens, of which %lld cannot be seen",
                  static_cast<long long>(text), static_cast<long long>(length), static_cast<long long>(seen));
  for (const Layer& layer : model.layers())
    if (layer.reach > 0 && length - seen > layer.reach)
      throw Refused(RN_BAD_ARGUMENT, "text %lld has tokens that see none: %lld of %lld are seen, %lld to either side",
                    static_cast<long long>(text), static_cast<long long>(seen), static_cast<long long>(length),
                    static_cast<long long>(layer.reach));
}

template <class T>
void expect_aligned(const T* pointer, const char* name) {
  if (reinterpret_cast<uintptr_t>(pointer) % alignof(T) != 0)
    throw Refused(RN_BAD_ARGUMENT, "%s must begin at a multiple of %d bytes", name, static_cast<int>(alignof(T)));
}

}  // namespace

void check(const Model& model, const rn_call& call) {
  const rn_description& d = model.description();
  if (call.texts < 0)
    throw Refused(RN_BAD_ARGUMENT, "texts: expected a count, got %lld", static_cast<long long>(call.texts));
  if (call.output < RN_TOKENS || call.output > RN_MAX)
    throw Refused(RN_BAD_ARGUMENT, "output: expected one of rn_output, got %d", call.output);
  if (call.texts == 0) return;
  if (call.ids == nullptr || call.offsets == nullptr || call.out == nullptr)
    throw Refused(RN_BAD_ARGUMENT, "ids, offsets and out are needed");
  expect_aligned(call.ids, "ids");
  expect_aligned(call.types, "types");
  expect_aligned(call.offsets, "offsets");
  expect_aligned(call.spans, "spans");
  expect_aligned(call.seen, "seen");
  expect_aligned(call.out, "out");
  for (int64_t text = 0; text < call.texts; ++text) {
    check_text(model, call, text);
    if (call.seen != nullptr) check_seen(model, call, text);
  }
  for (int64_t token = call.offsets[0]; token < call.offsets[call.texts]; ++token) {
    if (call.ids[token] < 0 || call.ids[token] >= d.vocabulary)
      throw Refused(RN_BAD_ARGUMENT, "token %lld: id %d is not in a vocabulary of %d", static_cast<long long>(token),
                    call.ids[token], d.vocabulary);
    if (call.types != nullptr && d.types > 0 && (call.types[token] < 0 || call.types[token] >= d.types))
      throw Refused(RN_BAD_ARGUMENT, "token %lld: type %d, but the model knows %d", static_cast<long long>(token),
                    call.types[token], d.types);
  }
}

rn_status encode(const Model& model, const rn_call& call) {
  const int64_t tokens = call.chunk > 0 ? call.chunk : kChunk;
  for (int64_t first = 0; first < call.texts;) {
    if (is_cancelled(call)) return RN_CANCELLED;
    const int64_t last = chunk_end(call, first, tokens);
    Chunk chunk(model, call, first, last, 1);
    const Lent workspace(model.workspaces(), chunk.workspace_bytes());
    const Lent memory(model.scratches(), chunk.scratch_bytes());
    chunk.begin(workspace.data());
    const Scratch scratch = chunk.scratch(memory.data());
    for (int64_t stage = 0; stage < chunk.stages(); ++stage) {
      if (is_cancelled(call)) return RN_CANCELLED;
      for (int64_t item = 0; item < chunk.items(stage); ++item) chunk.run(stage, item, scratch);
    }
    first = last;
  }
  return RN_OK;
}

Job::Job(const Model& model, const rn_call& call, int64_t workers) : model_(model), call_(call), workers_(workers) {
  for (int64_t first = 0; first < call.texts;) {
    const int64_t last = chunk_end(call, first, chunk_tokens());
    const Chunk chunk(model, call_, first, last, workers);
    if (chunk.workspace_bytes() > workspace_bytes_) workspace_bytes_ = chunk.workspace_bytes();
    if (chunk.scratch_bytes() > scratch_bytes_) scratch_bytes_ = chunk.scratch_bytes();
    first = last;
  }
  if (call.texts == 0) {
    ticket_.store(kDone);
    return;
  }
  workspace_ = std::make_unique<Lent>(model.workspaces(), workspace_bytes_);
  open(0);
}

int64_t Job::chunk_tokens() const { return call_.chunk > 0 ? call_.chunk : kSharedChunk; }

void Job::open(int64_t first) {
  next_text_ = chunk_end(call_, first, chunk_tokens());
  chunk_ = std::make_unique<Chunk>(model_, call_, first, next_text_, workers_);
  chunk_->begin(workspace_->data());
  ticket_.store(ticket_of(stages_before_, chunk_->items(0)), std::memory_order_release);
}

rn_status Job::work() {
  const Lent memory(model_.scratches(), scratch_bytes_);
  for (int spins = 0;;) {
    if (is_cancelled(call_)) return RN_CANCELLED;
    if (failed_.load(std::memory_order_relaxed)) return RN_OUT_OF_MEMORY;
    uint64_t ticket = ticket_.load(std::memory_order_acquire);
    if (ticket == kDone) return RN_OK;
    const auto left = static_cast<int64_t>(ticket & kItems);
    if (left == 0) {
      pause(spins++);
      continue;
    }
    if (!ticket_.compare_exchange_weak(ticket, ticket - 1, std::memory_order_acquire)) continue;
    // The item is this thread's: until it is finished neither stage nor chunk change.
    const auto stage = static_cast<int64_t>(ticket >> 32) - stages_before_;
    chunk_->run(stage, left - 1, chunk_->scratch(memory.data()));
    finish_item(stage);
    spins = 0;
  }
}

void Job::finish_item(int64_t stage) {
  const int64_t items = chunk_->items(stage);
  if (finished_.fetch_add(1, std::memory_order_acq_rel) + 1 < items) return;
  finished_.store(0, std::memory_order_relaxed);
  try {
    advance(stage);
  } catch (const std::bad_alloc&) {
    failed_.store(true, std::memory_order_relaxed);
  }
}

void Job::advance(int64_t stage) {
  if (stage + 1 < chunk_->stages()) {
    ticket_.store(ticket_of(stages_before_ + stage + 1, chunk_->items(stage + 1)), std::memory_order_release);
  } else if (next_text_ < call_.texts) {
    stages_before_ += chunk_->stages();
    open(next_text_);
  } else {
    ticket_.store(kDone, std::memory_order_release);
  }
}

}  // namespace rapidembed
