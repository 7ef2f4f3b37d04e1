// Property: a manifest with any content behind a right checksum gives wrong words at most: every
// look-up stays within the file (AddressSanitizer is the judge), ends, and what `find` finds has
// the path that was asked for.
#include "base/must.h"
#include "store/manifest.h"
#include "store/release.h"

#include <unistd.h>

#include <cstring>

using namespace weir;
using namespace weir::store;

namespace {

const std::string& directory() {
  static const std::string path = [] {
    std::string made = "/tmp/weir-fuzz-" + std::to_string(::getpid());
    MUST(make_directories(made + "/manifest"));
    return made;
  }();
  return path;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  std::string file(reinterpret_cast<const char*>(data), bytes);
  if (file.size() >= sizeof(manifest::Header)) {
    manifest::Header header;
    std::memcpy(&header, file.data(), sizeof header);
    std::memcpy(header.magic_bytes.data(), manifest::magic, 8);
    header.format = manifest::version;
    header.id = 1;
    header.file_bytes = file.size();
    std::memcpy(file.data(), &header, sizeof header);
    header.sum = xxh3_64(std::string_view(file).substr(manifest::summed_from));
    std::memcpy(file.data(), &header, sizeof header);
  }
  MUST(write_file_atomically(release_path_of(directory(), 1), file, Sync::no).ok());
  Disk disk;
  const auto release = Release::open(directory(), 1, HashKey::of("fuzz"), disk);
  if (!release) return 0;
  const Release& opened = **release;
  std::size_t words = 0;
  for (std::size_t i = 0; i < opened.count() && i < 100; ++i) {
    const ReleaseEntry entry = opened.at(i);
    words += entry.content_type().size() + entry.fields().size() + entry.body_bytes();
    words += static_cast<std::size_t>(entry.status()) + static_cast<std::size_t>(entry.kind());
    for (std::size_t tag = 0; tag < entry.tag_count() && tag < 100; ++tag)
      words += entry.tag(tag).size();
    words += entry.has_tag(3) ? 1 : 0;
    const auto found = opened.find(entry.path());
    MUST(!found || found->path() == entry.path());
    MUST(!opened.read(entry).ok());  // there is no segment
    (void)opened.find_blob(entry.body_id());
  }
  (void)opened.find_tag("t");
  for (const FoundFile& input : opened.list_inputs("")) MUST(!opened.read_input(input.path).ok());
  return words == SIZE_MAX ? 1 : 0;
}
