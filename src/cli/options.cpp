#include "cli/options.h"

#include "base/bytes.h"

#include <algorithm>

namespace weir::cli {

std::optional<std::string> Arguments::find(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) return std::nullopt;
  return found->second.back();
}

std::vector<std::string> Arguments::all(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::vector<std::string>{} : found->second;
}

void Arguments::add(std::string_view name, std::string value) {
  const auto found = values_.find(name);
  if (found == values_.end()) {
    values_.emplace(std::string(name), std::vector<std::string>{std::move(value)});
  } else {
    found->second.push_back(std::move(value));
  }
}

std::string usage_line(const Command& command) {
  std::string line = "usage: weir " + std::string(command.name);
  if (!command.operands.empty()) line += ' ' + std::string(command.operands);
  return line + " [flags]; see `weir " + std::string(command.name) + " --help`";
}

namespace {

Error wrong_usage(std::string what, std::string help) {
  return Error{Errc::invalid, std::move(what)}.with_help(std::move(help));
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates,
                         std::string_view prefix) {
  const std::string near = nearest_of(word, candidates);
  return near.empty() ? std::string() : "did you mean `" + std::string(prefix) + near + "`? ";
}

// Zola's `serve` is the author's server; its flags on ours mean that the author wanted `dev`.
bool belongs_to_dev(std::string_view flag) {
  constexpr std::string_view flags[] = {"drafts",
                                        "open",
                                        "O",
                                        "fast",
                                        "f",
                                        "force",
                                        "interface",
                                        "i",
                                        "no-port-append",
                                        "store-html",
                                        "extra-watch-path",
                                        "debounce",
                                        "d",
                                        "output-dir",
                                        "o"};
  return std::find(std::begin(flags), std::end(flags), flag) != std::end(flags);
}

class Parser {
 public:
  Parser(std::span<const std::string> words, std::span<const Command> commands,
         std::span<const Option> globals)
      : words_(words), commands_(commands), globals_(globals) {}

  Result<Arguments> run() {
    // The command's name decides which flags exist, so it is looked for first.
    TRY(find_command());
    while (at_ < words_.size()) {
      const std::string& word = words_[at_++];
      if (flags_ended_ || word.size() < 2 || word[0] != '-') {
        if (at_ - 1 == help_at_ || at_ - 1 == command_at_ || at_ - 1 == command_second_at_)
          continue;
        said_.operands.push_back(word);
      } else if (word == "--") {
        flags_ended_ = true;
      } else if (word[1] == '-') {
        TRY(take_long(std::string_view(word).substr(2)));
      } else {
        TRY(take_letters(std::string_view(word).substr(1)));
      }
    }
    TRY(check_operands());
    return std::move(said_);
  }

 private:
  Status find_command() { return find_command_from(0); }
  Status find_command_from(std::size_t first) {
    for (std::size_t i = first; i < words_.size(); ++i) {
      const std::string& word = words_[i];
      if (word == "--") break;
      if (word.size() > 1 && word[0] == '-') {
        if (const Option* option = global_of(word);
            option != nullptr && !option->value.empty() && needs_next(word))
          ++i;
        continue;
      }
      return choose_command(i);
    }
    return done;
  }

  Status choose_command(std::size_t at) {
    const std::string& word = words_[at];
    if (word == "help" && help_at_ == nowhere) {
      help_at_ = at;
      said_.add("help", {});
      return at + 1 < words_.size() ? find_command_from(at + 1) : Status(done);
    }
    command_at_ = at;
    bool is_group = false;
    for (const Command& command : commands_) {
      if (command.name == word) said_.command = &command;
      const bool grouped = command.name.size() > word.size() &&
                           command.name.substr(0, word.size()) == word &&
                           command.name[word.size()] == ' ';
      if (!grouped) continue;
      is_group = true;
      if (at + 1 < words_.size() && command.name.substr(word.size() + 1) == words_[at + 1]) {
        said_.command = &command;
        command_second_at_ = at + 1;
      }
    }
    if (said_.command != nullptr) return done;
    std::vector<std::string_view> names;
    if (is_group && asks_for_help()) {
      said_.group = word;
      return done;
    }
    if (is_group) {
      for (const Command& command : commands_) {
        if (command.name.substr(0, word.size() + 1) == word + " ")
          names.push_back(command.name.substr(word.size() + 1));
      }
      const std::string second = at + 1 < words_.size() ? words_[at + 1] : std::string();
      std::string all;
      for (const std::string_view name : names)
        all += (all.empty() ? "" : ", ") + std::string(name);
      return wrong_usage("`weir " + word + "` needs one of: " + all,
                         did_you_mean(second, names, word + " "));
    }
    for (const Command& command : commands_) names.push_back(command.name);
    return wrong_usage("unknown command \"" + word + "\"",
                       did_you_mean(word, names, "weir ") + "`weir --help` lists the commands");
  }

