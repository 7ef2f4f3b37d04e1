// Goal: messages arrive whole, with their descriptors, and the end of the other side is noticed.

#include "cli/channel.h"
#include "cli/service_manager.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <array>

using namespace weir;
using cli::Channel;

TEST_CASE("a message brings its words and copies of its descriptors", "[cli][channel]") {
  auto pair = Channel::make_pair();
  REQUIRE(pair.ok());
  auto& [one, other] = *pair;
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  REQUIRE(one.say("keep listen 127.0.0.1 80", ends).ok());
  REQUIRE(one.say("ready").ok());
  auto first = other.hear();
  REQUIRE(first);
  CHECK(first->word() == "keep");
  CHECK(first->rest() == "listen 127.0.0.1 80");
  REQUIRE(first->descriptors.size() == 2);
  CHECK((::fcntl(first->descriptors[0].number(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(::write(first->descriptors[1].number(), "x", 1) == 1);
  char byte = 0;
  CHECK(::read(ends[0], &byte, 1) == 1);
  auto second = other.hear();
  REQUIRE(second);
  CHECK(second->word() == "ready");
  CHECK(second->rest().empty());
  CHECK(second->descriptors.empty());
  ::close(ends[0]);
  ::close(ends[1]);
  one = Channel();
  CHECK_FALSE(other.hear());
  CHECK_FALSE(other.say("anybody").ok());
}

TEST_CASE("sockets passed to another process are left alone, and what is none is named",
          "[cli][channel]") {
  CHECK(cli::take_passed_sockets({})->empty());
  CHECK(cli::take_passed_sockets({{"LISTEN_FDS", "1"}, {"LISTEN_PID", "1"}})->empty());
}
