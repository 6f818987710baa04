#include "broker/wire/batch_judge.h"

#include <utility>
#include <vector>

namespace tandem::wire {

/// What the other thread has to itself.
struct BatchJudge::Apart {
  std::vector<std::byte> batch;
  core::BatchRules rules;
  std::optional<Judgement> judgement;
};

const Judgement* BatchJudge::judge(std::uint32_t number, Bytes batch, const core::BatchRules& rules) {
  auto found = judged_.find(number);
  if (found != judged_.end() && found->second.rules != rules) {
    judged_.erase(found);
    found = judged_.end();
  }
  if (found == judged_.end()) {
    if (auto judgement = judge_append_at_once(batch, rules))
      found = judged_.insert_or_assign(number, Judged{std::move(*judgement), rules}).first;
    else
      begin_apart(number, batch, rules);
  }
  if (found == judged_.end()) found = judged_.find(number);  // the port had it done at once
  if (found == judged_.end()) return nullptr;
  Judgement& judgement = found->second.judgement;
  if (judgement.batch && judgement.batch->recompressed.empty()) judgement.batch->bytes = batch;  // not the copy
  return &judgement;
}

void BatchJudge::begin_apart(std::uint32_t number, Bytes batch, const core::BatchRules& rules) {
  apart_ = std::make_shared<Apart>(Apart{{batch.begin(), batch.end()}, rules, std::nullopt});
  port_.do_apart(connection_, [apart = apart_] { apart->judgement = judge_append(apart->batch, apart->rules); },
                 [this, number] { end_apart(number); });
}

void BatchJudge::end_apart(std::uint32_t number) {
  const std::shared_ptr<Apart> apart = std::exchange(apart_, nullptr);
  judged_.insert_or_assign(number, Judged{std::move(*apart->judgement), apart->rules});
}

std::size_t BatchJudge::kept_bytes() const {
  std::size_t size = apart_ ? apart_->batch.capacity() : 0;
  for (const auto& [number, judged] : judged_)
    if (judged.judgement.batch) size += judged.judgement.batch->recompressed.capacity();
  return size;
}

}  // namespace tandem::wire
