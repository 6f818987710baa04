// The native protocol as a client speaks it, without sockets, threads or a clock: bytes go in with receive(),
// frames come out with take_output(). It outlives connections: requests, channels and remembered declarations
// go on over connection_opened() and connection_lost(). The I/O thread only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "client/calls.h"
#include "client/part.h"
#include "client/topology.h"
#include "tandem/client.h"

namespace tandem::client {

inline constexpr std::uint16_t protocol_version = 1;

/// Who the client says it is.
struct Identity {
  std::string client_name, user, password;
  std::uint32_t heartbeat_ms = 0;
};

/// What the broker answered to it.
struct Welcome {
  std::string broker_version, cluster_id;
  std::uint32_t heartbeat_ms = 0;
};

class Session {
 public:
  static constexpr std::uint16_t channel_max = 2'047;

  Session(Identity identity, std::function<void(const ClientEvent&)> on_event);

  // --- the connection ---

  /// There is a connection, nothing was said on it yet.
  void connection_opened();
  void connection_lost(const Error& why);
  /// Consumes as many whole frames as it can and returns the bytes consumed; `owner` keeps `input` alive. An
  /// error ends the connection: what the broker said at its end, or corrupt.
  Result<std::size_t> receive(Bytes input, const Owner& owner);
  /// Bytes that receive() has to see at once to go on.
  std::size_t input_size_wanted_bytes() const { return input_wanted_; }
  bool has_output() const { return !output_.empty(); }
  std::vector<Frame> take_output();

  /// The handshake is done.
  bool ready() const { return state_ == State::ready; }
  bool closed() const { return state_ == State::closed; }
  const Welcome& welcome() const { return welcome_; }
  /// The broker refused this client in a way that trying again does not cure.
  bool refused_for_good() const { return refused_for_good_; }

  // --- what users want ---

  /// Sends it now, or once there is a connection. Its handler fails at once with limit_reached or, after
  /// close(), unavailable.
  void ask(Call call);
  /// Its answer is no longer waited for.
  void give_up(std::uint64_t correlation, Error error) { calls_.fail(correlation, std::move(error)); }
  /// Says something without an answer; only when ready().
  void say(Frame frame) { output_.push_back(std::move(frame)); }
  void say_heartbeat();

  /// Errors: limit_reached, unavailable (closed). An attached part is told at once if the session is ready.
  Result<> attach(std::shared_ptr<Part> part);
  Result<> attach_channel(std::shared_ptr<Channel> channel);
  void detach(const std::shared_ptr<Part>& part);
  /// The number is used again once the broker has closed the channel.
  void detach_channel(const std::shared_ptr<Channel>& channel, std::uint64_t correlation);
  std::vector<std::shared_ptr<Part>> parts() const;

  Topology& topology() { return topology_; }

  void say_goodbye();
  /// For good: everything that waits fails with `why`.
  void close(const Error& why);

 private:
  enum class State { offline, greeting, ready, closed };

  Result<> take_frame(const frame::View& view, const Owner& owner);
  Result<> take_envelope(const Answer& said);
  Result<> take_hello(const fb::Hello& hello);
  Error take_goodbye(const fb::Goodbye& goodbye);
  void take_held(const fb::PublishersHeld& held);
  void take_answer(const Answer& answer);
  void become_ready();

  Identity identity_;
  std::function<void(const ClientEvent&)> on_event_;
  State state_ = State::offline;
  bool refused_for_good_ = false;
  std::size_t input_wanted_ = frame::header_size_bytes;
  Welcome welcome_;
  std::vector<Frame> output_;
  std::vector<std::uint64_t> aligned_;  // an envelope that lay askew in the input
  Calls calls_;
  Topology topology_;
  std::vector<std::shared_ptr<Part>> parts_;  // without a channel
  std::map<std::uint16_t, std::shared_ptr<Channel>> channels_;
  std::set<std::uint16_t> closing_channels_;  // numbers that the broker may still use
};

}  // namespace tandem::client
