// Random shapes, weights, lengths and splits, from a seed: nothing is read or written beyond its end (run it with
// sanitizers), and no result depends on how the work was cut.
#include <thread>

#include "random_model.h"

using namespace test;

namespace {

Shape random_shape(Random& random) {
  Shape s;
  const int32_t widths[] = {32, 64, 96, 128};
  s.precision = static_cast<int32_t>(random.below(3));
  s.head_width = widths[random.below(4)];
  s.heads = static_cast<int32_t>(s.head_width % 64 == 0 ? 1 + random.below(3) : 2 * (1 + random.below(2)));
  s.intermediate = static_cast<int32_t>(1 + random.below(300));
  s.layers = static_cast<int32_t>(1 + random.below(3));
  s.embedding = random.coin() ? 0 : 64;
  s.activation = static_cast<int32_t>(random.below(5));
  s.gated = static_cast<int32_t>(random.below(2));
  s.prenorm = static_cast<int32_t>(random.below(2));
  s.types = static_cast<int32_t>(random.below(3));
  s.padding = random.coin() ? -1 : 1;
  s.positions = random.coin() ? 0 : 202;
  s.rotary = random.coin() ? 0 : 200;
  s.bias = random.coin() ? 0 : 200;
  s.reach = s.bias > 0 || random.coin() ? 0 : static_cast<int32_t>(1 + random.below(50));
  return s;
}

void once(Random& random, int32_t isa) {
  const Shape shape = random_shape(random);
  const RandomModel model(shape, static_cast<uint64_t>(random.below(1 << 30)));
  std::vector<int64_t> lengths;
  for (int64_t i = 1 + random.below(6); i > 0; --i) lengths.push_back(1 + random.below(isa == RN_SCALAR ? 20 : 200));
  const Texts texts(random, lengths, shape.vocabulary);
  Texts types = texts;
  for (int32_t& type : types.types) type = shape.types > 1 ? type : 0;
  const Encoder encoder(model, isa);
  const auto output = static_cast<int32_t>(random.below(5));
  std::vector<int32_t> seen;
  for (const int64_t length : lengths) {
    const int64_t hidden = random.below(shape.reach > 0 ? std::min<int64_t>(length, shape.reach + 1) : length);
    seen.push_back(static_cast<int32_t>(length - hidden));
  }
  std::vector<float> expected, out;
  rn_call call = encoder.call(types, output, expected);
  call.seen = random.coin() ? nullptr : seen.data();
  check(rn_encode(encoder.model(), &call, nullptr) == RN_OK, "rn_encode");
  for (const float x : expected) check(std::isfinite(x), "a number that is not finite");
  out.resize(expected.size());
  call.out = out.data();
  call.chunk = 1 + random.below(400);
  check(rn_encode(encoder.model(), &call, nullptr) == RN_OK, "rn_encode");
  check(equal(expected, out), "isa %d: chunks differ", isa);
  call.chunk = 0;
  const auto workers = static_cast<int32_t>(1 + random.below(4));
  rn_job* job = nullptr;
  check(rn_job_open(encoder.model(), &call, 1 + workers, &job, nullptr) == RN_OK, "rn_job_open");
  std::vector<std::thread> threads;
  for (int32_t i = 0; i < workers; ++i) threads.emplace_back([job] { rn_job_work(job); });
  for (std::thread& thread : threads) thread.join();
  rn_job_close(job);
  check(equal(expected, out), "isa %d: a job differs", isa);
}

}  // namespace

int main(int count, char** arguments) {
  const int rounds = count > 1 ? std::atoi(arguments[1]) : 20;
  const auto seed = count > 2 ? std::strtoull(arguments[2], nullptr, 10) : 1ULL;
  Random random(seed);
  for (const rapidembed::Isa isa : instruction_sets())
    for (int i = 0; i < rounds; ++i) once(random, static_cast<int32_t>(isa));
  return report("fuzz");
}
