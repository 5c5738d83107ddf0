// A call: checked, cut into chunks, and computed by one thread or by all that come.
#pragma once

#include <atomic>
#include <memory>

#include "chunk.h"

namespace rapidembed {

// Throws Refused where the call cannot be computed.
void check(const Model& model, const rn_call& call);

rn_status encode(const Model& model, const rn_call& call);

// Stages are handed out item by item; the thread that finishes a stage's last item opens the next stage. Nobody waits
// but for items that others have taken.
class Job {
 public:
  Job(const Model& model, const rn_call& call, int64_t workers);
  rn_status work();

 private:
  int64_t chunk_tokens() const;
  void open(int64_t first);
  void finish_item(int64_t stage);
  void advance(int64_t stage);

  const Model& model_;
  const rn_call call_;
  const int64_t workers_;
  size_t workspace_bytes_ = 0, scratch_bytes_ = 0;
  std::unique_ptr<Lent> workspace_;
  // These three change while no item is out.
  std::unique_ptr<Chunk> chunk_;
  int64_t next_text_ = 0;
  int64_t stages_before_ = 0;  // of earlier chunks
  // The number of a stage, counted through all chunks, in the upper half; how many of its items are left in the lower.
  std::atomic<uint64_t> ticket_{0};
  std::atomic<int64_t> finished_{0};
  std::atomic<bool> failed_{false};
};

}  // namespace rapidembed
