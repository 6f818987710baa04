#include "broker/storage/lmdb.h"

#include <lmdb.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "broker/base/check.h"
#include "broker/storage/lmdb_file.h"
#include "schemas/byte_order.h"
#include "schemas/crc32c.h"

namespace tandem::storage {
namespace {

constexpr std::size_t map_size_start_bytes = 64u << 20;
/// Commits of so many values, and reading so many chunks, leave much memory behind; below it LMDB uses again what it has.
constexpr std::size_t many_chunks = 2'000;
constexpr std::size_t map_size_max_bytes = std::size_t{1} << 40;  // address space only
constexpr std::size_t chunk_header_size_bytes = 5;
constexpr std::size_t chunk_number_size_bytes = 2;
constexpr std::string_view count_key = "#";
constexpr std::size_t chunks_max = 65'535;

MDB_val val(std::string_view text) {
  return {text.size(), const_cast<char*>(text.data())};
}
std::string_view text(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

std::string chunk_key(std::string_view key, std::size_t number) {
  std::string stored(key);
  stored.push_back(static_cast<char>(number >> 8));
  stored.push_back(static_cast<char>(number & 0xff));
  return stored;
}
std::string_view key_of(std::string_view stored) {
  return stored.substr(0, stored.size() - chunk_number_size_bytes);
}

std::uint32_t chunk_crc(std::string_view stored_key, std::string_view checked) {
  return crc32c(bytes_of(checked), crc32c(bytes_of(stored_key)));
}

std::string chunk_value(std::string_view stored_key, std::string_view bytes, bool more) {
  std::string value(chunk_header_size_bytes, '\0');
  value[4] = more ? 1 : 0;
  value.append(bytes);
  const std::uint32_t crc = chunk_crc(stored_key, std::string_view(value).substr(4));
  store_little(reinterpret_cast<std::byte*>(value.data()), crc);
  return value;
}

struct Chunk {
  bool more = false;
  std::string_view bytes;
};
std::optional<Chunk> judge_chunk(std::string_view stored_key, std::string_view value) {
  if (value.size() < chunk_header_size_bytes) return std::nullopt;
  const auto crc = load_little<std::uint32_t>(bytes_of(value).data());
  if (crc != chunk_crc(stored_key, value.substr(4)) || static_cast<unsigned char>(value[4]) > 1)
    return std::nullopt;
  return Chunk{value[4] == 1, value.substr(chunk_header_size_bytes)};
}

std::string printable(std::string_view key) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string shown;
  for (const char c : key) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet > 0x20 && octet < 0x7f) {
      shown.push_back(c);
    } else {
      shown.append("\\x").push_back(digits[octet >> 4]);
      shown.push_back(digits[octet & 0xf]);
    }
  }
  return shown;
}

/// A transaction that is aborted unless it was committed.
class Transaction {
 public:
  ~Transaction() {
    if (transaction_ != nullptr) mdb_txn_abort(transaction_);
  }
  Transaction() = default;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  int begin(MDB_env* environment, unsigned flags) {
    return mdb_txn_begin(environment, nullptr, flags, &transaction_);
  }
  int commit() { return mdb_txn_commit(std::exchange(transaction_, nullptr)); }
  MDB_txn* get() const { return transaction_; }

 private:
  MDB_txn* transaction_ = nullptr;
};

class Cursor {
 public:
  Cursor() = default;
  ~Cursor() {
    if (cursor_ != nullptr) mdb_cursor_close(cursor_);
  }
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;
  int open(MDB_txn* transaction, MDB_dbi database) {
    return mdb_cursor_open(transaction, database, &cursor_);
  }
  /// The first stored key at or behind `from`.
  int seek(std::string_view from, std::string_view& key, std::string_view& value) {
    MDB_val k = val(from), v{};
    const int code = from.empty() ? mdb_cursor_get(cursor_, &k, &v, MDB_FIRST)
                                  : mdb_cursor_get(cursor_, &k, &v, MDB_SET_RANGE);
    return give(code, k, v, key, value);
  }
  int next(std::string_view& key, std::string_view& value) {
    MDB_val k{}, v{};
    return give(mdb_cursor_get(cursor_, &k, &v, MDB_NEXT), k, v, key, value);
  }
  int last(std::string_view& key, std::string_view& value) {
    MDB_val k{}, v{};
    return give(mdb_cursor_get(cursor_, &k, &v, MDB_LAST), k, v, key, value);
  }
  int erase() { return mdb_cursor_del(cursor_, 0); }

