#pragma once
// What the files of Control share: small answers, and work that a worker does while the client
// waits. For edge/control*.cpp alone. Loop thread.

#include "edge/answers.h"

#include "base/worker_pool.h"
#include "http/loop.h"

#include <memory>
#include <string>

namespace weir::edge {

inline http::Response json(int status, std::string body) {
  body += '\n';
  return {status,
          {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}},
          std::move(body)};
}

inline http::Response plain(int status, std::string body) {
  return {status,
          {{"Content-Type", "text/plain; charset=utf-8"}, {"Cache-Control", "no-store"}},
          std::move(body)};
}

inline void not_found(Visit& visit) {
  refuse(visit, {404, "not-found", "There is nothing at this address."});
}

// Runs `work` on a worker and `finish` on the loop with what it made, if the client is still there.
template <class Work, class Finish>
void on_worker(WorkerPool& workers, Visit& visit, Work work, Finish finish) {
  http::Loop& loop = visit.exchange->loop();
  const http::ExchangeId id = visit.exchange->id();
  const Status offered =
      workers.offer([&loop, id, work = std::move(work), finish = std::move(finish)] {
        auto made = std::make_shared<decltype(work())>(work());
        loop.post([&loop, id, made, finish] {
          http::Exchange* exchange = loop.find(id);
          if (exchange == nullptr || exchange->answered()) return;
          finish(*static_cast<Visit*>(exchange->user()), *made);
        });
      });
  if (!offered.ok())
    refuse(visit, {503, "overloaded", "The queue is full.", {}, {{"Retry-After", "1"}}});
}

}  // namespace weir::edge
