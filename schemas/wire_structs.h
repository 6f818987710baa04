// The structs that lie in the vectors of an envelope (schemas/wire.fbs), each read as a copy of its own.
#pragma once

#include <cstring>
#include <ranges>

#include "schemas/wire_generated.h"

namespace tandem::wire {

/// The structs of `vector` in their order; none for a vector that is left out. It must have been verified and stay while they
/// are read. FlatBuffers' verifier takes a vector that begins at any multiple of 4 bytes, and its own Get() would look at a
/// struct of 8-byte numbers where it lies, whatever its alignment asks for.
template <class T>
auto structs_of(const flatbuffers::Vector<const T*>* vector) {
  const flatbuffers::uoffset_t count = vector ? vector->size() : 0;
  return std::views::iota(flatbuffers::uoffset_t{0}, count) | std::views::transform([vector](flatbuffers::uoffset_t i) {
           T out;
           std::memcpy(&out, vector->Data() + i * sizeof(T), sizeof(T));
           return out;
         });
}

}  // namespace tandem::wire
