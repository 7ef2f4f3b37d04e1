#pragma once
// The dictionary of a site's layout (RFC 9842): what its pages have in common, so that a page is
// sent as its difference (`dcz`, C-46).
//
// One for each release: a page of each kind (pages that were made from the same templates), up to
// limits::dictionary_kinds_max kinds, the most frequent ones last, where references are cheapest. A
// pure function of the release, so that each node and each start makes the same bytes.
//
//   dcz = 5E 2A 4D 18 20 00 00 00 | SHA-256 of the dictionary | zstd frame with it       (40 + n)
//
// Immutable; callable from any thread. `of` reads the disk: for workers.

#include "base/crypto.h"
#include "base/result.h"
#include "store/codec.h"
#include "store/release.h"

#include <memory>
#include <string>
#include <string_view>

namespace weir::cache {

class Dictionary {
 public:
  // Null: the release has too few pages to gain by one.
  static std::shared_ptr<const Dictionary> of(const store::Release& release);
  static std::shared_ptr<const Dictionary> of_bytes(std::string bytes);

  std::string_view bytes() const { return bytes_; }
  const std::string& zstd() const { return zstd_; }  // of the bytes, for who fetches them
  const std::string& name() const { return name_; }  // 32 hex digits, of the SHA-256
  // As Available-Dictionary has it: ":<base64 of the SHA-256>:" (a byte sequence of RFC 9651).
  const std::string& available() const { return available_; }

  std::string dcz_of(std::string_view body) const;

 private:
  explicit Dictionary(std::string bytes);
  std::string bytes_, zstd_, name_, available_;
  Sha256 sha256_{};
  std::shared_ptr<const store::ZstdDictionary> prepared_;
};

}  // namespace weir::cache
