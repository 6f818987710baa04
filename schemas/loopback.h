// What a TCP connection within one machine is better off with.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace tandem {

/// Congestion control that does not pace (Reno, which every Linux has and lets every user choose; tcp(7), TCP_CONGESTION).
/// Nothing is lost on loopback and there is no path to learn, but where BBR is the system's default its timers take a third of
/// what loopback can carry. To be called by the side that sends much, for a peer on this machine only. A refusal is ignored: slower,
/// not wrong.
inline void send_without_pacing(int descriptor) {
  constexpr char algorithm[] = "reno";
  setsockopt(descriptor, IPPROTO_TCP, TCP_CONGESTION, algorithm, sizeof algorithm - 1);
}

}  // namespace tandem
