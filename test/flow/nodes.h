#pragma once
// Several servers with stores of their own that follow each other's purges, on ports that were free
// a moment before.

#include "server.h"

#include "text/json.h"

#include <catch2/catch.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir::flow {

// Nodes that share the list of all of them, as an operator would write it.
class Nodes {
 public:
  // `more` stands in [cache], behind it whatever tables it brings along; `write` puts more files
  // into each site.
  using Write = std::function<void(const test::TemporaryDirectory&)>;
  explicit Nodes(std::size_t count, std::string_view more = {}, const Write& write = {})
      : servers_(count) {
    std::string peers;
    for (std::size_t at = 0; at < count; ++at) {
      ports_.push_back(free_port());
      peers += (at == 0 ? "\"" : ", \"") + url(at) + "\"";
    }
    for (std::size_t at = 0; at < count; ++at) {
      directories_.push_back(std::make_unique<test::TemporaryDirectory>());
      directories_[at]->write("secrets/peers", at == 3 ? "another secret" : "the nodes' secret");
      write_site(*directories_[at], "[cache]\npeers = [" + peers +
                                        "]\npeer_secret = { file = \"secrets/peers\" }\n" +
                                        std::string(more));
      if (write) write(*directories_[at]);
    }
  }
  std::string url(std::size_t at) const { return "http://127.0.0.1:" + std::to_string(ports_[at]); }
  void start(std::size_t at) {
    Server::Options options;
    options.listen = "127.0.0.1:" + std::to_string(ports_[at]);
    servers_[at] = std::make_unique<Server>(directories_[at]->path(), std::move(options));
    INFO(servers_[at]->process().errors());
    REQUIRE(servers_[at]->port() == ports_[at]);
  }
  void kill(std::size_t at) {
    servers_[at]->kill();
    servers_[at].reset();
  }
  Server& server(std::size_t at) { return *servers_[at]; }
  std::string store(std::size_t at) const { return directories_[at]->path() + "/cache"; }

  std::int64_t purge(std::size_t at, const std::string& body) {
    const auto answer = post(server(at).admin_port(), "/_weir/purge", body);
    REQUIRE(answer.status == 200);
    const auto told = text::parse_json(answer.body);
    return told.ok() && told->find("seq") != nullptr ? *told->find("seq")->integer() : 0;
  }
  std::string why(std::size_t at, const std::string& path) {
    const auto told =
        text::parse_json(get(server(at).admin_port(), "/_weir/entry?url=" + path).body);
    return told.ok() && told->find("why") != nullptr ? *told->find("why")->string() : "?";
  }

 private:
  std::vector<unsigned short> ports_;
  std::vector<std::unique_ptr<test::TemporaryDirectory>> directories_;
  std::vector<std::unique_ptr<Server>> servers_;
};

}  // namespace weir::flow
