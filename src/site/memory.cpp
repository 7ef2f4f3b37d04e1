#include "site/memory.h"

#include "base/must.h"
#include "base/version.h"

#include <cstring>

namespace weir::site {

namespace {

constexpr std::string_view magic = "WEIRMEM3";
constexpr std::size_t release_offset = magic.size(), sum_offset = release_offset + 8;
static_assert(label_bytes == sum_offset + 8);
constexpr std::size_t depth_max = 128;  // of front matter; its parsers stop before

class Writer {
 public:
  void number(std::uint64_t value) {  // LEB128
    while (value >= 0x80) {
      out_ += static_cast<char>(value | 0x80);
      value >>= 7;
    }
    out_ += static_cast<char>(value);
  }
  void fixed(std::uint64_t value) { out_.append(reinterpret_cast<const char*>(&value), 8); }
  void flag(bool value) { out_ += static_cast<char>(value); }
  void text(std::string_view value) {
    number(value.size());
    out_ += value;
  }
  void value(const text::Value& value) {
    number(value.line);
    number(value.column);
    if (const bool* flag_value = value.boolean()) {
      out_ += 'b';
      flag(*flag_value);
    } else if (const std::int64_t* integer = value.integer()) {
      out_ += 'i';
      fixed(static_cast<std::uint64_t>(*integer));
    } else if (const std::uint64_t* large = value.large_integer()) {
      out_ += 'u';
      fixed(*large);
    } else if (const double* real = value.real()) {
      out_ += 'r';
      std::uint64_t bits = 0;
      std::memcpy(&bits, real, 8);
      fixed(bits);
    } else if (const std::string* string = value.string()) {
      out_ += 's';
      text(*string);
    } else if (const text::DateText* date = value.date()) {
      out_ += 'd';
      text(date->text);
    } else if (const text::Value::Array* array = value.array()) {
      out_ += 'a';
      number(array->size());
      for (const text::Value& item : *array) this->value(item);
    } else if (const text::Value::Object* object = value.object()) {
      out_ += 'o';
      number(object->size());
      for (const text::Member& member : *object) {
        text(member.name);
        number(member.line);
        number(member.column);
        this->value(member.value);
      }
    } else {
      out_ += 'n';
    }
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

// After the first thing that does not fit, everything reads as zero and `is_good` is false.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const unsigned char byte = next();
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    is_good_ = false;
    return 0;
  }
  std::uint32_t number32() { return static_cast<std::uint32_t>(number()); }
  // A count of things of at least one byte each.
  std::size_t count() {
    const std::uint64_t value = number();
    if (value > text_.size() - at_) is_good_ = false;
    return is_good_ ? static_cast<std::size_t>(value) : 0;
  }
  std::uint64_t fixed() {
    std::uint64_t value = 0;
    if (text_.size() - at_ < 8) {
      is_good_ = false;
      return 0;
    }
    std::memcpy(&value, text_.data() + at_, 8);
    at_ += 8;
    return value;
  }
  bool flag() { return next() != 0; }
  void raw(void* rows, std::size_t bytes) {
    if (!has_room(bytes, 1) || bytes == 0) return;
    std::memcpy(rows, text_.data() + at_, bytes);
    at_ += bytes;
  }
  void skip(std::size_t bytes) {
    if (has_room(bytes, 1)) at_ += bytes;
  }
  bool has_room(std::uint64_t count, std::size_t bytes) {
    if (count > (text_.size() - at_) / bytes) is_good_ = false;
    return is_good_;
  }
  std::string_view text() {
    const std::size_t bytes = count();
    const std::string_view value = text_.substr(at_, bytes);
    at_ += bytes;
    return value;
  }
  text::Value value(std::size_t depth = 0) {
    const std::uint32_t line = number32();
    const std::uint32_t column = number32();
    text::Value value;
    if (depth > depth_max) is_good_ = false;
    switch (is_good_ ? next() : 'n') {
      case 'b': value = flag(); break;
      case 'i': value = static_cast<std::int64_t>(fixed()); break;
      case 'u': value = fixed(); break;
      case 'r': {
        const std::uint64_t bits = fixed();
        double real = 0;
        std::memcpy(&real, &bits, 8);
        value = real;
        break;
      }
      case 's': value = text(); break;
      case 'd': value = text::DateText{std::string(text())}; break;
      case 'a': {
        text::Value::Array array(count());
        for (text::Value& item : array) item = this->value(depth + 1);
        value = std::move(array);
        break;
      }
      case 'o': {
        text::Value::Object object(count());
        for (text::Member& member : object) {
          member.name = text();
          member.line = number32();
          member.column = number32();
          member.value = this->value(depth + 1);
        }
        value = std::move(object);
        break;
      }
      case 'n': break;
      default: is_good_ = false;
    }
    value.line = line;
    value.column = column;
    return value;
  }
  bool is_good() const { return is_good_; }
  bool is_at_end() const { return at_ == text_.size(); }

