/* What users of rabbitmq-c (librabbitmq) do with RabbitMQ, done with Tandem. Run by rabbitmq_c_test.py:
 * rabbitmq_c_client PORT. Prints one line per step and ends with status 1 at the first that fails. */
#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

static amqp_connection_state_t connection;
static const char* step = "start";

static void check(int good, const char* what) {
  if (good) return;
  printf("FAILED: %s: %s\n", step, what);
  exit(1);
}

static void check_reply(amqp_rpc_reply_t reply) {
  if (reply.reply_type == AMQP_RESPONSE_NORMAL) return;
  if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION) check(0, amqp_error_string2(reply.library_error));
  check(0, "the broker refused it");
}

static void begin(const char* name) {
  if (strcmp(step, "start") != 0) printf("ok: %s\n", step);
  step = name;
}

static void log_in(int port, int frame_max) {
  connection = amqp_new_connection();
  amqp_socket_t* socket = amqp_tcp_socket_new(connection);
  check(socket != NULL, "no socket");
  check(amqp_socket_open(socket, "127.0.0.1", port) == 0, "cannot connect");
  check_reply(amqp_login(connection, "/", 0, frame_max, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest"));
  amqp_channel_open(connection, 1);
  check_reply(amqp_get_rpc_reply(connection));
}

static amqp_bytes_t declare(const char* name, amqp_table_t arguments) {
  amqp_queue_declare_ok_t* ok =
      amqp_queue_declare(connection, 1, amqp_cstring_bytes(name), 0, 1, 0, 0, arguments);
  check_reply(amqp_get_rpc_reply(connection));
  return amqp_bytes_malloc_dup(ok->queue);
}

static void publish(const char* exchange, const char* key, amqp_bytes_t body, int mandatory) {
  amqp_basic_properties_t properties;
  memset(&properties, 0, sizeof properties);
  properties._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG;
  properties.content_type = amqp_cstring_bytes("text/plain");
  properties.delivery_mode = 2;
  check(amqp_basic_publish(connection, 1, amqp_cstring_bytes(exchange), amqp_cstring_bytes(key), mandatory, 0,
                           &properties, body) == AMQP_STATUS_OK,
        "cannot publish");
}

/* Waits for this method on channel 1. */
static void wait_for(amqp_method_number_t method) {
  struct timeval patience = {10, 0};
  for (;;) {
    amqp_frame_t frame;
    check(amqp_simple_wait_frame_noblock(connection, &frame, &patience) == AMQP_STATUS_OK, "no answer in 10 s");
    if (frame.frame_type == AMQP_FRAME_METHOD && frame.payload.method.id == method) return;
    check(frame.frame_type != AMQP_FRAME_METHOD, "another method than expected");
  }
}

static amqp_envelope_t consume_one(void) {
  struct timeval patience = {10, 0};
  amqp_envelope_t envelope;
  amqp_maybe_release_buffers(connection);
  check_reply(amqp_consume_message(connection, &envelope, &patience, 0));
  return envelope;
}

static void test_large_bodies(const char* queue) {
  const size_t size = 300000;
  char* body = malloc(size);
  for (size_t i = 0; i < size; ++i) body[i] = (char)(i * 31 + i / 997);
  const amqp_bytes_t bytes = {size, body};
  for (int i = 0; i < 20; ++i) {
    publish("", queue, bytes, 0);
    wait_for(AMQP_BASIC_ACK_METHOD);
  }
  amqp_basic_consume(connection, 1, amqp_cstring_bytes(queue), amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
  check_reply(amqp_get_rpc_reply(connection));
  for (int i = 0; i < 20; ++i) {
    amqp_envelope_t envelope = consume_one();
    check(envelope.message.body.len == size && memcmp(envelope.message.body.bytes, body, size) == 0,
          "the body is not what was published");
    check(envelope.message.properties.delivery_mode == 2, "its properties are not what was published");
    check(amqp_basic_ack(connection, 1, envelope.delivery_tag, 0) == AMQP_STATUS_OK, "cannot ack");
    amqp_destroy_envelope(&envelope);
  }
  free(body);
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const int port = atoi(argv[1]);
  setvbuf(stdout, NULL, _IOLBF, 0);

  begin("login and declare");
  log_in(port, 4096); /* the least that AMQP allows: bodies go over many frames */
  declare("c.queue", amqp_empty_table);
  amqp_exchange_declare(connection, 1, amqp_cstring_bytes("c.exchange"), amqp_cstring_bytes("topic"), 0, 1, 0, 0,
                        amqp_empty_table);
  check_reply(amqp_get_rpc_reply(connection));
  amqp_queue_bind(connection, 1, amqp_cstring_bytes("c.queue"), amqp_cstring_bytes("c.exchange"),
                  amqp_cstring_bytes("a.*"), amqp_empty_table);
  check_reply(amqp_get_rpc_reply(connection));

  begin("confirms");
  amqp_confirm_select(connection, 1);
  check_reply(amqp_get_rpc_reply(connection));
  publish("c.exchange", "a.b", amqp_cstring_bytes("hello"), 1);
  wait_for(AMQP_BASIC_ACK_METHOD);

  begin("get and reject with requeue");
  for (int redelivered = 0; redelivered < 2; ++redelivered) {
    amqp_rpc_reply_t reply = amqp_basic_get(connection, 1, amqp_cstring_bytes("c.queue"), 0);
    check_reply(reply);
    check(reply.reply.id == AMQP_BASIC_GET_OK_METHOD, "the queue is empty");
    const amqp_basic_get_ok_t* got = reply.reply.decoded;
    const uint64_t tag = got->delivery_tag;
    check(got->redelivered == redelivered, "wrong redelivered flag");
    amqp_message_t message;
    check_reply(amqp_read_message(connection, 1, &message, 0));
    check(message.body.len == 5 && memcmp(message.body.bytes, "hello", 5) == 0, "wrong body");
    amqp_destroy_message(&message);
    if (redelivered)
      check(amqp_basic_ack(connection, 1, tag, 0) == AMQP_STATUS_OK, "cannot ack");
    else
      check(amqp_basic_reject(connection, 1, tag, 1) == AMQP_STATUS_OK, "cannot reject");
  }

  begin("bodies over many frames");
  amqp_basic_qos(connection, 1, 0, 5, 0);
  check_reply(amqp_get_rpc_reply(connection));
  test_large_bodies("c.queue");

  begin("a mandatory message that no queue takes comes back");
  publish("c.exchange", "nobody", amqp_cstring_bytes("x"), 1);
  wait_for(AMQP_BASIC_RETURN_METHOD);
  amqp_message_t returned;
  check_reply(amqp_read_message(connection, 1, &returned, 0));
  amqp_destroy_message(&returned);
  wait_for(AMQP_BASIC_ACK_METHOD);

  begin("a refused declare closes the channel with its reason");
  amqp_queue_declare(connection, 1, amqp_cstring_bytes("c.queue"), 0, 0, 0, 0, amqp_empty_table);
  amqp_rpc_reply_t reply = amqp_get_rpc_reply(connection);
  check(reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION && reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD,
        "it was not refused");
  check(((amqp_channel_close_t*)reply.reply.decoded)->reply_code == 406, "wrong reply code");
  amqp_channel_close_ok_t close_ok;
  check(amqp_send_method(connection, 1, AMQP_CHANNEL_CLOSE_OK_METHOD, &close_ok) == AMQP_STATUS_OK, "cannot answer");

  begin("the connection goes on and closes in order");
  amqp_channel_open(connection, 2);
  check_reply(amqp_get_rpc_reply(connection));
  check_reply(amqp_channel_close(connection, 2, AMQP_REPLY_SUCCESS));
  check_reply(amqp_connection_close(connection, AMQP_REPLY_SUCCESS));
  check(amqp_destroy_connection(connection) == AMQP_STATUS_OK, "cannot destroy");
  begin("end");
  return 0;
}
