#include "schemas/compression.h"

#include <lz4frame.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>

#include "schemas/snappy.h"

namespace tandem {
namespace {

using Buffer = std::vector<std::byte>;

Error corrupt(Codec codec, const char* what) {
  return {ErrorCode::corrupt, std::string(name(codec)) + ": " + what};
}
Error too_large(Codec codec, std::size_t size_max_bytes) {
  return {ErrorCode::too_large,
          std::string(name(codec)) + ": more than " + std::to_string(size_max_bytes) + " bytes come out"};
}

/// Room to decompress into, growing by doubling up to a limit.
class GrowingOutput {
 public:
  GrowingOutput(std::size_t compressed_size, std::size_t size_max_bytes)
      : size_max_bytes_(size_max_bytes), buffer_(std::min(size_max_bytes, compressed_size * 4 + 1024)) {}

  std::byte* free_begin() { return buffer_.data() + used_; }
  std::size_t free_size() const { return buffer_.size() - used_; }
  void use(std::size_t size) { used_ += size; }
  /// More room; false when the limit is reached.
  bool grow() {
    if (buffer_.size() >= size_max_bytes_) return false;
    buffer_.resize(std::min(size_max_bytes_, buffer_.size() * 2));
    return true;
  }
  Buffer take() {
    buffer_.resize(used_);
    return std::move(buffer_);
  }

 private:
  std::size_t size_max_bytes_;
  Buffer buffer_;
  std::size_t used_ = 0;
};

// --- zstd
// -----------------------------------------------------------------------------------------------------------

Result<Buffer> compress_zstd(Bytes plain) {
  Buffer out(ZSTD_compressBound(plain.size()));
  const std::size_t size =
      ZSTD_compress(out.data(), out.size(), plain.data(), plain.size(), ZSTD_CLEVEL_DEFAULT);
  if (ZSTD_isError(size)) return Error{ErrorCode::internal, std::string("zstd: ") + ZSTD_getErrorName(size)};
  out.resize(size);
  return out;
}

/// 32 MiB: what zstd's levels up to 20 use when they are not told the size; for a batch of at most 16 MiB more gains little.
constexpr int zstd_window_log_max = 25;

/// RFC 8878, 3.1. A libzstd built with the formats from before it (Debian's: 0.5 to 0.7) decodes them, too, and heeds no limit
/// of the window there: 128 bytes could ask for 128 MiB. No Kafka client writes them.
bool begins_zstd_frame(Bytes bytes) {
  std::uint32_t magic = 0;
  if (bytes.size() < sizeof magic) return true;  // truncated: zstd says so
  for (std::size_t i = 0; i < sizeof magic; ++i) magic |= std::to_integer<std::uint32_t>(bytes[i]) << (8 * i);
  return magic == ZSTD_MAGICNUMBER || (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

Result<Buffer> decompress_zstd(Bytes compressed, std::size_t size_max_bytes) {
  const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  if (!context) return Error{ErrorCode::internal, "zstd: out of memory"};
  // A frame of a few bytes may ask for any window, which is allocated at once.
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, zstd_window_log_max);
  GrowingOutput out(compressed.size(), size_max_bytes);
  ZSTD_inBuffer in{compressed.data(), compressed.size(), 0};
  bool at_frame_begin = true;
  while (true) {
    if (at_frame_begin && !begins_zstd_frame(compressed.subspan(in.pos))) return corrupt(Codec::zstd, "no zstd frame");
    ZSTD_outBuffer room{out.free_begin(), out.free_size(), 0};
    const std::size_t left = ZSTD_decompressStream(context.get(), &room, &in);
    if (ZSTD_isError(left)) return corrupt(Codec::zstd, ZSTD_getErrorName(left));
    out.use(room.pos);
    at_frame_begin = left == 0;
    if (at_frame_begin && in.pos == in.size) return out.take();
    if (room.pos == room.size) {
      if (!out.grow()) return too_large(Codec::zstd, size_max_bytes);
    } else if (in.pos == in.size) {
      return corrupt(Codec::zstd, "truncated");
    }
  }
}

// --- LZ4 frame
// ------------------------------------------------------------------------------------------------------

Result<Buffer> compress_lz4(Bytes plain) {
  Buffer out(LZ4F_compressFrameBound(plain.size(), nullptr));
  const std::size_t size = LZ4F_compressFrame(out.data(), out.size(), plain.data(), plain.size(), nullptr);
  if (LZ4F_isError(size)) return Error{ErrorCode::internal, std::string("lz4: ") + LZ4F_getErrorName(size)};
  out.resize(size);
  return out;
}

Result<Buffer> decompress_lz4(Bytes compressed, std::size_t size_max_bytes) {
  LZ4F_dctx* raw = nullptr;
  if (LZ4F_isError(LZ4F_createDecompressionContext(&raw, LZ4F_VERSION)))
    return Error{ErrorCode::internal, "lz4: out of memory"};
  const std::unique_ptr<LZ4F_dctx, decltype(&LZ4F_freeDecompressionContext)> context(
      raw, LZ4F_freeDecompressionContext);
  GrowingOutput out(compressed.size(), size_max_bytes);
  Bytes in = compressed;
  while (true) {
    std::size_t made = out.free_size(), read = in.size();
    const std::size_t hint = LZ4F_decompress(raw, out.free_begin(), &made, in.data(), &read, nullptr);
    if (LZ4F_isError(hint)) return corrupt(Codec::lz4, LZ4F_getErrorName(hint));
    out.use(made);
    in = in.subspan(read);
    if (hint == 0 && in.empty()) return out.take();
    if (out.free_size() == 0) {
      if (!out.grow()) return too_large(Codec::lz4, size_max_bytes);
    } else if (in.empty() && made == 0) {
      return corrupt(Codec::lz4, "truncated");
    }
  }
}

// --- gzip
// -----------------------------------------------------------------------------------------------------------

constexpr int gzip_window_bits = 15 + 16;  // zlib: + 16 means a gzip wrapper

Result<Buffer> compress_gzip(Bytes plain) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzip_window_bits, 8, Z_DEFAULT_STRATEGY) !=
      Z_OK)
    return Error{ErrorCode::internal, "gzip: out of memory"};
  const std::unique_ptr<z_stream, decltype(&deflateEnd)> guard(&stream, deflateEnd);
  Buffer out(deflateBound(&stream, plain.size()));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) return Error{ErrorCode::internal, "gzip: deflate failed"};
  out.resize(stream.total_out);
  return out;
}

