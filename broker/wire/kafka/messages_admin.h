// Kafka's messages that administer topics and configuration. Fields, order and versions are the public
// protocol's; codec.h says how a description is read.
#pragma once

#include "broker/wire/kafka/codec.h"

namespace tandem::wire::kafka {

struct CreateTopicsRequest {
  struct Assignment {
    std::int32_t partition = 0;
    std::vector<std::int32_t> nodes;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.partition);
      c(m.nodes);
    }
  };
  struct Config {
    std::string_view name;
    std::optional<std::string_view> value;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.name);
      c(m.value);
    }
  };
  struct Topic {
    std::string_view name;
    std::int32_t partitions = -1;
    std::int16_t replication = -1;
    std::vector<Assignment> assignments;
    std::vector<Config> configs;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.name);
      c(m.partitions);
      c(m.replication);
      c(m.assignments);
      c(m.configs);
    }
  };
  std::vector<Topic> topics;
  std::int32_t timeout_ms = 0;
  bool validate_only = false;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.topics);
    c(m.timeout_ms);
    c(m.validate_only, 1);
  }
};
struct CreateTopicsResponse {
  struct Config {
    std::string name;
    std::optional<std::string> value;
    bool read_only = false;
    std::int8_t source = 0;
    bool sensitive = false;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.name);
      c(m.value);
      c(m.read_only);
      c(m.source);
      c(m.sensitive);
    }
  };
  struct Topic {
    std::string name;
    Uuid id;
    std::int16_t error = 0;
    std::optional<std::string> error_message;
    std::int32_t partitions = -1;
    std::int16_t replication = -1;
    std::optional<std::vector<Config>> configs;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.name);
      c(m.id, 7);
      c(m.error);
      c(m.error_message, 1);
      c(m.partitions, 5);
      c(m.replication, 5);
      c(m.configs, 5);
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

struct DeleteTopicsRequest {
  struct Topic {
    std::optional<std::string_view> name;
    Uuid id;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.name);
      c(m.id);
    }
  };
  std::vector<Topic> topics;
  std::vector<std::string_view> names;  // before version 6
  std::int32_t timeout_ms = 0;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.topics, 6);
    c(m.names, 0, 5);
    c(m.timeout_ms);
  }
};
struct DeleteTopicsResponse {
  struct Topic {
    std::optional<std::string> name;
    Uuid id;
    std::int16_t error = 0;
    std::optional<std::string> error_message;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.name);
      c(m.id, 6);
      c(m.error);
      c(m.error_message, 5);
    }
  };
  std::int32_t throttle_ms = 0;
  std::vector<Topic> topics;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.throttle_ms, 1);
    c(m.topics);
  }
};

struct CreatePartitionsRequest {
  struct Assignment {
    std::vector<std::int32_t> nodes;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.nodes);
    }
  };
  struct Topic {
    std::string_view name;
    std::int32_t count = 0;
    std::optional<std::vector<Assignment>> assignments;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.name);
      c(m.count);
      c(m.assignments);
    }
  };
  std::vector<Topic> topics;
  std::int32_t timeout_ms = 0;
  bool validate_only = false;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.topics);
    c(m.timeout_ms);
    c(m.validate_only);
  }
};
struct CreatePartitionsResponse {
  struct Topic {
    std::string name;
    std::int16_t error = 0;
    std::optional<std::string> error_message;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.name);
      c(m.error);
      c(m.error_message);
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

struct DescribeConfigsRequest {
  struct Resource {
    std::int8_t type = 0;
    std::string_view name;
    std::optional<std::vector<std::string_view>> keys;  // null: all
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.type);
      c(m.name);
      c(m.keys);
    }
  };
  std::vector<Resource> resources;
  bool include_synonyms = false, include_documentation = false;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.resources);
    c(m.include_synonyms, 1);
    c(m.include_documentation, 3);
  }
};
struct DescribeConfigsResponse {
  struct Synonym {
    std::string name;
    std::optional<std::string> value;
    std::int8_t source = 0;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.name);
      c(m.value);
      c(m.source);
    }
  };
  struct Config {
    std::string name;
    std::optional<std::string> value;
    bool read_only = false;
    std::int8_t source = 0;
    bool sensitive = false;
    std::vector<Synonym> synonyms;
    std::int8_t type = 0;
    std::optional<std::string> documentation;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.name);
      c(m.value);
      c(m.read_only);
      c(m.source, 1);
      c(m.sensitive);
      c(m.synonyms, 1);
      c(m.type, 3);
      c(m.documentation, 3);
    }
  };
  struct Resource {
    std::int16_t error = 0;
    std::optional<std::string> error_message;
    std::int8_t type = 0;
    std::string name;
    std::vector<Config> configs;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.error);
      c(m.error_message);
      c(m.type);
      c(m.name);
      c(m.configs);
    }
  };
  std::int32_t throttle_ms = 0;
  std::vector<Resource> resources;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.throttle_ms);
    c(m.resources);
  }
};