  bool asks_for_help() const {
    return help_at_ != nowhere || std::ranges::any_of(words_, [](const std::string& word) {
             return word == "--help" || word == "-h";
           });
  }
  static bool needs_next(std::string_view word) {
    if (word.substr(0, 2) == "--") return word.find('=') == std::string_view::npos;
    return word.size() == 2;
  }
  const Option* global_of(std::string_view word) const {
    const bool is_long = word.substr(0, 2) == "--";
    const std::string_view name = is_long ? word.substr(2, word.find('=') - 2) : word.substr(1, 1);
    return is_long ? find_by_name(globals_, name) : find_by_letter(globals_, name[0]);
  }
  static const Option* find_by_name(std::span<const Option> options, std::string_view name) {
    const auto found = std::find_if(options.begin(), options.end(),
                                    [&](const Option& o) { return o.name == name; });
    return found == options.end() ? nullptr : &*found;
  }
  static const Option* find_by_letter(std::span<const Option> options, char letter) {
    const auto found = std::find_if(options.begin(), options.end(),
                                    [&](const Option& o) { return o.letter == letter; });
    return found == options.end() ? nullptr : &*found;
  }
  std::span<const Option> own() const {
    return said_.command == nullptr ? std::span<const Option>{} : said_.command->options;
  }

  Error unknown_flag(std::string_view shown, std::string_view name) const {
    std::vector<std::string_view> names;
    for (const Option& option : own()) names.push_back(option.name);
    for (const Option& option : globals_) names.push_back(option.name);
    std::string help = did_you_mean(name, names, "--");
    if (said_.command != nullptr && said_.command->name == "serve" && belongs_to_dev(name)) {
      help =
          "did you mean `weir dev`? The author's server is not available yet; `weir serve` is for "
          "production. ";
    }
    help += usage();
    return wrong_usage("unknown flag \"" + std::string(shown) + "\"", std::move(help));
  }

  Status take_long(std::string_view text) {
    const std::size_t equals = text.find('=');
    const std::string_view name = text.substr(0, equals);
    const Option* option = find_by_name(own(), name);
    if (option == nullptr) option = find_by_name(globals_, name);
    if (option == nullptr) return unknown_flag("--" + std::string(name), name);
    if (equals == std::string_view::npos) return take(*option, std::nullopt);
    return take(*option, std::string(text.substr(equals + 1)));
  }

  Status take_letters(std::string_view letters) {
    while (!letters.empty()) {
      const Option* option = find_by_letter(own(), letters[0]);
      if (option == nullptr) option = find_by_letter(globals_, letters[0]);
      if (option == nullptr)
        return unknown_flag("-" + std::string(letters.substr(0, 1)), letters.substr(0, 1));
      letters.remove_prefix(1);
      if (option->value.empty()) {
        TRY(take(*option, std::nullopt));
      } else {
        const auto attached = letters.empty() ? std::nullopt : std::optional<std::string>(letters);
        return take(*option, attached);
      }
    }
    return done;
  }

  Status take(const Option& option, std::optional<std::string> value) {
    const std::string shown = "--" + std::string(option.name);
    if (option.value.empty()) {
      if (value) return wrong_usage(shown + " takes no value, found \"" + *value + "\"", usage());
      said_.add(option.name, {});
      return done;
    }
    if (!value) {
      if (at_ == words_.size())
        return wrong_usage(shown + " needs a value: " + std::string(option.value), usage());
      value = words_[at_++];
    }
    if (!option.choices.empty()) TRY(check_choice(option, *value));
    said_.add(option.name, std::move(*value));
    return done;
  }

  std::string usage() const {
    return said_.command == nullptr ? "`weir --help` lists the flags" : usage_line(*said_.command);
  }

  Status check_choice(const Option& option, std::string_view value) const {
    std::vector<std::string_view> names;
    std::string_view rest = option.choices;
    while (!rest.empty()) {
      const std::size_t bar = rest.find('|');
      names.push_back(rest.substr(0, bar));
      rest = bar == std::string_view::npos ? std::string_view() : rest.substr(bar + 1);
    }
    // "config,content" for flags that take several: the caller splits and checks each.
    if (std::find(names.begin(), names.end(), value) != names.end()) return done;
    return wrong_usage("--" + std::string(option.name) + " must be one of " +
                           std::string(option.choices) + ", not \"" + std::string(value) + "\"",
                       did_you_mean(value, names, "") + usage());
  }

