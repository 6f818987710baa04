// There are no access control lists: whoever asks is told that security is off, as by a Kafka broker without an
// authorizer.
#include "broker/wire/kafka/error.h"
#include "broker/wire/kafka/messages_admin.h"
#include "broker/wire/kafka/tasks.h"

namespace tandem::wire::kafka {
namespace {

constexpr const char* no_acls = "this broker has no access control lists";

class DescribeAcls final : public TaskOf<DescribeAclsRequest, DescribeAclsResponse> {
 public:
  using TaskOf::TaskOf;
  void begin(const Request&) {
    response_.error = error::security_disabled;
    response_.error_message = no_acls;
  }
};

template <class RequestType, class ResponseType>
class ChangeAcls final : public TaskOf<RequestType, ResponseType> {
 public:
  using TaskOf<RequestType, ResponseType>::TaskOf;
  void begin(const RequestType& request) {
    this->response_.results.resize(request.items.size());
    for (auto& result : this->response_.results) {
      result.error = error::security_disabled;
      result.error_message = no_acls;
    }
  }
};

}  // namespace

bool begin_describe_acls(Arrival& arrival) {
  return begin<DescribeAcls>(arrival);
}
bool begin_create_acls(Arrival& arrival) {
  return begin<ChangeAcls<CreateAclsRequest, CreateAclsResponse>>(arrival);
}
bool begin_delete_acls(Arrival& arrival) {
  return begin<ChangeAcls<DeleteAclsRequest, DeleteAclsResponse>>(arrival);
}

}  // namespace tandem::wire::kafka
