// Kafka's messages of a group's offsets. Fields, order and versions are the public protocol's; codec.h says
// how a description is read.
#pragma once

#include "broker/wire/kafka/codec.h"

namespace tandem::wire::kafka {

struct OffsetCommitRequest {
  struct Partition {
    std::int32_t index = 0;
    std::int64_t offset = 0;
    std::int32_t leader_epoch = -1;
    std::optional<std::string_view> metadata;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.index);
      c(m.offset);
      c(m.leader_epoch, 6);
      c(m.metadata);
    }
  };
  struct Topic {
    std::string_view name;
    std::vector<Partition> partitions;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.name);
      c(m.partitions);
    }
  };
  std::string_view group;
  std::int32_t generation = -1;
  std::string_view member;
  std::optional<std::string_view> instance;
  std::int64_t retention_ms = -1;
  std::vector<Topic> topics;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.group);
    c(m.generation);
    c(m.member);
    c(m.instance, 7);
    c(m.retention_ms, 2, 4);
    c(m.topics);
  }
};
struct OffsetCommitResponse {
  struct Partition {
    std::int32_t index = 0;
    std::int16_t error = 0;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.index);
      c(m.error);
    }
  };
  struct Topic {
    std::string name;
    std::vector<Partition> partitions;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.name);
      c(m.partitions);
    }
  };
  std::int32_t throttle_ms = 0;
  std::vector<Topic> topics;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.throttle_ms, 3);
    c(m.topics);
  }
};

struct OffsetFetchRequest {
  struct Topic {
    std::string_view name;
    std::vector<std::int32_t> partitions;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.name);
      c(m.partitions);
    }
  };
  struct Group {
    std::string_view name;
    std::optional<std::string_view> member;
    std::int32_t member_epoch = -1;            // of the consumer protocol, which is not offered
    std::optional<std::vector<Topic>> topics;  // null: all that have an offset
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.name);
      c(m.member, 9);
      c(m.member_epoch, 9);
      c(m.topics);
    }
  };
  Group only;  // in versions that ask for one group
  std::vector<Group> groups;
  bool require_stable = false;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.only.name, 0, 7);
    c(m.only.topics, 0, 7);
    c(m.groups, 8);
    c(m.require_stable, 7);
  }
};
struct OffsetFetchResponse {
  struct Partition {
    std::int32_t index = 0;
    std::int64_t offset = -1;
    std::int32_t leader_epoch = -1;
    std::optional<std::string> metadata;
    std::int16_t error = 0;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.index);
      c(m.offset);
      c(m.leader_epoch, 5);
      c(m.metadata);
      c(m.error);
    }
  };
  struct Topic {
    std::string name;
    std::vector<Partition> partitions;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.name);
      c(m.partitions);
    }
  };
  struct Group {
    std::string name;
    std::vector<Topic> topics;
    std::int16_t error = 0;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.name);
      c(m.topics);
      c(m.error);
    }
  };
  std::int32_t throttle_ms = 0;
  Group only;
  std::vector<Group> groups;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.throttle_ms, 3);
    c(m.only.topics, 0, 7);
    c(m.only.error, 2, 7);
    c(m.groups, 8);
  }
};

struct OffsetDeleteRequest {
  struct Partition {
    std::int32_t index = 0;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.index);
    }
  };
  struct Topic {
    std::string_view name;
    std::vector<Partition> partitions;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.name);
      c(m.partitions);
    }
  };
  std::string_view group;
  std::vector<Topic> topics;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.group);
    c(m.topics);
  }
};
struct OffsetDeleteResponse {
  std::int16_t error = 0;
  std::int32_t throttle_ms = 0;
  std::vector<OffsetCommitResponse::Topic> topics;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.error);
    c(m.throttle_ms);
    c(m.topics);
  }
};

}  // namespace tandem::wire::kafka