  Status check_operands() const {
    // Help and version are answered before anything else is asked for.
    if (said_.command == nullptr || said_.has("help") || said_.has("version")) return done;
    const Command& command = *said_.command;
    if (said_.operands.size() > command.operands_max) {
      return wrong_usage("unexpected \"" + said_.operands[command.operands_max] + "\"",
                         usage_line(command));
    }
    if (said_.operands.size() < command.operands_min) {
      return wrong_usage(
          "`weir " + std::string(command.name) + "` needs " + std::string(command.operands),
          usage_line(command));
    }
    return done;
  }

  std::span<const std::string> words_;
  std::span<const Command> commands_;
  std::span<const Option> globals_;
  std::size_t at_ = 0;
  static constexpr std::size_t nowhere = static_cast<std::size_t>(-1);
  std::size_t help_at_ = nowhere, command_at_ = nowhere, command_second_at_ = nowhere;
  bool flags_ended_ = false;
  Arguments said_;
};

void append_padded(std::string& out, std::string_view text, std::size_t width) {
  out += text;
  if (text.size() < width) out.append(width - text.size(), ' ');
}

std::string flag_text(const Option& option) {
  std::string text = option.letter == 0 ? "    " : std::string{'-', option.letter, ',', ' '};
  text += "--" + std::string(option.name);
  if (!option.value.empty())
    text += ' ' + std::string(option.choices.empty() ? option.value : option.choices);
  return text;
}

void append_flags(std::string& out, std::span<const Option> options) {
  constexpr std::size_t flag_width = 30;
  for (const Option& option : options) {
    const std::string flag = flag_text(option);
    out += "  ";
    append_padded(out, flag, flag_width);
    // A long flag gets a line of its own, so that the explanations stay in one column.
    if (flag.size() >= flag_width) out += "\n" + std::string(flag_width + 2, ' ');
    out += option.help;
    out += '\n';
  }
}

}  // namespace

Result<Arguments> parse_arguments(std::span<const std::string> words,
                                  std::span<const Command> commands,
                                  std::span<const Option> globals) {
  return Parser(words, commands, globals).run();
}

std::string overview_text(std::span<const Command> commands) {
  std::string out =
      "weir builds a site from Markdown and templates, serves it fresh, guards it and keeps its "
      "data.\n\n"
      "  weir init my-site && cd my-site     a new site\n"
      "  weir build                          Markdown and templates into a release\n"
      "  weir serve                          http://127.0.0.1:8080\n\n"
      "Commands:\n";
  for (const Command& command : commands) {
    out += "  ";
    append_padded(out, command.name, 14);
    out += command.summary;
    out += '\n';
  }
  out +=
      "\nEverywhere: -r/--root SITE, -c/--config FILE, --color auto|always|never, -q/--quiet, "
      "-v/--verbose.\n"
      "`weir help COMMAND` or `weir COMMAND --help` shows examples and flags. `weir --version` "
      "shows the version.\n";
  return out;
}

std::string group_text(std::span<const Command> commands, std::string_view group) {
  std::string out = "weir " + std::string(group) + ": its commands\n\n";
  for (const Command& command : commands) {
    if (command.name.substr(0, group.size()) != group || command.name.size() <= group.size() ||
        command.name[group.size()] != ' ')
      continue;
    out += "  ";
    append_padded(out, command.name, 14);
    out += command.summary;
    out += '\n';
  }
  out += "\n`weir " + std::string(group) + " COMMAND --help` shows examples and flags.\n";
  return out;
}

std::string help_text(const Command& command, std::span<const Option> globals) {
  std::string out =
      "weir " + std::string(command.name) + ": " + std::string(command.summary) + "\n\nExamples:\n";
  for (const std::string_view example : command.examples) out += "  " + std::string(example) + '\n';
  out += "\nusage: weir " + std::string(command.name);
  if (!command.operands.empty()) out += ' ' + std::string(command.operands);
  out += " [flags]\n";
  if (!command.about.empty()) out += '\n' + std::string(command.about) + '\n';
  if (!command.options.empty()) {
    out += "\nFlags:\n";
    append_flags(out, command.options);
  }
  out += "\nEverywhere:\n";
  append_flags(out, globals);
  return out;
}

}  // namespace weir::cli