struct AlterConfigsRequest {
  struct Resource {
    std::int8_t type = 0;
    std::string_view name;
    std::vector<CreateTopicsRequest::Config> configs;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.type);
      c(m.name);
      c(m.configs);
    }
  };
  std::vector<Resource> resources;
  bool validate_only = false;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.resources);
    c(m.validate_only);
  }
};
struct IncrementalAlterConfigsRequest {
  struct Config {
    std::string_view name;
    std::int8_t operation = 0;  // 0 set, 1 delete, 2 append, 3 subtract
    std::optional<std::string_view> value;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.name);
      c(m.operation);
      c(m.value);
    }
  };
  struct Resource {
    std::int8_t type = 0;
    std::string_view name;
    std::vector<Config> configs;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.type);
      c(m.name);
      c(m.configs);
    }
  };
  std::vector<Resource> resources;
  bool validate_only = false;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.resources);
    c(m.validate_only);
  }
};
/// To AlterConfigs and to IncrementalAlterConfigs.
struct AlterConfigsResponse {
  struct Resource {
    std::int16_t error = 0;
    std::optional<std::string> error_message;
    std::int8_t type = 0;
    std::string name;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.error);
      c(m.error_message);
      c(m.type);
      c(m.name);
    }
  };
  std::int32_t throttle_ms = 0;
  std::vector<Resource> resources;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.throttle_ms);
    c(m.resources);
  }
};

struct DescribeLogDirsRequest {
  struct Topic {
    std::string_view name;
    std::vector<std::int32_t> partitions;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.name);
      c(m.partitions);
    }
  };
  std::optional<std::vector<Topic>> topics;  // null: all
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.topics);
  }
};
struct DescribeLogDirsResponse {
  struct Partition {
    std::int32_t index = 0;
    std::int64_t size_bytes = 0, lag = 0;
    bool future = false;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.index);
      c(m.size_bytes);
      c(m.lag);
      c(m.future);
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
  struct Directory {
    std::int16_t error = 0;
    std::string path;
    std::vector<Topic> topics;
    std::int64_t total_bytes = -1, usable_bytes = -1;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.error);
      c(m.path);
      c(m.topics);
      c(m.total_bytes, 4);
      c(m.usable_bytes, 4);
    }
  };
  std::int32_t throttle_ms = 0;
  std::int16_t error = 0;
  std::vector<Directory> directories;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.throttle_ms);
    c(m.error, 3);
    c(m.directories);
  }
};

// There are no access control lists: what asks for them is told so, whatever it asks.
struct DescribeAclsRequest {
  std::int8_t resource_type = 0;
  std::optional<std::string_view> resource_name;
  std::int8_t pattern = 0;
  std::optional<std::string_view> principal, host;
  std::int8_t operation = 0, permission = 0;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.resource_type);
    c(m.resource_name);
    c(m.pattern, 1);
    c(m.principal);
    c(m.host);
    c(m.operation);
    c(m.permission);
  }
};
struct DescribeAclsResponse {
  std::int32_t throttle_ms = 0;
  std::int16_t error = 0;
  std::optional<std::string> error_message;
  std::vector<std::int8_t> resources;  // always empty
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.throttle_ms);
    c(m.error);
    c(m.error_message);
    c(m.resources);
  }
};
struct CreateAclsRequest {
  struct Creation {
    std::int8_t resource_type = 0;
    std::string_view resource_name;
    std::int8_t pattern = 0;
    std::string_view principal, host;
    std::int8_t operation = 0, permission = 0;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.resource_type);
      c(m.resource_name);
      c(m.pattern, 1);
      c(m.principal);
      c(m.host);
      c(m.operation);
      c(m.permission);
    }
  };
  std::vector<Creation> items;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.items);
  }
};
struct CreateAclsResponse {
  struct Result {
    std::int16_t error = 0;
    std::optional<std::string> error_message;
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.error);
      c(m.error_message);
    }
  };
  std::int32_t throttle_ms = 0;
  std::vector<Result> results;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.throttle_ms);
    c(m.results);
  }
};
struct DeleteAclsRequest {
  std::vector<DescribeAclsRequest> items;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.items);
  }
};
struct DeleteAclsResponse {
  struct Result {
    std::int16_t error = 0;
    std::optional<std::string> error_message;
    std::vector<std::int8_t> matching;  // always empty
    template <class C, class M>
    static void describe(C& c, M& m) {
      c(m.error);
      c(m.error_message);
      c(m.matching);
    }
  };
  std::int32_t throttle_ms = 0;
  std::vector<Result> results;
  template <class C, class M>
  static void describe(C& c, M& m) {
    c(m.throttle_ms);
    c(m.results);
  }
};

}  // namespace tandem::wire::kafka
