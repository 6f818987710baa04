#include "broker/storage/lmdb_file.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>
#include <vector>

#include "broker/storage/bytes_io.h"
#include "schemas/byte_order.h"
#include "schemas/message.h"

namespace tandem::storage {
namespace {

// Page: pgno u64, pad u16, flags u16, then lower u16 and upper u16 (or the number of overflow pages u32),
// then node offsets u16. Node: 4 × u16 (of a leaf: data size low and high, flags, key size; of a branch: 48
// bit of pgno, key size).
constexpr std::size_t page_header_bytes = 16, node_header_bytes = 8, meta_bytes = 16 + 24 + 2 * 48 + 16;
constexpr std::uint32_t meta_magic = 0xBEEFC0DE, data_version = 1;
constexpr unsigned flag_branch = 0x01, flag_leaf = 0x02, flag_overflow = 0x04, flags_known = 0x6f;
constexpr unsigned node_is_big = 0x01;
constexpr std::uint64_t no_page = ~std::uint64_t{0};
constexpr unsigned depth_max = 32;  // LMDB's own limit

struct Tree {
  std::uint16_t depth = 0;
  std::uint64_t entries = 0, root = no_page;
};

struct Meta {
  std::uint32_t page_size = 0;
  Tree free, main;
  std::uint64_t last_page = 0, transaction = 0;
};

struct Damage {
  std::uint64_t position = 0;
  std::string what;
};
using Judged = std::optional<Damage>;  // nullopt: good

std::uint16_t get_u16(const std::byte* at) {
  return load_little<std::uint16_t>(at);
}

Tree read_tree(const std::byte* at) {
  return {get_u16(at + 6), get_u64(at + 32), get_u64(at + 40)};
}

Meta read_meta(const std::byte* page) {
  const std::byte* meta = page + page_header_bytes;
  const std::byte* trees = meta + 24;
  return {get_u32(trees), read_tree(trees), read_tree(trees + 48), get_u64(trees + 96), get_u64(trees + 104)};
}

class FileJudge {
 public:
  explicit FileJudge(Bytes file) : file_(file) {}

  Judged judge();
  bool other_version() const { return other_version_; }

 private:
  struct Node {
    std::string_view key;
    Bytes data;               // of a leaf, when it is in the page
    std::uint64_t size = 0;   // of a leaf's data
    std::uint64_t child = 0;  // of a branch, and of a leaf's data on overflow pages
    bool big = false;
  };
  enum class Order { bytes, number };

  Judged choose_meta();
  Judged judge_tree(const Tree& tree, Order order);
  Judged judge_page(std::uint64_t number, unsigned depth);
  Judged judge_branch(std::uint64_t number, unsigned depth);
  Judged judge_leaf(std::uint64_t number);
  Judged judge_free_list(Bytes list, std::uint64_t position);
  Judged judge_big(const Node& node, Bytes& data);
  Judged claim(std::uint64_t number);
  Judged node_at(std::uint64_t number, unsigned index, bool leaf, Node& node) const;
  bool less(std::string_view a, std::string_view b) const;

  std::uint64_t position(std::uint64_t number) const { return number * page_size_; }
  const std::byte* page(std::uint64_t number) const { return file_.data() + position(number); }
  unsigned node_count(std::uint64_t number) const {
    return static_cast<unsigned>(get_u16(page(number) + 12) - page_header_bytes) / 2;
  }
  Damage damage(std::uint64_t number, const char* what) const { return {position(number), what}; }

  Bytes file_;
  std::size_t page_size_ = 0;
  Meta meta_;
  bool other_version_ = false;
  std::vector<bool> claimed_;
  std::vector<std::uint64_t> free_;

