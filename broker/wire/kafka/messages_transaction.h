// Kafka's messages of idempotent and transactional producers. Fields, order and versions are the public
// protocol's; codec.h says how a description is read.
#pragma once

#include "broker/wire/kafka/codec.h"

namespace tandem::wire::kafka {

struct InitProducerIdRequest {
  std::optional<std::string_view> transactional_id;
  std::int32_t timeout_ms = 0;
  std::int64_t producer_id = -1;
  std::int16_t epoch = -1;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.transactional_id);
    c(m.timeout_ms);
    c(m.producer_id, 3);
    c(m.epoch, 3);
  }
};
struct InitProducerIdResponse {
  std::int32_t throttle_ms = 0;
  std::int16_t error = 0;
  std::int64_t producer_id = -1;
  std::int16_t epoch = -1;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.throttle_ms);
    c(m.error);
    c(m.producer_id);
    c(m.epoch);
  }
};

struct AddPartitionsToTxnRequest {
  struct Topic {
    std::string_view name;
    std::vector<std::int32_t> partitions;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.name);
      c(m.partitions);
    }
  };
  std::string_view transactional_id;
  std::int64_t producer_id = -1;
  std::int16_t epoch = -1;
  std::vector<Topic> topics;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.transactional_id);
    c(m.producer_id);
    c(m.epoch);
    c(m.topics);
  }
};
/// Also the response to TxnOffsetCommit.
struct PartitionErrorsResponse {
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
    c(m.throttle_ms);
    c(m.topics);
  }
};

struct AddOffsetsToTxnRequest {
  std::string_view transactional_id;
  std::int64_t producer_id = -1;
  std::int16_t epoch = -1;
  std::string_view group;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.transactional_id);
    c(m.producer_id);
    c(m.epoch);
    c(m.group);
  }
};
struct EndTxnRequest {
  std::string_view transactional_id;
  std::int64_t producer_id = -1;
  std::int16_t epoch = -1;
  bool commit = false;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.transactional_id);
    c(m.producer_id);
    c(m.epoch);
    c(m.commit);
  }
};
/// To AddOffsetsToTxn and to EndTxn.
struct TransactionResponse {
  std::int32_t throttle_ms = 0;
  std::int16_t error = 0;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.throttle_ms);
    c(m.error);
  }
};

struct TxnOffsetCommitRequest {
  struct Partition {
    std::int32_t index = 0;
    std::int64_t offset = 0;
    std::int32_t leader_epoch = -1;
    std::optional<std::string_view> metadata;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.index);
      c(m.offset);
      c(m.leader_epoch, 2);
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
  std::string_view transactional_id, group;
  std::int64_t producer_id = -1;
  std::int16_t epoch = -1;
  std::int32_t generation = -1;
  std::string_view member;
  std::optional<std::string_view> instance;
  std::vector<Topic> topics;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.transactional_id);
    c(m.group);
    c(m.producer_id);
    c(m.epoch);
    c(m.generation, 3);
    c(m.member, 3);
    c(m.instance, 3);
    c(m.topics);
  }
};

struct DescribeProducersRequest {
  using Topic = AddPartitionsToTxnRequest::Topic;
  std::vector<Topic> topics;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.topics);
  }
};
struct DescribeProducersResponse {
  struct Producer {
    std::int64_t id = -1;
    std::int32_t epoch = -1, last_sequence = -1;
    std::int64_t last_timestamp = -1;
    std::int32_t coordinator_epoch = -1;
    std::int64_t transaction_start = -1;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.id);
      c(m.epoch);
      c(m.last_sequence);
      c(m.last_timestamp);
      c(m.coordinator_epoch);
      c(m.transaction_start);
    }
  };
  struct Partition {
    std::int32_t index = 0;
    std::int16_t error = 0;
    std::optional<std::string> error_message;
    std::vector<Producer> producers;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.index);
      c(m.error);
      c(m.error_message);
      c(m.producers);
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

struct DescribeTransactionsRequest {
  std::vector<std::string_view> transactional_ids;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.transactional_ids);
  }
};
struct DescribeTransactionsResponse {
  struct Topic {
    std::string name;
    std::vector<std::int32_t> partitions;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.name);
      c(m.partitions);
    }
  };
  struct Transaction {
    std::int16_t error = 0;
    std::string transactional_id, state;
    std::int32_t timeout_ms = 0;
    std::int64_t started_at = -1, producer_id = -1;
    std::int16_t epoch = -1;
    std::vector<Topic> topics;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.error);
      c(m.transactional_id);
      c(m.state);
      c(m.timeout_ms);
      c(m.started_at);
      c(m.producer_id);
      c(m.epoch);
      c(m.topics);
    }
  };
  std::int32_t throttle_ms = 0;
  std::vector<Transaction> transactions;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.throttle_ms);
    c(m.transactions);
  }
};

struct ListTransactionsRequest {
  std::vector<std::string_view> states;
  std::vector<std::int64_t> producer_ids;
  std::int64_t duration_min_ms = -1;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.states);
    c(m.producer_ids);
    c(m.duration_min_ms, 1);
  }
};
struct ListTransactionsResponse {
  struct Transaction {
    std::string transactional_id;
    std::int64_t producer_id = -1;
    std::string state;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.transactional_id);
      c(m.producer_id);
      c(m.state);
    }
  };
  std::int32_t throttle_ms = 0;
  std::int16_t error = 0;
  std::vector<std::string> unknown_states;
  std::vector<Transaction> transactions;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.throttle_ms);
    c(m.error);
    c(m.unknown_states);
    c(m.transactions);
  }
};

}  // namespace tandem::wire::kafka