 private:
  static int give(int code, const MDB_val& k, const MDB_val& v, std::string_view& key,
                  std::string_view& value) {
    if (code != MDB_SUCCESS) return code;
    if (k.mv_size < chunk_number_size_bytes) return MDB_CORRUPTED;
    key = text(k);
    value = text(v);
    return code;
  }
  MDB_cursor* cursor_ = nullptr;
};

int erase(MDB_txn* transaction, MDB_dbi database, const LmdbChanges::Erasure& erasure) {
  Cursor cursor;
  if (const int code = cursor.open(transaction, database); code != MDB_SUCCESS) return code;
  std::string_view key, value;
  int code = cursor.seek(erasure.prefix, key, value);
  for (; code == MDB_SUCCESS && key.starts_with(erasure.prefix); code = cursor.next(key, value))
    if (matches(key_of(key), erasure))
      if (const int erased = cursor.erase(); erased != MDB_SUCCESS) return erased;
  return code == MDB_NOTFOUND ? MDB_SUCCESS : code;
}

/// Erases the chunks from `number` on: those of an older, longer value.
int erase_chunks_from(MDB_txn* transaction, MDB_dbi database, std::string_view key, std::size_t number) {
  for (; number <= chunks_max; ++number) {
    const std::string stored = chunk_key(key, number);
    MDB_val k = val(stored);
    const int code = mdb_del(transaction, database, &k, nullptr);
    if (code == MDB_NOTFOUND) return MDB_SUCCESS;
    if (code != MDB_SUCCESS) return code;
  }
  return MDB_SUCCESS;
}

/// Puts of one transaction.
class Putting {
 public:
  Putting(MDB_txn* transaction, MDB_dbi database) : transaction_(transaction), database_(database) {}

  int put(const LmdbChanges::Put& change) {
    std::string_view rest = change.value;
    std::size_t number = 0;
    do {
      const std::string_view bytes = rest.substr(0, lmdb_chunk_size_max_bytes);
      rest.remove_prefix(bytes.size());
      const std::string stored_key = chunk_key(change.key, number++);
      const std::string stored_value = chunk_value(stored_key, bytes, !rest.empty());
      if (const int code = put_chunk(stored_key, stored_value); code != MDB_SUCCESS) return code;
    } while (!rest.empty());
    return erase_chunks_from(transaction_, database_, change.key, number);
  }

 private:
  /// Behind all that there is, LMDB is told so: it fills pages to their end then, instead of half.
  int put_chunk(const std::string& key, const std::string& value) {
    if (last_.empty())
      if (const int code = find_last(); code != MDB_SUCCESS) return code;
    const bool is_last = key > last_;
    if (is_last) last_ = key;
    MDB_val k = val(key), v = val(value);
    return mdb_put(transaction_, database_, &k, &v, is_last ? MDB_APPEND : 0u);
  }
  int find_last() {
    Cursor cursor;
    if (const int code = cursor.open(transaction_, database_); code != MDB_SUCCESS) return code;
    std::string_view key, value;
    const int code = cursor.last(key, value);
    if (code == MDB_SUCCESS) last_ = key;
    return code == MDB_NOTFOUND ? MDB_SUCCESS : code;
  }

  MDB_txn* transaction_;
  MDB_dbi database_;
  std::string last_;  // the largest stored key, or one that was; "" = not known, or there is none
};

int apply(MDB_txn* transaction, MDB_dbi database, const LmdbChanges& changes) {
  for (const auto& erasure : changes.erasures)
    if (const int code = erase(transaction, database, erasure); code != MDB_SUCCESS) return code;
  Putting putting(transaction, database);
  for (const auto& change : changes.puts)
    if (const int code = putting.put(change); code != MDB_SUCCESS) return code;
  return MDB_SUCCESS;
}