Result<Buffer> decompress_gzip(Bytes compressed, std::size_t size_max_bytes) {
  z_stream stream{};
  if (inflateInit2(&stream, gzip_window_bits) != Z_OK)
    return Error{ErrorCode::internal, "gzip: out of memory"};
  const std::unique_ptr<z_stream, decltype(&inflateEnd)> guard(&stream, inflateEnd);
  GrowingOutput out(compressed.size(), size_max_bytes);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(compressed.data()));
  stream.avail_in = static_cast<uInt>(compressed.size());
  while (true) {
    const std::size_t room = out.free_size();
    stream.next_out = reinterpret_cast<Bytef*>(out.free_begin());
    stream.avail_out = static_cast<uInt>(room);
    const int state = inflate(&stream, Z_NO_FLUSH);
    out.use(room - stream.avail_out);
    if (state == Z_STREAM_END)
      return stream.avail_in == 0 ? Result<Buffer>(out.take()) : corrupt(Codec::gzip, "bytes behind the end");
    if (state != Z_OK && state != Z_BUF_ERROR) return corrupt(Codec::gzip, "malformed");
    if (stream.avail_out == 0) {
      if (!out.grow()) return too_large(Codec::gzip, size_max_bytes);
    } else if (stream.avail_in == 0) {
      return corrupt(Codec::gzip, "truncated");
    }
  }
}

}  // namespace

std::string_view name(Codec codec) {
  switch (codec) {
    case Codec::none:
      return "none";
    case Codec::gzip:
      return "gzip";
    case Codec::snappy:
      return "snappy";
    case Codec::lz4:
      return "lz4";
    case Codec::zstd:
      return "zstd";
  }
  return "unknown";
}

Result<Buffer> compress(Codec codec, Bytes plain) {
  switch (codec) {
    case Codec::none:
      return Buffer(plain.begin(), plain.end());
    case Codec::gzip:
      return compress_gzip(plain);
    case Codec::lz4:
      return compress_lz4(plain);
    case Codec::zstd:
      return compress_zstd(plain);
    case Codec::snappy:
      return compress_snappy(plain);
  }
  return Error{ErrorCode::not_supported, "codec " + std::to_string(static_cast<int>(codec)) + " is unknown"};
}

Result<Buffer> decompress(Codec codec, Bytes compressed, std::size_t size_max_bytes) {
  switch (codec) {
    case Codec::none:
      if (compressed.size() > size_max_bytes) return too_large(codec, size_max_bytes);
      return Buffer(compressed.begin(), compressed.end());
    case Codec::gzip:
      return decompress_gzip(compressed, size_max_bytes);
    case Codec::snappy:
      return decompress_snappy(compressed, size_max_bytes);
    case Codec::lz4:
      return decompress_lz4(compressed, size_max_bytes);
    case Codec::zstd:
      return decompress_zstd(compressed, size_max_bytes);
  }
  return Error{ErrorCode::not_supported, "codec " + std::to_string(static_cast<int>(codec)) + " is unknown"};
}

}  // namespace tandem
