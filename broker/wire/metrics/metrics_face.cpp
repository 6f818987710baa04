#include "broker/wire/metrics/metrics_face.h"

#include <utility>

#include "broker/wire/metrics/exposition.h"

namespace tandem::wire {
namespace metrics {
namespace {

constexpr std::string_view plain_text = "text/plain; charset=utf-8";

std::string_view reason_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 413: return "Content Too Large";
    case 431: return "Request Header Fields Too Large";
    default: return "Service Unavailable";
  }
}

}  // namespace

MetricsFace::MetricsFace(FaceContext context)
    : context_(std::move(context)), silent_until_(context_.port->now() + first_request_max_ms) {}

std::size_t MetricsFace::receive(Bytes input) {
  std::size_t consumed = 0;
  while (!closing_ && !gathering_) {
    const HttpHead head = read_http_head(input.subspan(consumed));
    consumed += head.size_bytes;
    if (head.status != 0) {
      keeps_alive_ = false;
      answer(head.status, plain_text, "tandem: only the head of a GET request of at most 4 KiB is understood here\n");
    } else if (head.size_bytes == 0) {
      break;
    } else {
      begin(head.request);
    }
  }
  return consumed;
}

void MetricsFace::begin(const HttpRequest& request) {
  silent_until_ = context_.port->now() + idle_max_ms;
  keeps_alive_ = request.keeps_alive;
  head_only_ = request.method == "HEAD";
  if (request.method != "GET" && !head_only_) {
    keeps_alive_ = false;  // a body may follow
    return answer(405, plain_text, "tandem: only GET and HEAD\n");
  }
  const bool of_objects = request.path == "/metrics/per-object";
  if (request.path != "/metrics" && !of_objects)
    return answer(404, plain_text,
                  "tandem: /metrics is the broker as a whole, /metrics/per-object each queue, partition and committed offset\n");
  if (!std::exchange(introduced_, true))
    context_.port->submit(core::ConnectionOpened{context_.connection, "", context_.peer, "metrics"});
  objects_ = 0;
  gathering_ = true;
  ask(of_objects ? core::Subject::queues : core::Subject::broker);
}

void MetricsFace::ask(core::Subject subject) {
  ++request_;
  context_.port->submit(core::Describe{{{context_.connection, 0}, request_}, subject, ""});
}

void MetricsFace::send(const core::Send& send, std::span<const Body>) {
  if (closing_ || !gathering_) return;
  const auto* described = core::get_if<core::Described>(&send);
  if (described != nullptr && described->who.request == request_) take(*described);
}

void MetricsFace::take(const core::Described& described) {
  if (described.subject == core::Subject::broker) {
    append_broker(page_, described, *context_.port);
  } else {
    objects_ += count_objects(described);
    if (objects_ > objects_max)
      return answer(503, plain_text,
                    "tandem: more than " + std::to_string(objects_max) +
                        " queues, partitions and committed offsets are too many for one page; /metrics has their sums\n");
    append_objects(page_, described);
    if (described.subject == core::Subject::queues) return ask(core::Subject::topics);
    if (described.subject == core::Subject::topics) return ask(core::Subject::groups);
  }
  answer(200, content_type, page_);
}

void MetricsFace::answer(int status, std::string_view type, std::string_view body) {
  std::string head = "HTTP/1.1 " + std::to_string(status) + " " + std::string(reason_of(status));
  head.append("\r\nContent-Type: ").append(type).append("\r\nContent-Length: ").append(std::to_string(body.size()));
  if (status == 405) head += "\r\nAllow: GET, HEAD";
  if (!keeps_alive_) head += "\r\nConnection: close";
  head += "\r\n\r\n";
  outbox_.write(bytes_of(head));
  if (!head_only_) outbox_.write(bytes_of(body));
  page_ = {};
  gathering_ = head_only_ = false;
  closing_ = !keeps_alive_;
}

void MetricsFace::tick(TimestampMs now) {
  if (!gathering_ && now >= silent_until_) closing_ = true;
}

TimestampMs MetricsFace::next_due() const {
  return closing_ || gathering_ ? std::numeric_limits<TimestampMs>::max() : silent_until_;
}

}  // namespace metrics

std::unique_ptr<Face> make_metrics_face(FaceContext context) {
  return std::make_unique<metrics::MetricsFace>(std::move(context));
}

}  // namespace tandem::wire
