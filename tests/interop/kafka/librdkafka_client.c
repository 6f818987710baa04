// What users of librdkafka's C client do, one line "ok: …" on stdout for each. Arguments: the broker's address.
// Ends with status 1 at the first thing that is not as it should be.
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { records = 1000, partitions = 3, wait_ms = 20000 };
static const char* address;

static void fail(const char* what, const char* why) {
  fprintf(stderr, "%s: %s\n", what, why);
  exit(1);
}
static void expect(int is_so, const char* what) {
  if (!is_so) fail(what, "it is not so");
}
static void check(rd_kafka_resp_err_t error, const char* what) {
  if (error) fail(what, rd_kafka_err2str(error));
}
static void check_error(rd_kafka_error_t* error, const char* what) {
  if (error) fail(what, rd_kafka_error_string(error));
}
static void done(const char* what) {
  printf("ok: %s\n", what);
}

static void set(rd_kafka_conf_t* conf, const char* name, const char* value) {
  char why[512];
  if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK) fail(name, why);
}
static rd_kafka_t* open_client(rd_kafka_type_t type, rd_kafka_conf_t* conf) {
  char why[512];
  set(conf, "bootstrap.servers", address);
  rd_kafka_t* client = rd_kafka_new(type, conf, why, sizeof why);
  if (!client) fail("rd_kafka_new", why);
  return client;
}

static int delivered;
static void on_delivery(rd_kafka_t* client, const rd_kafka_message_t* message, void* opaque) {
  (void)client, (void)opaque;
  check(message->err, "delivery");
  ++delivered;
}

static rd_kafka_t* open_producer(const char* setting, const char* value) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  if (setting) set(conf, setting, value);
  return open_client(RD_KAFKA_PRODUCER, conf);
}

static void produce(rd_kafka_t* producer, const char* topic, int partition, const char* key, const char* value) {
  check(rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
                          RD_KAFKA_V_KEY(key, strlen(key)), RD_KAFKA_V_VALUE((void*)value, strlen(value)),
                          RD_KAFKA_V_HEADER("trace", "17", 2), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END),
        "produce");
}

static void flush(rd_kafka_t* producer, int expected) {
  check(rd_kafka_flush(producer, wait_ms), "flush");
  expect(delivered == expected, "every message was delivered");
  delivered = 0;
}

static rd_kafka_t* join(const char* group, const char* topic, const char* isolation) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  set(conf, "group.id", group);
  set(conf, "auto.offset.reset", "earliest");
  set(conf, "enable.auto.commit", "false");
  set(conf, "isolation.level", isolation);
  rd_kafka_t* consumer = open_client(RD_KAFKA_CONSUMER, conf);
  rd_kafka_poll_set_consumer(consumer);
  rd_kafka_topic_partition_list_t* topics = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
  check(rd_kafka_subscribe(consumer, topics), "subscribe");
  rd_kafka_topic_partition_list_destroy(topics);
  return consumer;
}

static rd_kafka_message_t* next(rd_kafka_t* consumer) {
  rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer, wait_ms);
  if (!message) fail("consume", "nothing came");
  check(message->err, "consume");
  return message;
}

static void leave(rd_kafka_t* consumer) {
  check(rd_kafka_consumer_close(consumer), "close");
  rd_kafka_destroy(consumer);
}

static void create(const char* topic) {
  char why[512];
  rd_kafka_t* client = open_producer(NULL, NULL);
  rd_kafka_NewTopic_t* wanted = rd_kafka_NewTopic_new(topic, partitions, 1, why, sizeof why);
  check(rd_kafka_NewTopic_set_config(wanted, "retention.ms", "3600000"), "a topic's configuration");
  rd_kafka_queue_t* answers = rd_kafka_queue_new(client);
  for (int time = 0; time < 2; ++time) {
    rd_kafka_CreateTopics(client, &wanted, 1, NULL, answers);
    rd_kafka_event_t* event = rd_kafka_queue_poll(answers, wait_ms);
    if (!event) fail("create", "no answer");
    size_t count;
    const rd_kafka_topic_result_t** results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    const rd_kafka_resp_err_t expected = time == 0 ? RD_KAFKA_RESP_ERR_NO_ERROR : RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS;
    expect(count == 1 && rd_kafka_topic_result_error(results[0]) == expected, "a topic is created once");
    rd_kafka_event_destroy(event);
  }
  rd_kafka_queue_destroy(answers);
  rd_kafka_NewTopic_destroy(wanted);
  rd_kafka_destroy(client);
  done("a topic with a configuration is created, and not a second time");
}

static void produce_idempotent(const char* topic) {
  rd_kafka_t* producer = open_producer("enable.idempotence", "true");
  for (int i = 0; i < records; ++i) {
    char value[32];
    snprintf(value, sizeof value, "v%d", i);
    produce(producer, topic, i % partitions, "key", value);
    rd_kafka_poll(producer, 0);
  }
  flush(producer, records);
  int64_t low, high, sum = 0;
  for (int partition = 0; partition < partitions; ++partition) {
    check(rd_kafka_query_watermark_offsets(producer, topic, partition, &low, &high, wait_ms), "watermarks");
    sum += high - low;
  }
  expect(sum == records, "as many records as were produced");
  rd_kafka_destroy(producer);
  done("an idempotent producer's records are stored once each");
}

