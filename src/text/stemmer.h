#pragma once
// Words of a language down to what a search compares, as elasticlunr does it: trimmed, without stop
// words, stemmed (English by text/porter.h, others by Snowball, through libstemmer, whose one user
// this is).
//
// The names of the steps stand in an index, and the client looks them up: "trimmer-it",
// "stopWordFilter-it", "stemmer-it".

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir::text {

class WordPipeline {
 public:
  // By language code, "en", "de", "pt-BR"; for a language that has none, words stay as they are and
  // `is_known` is false. One pipeline belongs to one thread.
  static WordPipeline of(std::string_view language);
  ~WordPipeline();
  WordPipeline(WordPipeline&&) noexcept;
  WordPipeline& operator=(WordPipeline&&) = delete;

  bool is_known() const;
  std::string_view language_name() const;  // "English"
  std::vector<std::string> step_names() const;
  // The word, or nothing when it is left out.
  std::string reduced(std::string_view word);

 private:
  struct Parts;
  explicit WordPipeline(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

// Parted at white space and '-', in lower case; `more` holds further bytes that part.
std::vector<std::string> search_words_of(std::string_view text, std::string_view more = {});

}  // namespace weir::text
