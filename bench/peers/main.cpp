// peer_load: load by AMQP, NATS' and Redis' protocols, for bench/compare and the AMQP workloads of bench/run.
#include "bench/peers/load.h"

int main(int argc, char** argv) {
  using namespace tandem::bench::peers;
  return run_program(argc, argv,
                     {{"amqp", amqp_load, nullptr, amqp_confirm_load}, {"nats", nats_load, nats_topic_load}, {"redis", redis_load, redis_topic_load}});
}