  // The walk through one tree, leaf by leaf.
  Tree tree_;
  Order order_ = Order::bytes;
  std::uint64_t entries_ = 0;
  std::optional<std::string> last_key_;
  std::optional<std::string> least_key_;  // what the branch above promises of the next leaf key
};

Judged FileJudge::judge() {
  if (auto wrong = choose_meta()) return wrong;
  claimed_.resize(file_.size() / page_size_);
  claimed_[0] = claimed_[1] = true;
  if (auto wrong = judge_tree(meta_.main, Order::bytes)) return wrong;
  if (auto wrong = judge_tree(meta_.free, Order::number)) return wrong;
  for (const std::uint64_t number : free_)
    if (number < claimed_.size() && claimed_[number]) return damage(number, "a page is free and in use");
  return std::nullopt;
}

/// The two metas belong to the last two commits; the newest one counts. A flipped bit in either number shows.
Judged FileJudge::choose_meta() {
  if (file_.size() < meta_bytes) return Damage{0, "shorter than its first page"};
  page_size_ = read_meta(file_.data()).page_size;
  if (page_size_ < 512 || page_size_ > 65536 || (page_size_ & (page_size_ - 1)) != 0 ||
      file_.size() < 2 * page_size_)
    return Damage{0, "impossible page size"};
  std::array<Meta, 2> metas;
  for (std::uint64_t i = 0; i < 2; ++i) {
    const std::byte* meta = page(i) + page_header_bytes;
    if (get_u32(meta) != meta_magic) return damage(i, "not an LMDB meta page");
    other_version_ = get_u32(meta + 4) != data_version;
    if (other_version_) return damage(i, "another LMDB data version");
    metas[i] = read_meta(page(i));
    if (metas[i].page_size != page_size_) return damage(i, "the meta pages differ in page size");
    if (metas[i].transaction % 2 != i && metas[i].transaction != 0)
      return damage(i, "wrong transaction number");
  }
  const auto [older, newer] = std::minmax(metas[0].transaction, metas[1].transaction);
  if (newer - older > 1) return damage(0, "the meta pages are not of consecutive transactions");
  meta_ = metas[newer % 2];
  return std::nullopt;
}

Judged FileJudge::judge_tree(const Tree& tree, Order order) {
  tree_ = tree;
  order_ = order;
  entries_ = 0;
  last_key_.reset();
  least_key_.reset();
  if (tree.root == no_page) {
    if (tree.entries != 0) return Damage{0, "entries without a root"};
    return std::nullopt;
  }
  if (tree.depth == 0 || tree.depth > depth_max) return Damage{0, "impossible depth"};
  if (auto wrong = judge_page(tree.root, 1)) return wrong;
  if (entries_ != tree.entries) return Damage{0, "the number of entries is not the one that was written"};
  return std::nullopt;
}

Judged FileJudge::judge_page(std::uint64_t number, unsigned depth) {
  if (auto wrong = claim(number)) return wrong;
  const std::byte* at = page(number);
  const unsigned flags = get_u16(at + 10) & flags_known, lower = get_u16(at + 12), upper = get_u16(at + 14);
  if (lower < page_header_bytes || lower > upper || upper > page_size_ || lower % 2 != 0)
    return damage(number, "impossible page bounds");
  const bool leaf = depth == tree_.depth;
  if (flags != (leaf ? flag_leaf : flag_branch)) return damage(number, "a page of the wrong kind");
  return leaf ? judge_leaf(number) : judge_branch(number, depth);
}

Judged FileJudge::judge_branch(std::uint64_t number, unsigned depth) {
  const unsigned count = node_count(number);
  if (count < 2) return damage(number, "a branch with less than two children");
  for (unsigned i = 0; i < count; ++i) {
    Node node;
    if (auto wrong = node_at(number, i, false, node)) return wrong;
    if (i > 0) {  // the first key of a branch is not used
      if (last_key_ && !less(*last_key_, node.key)) return damage(number, "branch keys do not ascend");
      least_key_ = node.key;
    }
    if (auto wrong = judge_page(node.child, depth + 1)) return wrong;
  }
  return std::nullopt;
}

Judged FileJudge::judge_leaf(std::uint64_t number) {
  const unsigned count = node_count(number);
  for (unsigned i = 0; i < count; ++i) {
    Node node;
    if (auto wrong = node_at(number, i, true, node)) return wrong;
    if (last_key_ && !less(*last_key_, node.key)) return damage(number, "keys do not ascend");
    if (least_key_ && less(node.key, *least_key_)) return damage(number, "a key is in the wrong leaf");
    last_key_ = node.key;
    least_key_.reset();
    ++entries_;
    Bytes data = node.data;
    if (node.big)
      if (auto wrong = judge_big(node, data)) return wrong;
    if (order_ == Order::number)
      if (auto wrong = judge_free_list(data, position(number))) return wrong;
  }
  return std::nullopt;
}

/// Data on overflow pages, which lie behind each other.
Judged FileJudge::judge_big(const Node& node, Bytes& data) {
  if (auto wrong = claim(node.child)) return wrong;
  const std::byte* at = page(node.child);
  const std::uint64_t pages = get_u32(at + 12);
  if ((get_u16(at + 10) & flags_known) != flag_overflow) return damage(node.child, "not an overflow page");
  if (pages == 0 || pages > claimed_.size() - node.child ||
      node.size > pages * page_size_ - page_header_bytes)
    return damage(node.child, "impossible overflow size");
  for (std::uint64_t i = 1; i < pages; ++i) {
    if (claimed_[node.child + i]) return damage(node.child + i, "a page is used twice");
    claimed_[node.child + i] = true;
  }
  data = {at + page_header_bytes, node.size};
  return std::nullopt;
}

/// A count and that many page numbers, descending.
Judged FileJudge::judge_free_list(Bytes list, std::uint64_t at) {
  if (list.size() < 8 || get_u64(list.data()) > list.size() / 8 - 1)
    return Damage{at, "a free list of impossible size"};
  const std::uint64_t count = get_u64(list.data());
  std::uint64_t before = meta_.last_page + 1;
  for (std::uint64_t i = 1; i <= count; ++i) {
    const std::uint64_t number = get_u64(list.data() + 8 * i);
    if (number < 2 || number >= before) return Damage{at, "a free list with an impossible page"};
    free_.push_back(before = number);
  }
  return std::nullopt;
}

/// Nobody else has the page, and it is the one that it says.
Judged FileJudge::claim(std::uint64_t number) {
  if (number > meta_.last_page || number >= claimed_.size())
    return Damage{0, "a page beyond the end is referred to"};
  if (claimed_[number]) return damage(number, "a page is used twice");
  claimed_[number] = true;
  if (get_u64(page(number)) != number) return damage(number, "another page's number");
  return std::nullopt;
}

Judged FileJudge::node_at(std::uint64_t number, unsigned index, bool leaf, Node& node) const {
  const std::byte* at = page(number);
  const std::size_t upper = get_u16(at + 14), offset = get_u16(at + page_header_bytes + 2 * index);
  if (offset < upper || offset + node_header_bytes > page_size_)
    return damage(number, "a node beyond its page");
  const std::byte* header = at + offset;
  const std::uint64_t low = get_u32(header);
  const unsigned flags = get_u16(header + 4);
  const std::size_t key_size = get_u16(header + 6);
  node.big = leaf && flags == node_is_big;
  if (leaf && flags != 0 && !node.big) return damage(number, "a node of a kind that is not used here");
  const std::size_t in_page = !leaf ? 0 : node.big ? 8 : low;
  if (key_size + in_page > page_size_ - offset - node_header_bytes)
    return damage(number, "a node beyond its page");
  if (leaf && order_ == Order::number && key_size != 8)
    return damage(number, "a free list without its transaction");
  const std::byte* behind_key = header + node_header_bytes + key_size;
  node.key = text_of({header + node_header_bytes, key_size});
  if (leaf && !node.big) node.data = {behind_key, low};
  node.size = low;
  node.child = leaf ? (node.big ? get_u64(behind_key) : 0) : low | std::uint64_t{flags} << 32;
  return std::nullopt;
}

bool FileJudge::less(std::string_view a, std::string_view b) const {
  if (order_ == Order::bytes) return a < b;
  if (a.size() != 8 || b.size() != 8) return false;
  return get_u64(bytes_of(a).data()) < get_u64(bytes_of(b).data());
}

}  // namespace

Result<> judge_lmdb_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return Done{};
  const std::string file((std::istreambuf_iterator<char>(stream)), {});
  if (file.empty()) return Done{};
  FileJudge judge(bytes_of(file));
  const auto wrong = judge.judge();
  if (!wrong) return Done{};
  return Error{judge.other_version() ? ErrorCode::not_supported : ErrorCode::corrupt,
               path + " at byte " + std::to_string(wrong->position) + ": " + wrong->what};
}

}  // namespace tandem::storage
