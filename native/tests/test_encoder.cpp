// Whole encoders: each instruction set against the scalar reference, results that do not depend on company, jobs,
// cancelling, and errors.
#include <thread>

#include "random_model.h"

using namespace test;

namespace {

const Shape kShapes[] = {
    {},
    {RN_BF16},
    {RN_FP32},
    {RN_FP32, 2, 64, 200, 2, 64, RN_GELU, 0, 0, 1, 80, 0},           // projected embeddings, positions from padding
    {RN_FP32, 2, 96, 70, 3, 0, RN_SILU, 1, 1, -1, 0, 2, 300, 5},     // rotary, gated, prenorm, every other layer local
    {RN_FP32, 1, 128, 64, 2, 0, RN_GELU_TANH, 0, 0, -1, 0, 1, 0, 0, 400},  // a bias by distance
    {RN_INT8, 2, 64, 200, 2, 64, RN_GELU_TANH, 0, 0, 1, 80, 0},      // projected embeddings, positions from padding
    {RN_BF16, 2, 96, 70, 2, 0, RN_SILU, 1, 0, -1, 0, 2, 300},        // rotary, gated
    {RN_INT8, 1, 128, 100, 3, 0, RN_GELU, 1, 1, -1, 0, 0, 300, 5},   // rotary, gated, prenorm, every other layer local
    {RN_INT8, 2, 32, 64, 2, 0, RN_RELU, 0, 0, -1, 0, 1, 0, 0, 400},  // a bias by distance
    {RN_BF16, 4, 32, 64, 2, 0, RN_GELU, 0, 1, -1, 0, 1, 0, 9},       // local
};

Texts texts_for(const Shape& shape, Random& random, int64_t longest) {
  if (shape.positions > 0) longest = std::min<int64_t>(longest, shape.positions - shape.padding - 1);
  std::vector<int64_t> lengths = {1, 2, 3, longest};
  for (int i = 0; i < 9; ++i) lengths.push_back(1 + random.below(longest));
  return Texts(random, lengths, shape.vocabulary);
}

void agrees_with_scalar(const RandomModel& model, const Texts& texts, int32_t isa) {
  const Encoder scalar(model, RN_SCALAR), encoder(model, isa);
  const double c = cosine(encoder.encode(texts, RN_TOKENS), scalar.encode(texts, RN_TOKENS), encoder.hidden());
  check(c > (model.shape().precision == RN_FP32 ? 0.99999999 : 0.998), "isa %d against scalar, precision %d: cosine %.9f", isa, model.shape().precision, c);
}

// Alone, in other chunks and by several threads: the same bits.
void company_does_not_matter(const RandomModel& model, const Texts& texts, int32_t isa) {
  const Encoder encoder(model, isa);
  const std::vector<float> all = encoder.encode(texts, RN_TOKENS);
  check(equal(all, encoder.encode(texts, RN_TOKENS, 1)), "isa %d: chunks of one text differ", isa);
  check(equal(all, encoder.encode(texts, RN_TOKENS, 100000)), "isa %d: one chunk differs", isa);
  for (const int32_t output : {RN_TOKENS, RN_FIRST, RN_LAST, RN_MEAN, RN_MAX}) {
    const std::vector<float> alone = encoder.encode(texts, output);
    for (const int workers : {1, 2, 5}) {
      std::vector<float> out;
      const rn_call call = encoder.call(texts, output, out);
      rn_job* job = nullptr;
      rn_message message{};
      check(rn_job_open(encoder.model(), &call, workers, &job, &message) == RN_OK, "rn_job_open: %s", message.text);
      std::vector<std::thread> threads;
      for (int i = 1; i < workers; ++i) threads.emplace_back([job] { rn_job_work(job); });
      check(rn_job_work(job) == RN_OK, "isa %d: rn_job_work", isa);
      for (std::thread& thread : threads) thread.join();
      rn_job_close(job);
      check(equal(alone, out), "isa %d: a job of %d workers differs, output %d", isa, workers, output);
    }
  }
}

void pools(const RandomModel& model, const Texts& texts, int32_t isa) {
  const Encoder encoder(model, isa);
  const auto width = static_cast<size_t>(encoder.hidden());
  const std::vector<float> tokens = encoder.encode(texts, RN_TOKENS);
  const std::vector<float> first = encoder.encode(texts, RN_FIRST), last = encoder.encode(texts, RN_LAST);
  const std::vector<float> mean = encoder.encode(texts, RN_MEAN), most = encoder.encode(texts, RN_MAX);
  for (size_t text = 0; text < static_cast<size_t>(texts.count()); ++text) {
    const auto begin = static_cast<size_t>(texts.offsets[text]), end = static_cast<size_t>(texts.offsets[text + 1]);
    for (size_t k = 0; k < width; ++k) {
      double sum = 0;
      float largest = tokens[begin * width + k];
      for (size_t row = begin; row < end; ++row) {
        sum += tokens[row * width + k];
        largest = std::fmax(largest, tokens[row * width + k]);
      }
      const size_t at = text * width + k;
      check(first[at] == tokens[begin * width + k] && last[at] == tokens[(end - 1) * width + k] && most[at] == largest,
            "first, last or largest of text %zu", text);
      check(std::fabs(mean[at] - sum / static_cast<double>(end - begin)) < 1e-4, "mean of text %zu", text);
    }
  }
}

void calls_at_a_time(const RandomModel& model, const Texts& texts, int32_t isa) {
  const Encoder encoder(model, isa);
  const std::vector<float> expected = encoder.encode(texts, RN_MEAN);
  std::vector<std::vector<float>> found(4);
  std::vector<std::thread> threads;
  for (auto& out : found)
    threads.emplace_back([&encoder, &texts, &out] {
      for (int i = 0; i < 3; ++i) {
        rn_call call = encoder.call(texts, RN_MEAN, out);
        rn_encode(encoder.model(), &call, nullptr);
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (const auto& out : found) check(equal(expected, out), "isa %d: calls at a time differ", isa);
}

// Tokens that are not seen change no others, and see what the others see.
void fills_up(const RandomModel& model, Random& random, int32_t isa) {
  const Encoder encoder(model, isa), scalar(model, RN_SCALAR);
  const Texts alone(random, {5, 1, 17}, model.shape().vocabulary), more(random, {4}, model.shape().vocabulary);
  Texts filled;
  std::vector<int32_t> seen;
  for (int64_t text = 0; text < alone.count(); ++text) {
    const auto begin = alone.offsets[static_cast<size_t>(text)], end = alone.offsets[static_cast<size_t>(text) + 1];
    filled.ids.insert(filled.ids.end(), alone.ids.begin() + begin, alone.ids.begin() + end);
    filled.types.insert(filled.types.end(), alone.types.begin() + begin, alone.types.begin() + end);
    filled.ids.insert(filled.ids.end(), more.ids.begin(), more.ids.end());
    filled.types.insert(filled.types.end(), more.types.begin(), more.types.end());
    filled.offsets.push_back(static_cast<int64_t>(filled.ids.size()));
    seen.push_back(static_cast<int32_t>(end - begin));
  }
  const auto encoded = [&](const Encoder& by) {
    std::vector<float> out;
    rn_call call = by.call(filled, RN_TOKENS, out);
    call.seen = seen.data();
    check(rn_encode(by.model(), &call, nullptr) == RN_OK, "isa %d: filled up", isa);
    return out;
  };
  const std::vector<float> expected = encoder.encode(alone, RN_TOKENS), found = encoded(encoder);
  const int64_t width = encoder.hidden();
  for (int64_t text = 0; text < alone.count(); ++text)
    for (int64_t i = 0; i < seen[static_cast<size_t>(text)] * width; ++i)
      check(found[static_cast<size_t>(filled.offsets[static_cast<size_t>(text)] * width + i)] ==
                expected[static_cast<size_t>(alone.offsets[static_cast<size_t>(text)] * width + i)],
            "isa %d: text %d sees its filling", isa, static_cast<int>(text));
  const double c = cosine(found, encoded(scalar), width);
  check(c > 0.998, "isa %d, filling against scalar: cosine %f", isa, c);
}

void refuses(const rn_model* model, const rn_call& call, const char* words) {
  rn_message message{};
  const int32_t status = rn_encode(model, &call, &message);
  check(status == RN_BAD_ARGUMENT && std::strstr(message.text, words) != nullptr, "expected '%s', got %d '%s'", words,
        status, message.text);
}

void errors() {
  const RandomModel model({}, 5);
  Random random(6);
  const Texts texts(random, {3, 4}, 50), long_text(random, {65}, 50);
  const Encoder encoder(model, RN_SCALAR);
  std::vector<float> out;
  const rn_call good = encoder.call(texts, RN_MEAN, out);
  const std::vector<int32_t> bad_ids = {1, 2, 3, 4, 50, 1, 1}, bad_span = {0, 3, 2, 5};
  const std::vector<int64_t> empty = {0, 3, 3};
  rn_call call = good;
  call.ids = bad_ids.data();
  refuses(encoder.model(), call, "token 4: id 50");
  call = good;
  call.offsets = empty.data();
  refuses(encoder.model(), call, "text 1 has no tokens");
  call = good;
  call.spans = bad_span.data();
  refuses(encoder.model(), call, "span 2 to 5 of text 1");
  const std::vector<int32_t> too_many = {3, 5}, none = {0, 4};
  call = good;
  call.seen = too_many.data();
  refuses(encoder.model(), call, "text 1 has 4 tokens, of which 5");
  call.seen = none.data();
  refuses(encoder.model(), call, "text 0 has 3 tokens, of which 0");
  call = good;
  call.output = 9;
  refuses(encoder.model(), call, "rn_output");
  call = good;
  call.bytes = 8;
  refuses(encoder.model(), call, "version");
  call = good;
  call.out = reinterpret_cast<float*>(reinterpret_cast<uintptr_t>(out.data()) + 1);
  refuses(encoder.model(), call, "out must begin");
  std::vector<float> more;
  refuses(encoder.model(), encoder.call(long_text, RN_MEAN, more), "positions for 64");
  const int32_t cancel = 1;
  call = good;
  call.cancel = &cancel;
  check(rn_encode(encoder.model(), &call, nullptr) == RN_CANCELLED, "a cancelled call");
  rn_job* job = nullptr;
  check(rn_job_open(encoder.model(), &call, 2, &job, nullptr) == RN_OK, "a job to cancel");
  check(rn_job_work(job) == RN_CANCELLED, "a cancelled job");
  rn_job_close(job);
}

void refuses_damaged_weights() {
  const RandomModel model({}, 7);
  rn_description d = model.description(RN_SCALAR);
  rn_layer layers[2] = {d.layer[0], d.layer[1]};
  d.layer = layers;
  rn_model* made = nullptr;
  rn_message message{};
  layers[1].out.bytes -= 64;
  check(rn_model_create(&d, &made, &message) == RN_BAD_ARGUMENT && std::strstr(message.text, "damaged"), "%s",
        message.text);
  layers[1].out = layers[1].down;
  check(rn_model_create(&d, &made, &message) == RN_BAD_ARGUMENT && std::strstr(message.text, "out of layer 1"), "%s",
        message.text);
  layers[1].out = {layers[1].qkv.memory, 3};
  check(rn_model_create(&d, &made, &message) == RN_BAD_ARGUMENT, "%s", message.text);
  d = model.description(99);
  check(rn_model_create(&d, &made, &message) == RN_UNSUPPORTED, "%s", message.text);
}

void long_texts(int32_t isa) {
  Shape shape;
  shape.precision = RN_INT8;
  shape.positions = 0;
  shape.rotary = 100000;
  shape.reach = 16;
  shape.layers = 1;
  const RandomModel model(shape, 11);
  Random random(12);
  const Texts texts(random, {100000, 1}, 50);
  const Encoder encoder(model, isa);
  const std::vector<float> out = encoder.encode(texts, RN_MEAN);
  check(std::isfinite(out[0]) && std::isfinite(out[64]), "100,000 tokens");
}

}  // namespace

int main() {
  Random random(3);
  errors();
  refuses_damaged_weights();
  for (const rapidembed::Isa found : instruction_sets()) {
    const auto isa = static_cast<int32_t>(found);
    for (const Shape& shape : kShapes) {
      const RandomModel model(shape, 42);
      const Texts texts = texts_for(shape, random, isa == RN_SCALAR ? 12 : 250);
      if (isa != RN_SCALAR) agrees_with_scalar(model, texts_for(shape, random, 24), isa);
      company_does_not_matter(model, texts, isa);
      pools(model, texts_for(shape, random, 10), isa);
      fills_up(model, random, isa);
      calls_at_a_time(model, texts_for(shape, random, 10), isa);
    }
    if (isa != RN_SCALAR) long_texts(isa);
  }
  return report("encoder");
}
