#pragma once
// What the cache asks for when a page must be made again. `cli` passes an adapter round the site's
// renderer; tests pass a fake.

#include "base/clock.h"
#include "base/result.h"
#include "store/release.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::cache {

struct RenderRequest {
  std::string_view path;                               // the key
  std::shared_ptr<const store::Release> release = {};  // whose inputs to render from
};

struct Rendered {
  int status = 200;  // 404 and 410 are answers too: the page is gone. 5xx: the old copy stays
  std::string content_type = {};
  store::Fields fields = {};
  std::string body = {};
  std::vector<std::string> tags = {};
  store::Policy policy = {};
  Nanos age{0};  // when another node has made it: since then
};

// What a hard purge leaves when the page cannot be made again: nothing, or the old copy (C-52).
enum class HardOnError : std::uint8_t { error, stale };

// What is true of a key that a dynamic route makes, although no release holds it. What is not set
// is as the cache's settings say.
struct KeyRules {
  std::optional<Nanos> neg_ttl;    // how long "there is no such record" is believed (C-35)
  std::optional<Nanos> fill_wait;  // how long a visitor waits for a render (C-4)
  std::optional<HardOnError> hard_on_error;
  std::string source = {};  // whom a render asks, "https://api.example.org"; empty = nobody
  bool is_local = false;    // made from what this node alone has
};

class Origin {
 public:
  virtual ~Origin() = default;
  // The rules of a key that a dynamic route makes; null = it exists only if the release has it.
  // Callable from any thread, loops too: no I/O.
  virtual std::shared_ptr<const KeyRules> rules_of(std::string_view /*key*/) const {
    return nullptr;
  }
  // Called on worker threads, several at once, never twice at once for one key. May block. An Error
  // is a failed render: the old copy stays, the next try backs off.
  virtual Result<Rendered> render(const RenderRequest& request) = 0;
};

// Where work goes that no client waits for on its own thread. `offer` never blocks; Errc::full when
// there is no room.
class Tasks {
 public:
  virtual ~Tasks() = default;
  virtual Status offer(std::function<void()> work) = 0;
};

}  // namespace weir::cache
