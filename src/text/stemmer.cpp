#include "text/stemmer.h"

#include "base/bytes.h"
#include "text/porter.h"
#include "text/stop_words.h"
#include "text/utf8.h"

#include <algorithm>
#include <span>
#include <unordered_set>

// Each stemmer of libstemmer stands alone; the public header's list of all of them, in all
// encodings, would cost the binary 0.4 MB.
extern "C" {
struct SN_env {  // as far as it is read here
  unsigned char* p;
  int c;
  int l;
};
int SN_set_current(SN_env* env, int bytes, const unsigned char* word);
#define WEIR_STEMMER(name)                  \
  SN_env* name##_UTF_8_create_env(void);    \
  void name##_UTF_8_close_env(SN_env* env); \
  int name##_UTF_8_stem(SN_env* env);
WEIR_STEMMER(danish)
WEIR_STEMMER(dutch)
WEIR_STEMMER(finnish)
WEIR_STEMMER(french)
WEIR_STEMMER(german)
WEIR_STEMMER(hungarian)
WEIR_STEMMER(italian)
WEIR_STEMMER(norwegian)
WEIR_STEMMER(portuguese)
WEIR_STEMMER(romanian)
WEIR_STEMMER(russian)
WEIR_STEMMER(spanish)
WEIR_STEMMER(swedish)
WEIR_STEMMER(turkish)
#undef WEIR_STEMMER
}

namespace weir::text {

namespace {

struct Range {
  char32_t first, last;
};
// Scripts by the Unicode property of that name.
constexpr Range latin[] = {
    {'A', 'Z'},       {'a', 'z'},       {0xAA, 0xAA},     {0xBA, 0xBA},     {0xC0, 0xD6},
    {0xD8, 0xF6},     {0xF8, 0x2B8},    {0x2E0, 0x2E4},   {0x1D00, 0x1D25}, {0x1D2C, 0x1D5C},
    {0x1D62, 0x1D65}, {0x1D6B, 0x1D77}, {0x1D79, 0x1DBE}, {0x1E00, 0x1EFF}, {0x2071, 0x2071},
    {0x207F, 0x207F}, {0x2090, 0x209C}, {0x212A, 0x212B}, {0x2132, 0x2132}, {0x214E, 0x214E},
    {0x2160, 0x2188}, {0x2C60, 0x2C7F}, {0xA722, 0xA787}, {0xA78B, 0xA7CA}, {0xA7F2, 0xA7FF},
    {0xAB30, 0xAB5A}, {0xAB5C, 0xAB64}, {0xFB00, 0xFB06}, {0xFF21, 0xFF3A}, {0xFF41, 0xFF5A}};
constexpr Range cyrillic[] = {{0x400, 0x484},   {0x487, 0x52F},   {0x1C80, 0x1C88},
                              {0x1D2B, 0x1D2B}, {0x1D78, 0x1D78}, {0x2DE0, 0x2DFF},
                              {0xA640, 0xA69F}, {0xFE2E, 0xFE2F}};
constexpr Range latin_and_hangul[] = {
    {'A', 'Z'},       {'a', 'z'},       {0xC0, 0xD6},     {0xD8, 0xF6},     {0xF8, 0x2B8},
    {0x1100, 0x11FF}, {0x302E, 0x302F}, {0x3131, 0x318E}, {0x3200, 0x321E}, {0x3260, 0x327E},
    {0xA960, 0xA97C}, {0xAC00, 0xD7A3}, {0xD7B0, 0xD7FB}, {0xFFA0, 0xFFDC}};
constexpr Range ascii_words[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};

struct Algorithm {
  SN_env* (*create)();
  void (*close)(SN_env*);
  int (*stem)(SN_env*);
};
constexpr Algorithm danish{danish_UTF_8_create_env, danish_UTF_8_close_env, danish_UTF_8_stem};
constexpr Algorithm dutch{dutch_UTF_8_create_env, dutch_UTF_8_close_env, dutch_UTF_8_stem};
constexpr Algorithm finnish{finnish_UTF_8_create_env, finnish_UTF_8_close_env, finnish_UTF_8_stem};
constexpr Algorithm french{french_UTF_8_create_env, french_UTF_8_close_env, french_UTF_8_stem};
constexpr Algorithm german{german_UTF_8_create_env, german_UTF_8_close_env, german_UTF_8_stem};
constexpr Algorithm hungarian{hungarian_UTF_8_create_env, hungarian_UTF_8_close_env,
                              hungarian_UTF_8_stem};
constexpr Algorithm italian{italian_UTF_8_create_env, italian_UTF_8_close_env, italian_UTF_8_stem};
constexpr Algorithm norwegian{norwegian_UTF_8_create_env, norwegian_UTF_8_close_env,
                              norwegian_UTF_8_stem};
constexpr Algorithm portuguese{portuguese_UTF_8_create_env, portuguese_UTF_8_close_env,
                               portuguese_UTF_8_stem};
constexpr Algorithm romanian{romanian_UTF_8_create_env, romanian_UTF_8_close_env,
                             romanian_UTF_8_stem};
constexpr Algorithm russian{russian_UTF_8_create_env, russian_UTF_8_close_env, russian_UTF_8_stem};
constexpr Algorithm spanish{spanish_UTF_8_create_env, spanish_UTF_8_close_env, spanish_UTF_8_stem};
constexpr Algorithm swedish{swedish_UTF_8_create_env, swedish_UTF_8_close_env, swedish_UTF_8_stem};
constexpr Algorithm turkish{turkish_UTF_8_create_env, turkish_UTF_8_close_env, turkish_UTF_8_stem};

struct Language {
  std::string_view code;        // in the names of the steps
  std::string_view also;        // another code for the same
  std::string_view name;        // as an index has it
  const Algorithm* algorithm;   // of libstemmer; null: words are not stemmed
  std::span<const Range> word;  // what is not trimmed; empty: nothing is
};
constexpr Language languages[] = {
    {"en", "", "English", nullptr, ascii_words},
    {"ar", "", "Arabic", nullptr, {}},
    {"da", "", "Danish", &danish, latin},
    {"de", "", "German", &german, latin},
    {"du", "nl", "Dutch", &dutch, latin},
    {"es", "", "Spanish", &spanish, latin},
    {"fi", "", "Finnish", &finnish, latin},
    {"fr", "", "French", &french, latin},
    {"hu", "", "Hungarian", &hungarian, latin},
    {"it", "", "Italian", &italian, latin},
    {"ko", "", "Korean", nullptr, latin_and_hangul},
    {"no", "nb", "Norwegian", &norwegian, latin},
    {"pt", "", "Portuguese", &portuguese, latin},
    {"ro", "", "Romanian", &romanian, latin},
    {"ru", "", "Russian", &russian, cyrillic},
    {"sv", "", "Swedish", &swedish, latin},
    {"tr", "", "Turkish", &turkish, latin},
};

bool is_of(std::span<const Range> ranges, char32_t c) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [c](const Range& one) { return c >= one.first && c <= one.last; });
}

