#include "text/porter.h"

#include <array>
#include <span>

namespace weir::text {

namespace {

struct Ending {
  std::string_view from, to;
};
// Of those with the same last letters, the longer stand first.
constexpr Ending step2[] = {
    {"ational", "ate"}, {"tional", "tion"}, {"enci", "ence"}, {"anci", "ance"}, {"izer", "ize"},
    {"bli", "ble"},     {"alli", "al"},     {"entli", "ent"}, {"eli", "e"},     {"ousli", "ous"},
    {"ization", "ize"}, {"ation", "ate"},   {"ator", "ate"},  {"alism", "al"},  {"iveness", "ive"},
    {"fulness", "ful"}, {"ousness", "ous"}, {"aliti", "al"},  {"iviti", "ive"}, {"biliti", "ble"},
    {"logi", "log"}};
constexpr Ending step3[] = {{"icate", "ic"}, {"ative", ""}, {"alize", "al"}, {"iciti", "ic"},
                            {"ical", "ic"},  {"ful", ""},   {"ness", ""}};
constexpr std::string_view step4[] = {"al",  "ance",  "ence", "er",  "ic",  "able", "ible",
                                      "ant", "ement", "ment", "ent", "ion", "ou",   "ism",
                                      "ate", "iti",   "ous",  "ive", "ize"};

bool is_vowel_letter(char c) { return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u'; }

bool is_consonant(std::string_view word, std::size_t at) {
  if (is_vowel_letter(word[at])) return false;
  return word[at] != 'y' || at == 0 || !is_consonant(word, at - 1);
}

// How often vowels are followed by consonants.
std::size_t measure_of(std::string_view stem) {
  std::size_t measure = 0;
  for (std::size_t i = 1; i < stem.size(); ++i)
    if (is_consonant(stem, i) && !is_consonant(stem, i - 1)) ++measure;
  return measure;
}

bool has_vowel(std::string_view stem) {
  for (std::size_t i = 0; i < stem.size(); ++i)
    if (!is_consonant(stem, i)) return true;
  return false;
}

bool ends_double(std::string_view word) {
  const std::size_t count = word.size();
  return count >= 2 && word[count - 1] == word[count - 2] &&
         static_cast<unsigned char>(word.back()) < 128 && is_consonant(word, count - 1);
}

// consonant, vowel, consonant that is none of w, x, y
bool ends_short(std::string_view word) {
  const std::size_t count = word.size();
  return count >= 3 && is_consonant(word, count - 1) && !is_consonant(word, count - 2) &&
         is_consonant(word, count - 3) && word.back() != 'w' && word.back() != 'x' &&
         word.back() != 'y';
}

std::string_view without(std::string_view word, std::string_view ending) {
  return word.substr(0, word.size() - ending.size());
}

void plural_and_past(std::string& word) {
  if (word.ends_with("sses") || word.ends_with("ies")) word.resize(word.size() - 2);
  else if (word.ends_with('s') && !word.ends_with("ss")) word.pop_back();
  if (word.ends_with("eed")) {
    if (measure_of(without(word, "eed")) > 0) word.pop_back();
    return;
  }
  for (const std::string_view ending : {"ed", "ing"}) {
    if (!word.ends_with(ending)) continue;
    if (!has_vowel(without(word, ending))) return;
    word.resize(word.size() - ending.size());
    if (word.ends_with("at") || word.ends_with("bl") || word.ends_with("iz")) {
      word += 'e';
    } else if (ends_double(word)) {
      if (word.back() != 'l' && word.back() != 's' && word.back() != 'z') word.pop_back();
    } else if (measure_of(word) == 1 && ends_short(word)) {
      word += 'e';
    }
    return;
  }
}

void replace_ending(std::string& word, std::span<const Ending> endings) {
  for (const Ending& ending : endings) {
    if (!word.ends_with(ending.from)) continue;
    if (measure_of(without(word, ending.from)) > 0) {
      word.resize(word.size() - ending.from.size());
      word += ending.to;
    }
    return;
  }
}

void drop_ending(std::string& word) {
  for (const std::string_view ending : step4) {
    if (!word.ends_with(ending)) continue;
    const std::string_view stem = without(word, ending);
    if (ending == "ion" && !stem.ends_with('s') && !stem.ends_with('t')) continue;
    if (measure_of(stem) > 1) word.resize(stem.size());
    return;
  }
}

}  // namespace

std::string porter_stem_of(std::string_view given) {
  std::string word(given);
  if (word.size() <= 2) return word;
  plural_and_past(word);
  if (word.size() > 2 && word.ends_with('y') && !is_vowel_letter(word[word.size() - 2]))
    word.back() = 'i';
  replace_ending(word, step2);
  replace_ending(word, step3);
  drop_ending(word);
  // The measure of both last steps is that of the word with its last e.
  const std::size_t measure = measure_of(word);
  if (word.ends_with('e')) {
    const std::string_view stem = without(word, "e");
    const std::size_t of_stem = measure_of(stem);
    if (of_stem > 1 || (of_stem == 1 && !ends_short(stem))) word.pop_back();
  }
  if (word.ends_with("ll") && measure > 1) word.pop_back();
  return word;
}

}  // namespace weir::text
