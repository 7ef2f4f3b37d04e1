#pragma once
// Inside of ProxyCache: what is known for a request, and small pieces that its files share.

#include "edge/proxy_cache.h"

#include "store/store.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

namespace weir::edge {

// What is known for a request, and what follows.
struct ProxyCache::Look {
  cache::AnswerCache::Found found;
  std::shared_ptr<const cache::Answer> answer;  // that may be served or asked about; or null
  cache::Asking asking;
  cache::Judgement judgement;
  enum class Way : std::uint8_t {
    serve,
    serve_and_refresh,
    load,       // it is on disk
    serve_old,  // the last question failed, and it is not time for the next
    refuse,     // ... and there is nothing to serve
    shared,     // ask, and share the answer with who comes meanwhile
    alone,      // ask for this request; the answer may be kept
    pass,       // not for the cache
  } way = Way::shared;
  std::optional<store::Fill> on_disk;
  std::string_view why = "uri-miss";  // `fwd` of Cache-Status
};

inline std::vector<http::Field> views_of(const http::Fields& fields) {
  std::vector<http::Field> views;
  views.reserve(fields.size());
  for (const auto& [name, value] : fields) views.push_back({name, value});
  return views;
}

// Each of the whole lines "name: value\r\n".
template <class Use>
void for_each_line(std::string_view lines, Use use) {
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find("\r\n"), lines.size());
    const std::string_view line = lines.substr(0, end);
    if (const std::size_t colon = line.find(": "); colon != std::string_view::npos)
      use(line.substr(0, colon), line.substr(colon + 2));
    lines.remove_prefix(std::min(end + 2, lines.size()));
  }
}

// Neither a part of it, nor whether it is another than what the client has.
inline bool wants_the_whole(const http::Request& request) {
  using http::Known;
  return request.method == http::Method::get && !request.has(Known::range) &&
         !request.has(Known::if_none_match) && !request.has(Known::if_modified_since) &&
         !request.has(Known::if_range);
}

}  // namespace weir::edge
