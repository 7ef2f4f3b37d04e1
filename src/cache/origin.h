#pragma once
// What the cache asks for when a page must be made again. `cli` passes an adapter round the site's
// renderer; tests pass a fake.

#include "base/result.h"
#include "store/release.h"

#include <functional>
#include <memory>
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
};

class Origin {
 public:
  virtual ~Origin() = default;
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