std::string_view trimmed(std::string_view word, std::span<const Range> ranges) {
  std::size_t begin = word.size();
  std::size_t end = 0;
  for (std::size_t at = 0; at < word.size();) {
    const CodePoint c = first_code_point(word.substr(at));
    if (is_of(ranges, c.value)) {
      begin = std::min(begin, at);
      end = at + c.bytes;
    }
    at += c.bytes;
  }
  return begin < end ? word.substr(begin, end - begin) : std::string_view();
}

// Vowel signs and the long stroke are left out; every alef is the plain one.
std::string plain_arabic(std::string_view word) {
  std::string out;
  bool has_dropped = false;
  bool has_changed = false;
  for (std::size_t at = 0; at < word.size();) {
    const CodePoint c = first_code_point(word.substr(at));
    at += c.bytes;
    const bool is_sign = c.value == 0x640 || (c.value >= 0x64B && c.value <= 0x65B);
    const bool is_alef = c.value == 0x622 || c.value == 0x623 || c.value == 0x625 ||
                         c.value == 0x671 || c.value == 0x649;
    // The client replaces the first of each only, and the two have to agree.
    if (is_sign && !has_dropped) {
      has_dropped = true;
      continue;
    }
    append_utf8(out, is_alef && !has_changed ? 0x627 : c.value);
    has_changed = has_changed || is_alef;
  }
  return out;
}