 private:
  unsigned char next() {
    if (at_ >= text_.size()) {
      is_good_ = false;
      return 0;
    }
    return static_cast<unsigned char>(text_[at_++]);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool is_good_ = true;
};

// The parts of a memory that are written as they lie, behind each other, each behind its count; the
// text comes last.
template <class Memory, class Use>
void for_each_part(Memory& memory, Use use) {
  use(memory.files);
  use(memory.directories);
  use(memory.absent);
  use(memory.contents);
  use(memory.facts);
  use(memory.outputs);
  use(memory.ids);
  use(memory.links);
  use(memory.numbers);
}

struct Head {
  Hash128 options, settings, structure;
  std::int64_t begun_ns = 0;
  std::uint64_t pages = 0, sections = 0, orphans = 0, warnings = 0, has_unsettled = 0, made = 0;
};
// As they lie: no byte of a row is left to chance.
static_assert(sizeof(Head) == 104 && sizeof(FileRow) == 32 && sizeof(LinkRow) == 16);
static_assert(sizeof(ContentRow) == 160 && sizeof(FactRow) == 32 && sizeof(OutputRow) == 40);

template <class Rows, class TextOf>
std::uint32_t find_row(const Rows& rows, std::string_view wanted, std::uint32_t guess,
                       TextOf text_of) {
  if (guess < rows.size() && text_of(rows[guess]) == wanted) return guess;
  const auto at = std::lower_bound(
      rows.begin(), rows.end(), wanted,
      [&](const auto& row, std::string_view other) { return text_of(row) < other; });
  return at == rows.end() || text_of(*at) != wanted ? BuildMemory::none
                                                    : static_cast<std::uint32_t>(at - rows.begin());
}

template <class T>
std::string_view bytes_of(const T* rows, std::size_t count) {
  return {reinterpret_cast<const char*>(rows), count * sizeof(T)};
}

std::uint64_t sum_of_release(std::uint64_t release) { return xxh3_64(bytes_of(&release, 1)); }

// Whether every reference stays within its pool.
bool is_whole(const BuildMemory& memory) {
  const auto is_text = [&](TextPlace place) {
    return place.offset <= memory.text.size() && place.bytes <= memory.text.size() - place.offset;
  };
  const auto is_in = [](Span32 span, std::size_t count) {
    return span.first <= count && span.count <= count - span.first;
  };
  const auto all = [](const auto& rows, auto is_good) {
    return std::all_of(rows.begin(), rows.end(), is_good);
  };
  return all(memory.files, [&](const FileRow& row) { return is_text(row.path); }) &&
         all(memory.directories, is_text) && all(memory.absent, is_text) &&
         all(memory.ids, is_text) &&
         all(memory.links, [&](const LinkRow& row) { return is_text(row.target); }) &&
         all(memory.facts, [&](const FactRow& row) { return is_text(row.name); }) &&
         all(memory.numbers, [&](std::uint32_t number) { return number < memory.facts.size(); }) &&
         all(memory.outputs,
             [&](const OutputRow& row) {
               return is_text(row.file) && is_in(row.facts, memory.numbers.size());
             }) &&
         all(memory.contents, [&](const ContentRow& row) {
           return is_text(row.file) && is_text(row.front) && is_in(row.ids, memory.ids.size()) &&
                  is_in(row.links, memory.links.size()) && is_in(row.facts, memory.numbers.size());
         });
}

}  // namespace

std::uint32_t BuildMemory::find_file(std::string_view path, std::uint32_t guess) const {
  return find_row(files, path, guess, [&](const FileRow& row) { return text_at(row.path); });
}
std::uint32_t BuildMemory::find_content(std::string_view file, std::uint32_t guess) const {
  return find_row(contents, file, guess, [&](const ContentRow& row) { return text_at(row.file); });
}
std::uint32_t BuildMemory::find_output(std::string_view file, std::uint32_t guess) const {
  return find_row(outputs, file, guess, [&](const OutputRow& row) { return text_at(row.file); });
}

TextPlace TextPool::add(std::string_view text) {
  MUST(size() + text.size() <= UINT32_MAX);
  const TextPlace place{static_cast<std::uint32_t>(size()),
                        static_cast<std::uint32_t>(text.size())};
  added_ += text;
  return place;
}

Span32 BuildMemory::add_numbers(std::span<const std::uint32_t> added) {
  const Span32 span{static_cast<std::uint32_t>(numbers.size()),
                    static_cast<std::uint32_t>(added.size())};
  numbers.insert(numbers.end(), added.begin(), added.end());
  return span;
}

bool BuildMemory::is_read(std::uint32_t fact) const {
  const auto reads = [&](const auto& row) {
    return std::ranges::find(numbers_at(row.facts), fact) != numbers_at(row.facts).end();
  };
  return std::ranges::any_of(outputs, reads) || std::ranges::any_of(contents, reads);
}

bool BuildMemory::is_sparse() const {
  std::size_t live_numbers = 0;
  std::size_t live_text = 0;
  for (const FileRow& row : files) live_text += row.path.bytes;
  for (const FactRow& row : facts) live_text += row.name.bytes;
  for (const OutputRow& row : outputs) {
    live_text += row.file.bytes;
    live_numbers += row.facts.count;
  }
  for (const ContentRow& row : contents) {
    live_text += row.file.bytes + row.front.bytes;
    live_numbers += row.facts.count;
    for (const TextPlace id : std::span(ids).subspan(row.ids.first, row.ids.count))
      live_text += id.bytes;
    for (const LinkRow& link : std::span(links).subspan(row.links.first, row.links.count))
      live_text += link.target.bytes;
  }
  return live_numbers < numbers.size() / 2 || live_text < text.size() / 2;
}

FactNumbers::FactNumbers(BuildMemory& memory) : memory_(memory) { make_room(); }

std::size_t FactNumbers::slot_of(const FactName& fact) const {
  const std::uint64_t salt =
      (static_cast<std::uint64_t>(fact.kind) << 8 | static_cast<std::uint64_t>(fact.group)) *
      0x9E37'79B9'7F4A'7C15ULL;
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = static_cast<std::size_t>(xxh3_64(fact.name) ^ salt >> 20) & mask;
  for (; slots_[at] != 0; at = (at + 1) & mask) {
    const FactName other = memory_.fact_at(slots_[at] - 1);
    if (other.kind == fact.kind && other.group == fact.group && other.name == fact.name) break;
  }
  return at;
}

std::uint32_t FactNumbers::add(const FactName& fact, Hash128 value) {
  const auto number = static_cast<std::uint32_t>(memory_.facts.size());
  memory_.facts.push_back({memory_.add_text(fact.name), static_cast<std::uint32_t>(fact.kind),
                           static_cast<std::uint32_t>(fact.group), value});
  if (2 * memory_.facts.size() > slots_.size()) {
    make_room();
  } else {
    slots_[slot_of(memory_.fact_at(number))] = number + 1;
  }
  return number;
}

void FactNumbers::make_room() {
  std::size_t count = 1024;
  while (count < 4 * memory_.facts.size()) count *= 2;
  slots_.assign(count, 0);
  for (std::uint32_t i = 0; i < memory_.facts.size(); ++i)
    slots_[slot_of(memory_.fact_at(i))] = i + 1;
}

Hash128 hash_of_input(std::string_view bytes) {
  static const HashKey key = HashKey::of("weir: what a build reads");
  return key.hash(bytes);
}

std::string encode_value(const text::Value& value) {
  Writer out;
  out.value(value);
  return out.take();
}

std::optional<text::Value> decode_value(std::string_view text) {
  Reader in(text);
  text::Value value = in.value();
  if (!in.is_good() || !in.is_at_end()) return std::nullopt;
  return value;
}

//   file = label | body        label = magic "WEIRMEM3" | release u64 | sum u64
//   body = version text | commit text | head | part* | count u64 | the text
//   part = count u64 | its rows
//   sum = xxh3-64 of the body, exclusive or that of the release
std::uint64_t encode_body(const BuildMemory& memory,
                          const std::function<void(std::string_view)>& put) {
  Checksum sum;
  const auto add = [&](std::string_view bytes) {
    sum.add(bytes);
    put(bytes);
  };
  Writer names;
  names.text(version);
  names.text(commit);
  add(names.take());
  const Head head{memory.options,       memory.settings, memory.structure, memory.begun_ns,
                  memory.pages,         memory.sections, memory.orphans,   memory.warnings,
                  memory.has_unsettled, memory.made};
  add(bytes_of(&head, 1));
  for_each_part(memory, [&](const auto& rows) {
    const std::uint64_t count = rows.size();
    add(bytes_of(&count, 1));
    add(bytes_of(rows.data(), rows.size()));
  });
  const std::uint64_t text_bytes = memory.text.size();
  add(bytes_of(&text_bytes, 1));
  add(memory.text.part_read());
  add(memory.text.part_added());
  return sum.value();
}

std::string label_of(std::uint64_t sum_of_body, std::uint64_t release) {
  const std::uint64_t sum = sum_of_body ^ sum_of_release(release);
  return std::string(magic).append(bytes_of(&release, 1)).append(bytes_of(&sum, 1));
}

std::string encode_memory(const BuildMemory& memory) {
  std::string body;
  const std::uint64_t sum = encode_body(memory, [&body](std::string_view bytes) { body += bytes; });
  return label_of(sum, memory.release) + body;
}

std::optional<BuildMemory> decode_memory(std::string file) {
  const auto held = std::make_shared<const std::string>(std::move(file));
  std::string_view text = *held;
  if (!text.starts_with(magic) || text.size() < label_bytes) return std::nullopt;
  BuildMemory memory;
  std::uint64_t sum = 0;
  std::memcpy(&memory.release, text.data() + release_offset, 8);
  std::memcpy(&sum, text.data() + sum_offset, 8);
  text.remove_prefix(label_bytes);
  if ((xxh3_64(text) ^ sum_of_release(memory.release)) != sum) return std::nullopt;
  Reader in(text);
  if (in.text() != version || in.text() != commit) return std::nullopt;
  Head head;
  in.raw(&head, sizeof head);
  memory.options = head.options;
  memory.settings = head.settings;
  memory.structure = head.structure;
  memory.begun_ns = head.begun_ns;
  memory.pages = head.pages;
  memory.sections = head.sections;
  memory.orphans = head.orphans;
  memory.warnings = head.warnings;
  memory.has_unsettled = head.has_unsettled;
  memory.made = head.made;
  for_each_part(memory, [&](auto& rows) {
    const std::uint64_t count = in.fixed();
    if (!in.has_room(count, sizeof rows[0])) return;
    rows.resize(static_cast<std::size_t>(count));
    in.raw(rows.data(), rows.size() * sizeof rows[0]);
  });
  const std::uint64_t text_bytes = in.fixed();
  if (!in.has_room(text_bytes, 1)) return std::nullopt;
  memory.text = TextPool(held, text.substr(text.size() - static_cast<std::size_t>(text_bytes)));
  in.skip(static_cast<std::size_t>(text_bytes));
  if (!in.is_good() || !in.is_at_end() || !is_whole(memory)) return std::nullopt;
  return memory;
}

}  // namespace weir::site
