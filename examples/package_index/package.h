// Reads Debian package indexes: one stanza per package, "Field: value" lines, an empty line between stanzas.
#pragma once

#include <string>
#include <vector>

#include "schemas/result.h"

namespace package_index {

struct Package {
  std::string name, source, section, priority, architecture;
  std::string stanza;  // the whole of it: the message's body

  /// "<section>.<priority>.<architecture>"
  std::string routing_key() const { return section + "." + priority + "." + architecture; }
};

/// The indexes that apt keeps on this machine, plain or as LZ4 frames; empty when it keeps none.
std::vector<std::string> index_files_of_this_machine();

/// Every package of `files`, in order, `limit` at most (0 = all). Errors: a file that cannot be read or holds
/// no stanza.
tandem::Result<std::vector<Package>> read_packages(const std::vector<std::string>& files, std::size_t limit);

}  // namespace package_index