std::string path_in(const std::string& directory) {
  return directory + "/checkpoint.mdb";
}

}  // namespace

bool matches(std::string_view key, const LmdbChanges::Erasure& erasure) {
  if (!key.starts_with(erasure.prefix)) return false;
  if (erasure.suffix.empty()) return true;
  return key.size() == erasure.prefix.size() + erasure.between + erasure.suffix.size() &&
         key.ends_with(erasure.suffix);
}

Error Lmdb::error(int code, const char* doing) const {
  const bool damaged = code == MDB_CORRUPTED || code == MDB_PAGE_NOTFOUND || code == MDB_INVALID ||
                       code == MDB_PANIC || code == MDB_VERSION_MISMATCH;
  const ErrorCode other = code == ENOSPC ? ErrorCode::resource_alarm : ErrorCode::internal;
  return {damaged ? ErrorCode::corrupt : other, path_ + ": " + doing + ": " + mdb_strerror(code)};
}

Result<std::unique_ptr<Lmdb>> Lmdb::open(const std::string& directory, bool read_only) {
  if (auto judged = judge_lmdb_file(path_in(directory)); !judged) return judged.error();
  return open_judged(directory, read_only);
}

Result<std::unique_ptr<Lmdb>> Lmdb::open_judged(const std::string& directory, bool read_only) {
  MDB_env* environment = nullptr;
  if (mdb_env_create(&environment) != MDB_SUCCESS) return Error{ErrorCode::internal, "LMDB: out of memory"};
  std::unique_ptr<Lmdb> lmdb(new Lmdb(environment, path_in(directory)));
  struct stat file {};
  const std::size_t file_size =
      ::stat(lmdb->path_.c_str(), &file) == 0 ? static_cast<std::size_t>(file.st_size) : 0;
  mdb_env_set_mapsize(environment, std::max(map_size_start_bytes, file_size * 2));
  // NOTLS: a read transaction belongs to the call that opened it, not to its thread.
  // NOLOCK: the directory is locked as a whole, and one thread at a time is this class's rule.
  const unsigned flags = MDB_NOSUBDIR | MDB_NOTLS | MDB_NOLOCK | (read_only ? MDB_RDONLY : 0u);
  if (const int code = mdb_env_open(environment, lmdb->path_.c_str(), flags, 0600); code != MDB_SUCCESS)
    return lmdb->error(code, "open");
  Transaction transaction;
  if (const int code = transaction.begin(environment, read_only ? MDB_RDONLY : 0u); code != MDB_SUCCESS)
    return lmdb->error(code, "begin");
  if (const int code = mdb_dbi_open(transaction.get(), nullptr, 0, &lmdb->database_); code != MDB_SUCCESS)
    return lmdb->error(code, "open database");
  if (const int code = transaction.commit(); code != MDB_SUCCESS) return lmdb->error(code, "commit");
  return lmdb;
}

Lmdb::~Lmdb() {
  mdb_env_close(environment_);
}

Result<> Lmdb::for_each(std::string_view prefix, const Visit& visit) const {
  Transaction transaction;
  Cursor cursor;
  if (const int code = transaction.begin(environment_, MDB_RDONLY); code != MDB_SUCCESS)
    return error(code, "begin");
  if (const int code = cursor.open(transaction.get(), database_); code != MDB_SUCCESS)
    return error(code, "read");
  std::string_view stored, value;
  std::string joined;
  std::size_t number = 0;
  int code = cursor.seek(prefix, stored, value);
  for (; code == MDB_SUCCESS && stored.starts_with(prefix); code = cursor.next(stored, value)) {
    const std::string_view key = key_of(stored);
    const auto chunk = judge_chunk(stored, value);
    if (!chunk || stored != chunk_key(key, number))
      return Error{ErrorCode::corrupt,
                   path_ + ": key " + printable(key) + ": checksum is wrong or a chunk is missing"};
    joined.append(chunk->bytes);
    ++number;
    ++chunks_read_;
    if (chunk->more) continue;
    if (key != count_key || prefix == count_key)
      if (auto visited = visit(key, joined); !visited) return visited;
    joined.clear();
    number = 0;
  }
  if (code != MDB_SUCCESS && code != MDB_NOTFOUND) return error(code, "read");
  if (number != 0) return Error{ErrorCode::corrupt, path_ + ": the last value's end is missing"};
  return Done{};
}

