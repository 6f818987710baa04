// Batches that take long to look into: somebody else does it, and the request comes again.
#include "broker/wire/batch_judge.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "broker/base/limits.h"
#include "schemas/batch_codec.h"
#include "tests/wire/apart_jobs.h"

namespace tandem::wire {
namespace {

using Batch = std::vector<std::byte>;

Batch keyed_batch(std::size_t value_size_bytes, Codec codec = Codec::zstd) {
  BatchBuilder builder;
  builder.add(1'000, bytes_of("key"), bytes_of(std::string(value_size_bytes, 'v')));
  return builder.finish(codec).value();
}

struct Judging {
  test::ApartPort port;
  BatchJudge judge{port, ConnectionId{1}};
  explicit Judging(bool wait) { port.apart.wait = wait; }
};

core::BatchRules keyed() {
  core::BatchRules rules;
  rules.needs_keys = true;
  return rules;
}
core::BatchRules kept_as(Codec codec) {
  core::BatchRules rules;
  rules.codec = codec;
  return rules;
}

}  // namespace

TEST_CASE("what is short is judged at once") {
  Judging j(true);
  for (const auto& [batch, rules] : {std::pair{keyed_batch(1'000), keyed()}, std::pair{keyed_batch(1'000), kept_as(Codec::gzip)},
                                     std::pair{keyed_batch(10'000'000), core::BatchRules{}},
                                     std::pair{keyed_batch(10'000'000), kept_as(Codec::zstd)},
                                     std::pair{keyed_batch(1'000'000, Codec::none), keyed()}}) {
    const Judgement* judgement = j.judge.judge(0, batch, rules);
    REQUIRE(judgement);
    CHECK(judgement->batch.ok());
    CHECK_FALSE(j.judge.waiting());
    j.judge.forget(0);
  }
  CHECK(j.port.apart.given == 0);
}

TEST_CASE("a batch that is much when it is plain is judged by somebody else, and the judgement is kept for the next time") {
  Judging j(true);
  const Batch first = keyed_batch(10'000'000), again = first;
  CHECK_FALSE(j.judge.judge(3, first, keyed()));
  CHECK(j.judge.waiting());
  CHECK(j.judge.kept_bytes() >= first.size());
  j.port.apart.do_first();
  CHECK_FALSE(j.judge.waiting());
  const Judgement* judgement = j.judge.judge(3, again, keyed());
  REQUIRE(judgement);
  REQUIRE(judgement->batch.ok());
  CHECK(judgement->batch->bytes.data() == again.data());  // not those of a copy that is gone
  CHECK(judgement->batch->view.record_count == 1);
  CHECK(j.port.apart.given == 1);

  SUBCASE("until it is forgotten") {
    j.judge.forget();
    CHECK_FALSE(j.judge.judge(3, again, keyed()));
    CHECK(j.port.apart.given == 2);
  }
  SUBCASE("unless the topic has other rules now") {
    CHECK_FALSE(j.judge.judge(3, again, kept_as(Codec::lz4)));
    j.port.apart.do_first();
    const Judgement* anew = j.judge.judge(3, again, kept_as(Codec::lz4));
    REQUIRE(anew);
    REQUIRE(anew->batch.ok());
    CHECK(anew->batch->bytes.data() == anew->batch->recompressed.data());
    CHECK(j.judge.kept_bytes() >= anew->batch->recompressed.size());
    CHECK(parse_batch_header(anew->batch->bytes)->codec_number() == static_cast<int>(Codec::lz4));
  }
}

TEST_CASE("a plain batch of some size that its topic keeps compressed is compressed by somebody else") {
  Judging j(true);
  CHECK_FALSE(j.judge.judge(0, keyed_batch(100'000, Codec::none), kept_as(Codec::gzip)));
  CHECK(j.port.apart.given == 1);
}

TEST_CASE("a bomb is refused, at once or apart, with the same words") {
  core::BatchRules small = keyed();
  small.plain_size_max_bytes = 1'000'000;
  Judging j(false);
  const Judgement* judgement = j.judge.judge(0, keyed_batch(10'000'000), small);
  REQUIRE(judgement);
  REQUIRE_FALSE(judgement->batch.ok());
  CHECK(judgement->batch.error().code == ErrorCode::too_large);
  CHECK(j.port.apart.given == 1);
  small.plain_size_max_bytes = 100'000;
  const Judgement* at_once = j.judge.judge(1, keyed_batch(10'000'000), small);
  REQUIRE(at_once);
  CHECK(at_once->batch.error().code == ErrorCode::too_large);
  CHECK(j.port.apart.given == 1);
}

}  // namespace tandem::wire
