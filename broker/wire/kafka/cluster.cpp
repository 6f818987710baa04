// What there is: which requests are known, and the one node that answers them.
#include "broker/wire/kafka/error.h"
#include "broker/wire/kafka/messages_cluster.h"
#include "broker/wire/kafka/operations.h"
#include "broker/wire/kafka/settings.h"
#include "broker/wire/kafka/tasks.h"

namespace tandem::wire::kafka {
namespace {

class ApiVersions final : public TaskOf<ApiVersionsRequest, ApiVersionsResponse> {
 public:
  using TaskOf::TaskOf;
  void begin(const Request&) { list(error::none); }
  void list(std::int16_t error) {
    response_.error = error;
    for (const Api& api : apis()) response_.apis.push_back({api.key, api.advertised_min, api.version_max});
  }
};

class FindCoordinator final : public TaskOf<FindCoordinatorRequest, FindCoordinatorResponse> {
 public:
  using TaskOf::TaskOf;
  void begin(const Request& request) {
    response_.only = coordinator(request.key, request.key_type);
    for (const std::string_view asked : request.keys)
      response_.coordinators.push_back(coordinator(asked, request.key_type));
  }

 private:
  FindCoordinatorResponse::Coordinator coordinator(std::string_view asked, std::int8_t type) const {
    FindCoordinatorResponse::Coordinator found;
    found.key = asked;
    if (type != 0 && type != 1) {
      found.error = error::invalid_request;
      found.error_message = "only groups (0) and transactions (1) have a coordinator";
      return found;
    }
    const Advertised here = advertised(conversation().context);
    found.node = node_id;
    found.host = here.host;
    found.port = here.port;
    return found;
  }
};

class DescribeCluster final : public TaskOf<DescribeClusterRequest, DescribeClusterResponse> {
 public:
  using TaskOf::TaskOf;
  void begin(const Request& request) {
    response_.operations = request.include_operations ? cluster_operations(conversation()) : operations_not_asked;
    response_.endpoint_type = request.endpoint_type;
    response_.cluster_id = port().fact("cluster_id");
    if (request.endpoint_type != 1) {
      response_.error = error::invalid_request;
      response_.error_message = "brokers (1) are the only endpoints here";
      return;
    }
    response_.controller = node_id;
    const Advertised here = advertised(conversation().context);
    response_.nodes.push_back({node_id, here.host, here.port, std::nullopt, false});
  }
};

}  // namespace

bool begin_api_versions(Arrival& arrival) {
  return begin<ApiVersions>(arrival);
}
bool begin_find_coordinator(Arrival& arrival) {
  return begin<FindCoordinator>(arrival);
}
bool begin_describe_cluster(Arrival& arrival) {
  return begin<DescribeCluster>(arrival);
}

void begin_unknown_api_versions(Arrival& arrival) {
  arrival.header = {.correlation = arrival.header.correlation};
  const std::uint64_t number = arrival.line.next_number();
  auto task = std::make_unique<ApiVersions>(Task::Seat{arrival.conversation, number, 0});
  task->list(error::unsupported_version);
  arrival.line.push(arrival.header, std::move(task));
  arrival.line.begun(number);
}

}  // namespace tandem::wire::kafka
