#include "site/memory.h"

#include "base/version.h"

#include <cstring>

namespace weir::site {

namespace {

constexpr std::string_view magic = "WEIRMEM1";
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
  void hash(const Hash128& value) {
    fixed(value.low);
    fixed(value.high);
  }
  void text(std::string_view value) {
    number(value.size());
    out_ += value;
  }
  void numbers(const std::vector<std::uint32_t>& values) {
    number(values.size());
    for (const std::uint32_t value : values) number(value);
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
  const std::string& bytes() const { return out_; }

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
  Hash128 hash() {
    Hash128 value;
    value.low = fixed();
    value.high = fixed();
    return value;
  }
  std::string_view text() {
    const std::size_t bytes = count();
    const std::string_view value = text_.substr(at_, bytes);
    at_ += bytes;
    return value;
  }
  std::vector<std::uint32_t> numbers() {
    std::vector<std::uint32_t> values(count());
    for (std::uint32_t& value : values) value = number32();
    return values;
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

void write(Writer& out, const ContentNote& note) {
  out.text(note.front);
  out.number(note.body_offset);
  out.number(note.body_line);
  out.number(note.word_count);
  out.hash(note.front_hash);
  out.hash(note.body_hash);
  out.flag(note.is_settled);
  if (!note.is_settled) return;
  out.hash(note.around);
  out.hash(note.html);
  out.hash(note.summary);
  out.hash(note.toc);
  out.number(note.ids.size());
  for (const std::string& id : note.ids) out.text(id);
  out.number(note.internal_links.size());
  for (const LinkNote& link : note.internal_links) {
    out.text(link.target);
    out.number(link.line);
    out.number(link.column);
  }
  out.numbers(note.facts);
}

void read(Reader& in, ContentNote& note) {
  note.front = in.text();
  note.body_offset = in.number32();
  note.body_line = in.number32();
  note.word_count = in.number();
  note.front_hash = in.hash();
  note.body_hash = in.hash();
  note.is_settled = in.flag();
  if (!note.is_settled) return;
  note.around = in.hash();
  note.html = in.hash();
  note.summary = in.hash();
  note.toc = in.hash();
  note.ids.resize(in.count());
  for (std::string& id : note.ids) id = in.text();
  note.internal_links.resize(in.count());
  for (LinkNote& link : note.internal_links) {
    link.target = in.text();
    link.line = in.number32();
    link.column = in.number32();
  }
  note.facts = in.numbers();
}

}  // namespace

FactNumbers::FactNumbers(BuildMemory& memory) : memory_(memory) {
  numbers_.reserve(memory.facts.size());
  for (std::uint32_t i = 0; i < memory.facts.size(); ++i)
    numbers_.emplace(key_of(memory.facts[i]), i);
}

std::string FactNumbers::key_of(const FactName& fact) {
  std::string key{static_cast<char>(fact.kind), static_cast<char>(fact.group)};
  return key += fact.name;
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

std::string encode_memory(const BuildMemory& memory) {
  Writer out;
  out.text(version);
  out.text(commit);
  out.hash(memory.options);
  out.hash(memory.settings);
  out.fixed(static_cast<std::uint64_t>(memory.begun_ns));
  out.number(memory.release);
  for (const std::uint64_t count : {memory.pages, memory.sections, memory.orphans, memory.warnings})
    out.number(count);
  out.flag(memory.has_unsettled);
  out.number(memory.files.size());
  for (const auto& [file, look] : memory.files) {
    out.text(file);
    out.number(look.bytes);
    out.fixed(static_cast<std::uint64_t>(look.modified_ns));
    out.fixed(static_cast<std::uint64_t>(look.changed_ns));
  }
  for (const std::vector<std::string>* paths : {&memory.directories, &memory.absent}) {
    out.number(paths->size());
    for (const std::string& path : *paths) out.text(path);
  }
  out.number(memory.contents.size());
  for (const auto& [file, note] : memory.contents) {
    out.text(file);
    write(out, note);
  }
  out.number(memory.facts.size());
  for (std::size_t i = 0; i < memory.facts.size(); ++i) {
    out.number(static_cast<std::uint64_t>(memory.facts[i].kind));
    out.number(static_cast<std::uint64_t>(memory.facts[i].group));
    out.text(memory.facts[i].name);
    out.hash(memory.values[i]);
  }
  out.number(memory.outputs.size());
  for (const auto& [file, note] : memory.outputs) {
    out.text(file);
    out.hash(note.plan);
    out.flag(note.is_settled);
    out.numbers(note.facts);
  }
  const std::string body = out.take();
  std::string text(magic);
  const std::uint64_t sum = xxh3_64(body);
  text.append(reinterpret_cast<const char*>(&sum), 8);
  text += body;
  return text;
}

std::optional<BuildMemory> decode_memory(std::string_view text) {
  if (!text.starts_with(magic) || text.size() < magic.size() + 8) return std::nullopt;
  std::uint64_t sum = 0;
  std::memcpy(&sum, text.data() + magic.size(), 8);
  text.remove_prefix(magic.size() + 8);
  if (xxh3_64(text) != sum) return std::nullopt;
  Reader in(text);
  if (in.text() != version || in.text() != commit) return std::nullopt;
  BuildMemory memory;
  memory.options = in.hash();
  memory.settings = in.hash();
  memory.begun_ns = static_cast<std::int64_t>(in.fixed());
  memory.release = in.number();
  for (std::uint64_t* count : {&memory.pages, &memory.sections, &memory.orphans, &memory.warnings})
    *count = in.number();
  memory.has_unsettled = in.flag();
  std::size_t count = in.count();
  memory.files.reserve(count);
  for (; count > 0 && in.is_good(); --count) {
    FileLook& look = memory.files[std::string(in.text())];
    look.bytes = in.number();
    look.modified_ns = static_cast<std::int64_t>(in.fixed());
    look.changed_ns = static_cast<std::int64_t>(in.fixed());
  }
  for (std::vector<std::string>* paths : {&memory.directories, &memory.absent}) {
    paths->resize(in.count());
    for (std::string& path : *paths) path = in.text();
  }
  count = in.count();
  memory.contents.reserve(count);
  for (; count > 0 && in.is_good(); --count) read(in, memory.contents[std::string(in.text())]);
  count = in.count();
  memory.facts.resize(count);
  memory.values.resize(count);
  for (std::size_t i = 0; i < count && in.is_good(); ++i) {
    memory.facts[i].kind = static_cast<tmpl::ReadKind>(in.number());
    memory.facts[i].group = static_cast<tmpl::ReadGroup>(in.number());
    memory.facts[i].name = in.text();
    memory.values[i] = in.hash();
  }
  const auto all_known = [&](const std::vector<std::uint32_t>& facts) {
    return std::all_of(facts.begin(), facts.end(),
                       [&](std::uint32_t fact) { return fact < memory.facts.size(); });
  };
  bool is_whole = true;
  count = in.count();
  memory.outputs.reserve(count);
  for (; count > 0 && in.is_good(); --count) {
    OutputNote& note = memory.outputs[std::string(in.text())];
    note.plan = in.hash();
    note.is_settled = in.flag();
    note.facts = in.numbers();
    is_whole = is_whole && all_known(note.facts);
  }
  for (const auto& [file, note] : memory.contents) is_whole = is_whole && all_known(note.facts);
  if (!in.is_good() || !in.is_at_end() || !is_whole) return std::nullopt;
  return memory;
}

}  // namespace weir::site
