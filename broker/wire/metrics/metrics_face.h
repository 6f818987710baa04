// Counts for Prometheus over HTTP: GET /metrics is the broker as a whole, GET /metrics/per-object each queue, partition and
// committed offset. Nothing can be changed through it, and nobody logs in: whoever reaches the port may read.
#pragma once

#include <string>
#include <string_view>

#include "broker/wire/face.h"
#include "broker/wire/metrics/http_request.h"

namespace tandem::wire::metrics {

class MetricsFace final : public Face {
 public:
  /// For the first request, and between two: scrapers come every minute or oftener.
  static constexpr DurationMs first_request_max_ms = 5'000, idle_max_ms = 300'000;

  explicit MetricsFace(FaceContext context);

  std::size_t receive(Bytes input) override;
  std::size_t input_size_wanted_bytes() const override { return http_head_max_bytes; }
  bool reading() const override { return !gathering_; }
  void send(const core::Send& send, std::span<const Body> bodies) override;
  void tick(TimestampMs now) override;
  TimestampMs next_due() const override;
  void publishers_held(bool, std::string_view) override {}
  void shut_down(std::string_view) override { closing_ = true; }
  bool closing() const override { return closing_; }
  std::size_t kept_bytes() const override { return page_.size(); }

 private:
  void begin(const HttpRequest& request);
  void ask(core::Subject subject);
  void take(const core::Described& described);
  void answer(int status, std::string_view content_type, std::string_view body);

  const FaceContext context_;
  bool introduced_ = false;
  bool closing_ = false;
  TimestampMs silent_until_;

  // The request that is being answered.
  bool gathering_ = false;  // what the core says of it
  bool head_only_ = false, keeps_alive_ = true;
  std::uint64_t request_ = 0;  // number of the last Describe
  std::size_t objects_ = 0;
  std::string page_;
};

}  // namespace tandem::wire::metrics
