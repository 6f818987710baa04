// Kafka's messages about the cluster and the connection. Fields, order and versions are the public protocol's;
// codec.h says how a description is read.
#pragma once

#include "broker/wire/kafka/codec.h"

namespace tandem::wire::kafka {

/// In front of every request. Versions here are the header's: 1, or 2 when the request is flexible (client_id
/// is a plain text in both).
struct RequestHeader {
  std::int16_t key = 0;
  std::int16_t version = 0;
  std::int32_t correlation = 0;
  std::optional<std::string_view> client_id;
};

struct ApiVersionsRequest {
  std::string_view client_software_name, client_software_version;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.client_software_name, 3);
    c(m.client_software_version, 3);
  }
};
struct ApiVersionsResponse {
  struct Api {
    std::int16_t key = 0, version_min = 0, version_max = 0;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.key);
      c(m.version_min);
      c(m.version_max);
    }
  };
  std::int16_t error = 0;
  std::vector<Api> apis;
  std::int32_t throttle_ms = 0;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.error);
    c(m.apis);
    c(m.throttle_ms, 1);
  }
};

struct MetadataRequest {
  struct Topic {
    Uuid id;
    std::optional<std::string_view> name;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.id, 10);
      c(m.name);
    }
  };
  std::optional<std::vector<Topic>> topics;
  bool allow_auto_topic_creation = true;
  bool include_cluster_operations = false, include_topic_operations = false;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.topics);
    c(m.allow_auto_topic_creation, 4);
    c(m.include_cluster_operations, 8, 10);
    c(m.include_topic_operations, 8);
  }
};
struct MetadataResponse {
  struct Node {
    std::int32_t id = 0;
    std::string host;
    std::int32_t port = 0;
    std::optional<std::string> rack;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.id);
      c(m.host);
      c(m.port);
      c(m.rack, 1);
    }
  };
  struct Partition {
    std::int16_t error = 0;
    std::int32_t index = 0, leader = 0, leader_epoch = 0;
    std::vector<std::int32_t> replicas, in_sync, offline;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.error);
      c(m.index);
      c(m.leader);
      c(m.leader_epoch, 7);
      c(m.replicas);
      c(m.in_sync);
      c(m.offline, 5);
    }
  };
  struct Topic {
    std::int16_t error = 0;
    std::optional<std::string> name;
    Uuid id;
    bool internal = false;
    std::vector<Partition> partitions;
    std::int32_t operations = 0;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.error);
      c(m.name);
      c(m.id, 10);
      c(m.internal, 1);
      c(m.partitions);
      c(m.operations, 8);
    }
  };
  std::int32_t throttle_ms = 0;
  std::vector<Node> nodes;
  std::optional<std::string> cluster_id;
  std::int32_t controller = 0;
  std::vector<Topic> topics;
  std::int32_t cluster_operations = 0;
  std::int16_t error = 0;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.throttle_ms, 3);
    c(m.nodes);
    c(m.cluster_id, 2);
    c(m.controller, 1);
    c(m.topics);
    c(m.cluster_operations, 8, 10);
    c(m.error, 13);
  }
};

struct FindCoordinatorRequest {
  std::string_view key;
  std::int8_t key_type = 0;
  std::vector<std::string_view> keys;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.key, 0, 3);
    c(m.key_type, 1);
    c(m.keys, 4);
  }
};
struct FindCoordinatorResponse {
  struct Coordinator {
    std::string key;
    std::int32_t node = -1;
    std::string host;
    std::int32_t port = -1;
    std::int16_t error = 0;
    std::optional<std::string> error_message;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.key);
      c(m.node);
      c(m.host);
      c(m.port);
      c(m.error);
      c(m.error_message);
    }
  };
  std::int32_t throttle_ms = 0;
  Coordinator only;  // in versions that ask for one key
  std::vector<Coordinator> coordinators;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.throttle_ms, 1);
    c(m.only.error, 0, 3);
    c(m.only.error_message, 1, 3);
    c(m.only.node, 0, 3);
    c(m.only.host, 0, 3);
    c(m.only.port, 0, 3);
    c(m.coordinators, 4);
  }
};

struct DescribeClusterRequest {
  bool include_operations = false;
  std::int8_t endpoint_type = 1;
  bool include_fenced = false;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.include_operations);
    c(m.endpoint_type, 1);
    c(m.include_fenced, 2);
  }
};
struct DescribeClusterResponse {
  struct Node {
    std::int32_t id = 0;
    std::string host;
    std::int32_t port = 0;
    std::optional<std::string> rack;
    bool fenced = false;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.id);
      c(m.host);
      c(m.port);
      c(m.rack);
      c(m.fenced, 2);
    }
  };
  std::int32_t throttle_ms = 0;
  std::int16_t error = 0;
  std::optional<std::string> error_message;
  std::int8_t endpoint_type = 1;
  std::string cluster_id;
  std::int32_t controller = -1;
  std::vector<Node> nodes;
  std::int32_t operations = 0;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.throttle_ms);
    c(m.error);
    c(m.error_message);
    c(m.endpoint_type, 1);
    c(m.cluster_id);
    c(m.controller);
    c(m.nodes);
    c(m.operations);
  }
};

struct SaslHandshakeRequest {
  std::string_view mechanism;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.mechanism);
  }
};
struct SaslHandshakeResponse {
  std::int16_t error = 0;
  std::vector<std::string> mechanisms;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.error);
    c(m.mechanisms);
  }
};
struct SaslAuthenticateRequest {
  Bytes token;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.token);
  }
};
struct SaslAuthenticateResponse {
  std::int16_t error = 0;
  std::optional<std::string> error_message;
  Blob token;
  std::int64_t session_lifetime_ms = 0;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.error);
    c(m.error_message);
    c(m.token);
    c(m.session_lifetime_ms, 1);
  }
};

}  // namespace tandem::wire::kafka
