// Kafka's messages that write and read partitions. Fields, order and versions are the public protocol's;
// codec.h says how a description is read.
#pragma once

#include "broker/wire/kafka/codec.h"

namespace tandem::wire::kafka {

struct ProduceRequest {
  struct Partition {
    std::int32_t index = 0;
    Records records;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.index);
      c(m.records);
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
  std::optional<std::string_view> transactional_id;
  std::int16_t acks = 0;
  std::int32_t timeout_ms = 0;
  std::vector<Topic> topics;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.transactional_id, 3);
    c(m.acks);
    c(m.timeout_ms);
    c(m.topics);
  }
};
struct ProduceResponse {
  struct RecordError {
    std::int32_t index = 0;
    std::optional<std::string> message;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.index);
      c(m.message);
    }
  };
  struct Partition {
    std::int32_t index = 0;
    std::int16_t error = 0;
    std::int64_t base_offset = -1, append_time = -1, start = -1;
    std::vector<RecordError> record_errors;
    std::optional<std::string> error_message;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.index);
      c(m.error);
      c(m.base_offset);
      c(m.append_time, 2);
      c(m.start, 5);
      c(m.record_errors, 8);
      c(m.error_message, 8);
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
  std::vector<Topic> topics;
  std::int32_t throttle_ms = 0;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.topics);
    c(m.throttle_ms, 1);
  }
};

struct FetchRequest {
  struct Partition {
    std::int32_t index = 0, leader_epoch = -1;
    std::int64_t offset = 0;
    std::int32_t last_epoch = -1;
    std::int64_t start = -1;
    std::int32_t size_max_bytes = 0;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.index);
      c(m.leader_epoch, 9);
      c(m.offset);
      c(m.last_epoch, 12);
      c(m.start, 5);
      c(m.size_max_bytes);
    }
  };
  struct Topic {
    std::string_view name;
    Uuid id;
    std::vector<Partition> partitions;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.name, 0, 12);
      c(m.id, 13);
      c(m.partitions);
    }
  };
  struct Forgotten {
    std::string_view name;
    Uuid id;
    std::vector<std::int32_t> partitions;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.name, 0, 12);
      c(m.id, 13);
      c(m.partitions);
    }
  };
  std::int32_t replica = -1, wait_max_ms = 0, size_min_bytes = 0;
  std::int32_t size_max_bytes = 0x7fffffff;
  std::int8_t isolation = 0;
  std::int32_t session = 0, session_epoch = -1;
  std::vector<Topic> topics;
  std::vector<Forgotten> forgotten;
  std::string_view rack;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.replica, 0, 14);
    c(m.wait_max_ms);
    c(m.size_min_bytes);
    c(m.size_max_bytes, 3);
    c(m.isolation, 4);
    c(m.session, 7);
    c(m.session_epoch, 7);
    c(m.topics);
    c(m.forgotten, 7);
    c(m.rack, 11);
  }
};
struct FetchResponse {
  struct Aborted {
    std::int64_t producer_id = -1, first_offset = 0;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.producer_id);
      c(m.first_offset);
    }
  };
  struct Partition {
    std::int32_t index = 0;
    std::int16_t error = 0;
    std::int64_t high_watermark = -1, last_stable = -1, start = -1;
    std::optional<std::vector<Aborted>> aborted;
    std::int32_t preferred_replica = -1;
    Records records;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.index);
      c(m.error);
      c(m.high_watermark);
      c(m.last_stable, 4);
      c(m.start, 5);
      c(m.aborted, 4);
      c(m.preferred_replica, 11);
      c(m.records);
    }
  };
  struct Topic {
    std::string name;
    Uuid id;
    std::vector<Partition> partitions;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.name, 0, 12);
      c(m.id, 13);
      c(m.partitions);
    }
  };
  std::int32_t throttle_ms = 0;
  std::int16_t error = 0;
  std::int32_t session = 0;
  std::vector<Topic> topics;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.throttle_ms, 1);
    c(m.error, 7);
    c(m.session, 7);
    c(m.topics);
  }
};

struct ListOffsetsRequest {
  struct Partition {
    std::int32_t index = 0, leader_epoch = -1;
    std::int64_t timestamp = 0;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.index);
      c(m.leader_epoch, 4);
      c(m.timestamp);
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
  std::int32_t replica = -1;
  std::int8_t isolation = 0;
  std::vector<Topic> topics;
  std::int32_t timeout_ms = 0;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.replica);
    c(m.isolation, 2);
    c(m.topics);
    c(m.timeout_ms, 10);
  }
};
struct ListOffsetsResponse {
  struct Partition {
    std::int32_t index = 0;
    std::int16_t error = 0;
    std::int64_t timestamp = -1, offset = -1;
    std::int32_t leader_epoch = -1;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.index);
      c(m.error);
      c(m.timestamp);
      c(m.offset);
      c(m.leader_epoch, 4);
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
    c(m.throttle_ms, 2);
    c(m.topics);
  }
};

struct OffsetForLeaderEpochRequest {
  struct Partition {
    std::int32_t index = 0, current_epoch = -1, epoch = -1;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.index);
      c(m.current_epoch);
      c(m.epoch);
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
  std::int32_t replica = -2;
  std::vector<Topic> topics;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.replica, 3);
    c(m.topics);
  }
};
struct OffsetForLeaderEpochResponse {
  struct Partition {
    std::int16_t error = 0;
    std::int32_t index = 0, leader_epoch = -1;
    std::int64_t end = -1;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.error);
      c(m.index);
      c(m.leader_epoch);
      c(m.end);
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
    c(m.throttle_ms);
    c(m.topics);
  }
};

struct DeleteRecordsRequest {
  struct Partition {
    std::int32_t index = 0;
    std::int64_t offset = 0;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.index);
      c(m.offset);
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
  std::vector<Topic> topics;
  std::int32_t timeout_ms = 0;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.topics);
    c(m.timeout_ms);
  }
};
struct DeleteRecordsResponse {
  struct Partition {
    std::int32_t index = 0;
    std::int64_t low_watermark = -1;
    std::int16_t error = 0;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.index);
      c(m.low_watermark);
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
    c(m.throttle_ms);
    c(m.topics);
  }
};

}  // namespace tandem::wire::kafka
