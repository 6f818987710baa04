// Kafka's messages of consumer groups (classic protocol). Fields, order and versions are the public
// protocol's; codec.h says how a description is read.
#pragma once

#include "broker/wire/kafka/codec.h"

namespace tandem::wire::kafka {

struct JoinGroupRequest {
  struct Protocol {
    std::string_view name;
    Bytes metadata;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.name);
      c(m.metadata);
    }
  };
  std::string_view group;
  std::int32_t session_timeout_ms = 0, rebalance_timeout_ms = -1;
  std::string_view member;
  std::optional<std::string_view> instance;
  std::string_view protocol_type;
  std::vector<Protocol> protocols;
  std::optional<std::string_view> reason;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.group);
    c(m.session_timeout_ms);
    c(m.rebalance_timeout_ms, 1);
    c(m.member);
    c(m.instance, 5);
    c(m.protocol_type);
    c(m.protocols);
    c(m.reason, 8);
  }
};
struct JoinGroupResponse {
  struct Member {
    std::string id;
    std::optional<std::string> instance;
    Blob metadata;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.id);
      c(m.instance, 5);
      c(m.metadata);
    }
  };
  std::int32_t throttle_ms = 0;
  std::int16_t error = 0;
  std::int32_t generation = -1;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;  // may be null from version 7 on
  std::string leader;
  bool skip_assignment = false;
  std::string member;
  std::vector<Member> members;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.throttle_ms, 2);
    c(m.error);
    c(m.generation);
    c(m.protocol_type, 7);
    c(m.protocol_name);
    c(m.leader);
    c(m.skip_assignment, 9);
    c(m.member);
    c(m.members);
  }
};

struct SyncGroupRequest {
  struct Assignment {
    std::string_view member;
    Bytes assignment;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.member);
      c(m.assignment);
    }
  };
  std::string_view group;
  std::int32_t generation = -1;
  std::string_view member;
  std::optional<std::string_view> instance, protocol_type, protocol_name;
  std::vector<Assignment> assignments;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.group);
    c(m.generation);
    c(m.member);
    c(m.instance, 3);
    c(m.protocol_type, 5);
    c(m.protocol_name, 5);
    c(m.assignments);
  }
};
struct SyncGroupResponse {
  std::int32_t throttle_ms = 0;
  std::int16_t error = 0;
  std::optional<std::string> protocol_type, protocol_name;
  Blob assignment;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.throttle_ms, 1);
    c(m.error);
    c(m.protocol_type, 5);
    c(m.protocol_name, 5);
    c(m.assignment);
  }
};

struct HeartbeatRequest {
  std::string_view group;
  std::int32_t generation = -1;
  std::string_view member;
  std::optional<std::string_view> instance;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.group);
    c(m.generation);
    c(m.member);
    c(m.instance, 3);
  }
};
struct HeartbeatResponse {
  std::int32_t throttle_ms = 0;
  std::int16_t error = 0;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.throttle_ms, 1);
    c(m.error);
  }
};

struct LeaveGroupRequest {
  struct Member {
    std::string_view id;
    std::optional<std::string_view> instance, reason;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.id);
      c(m.instance);
      c(m.reason, 5);
    }
  };
  std::string_view group, member;
  std::vector<Member> members;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.group);
    c(m.member, 0, 2);
    c(m.members, 3);
  }
};
struct LeaveGroupResponse {
  struct Member {
    std::string id;
    std::optional<std::string> instance;
    std::int16_t error = 0;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.id);
      c(m.instance);
      c(m.error);
    }
  };
  std::int32_t throttle_ms = 0;
  std::int16_t error = 0;
  std::vector<Member> members;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.throttle_ms, 1);
    c(m.error);
    c(m.members, 3);
  }
};

struct DescribeGroupsRequest {
  std::vector<std::string_view> groups;
  bool include_operations = false;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.groups);
    c(m.include_operations, 3);
  }
};
struct DescribeGroupsResponse {
  struct Member {
    std::string id;
    std::optional<std::string> instance;
    std::string client_id, client_host;
    Blob metadata, assignment;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.id);
      c(m.instance, 4);
      c(m.client_id);
      c(m.client_host);
      c(m.metadata);
      c(m.assignment);
    }
  };
  struct Group {
    std::int16_t error = 0;
    std::optional<std::string> error_message;
    std::string name, state, protocol_type, protocol_name;
    std::vector<Member> members;
    std::int32_t operations = 0;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.error);
      c(m.error_message, 6);
      c(m.name);
      c(m.state);
      c(m.protocol_type);
      c(m.protocol_name);
      c(m.members);
      c(m.operations, 3);
    }
  };
  std::int32_t throttle_ms = 0;
  std::vector<Group> groups;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.throttle_ms, 1);
    c(m.groups);
  }
};

struct ListGroupsRequest {
  std::vector<std::string_view> states, types;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.states, 4);
    c(m.types, 5);
  }
};
struct ListGroupsResponse {
  struct Group {
    std::string name, protocol_type, state, type;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.name);
      c(m.protocol_type);
      c(m.state, 4);
      c(m.type, 5);
    }
  };
  std::int32_t throttle_ms = 0;
  std::int16_t error = 0;
  std::vector<Group> groups;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.throttle_ms, 1);
    c(m.error);
    c(m.groups);
  }
};

struct DeleteGroupsRequest {
  std::vector<std::string_view> groups;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.groups);
  }
};
struct DeleteGroupsResponse {
  struct Group {
    std::string name;
    std::int16_t error = 0;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.name);
      c(m.error);
    }
  };
  std::int32_t throttle_ms = 0;
  std::vector<Group> groups;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.throttle_ms);
    c(m.groups);
  }
};

}  // namespace tandem::wire::kafka
