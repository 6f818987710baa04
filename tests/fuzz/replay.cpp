// Runs a fuzz target without libFuzzer: every file of the corpus as it is, then as many changed ones as asked for, by a
// fixed seed. So every test run, with any compiler, holds the target against what is known.
//   tandem_replay_NAME CORPUS_DIR [CHANGED_INPUTS [SEED]]
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Input = std::vector<std::uint8_t>;

/// In the order of their names, so that a seed means the same everywhere.
std::vector<Input> read_corpus(const char* directory) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<Input> corpus;
  for (const auto& file : files) {
    std::ifstream in(file, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return corpus;
}

class Changer {
 public:
  Changer(const std::vector<Input>& corpus, std::uint64_t seed) : corpus_(corpus), chance_(seed) {}

  Input next() {
    Input input = corpus_[below(corpus_.size())];
    for (std::size_t changes = 1 + below(4); changes > 0 && !input.empty(); --changes) change(input);
    return input;
  }

 private:
  std::size_t below(std::size_t end) { return static_cast<std::size_t>(chance_() % end); }

  void change(Input& input) {
    const std::size_t at = below(input.size());
    switch (below(6)) {
      case 0:
        input[at] ^= static_cast<std::uint8_t>(1u << below(8));
        return;
      case 1:
        input[at] = edges[below(std::size(edges))];
        return;
      case 2:
        input.resize(at);
        return;
      case 3:  // a part is missing
        input.erase(input.begin() + static_cast<std::ptrdiff_t>(at),
                    input.begin() + static_cast<std::ptrdiff_t>(at + below(input.size() - at)));
        return;
      case 4: {  // a part comes twice
        const Input part(input.begin() + static_cast<std::ptrdiff_t>(at),
                         input.begin() + static_cast<std::ptrdiff_t>(at + below(input.size() - at)));
        input.insert(input.begin() + static_cast<std::ptrdiff_t>(below(input.size())), part.begin(), part.end());
        return;
      }
      default: {  // another one goes on here
        const Input& other = corpus_[below(corpus_.size())];
        input.resize(at);
        if (!other.empty())
          input.insert(input.end(), other.begin() + static_cast<std::ptrdiff_t>(below(other.size())), other.end());
        return;
      }
    }
  }

  static constexpr std::uint8_t edges[] = {0, 1, 2, 0x7F, 0x80, 0xCE, 0xFE, 0xFF};
  const std::vector<Input>& corpus_;
  std::mt19937_64 chance_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const auto corpus = read_corpus(argv[1]);
  if (corpus.empty()) {
    std::fprintf(stderr, "%s is empty\n", argv[1]);
    return 1;
  }
  const std::uint64_t count = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 0;
  const std::uint64_t seed = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1;
  for (const Input& input : corpus) LLVMFuzzerTestOneInput(input.data(), input.size());
  Changer changer(corpus, seed);
  for (std::uint64_t i = 0; i < count; ++i) {
    const Input input = changer.next();
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  std::printf("%zu inputs of the corpus and %llu changed ones, seed %llu\n", corpus.size(),
              static_cast<unsigned long long>(count), static_cast<unsigned long long>(seed));
  return 0;
}
