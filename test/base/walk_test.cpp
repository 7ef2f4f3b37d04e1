// Goal: without openat2 a root directory cannot be left either, by any spelling or link.

#include "base/walk.h"

#include "base/file.h"
#include "support.h"

#include <catch2/catch.hpp>

#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <unistd.h>

using namespace weir;

TEST_CASE("a walk in steps opens what openat2 would, and nothing outside", "[base]") {
  test::TemporaryDirectory directory;
  directory.write("outside.txt", "secret");
  directory.write("root/in.txt", "fine");
  directory.write("root/sub/deep.txt", "deep");
  std::filesystem::create_symlink("../outside.txt", directory / "root/leaves");
  std::filesystem::create_symlink("/etc", directory / "root/etc");
  std::filesystem::create_symlink("sub/deep.txt", directory / "root/stays");
  std::filesystem::create_symlink("..", directory / "root/sub/up");
  std::filesystem::create_symlink("sub/../sub/../in.txt", directory / "root/winds");
  std::filesystem::create_symlink("sub/../../root/in.txt", directory / "root/winds-out");
  std::filesystem::create_symlink("self", directory / "root/self");
  std::filesystem::create_symlink("/proc/self/root", directory / "root/magic");
  const Descriptor root(::open((directory / "root").c_str(), O_RDONLY | O_DIRECTORY));
  REQUIRE(root.is_open());

  const auto text_of = [&](const std::string& path) {
    const Descriptor file(open_beneath_in_steps(root.number(), path, O_RDONLY));
    char text[16];
    const ssize_t bytes = file.is_open() ? ::read(file.number(), text, sizeof text) : -1;
    return bytes < 0 ? std::string() : std::string(text, static_cast<std::size_t>(bytes));
  };
  CHECK(text_of("in.txt") == "fine");
  CHECK(text_of("./sub//deep.txt") == "deep");
  CHECK(text_of("sub/../in.txt") == "fine");
  CHECK(text_of("stays") == "deep");
  CHECK(text_of("sub/up/in.txt") == "fine");
  CHECK(text_of("winds") == "fine");
  struct Row {
    const char* path;
    int error;
  };
  for (const Row& row :
       {Row{"../outside.txt", EXDEV}, Row{"leaves", EXDEV}, Row{"etc/passwd", EXDEV},
        Row{"/etc/passwd", EXDEV}, Row{"sub/../../outside.txt", EXDEV}, Row{"winds-out", EXDEV},
        Row{"sub/up/../outside.txt", EXDEV}, Row{"magic/etc/passwd", EXDEV}, Row{"self", ELOOP},
        Row{"absent", ENOENT}, Row{"sub/absent", ENOENT}, Row{"in.txt/x", ENOTDIR},
        Row{"", ENOENT}}) {
    INFO(row.path);
    errno = 0;
    const Descriptor file(open_beneath_in_steps(root.number(), row.path, O_RDONLY));
    CHECK_FALSE(file.is_open());
    CHECK(errno == row.error);
  }
  const Descriptor folder(open_beneath_in_steps(root.number(), "sub", O_RDONLY | O_DIRECTORY));
  CHECK(folder.is_open());
}
