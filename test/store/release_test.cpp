// Goal: a release is what the build gave, byte for byte; it is found without reading it all; a
// wrong byte is noticed.

#include "store/fixture.h"
#include "store/log.h"

#include <sys/stat.h>
#include <unistd.h>

#include <set>
#include <thread>

using namespace weir;
using namespace weir::store;
using namespace weir::test;

namespace {

std::shared_ptr<const Release> open_release(StoreBench& bench, ReleaseId id) {
  const std::string directory = bench.settings().directory;
  const HashKey key = HashKey::of(need(read_file(directory + "/secret")));
  return need(Release::open(directory, id, key, bench.disk));
}

std::string long_body(std::string_view seed) {
  std::string body;
  for (int i = 0; i < 200; ++i) body += std::string(seed) + " line " + std::to_string(i) + '\n';
  return body;
}

std::size_t segments_in(const std::string& directory) {
  std::size_t count = 0;
  for (const std::string& name : need(names_in(directory + "/blobs")))
    count += name.ends_with(".seg") ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("a release keeps entries, fields, tags, policies and inputs", "[store]") {
  StoreBench bench;
  const auto writer = bench.writer();
  NewEntry blog = page("/blog/", long_body("blog"), {"section:blog", "tpl:base", "tpl:base"});
  blog.policy = {std::chrono::seconds(60), std::chrono::minutes(10), std::chrono::hours(24)};
  blog.fields = {{"Link", "</a.css>; rel=preload"}};
  REQUIRE(writer->add(blog));
  NewEntry moved = page("/old/", "moved", {"tpl:base"});
  moved.status = 301;
  moved.kind = EntryKind::redirect;
  moved.renderable = Renderable::no;
  moved.fields = {{"Location", "/blog/"}};
  REQUIRE(writer->add(moved));
  REQUIRE(writer->add(page("/empty", "")));
  REQUIRE(writer->add_input({"content/a.md", "# A", 17}));
  REQUIRE(writer->add_input({"content/sub/b.md", long_body("b"), 18}));
  REQUIRE(writer->add_input({"contents.toml", "x = 1", 19}));

  const ReleaseId id = need(writer->finish());
  CHECK(id == 1);
  const auto release = open_release(bench, id);
  CHECK(release->count() == 3);
  CHECK(release->created() == bench.clock.wall());

  const auto entry = release->find("/blog/");
  REQUIRE(entry);
  CHECK(entry->path() == "/blog/");
  CHECK(entry->status() == 200);
  CHECK(entry->renderable() == Renderable::yes);
  CHECK(entry->policy() == blog.policy);
  CHECK(entry->fields() == blog.fields);
  CHECK(entry->content_type() == blog.content_type);
  CHECK(entry->sha256() == sha256_of(blog.body));
  CHECK(entry->tag_count() == 2);
  CHECK(entry->tag(0) == "section:blog");
  CHECK(entry->has_tag(*release->find_tag("tpl:base")));
  CHECK(release->entries_of_tag(*release->find_tag("tpl:base")) == 2);
  CHECK_FALSE(release->find_tag("tpl:other").has_value());
  const auto body = need(release->read(*entry));
  CHECK(body.identity == blog.body);
  CHECK(need(unpack_zstd(body.zstd, body.identity.size())) == blog.body);

  CHECK(release->find("/old/")->fields() == moved.fields);
  CHECK(release->find("/old/")->kind() == EntryKind::redirect);
  CHECK_FALSE(release->find("/old/")->policy().ttl.has_value());
  CHECK(need(release->read(*release->find("/empty"))).identity.empty());
  for (const char* path : {"", "/", "/blog", "/blog/x", "/zzz"})
    CHECK_FALSE(release->find(path).has_value());

  CHECK(release->list_inputs("").size() == 3);
  const auto content = release->list_inputs("content");
  REQUIRE(content.size() == 2);
  CHECK(content[0].path == "content/a.md");
  CHECK(content[0].bytes == 3);
  CHECK(content[0].modified_ns == 17);
  CHECK(need(release->read_input("content/sub/b.md")) == long_body("b"));
  CHECK(release->read_input("content/c.md").error().code == Errc::missing);
}

TEST_CASE("a thousand pages from four threads are all found", "[store]") {
  StoreBench bench;
  const auto writer = bench.writer();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&writer, t] {
      for (int i = t; i < 1000; i += 4)
        (void)writer
            ->add(page("/p" + std::to_string(i) + "/", long_body(std::to_string(i % 100)),
                       {"n:" + std::to_string(i % 10)}))
            .ok();
    });
  for (std::thread& thread : threads) thread.join();
  const auto release = open_release(bench, need(writer->finish()));
  REQUIRE(release->count() == 1000);
  std::set<BlobId> ids;
  for (int i = 0; i < 1000; ++i) {
    const auto entry = release->find("/p" + std::to_string(i) + "/");
    REQUIRE(entry);
    ids.insert(entry->body_id());
    if (i % 50 == 0)
      CHECK(need(release->read(*entry)).identity == long_body(std::to_string(i % 100)));
  }
  CHECK(ids.size() == 100);
  CHECK(release->entries_of_tag(*release->find_tag("n:3")) == 100);
}