Result<std::optional<std::string>> Lmdb::get(std::string_view key) const {
  std::optional<std::string> found;
  const auto walked = for_each(key, [&](std::string_view, std::string_view value) {
    found = std::string(value);
    return Result<>{};
  });
  if (!walked) return walked.error();
  return found;
}

Result<int> Lmdb::try_commit(const LmdbChanges& changes) {
  Transaction transaction;
  int code = transaction.begin(environment_, 0);
  if (code == MDB_SUCCESS) code = apply(transaction.get(), database_, changes);
  if (code == MDB_SUCCESS) code = put_count(transaction.get());
  if (code == MDB_SUCCESS) code = transaction.commit();
  if (code != MDB_SUCCESS && code != MDB_MAP_FULL) return error(code, "commit");
  return code;
}

Result<> Lmdb::commit(const LmdbChanges& changes) {
  for (const auto& change : changes.puts)
    CHECK(change.key.size() <= lmdb_key_size_max_bytes &&
          change.value.size() <= chunks_max * lmdb_chunk_size_max_bytes);
  while (true) {
    const auto code = try_commit(changes);
    if (!code) return code.error();
    if (*code == MDB_SUCCESS) {
      if (changes.puts.size() + std::exchange(chunks_read_, 0) >= many_chunks) let_memory_go();
      return Done{};
    }
    if (auto grown = grow(); !grown) return grown;
  }
}

/// LMDB keeps the memory of every page it ever changed in one transaction, and what was read of the map counts as this
/// process's (132 MiB with 10,000,000 messages in 10,000 queues). Another environment of the same file has neither. When that
/// cannot be opened, the old one is as good.
void Lmdb::let_memory_go() {
  auto fresh = open_judged(path_.substr(0, path_.rfind('/')), false);
  if (!fresh) return;
  std::swap(environment_, (*fresh)->environment_);
  std::swap(database_, (*fresh)->database_);
}

Result<> Lmdb::grow() {
  MDB_envinfo info{};
  mdb_env_info(environment_, &info);
  if (info.me_mapsize >= map_size_max_bytes) return error(MDB_MAP_FULL, "commit");
  // No transaction is open here: each lives inside one call, and calls come from one thread at a time.
  if (const int code = mdb_env_set_mapsize(environment_, info.me_mapsize * 2); code != MDB_SUCCESS)
    return error(code, "enlarge the map");
  return Done{};
}

int Lmdb::put_count(void* transaction) {
  auto* const in = static_cast<MDB_txn*>(transaction);
  if (const int code = erase_chunks_from(in, database_, count_key, 0); code != MDB_SUCCESS) return code;
  MDB_stat stat{};
  if (const int code = mdb_stat(in, database_, &stat); code != MDB_SUCCESS) return code;
  return Putting(in, database_).put({std::string(count_key), std::to_string(stat.ms_entries)});
}

Result<> Lmdb::check_count() const {
  MDB_stat stat{};
  if (const int code = mdb_env_stat(environment_, &stat); code != MDB_SUCCESS) return error(code, "stat");
  const auto count = get(count_key);
  if (!count) return count.error();
  const std::string found = std::to_string(*count ? stat.ms_entries - 1 : stat.ms_entries);
  if (count->value_or("0") == found) return Done{};
  return Error{ErrorCode::corrupt,
               path_ + ": has " + found + " chunks, but " + count->value_or("0") + " were written"};
}

std::uint64_t Lmdb::size_bytes() const {
  MDB_envinfo info{};
  MDB_stat stat{};
  if (mdb_env_info(environment_, &info) != MDB_SUCCESS || mdb_env_stat(environment_, &stat) != MDB_SUCCESS)
    return 0;
  return (info.me_last_pgno + 1) * stat.ms_psize;
}

}  // namespace tandem::storage