// One running stemmer.
class Stemmer {
 public:
  explicit Stemmer(const Algorithm& algorithm) : algorithm_(algorithm), env_(algorithm.create()) {}
  Stemmer(const Stemmer&) = delete;
  Stemmer& operator=(const Stemmer&) = delete;
  ~Stemmer() {
    if (env_ != nullptr) algorithm_.close(env_);
  }
  // The word itself when there is no memory.
  std::string stem_of(std::string_view word) {
    if (env_ == nullptr ||
        SN_set_current(env_, static_cast<int>(word.size()),
                       reinterpret_cast<const unsigned char*>(word.data())) != 0 ||
        algorithm_.stem(env_) < 0)
      return std::string(word);
    return {reinterpret_cast<const char*>(env_->p), static_cast<std::size_t>(env_->l)};
  }

 private:
  const Algorithm& algorithm_;
  SN_env* env_;
};

}  // namespace

struct WordPipeline::Parts {
  const Language* language = nullptr;
  std::unordered_set<std::string_view> stop_words;
  std::unique_ptr<Stemmer> stemmer;
};

WordPipeline::WordPipeline(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
WordPipeline::~WordPipeline() = default;
WordPipeline::WordPipeline(WordPipeline&&) noexcept = default;

WordPipeline WordPipeline::of(std::string_view language) {
  const std::string code = lower_of(language.substr(0, language.find_first_of("-_")));
  auto parts = std::make_unique<Parts>();
  for (const Language& one : languages)
    if (one.code == code || (!one.also.empty() && one.also == code)) parts->language = &one;
  if (parts->language == nullptr) return WordPipeline(std::move(parts));
  std::string_view words = stop_words_of(parts->language->code);
  while (!words.empty()) {
    const std::size_t blank = std::min(words.find(' '), words.size());
    parts->stop_words.insert(words.substr(0, blank));
    words.remove_prefix(std::min(blank + 1, words.size()));
  }
  if (parts->language->algorithm != nullptr)
    parts->stemmer = std::make_unique<Stemmer>(*parts->language->algorithm);
  return WordPipeline(std::move(parts));
}

bool WordPipeline::is_known() const { return parts_->language != nullptr; }
std::string_view WordPipeline::language_name() const {
  return is_known() ? parts_->language->name : "none";
}

std::vector<std::string> WordPipeline::step_names() const {
  if (!is_known()) return {};
  const std::string_view code = parts_->language->code;
  const std::string ending = code == "en" ? "" : '-' + std::string(code);
  std::vector<std::string> names;
  if (!parts_->language->word.empty()) {
    names.push_back("trimmer" + ending);
    names.push_back("stopWordFilter" + ending);
  }
  names.push_back("stemmer" + ending);
  return names;
}

std::string WordPipeline::reduced(std::string_view word) {
  if (!is_known()) return std::string(word);
  if (parts_->language->word.empty()) return plain_arabic(word);
  const std::string_view core = trimmed(word, parts_->language->word);
  if (core.empty() || parts_->stop_words.contains(core)) return {};
  if (parts_->language->code == "en") return porter_stem_of(core);
  if (!parts_->stemmer) return std::string(core);
  return parts_->stemmer->stem_of(core);
}

std::vector<std::string> search_words_of(std::string_view text, std::string_view more) {
  std::vector<std::string> words;
  std::size_t begin = 0;
  for (std::size_t at = 0; at <= text.size();) {
    const CodePoint c = first_code_point(text.substr(at));
    const bool is_space =
        c.value == ' ' || (c.value >= 9 && c.value <= 13) || c.value == 0x85 || c.value == 0xA0 ||
        c.value == 0x1680 || (c.value >= 0x2000 && c.value <= 0x200A) || c.value == 0x2028 ||
        c.value == 0x2029 || c.value == 0x202F || c.value == 0x205F || c.value == 0x3000;
    const bool parts =
        c.bytes == 0 || is_space || c.value == '-' ||
        (c.value < 128 && more.find(static_cast<char>(c.value)) != std::string_view::npos);
    if (parts) {
      if (at > begin) words.push_back(lower_of_utf8(text.substr(begin, at - begin)));
      begin = at + c.bytes;
    }
    if (c.bytes == 0) break;
    at += c.bytes;
  }
  return words;
}

}  // namespace weir::text