TEST_CASE("a body that the newest release holds is not written again", "[store]") {
  StoreBench bench;
  {
    const auto writer = bench.writer();
    REQUIRE(writer->add(page("/a/", long_body("a"))));
    need(writer->finish());
  }
  {
    const auto writer = bench.writer();
    REQUIRE(writer->add(page("/b/", long_body("a"))));
    need(writer->finish());
  }
  CHECK(segments_in(bench.settings().directory) == 1);
  const auto release = open_release(bench, 2);
  CHECK(need(release->read(*release->find("/b/"))).identity == long_body("a"));
  CHECK(release->segment_names().size() == 1);
}

TEST_CASE("a build that cannot be a release says why and leaves nothing", "[store]") {
  StoreBench bench;
  {
    const auto writer = bench.writer();
    CHECK(writer->add(page("a/", "x")).error().code == Errc::invalid);
    NewEntry forged = page("/a/", "x");
    forged.fields = {{"X", "a\r\nSet-Cookie: b"}};
    CHECK(writer->add(forged).error().code == Errc::invalid);
    REQUIRE(writer->add(page("/a/", "x")));
    REQUIRE(writer->add(page("/a/", "y")));
    const auto finished = writer->finish();
    CHECK(finished.error().code == Errc::exists);
    CHECK(finished.error().what.find("/a/") != std::string::npos);
  }
  CHECK(segments_in(bench.settings().directory) == 0);
  CHECK(need(names_in(bench.settings().directory + "/tmp")).empty());
}

TEST_CASE("a manifest with any byte flipped or cut is refused", "[store]") {
  StoreBench bench;
  const auto writer = bench.writer();
  REQUIRE(writer->add(page("/a/", long_body("a"), {"t"})));
  REQUIRE(writer->add_input({"config.toml", "x", 1}));
  const ReleaseId id = need(writer->finish());
  const std::string directory = bench.settings().directory;
  const std::string path = release_path_of(directory, id);
  const HashKey key = HashKey::of(need(read_file(directory + "/secret")));
  const std::string whole = need(read_file(path));
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string wrong = whole;
    wrong[i] = static_cast<char>(wrong[i] ^ 0x10);
    REQUIRE(write_file_atomically(path, wrong, Sync::no));
    CHECK(Release::open(directory, id, key, bench.disk).error().code == Errc::corrupt);
  }
  for (std::size_t length = 0; length < whole.size(); length += 13) {
    REQUIRE(write_file_atomically(path, std::string_view(whole).substr(0, length), Sync::no));
    CHECK_FALSE(Release::open(directory, id, key, bench.disk).ok());
  }
}

TEST_CASE("a manifest that is shortened under a reader harms nobody", "[store]") {
  StoreBench bench;
  const auto writer = bench.writer();
  for (int i = 0; i < 300; ++i)  // several memory pages, so that a mapping would lose some
    REQUIRE(writer->add(page("/" + std::to_string(i) + "/", "a body", {"t" + std::to_string(i)})));
  const ReleaseId id = need(writer->finish());
  const auto release = open_release(bench, id);
  REQUIRE(::truncate(release_path_of(bench.settings().directory, id).c_str(), 0) == 0);
  for (std::size_t i = 0; i < release->count(); ++i)
    CHECK(release->find(release->at(i).path())->tag_count() == 1);
}

TEST_CASE("a body with any byte flipped on disk is an error, never a body", "[store]") {
  StoreBench bench;
  const auto writer = bench.writer();
  REQUIRE(writer->add(page("/a/", long_body("a"))));
  const auto release = open_release(bench, need(writer->finish()));
  const std::string path = bench.settings().directory + "/blobs/" + release->segment_names()[0];
  const std::string whole = need(read_file(path));
  for (std::size_t i = blob_header_bytes; i < whole.size(); ++i) {
    std::string wrong = whole;
    wrong[i] = static_cast<char>(wrong[i] ^ 1);
    FILE* const file = std::fopen(path.c_str(), "r+");
    std::fwrite(wrong.data(), 1, wrong.size(), file);
    std::fclose(file);
    const auto body = release->read(*release->find("/a/"));
    if (body.ok()) CHECK(body->identity == long_body("a"));  // the padding behind the blob
    else CHECK(body.error().code == Errc::corrupt);
  }
}

TEST_CASE("a builder without the lock learns the last purge", "[store]") {
  StoreBench bench;
  const auto store = bench.open();
  need(store->purge({.tags = {"a"}}, Store::Durable::now));
  const auto second = need(store->purge({.tags = {"b"}}, Store::Durable::now));
  CHECK(bench.writer()->fill_seq() == second.seq);
  REQUIRE(store->snapshot());
  CHECK(bench.writer()->fill_seq() == second.seq);
}