static void consume_as_group(const char* topic) {
  rd_kafka_t* consumer = join("c-group", topic, "read_uncommitted");
  int in_order[partitions] = {0};
  for (int i = 0; i < records; ++i) {
    rd_kafka_message_t* message = next(consumer);
    char expected[32];
    const int length = snprintf(expected, sizeof expected, "v%d", in_order[message->partition] * partitions + message->partition);
    expect(message->offset == in_order[message->partition]++, "offsets are dense");
    expect((int)message->len == length && !memcmp(message->payload, expected, message->len), "values in their order");
    expect(message->key_len == 3 && !memcmp(message->key, "key", 3), "keys come back");
    rd_kafka_headers_t* headers;
    const void* value;
    size_t size;
    check(rd_kafka_message_headers(message, &headers), "headers");
    check(rd_kafka_header_get_last(headers, "trace", &value, &size), "the header");
    expect(size == 2 && !memcmp(value, "17", 2), "headers come back");
    rd_kafka_message_destroy(message);
  }
  check(rd_kafka_commit(consumer, NULL, 0), "commit");
  leave(consumer);
  done("a group reads keys, values, headers and offsets as they were produced");
}

static void go_on_after_commit(const char* topic) {
  rd_kafka_t* producer = open_producer("compression.type", "lz4");
  produce(producer, topic, 1, "key", "behind the commit");
  flush(producer, 1);
  rd_kafka_destroy(producer);
  rd_kafka_t* consumer = join("c-group", topic, "read_uncommitted");
  rd_kafka_message_t* message = next(consumer);
  expect(message->len == strlen("behind the commit"), "a group goes on where it committed");
  rd_kafka_message_destroy(message);
  leave(consumer);
  done("a group that comes back goes on where it committed");
}

static void seek_by_time(const char* topic) {
  rd_kafka_t* producer = open_producer(NULL, NULL);
  rd_kafka_topic_partition_list_t* wanted = rd_kafka_topic_partition_list_new(2);
  rd_kafka_topic_partition_list_add(wanted, topic, 0)->offset = 1;
  rd_kafka_topic_partition_list_add(wanted, topic, 1)->offset = 4102444800000;  // in the year 2100
  check(rd_kafka_offsets_for_times(producer, wanted, wait_ms), "offsets for times");
  expect(wanted->elems[0].offset == 0, "the first record is the first after 1970");
  expect(wanted->elems[1].offset == RD_KAFKA_OFFSET_END, "nothing is later than the year 2100");
  rd_kafka_topic_partition_list_destroy(wanted);
  rd_kafka_destroy(producer);
  done("offsets are found by time");
}

static void transactions(const char* input, const char* output) {
  rd_kafka_t* consumer = join("c-transactions", input, "read_committed");
  rd_kafka_t* producer = open_producer("transactional.id", "c-transactions");
  check_error(rd_kafka_init_transactions(producer, wait_ms), "init");
  rd_kafka_message_t* message = next(consumer);
  const char* ends[] = {"commit", "abort", "commit"};
  for (int i = 0; i < 3; ++i) {
    check_error(rd_kafka_begin_transaction(producer), "begin");
    produce(producer, output, 0, "key", ends[i]);
    rd_kafka_topic_partition_list_t* offsets = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(offsets, input, message->partition)->offset = message->offset + 1 + i;
    rd_kafka_consumer_group_metadata_t* group = rd_kafka_consumer_group_metadata(consumer);
    check_error(rd_kafka_send_offsets_to_transaction(producer, offsets, group, wait_ms), "offsets");
    rd_kafka_consumer_group_metadata_destroy(group);
    rd_kafka_topic_partition_list_destroy(offsets);
    if (i == 1) check(rd_kafka_flush(producer, wait_ms), "flush");  // it is stored, and then aborted
    check_error(i == 1 ? rd_kafka_abort_transaction(producer, wait_ms) : rd_kafka_commit_transaction(producer, wait_ms),
                ends[i]);
  }
  rd_kafka_topic_partition_list_t* committed = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(committed, input, message->partition);
  check(rd_kafka_committed(consumer, committed, wait_ms), "committed");
  expect(committed->elems[0].offset == message->offset + 3, "offsets are those of the committed transactions");
  rd_kafka_topic_partition_list_destroy(committed);
  rd_kafka_message_destroy(message);
  rd_kafka_destroy(producer);
  leave(consumer);

  consumer = join("c-readers", output, "read_committed");
  for (int i = 0; i < 2; ++i) {
    message = next(consumer);
    expect(message->len == 6 && !memcmp(message->payload, "commit", 6), "aborted records are not seen");
    rd_kafka_message_destroy(message);
  }
  leave(consumer);
  done("transactions: records and offsets together, and nothing of the one that was aborted");
}

int main(int count, char** arguments) {
  if (count != 2) fail("usage", "librdkafka_client HOST:PORT");
  address = arguments[1];
  create("c-input");
  produce_idempotent("c-input");
  consume_as_group("c-input");
  go_on_after_commit("c-input");
  seek_by_time("c-input");
  transactions("c-input", "c-output");
  return 0;
}
