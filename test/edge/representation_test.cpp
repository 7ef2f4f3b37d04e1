// Goal: the form that a client gets is the one it weighs highest, then the one the server prefers
// (cache C-44), of those that are there.

#include "edge/representation.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::edge;
using store::Rendition;

namespace {

RenditionSet set_of(std::initializer_list<Rendition> renditions) {
  RenditionSet set;
  for (const Rendition one : renditions) set[static_cast<std::size_t>(one)] = true;
  return set;
}

}  // namespace

TEST_CASE("C-44: the highest weight, then the server's order, of what is there", "[edge]") {
  const RenditionSet all =
      set_of({Rendition::identity, Rendition::zstd, Rendition::gzip, Rendition::brotli});
  const RenditionSet polished =
      set_of({Rendition::identity, Rendition::best_zstd, Rendition::gzip, Rendition::best_brotli});
  const RenditionSet half =
      set_of({Rendition::identity, Rendition::best_zstd, Rendition::gzip, Rendition::brotli});
  const RenditionSet early = set_of({Rendition::identity, Rendition::zstd});
  struct Row {
    RenditionSet held;
    const char* field;
    std::optional<Rendition> chosen;
  };
  for (const Row& row :
       {Row{all, "gzip, deflate, br, zstd", Rendition::brotli},
        Row{all, "gzip, zstd", Rendition::zstd}, Row{all, "x-gzip", Rendition::gzip},
        Row{all, "br;q=0.9, zstd", Rendition::zstd}, Row{all, "br;q=0, *", Rendition::zstd},
        Row{all, "gzip;q=0", Rendition::identity}, Row{all, "", Rendition::identity},
        Row{all, "identity, gzip;q=0.5", Rendition::identity},
        Row{polished, "gzip, br, zstd", Rendition::best_brotli},
        Row{polished, "gzip, zstd", Rendition::best_zstd},
        Row{polished, "br;q=0.5, gzip", Rendition::gzip},
        Row{half, "gzip, br, zstd", Rendition::best_zstd}, Row{half, "gzip, br", Rendition::brotli},
        Row{early, "gzip, br", Rendition::identity}, Row{early, "gzip, br, zstd", Rendition::zstd},
        Row{early, "gzip, identity;q=0", std::nullopt}, Row{all, "*;q=0", std::nullopt}}) {
    INFO(row.field);
    CHECK(choose_rendition(row.held, http::parse_accept_encoding(row.field)) == row.chosen);
  }
}

TEST_CASE("what is held is asked of whoever holds it", "[edge]") {
  struct Held {
    const int* find(Rendition rendition) const {
      return rendition == Rendition::gzip ? &number : nullptr;
    }
    int number = 0;
  };
  CHECK(renditions_of(Held{}) == set_of({Rendition::gzip}));
}
