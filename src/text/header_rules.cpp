#include "text/header_rules.h"

#include "base/bytes.h"
#include "base/limits_site.h"
#include "text/url.h"
#include "text/utf8.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

namespace weir::text {
namespace {

constexpr std::size_t cloudflare_blocks_max = 100, cloudflare_line_characters_max = 2'000;

// What the server alone knows, sorted. Netlify's list, and the validators of this server.
constexpr std::array<std::string_view, 17> own_names{"accept-ranges",  "age",
                                                     "allow",          "alt-svc",
                                                     "connection",     "content-encoding",
                                                     "content-length", "content-range",
                                                     "date",           "etag",
                                                     "keep-alive",     "last-modified",
                                                     "location",       "server",
                                                     "trailer",        "transfer-encoding",
                                                     "upgrade"};
static_assert(std::ranges::is_sorted(own_names));

bool is_token_character(char c) {
  return is_alnum(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_path_line(std::string_view line) {
  return line.starts_with('/') || line.starts_with("https://") || line.starts_with("http://");
}

std::string with_values(std::string_view text, const SitePattern& path,
                        const SitePattern::Captures& captures) {
  if (path.names().empty() || text.find(':') == std::string_view::npos) return std::string(text);
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at + 1;
    if (text[at] == ':') {
      while (end < text.size() && (is_alnum(text[end]) || text[end] == '_')) ++end;
      const auto named = [&](const auto& one) {
        return one.first == text.substr(at + 1, end - at - 1);
      };
      auto found = captures.end();
      while (end > at + 1 && (found = std::ranges::find_if(captures, named)) == captures.end())
        --end;
      if (found != captures.end()) {
        append_percent_encoded(out, found->second, PercentSet::path);
        at = end;
        continue;
      }
      end = at + 1;
    }
    out += text.substr(at, end - at);
    at = end;
  }
  return out;
}

}  // namespace

HeaderRules::Parsed HeaderRules::parse(std::string_view text, std::string_view file,
                                       Hosting hosting, std::string_view host) {
  Parsed parsed;
  std::optional<Block> block;
  Place block_place;
  bool skips = false;  // the lines of a block that is left out
  std::uint32_t number = 0;
  const auto keep = [&] {
    if (block && block->set.empty() && block->unset.empty())
      parsed.left_out.push_back(
          Error{Errc::invalid, "no header follows this path; it is left out"}.at(block_place));
    else if (block) parsed.rules.blocks_.push_back(std::move(*block));
    block.reset();
  };
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    ++number;
    const std::string_view said = trim(line);
    if (said.empty() || said.starts_with('#')) continue;
    const auto place_of = [&](std::string_view about) {
      const auto at = static_cast<std::size_t>(about.data() - line.data());
      return Place{std::string(file), number, column_of(line, at),
                   column_of(line, at + about.size())};
    };
    const auto leave_out = [&](std::string what, std::string_view about) {
      parsed.left_out.push_back(
          Error{Errc::invalid, std::move(what) + "; it is left out"}.at(place_of(about)));
    };
    if (line.size() > limits::site_rule_line_bytes_max) {
      parsed.left_out.push_back(Error{
          Errc::invalid, "a line of at most " + std::to_string(limits::site_rule_line_bytes_max) +
                             " bytes was expected; it is left out"}
                                    .at({std::string(file), number, 1, 0}));
      continue;
    }
    if (hosting == Hosting::cloudflare && code_points_of(said) > cloudflare_line_characters_max)
      parsed.notes.push_back(Error{
          Errc::invalid, "Cloudflare Pages takes lines of 2,000 characters; weir takes this one"}
                                 .at(place_of(said)));
    if (is_path_line(said)) {
      keep();
      skips = true;
      if (parsed.rules.blocks_.size() == limits::site_rules_max) {
        leave_out("at most " + std::to_string(limits::site_rules_max) + " blocks are taken", said);
        break;
      }
      std::string_view path = said;
      if (!path.starts_with('/')) {
        const std::size_t at = path.find("//") + 2;
        const std::size_t slash = std::min(path.find('/', at), path.size());
        const std::string_view authority = path.substr(at, slash - at);
        if (path.starts_with("http:") || authority.find(':') != std::string_view::npos) {
          leave_out("expected a path, or \"https://\" and a host without a port", said);
          continue;
        }
        if (!equals_ignoring_case(authority, host)) {
          parsed.notes.push_back(
              Error{Errc::invalid, "the block is for another host than base_url's; it is left out"}
                  .at(place_of(said)));
          continue;
        }
        path.remove_prefix(slash);
        if (path.empty()) path = "/";
      }
      const auto decoded = percent_decode(path);
      if (!decoded || !is_utf8(*decoded)) {
        leave_out("the path is not well percent-encoded", said);
        continue;
      }
      auto pattern = SitePattern::parse(*decoded, Hosting::cloudflare);
      if (hosting == Hosting::netlify && pattern.ok() && !pattern->ends_inside())
        pattern = SitePattern::parse(*decoded, hosting);
      if (!pattern.ok()) {
        leave_out(pattern.error().what, said);
        continue;
      }
      skips = false;
      block_place = place_of(said);
      block = Block{std::move(*pattern), {}, {}};
      if (hosting == Hosting::cloudflare && parsed.rules.blocks_.size() == cloudflare_blocks_max)
        parsed.notes.push_back(
            Error{Errc::invalid, "Cloudflare Pages takes 100 blocks; weir takes this one too"}.at(
                block_place));
      continue;
    }
    if (!block) {
      if (!skips) leave_out("expected a path that begins with '/' before the first header", said);
      continue;
    }
    const std::size_t colon = said.find(':');
    if (colon == std::string_view::npos) {
      const std::string_view name = trim(said.substr(1));
      if (hosting == Hosting::cloudflare && said.starts_with("! ") &&
          std::ranges::all_of(name, is_token_character) && !name.empty())
        block->unset.push_back(lower_of(name));
      else leave_out("expected \"Name: value\"", said);
      continue;
    }
    const std::string_view name = trim(said.substr(0, colon)), value = trim(said.substr(colon + 1));
    if (name.empty() || !std::ranges::all_of(name, is_token_character)) {
      leave_out("expected the name of a header before ':'", said);
    } else if (value.empty()) {
      leave_out("expected a value behind ':'", said);
    } else if (std::ranges::any_of(value, [](char c) {
                 return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
               })) {
      leave_out("the value holds a control character", value);
    } else if (std::ranges::binary_search(own_names, lower_of(name))) {
      leave_out("only the server can set " + std::string(name), name);
    } else {
      block->set.emplace_back(lower_of(name), value);
    }
  }
  keep();
  return parsed;
}

void HeaderRules::apply(std::string_view path, Fields& fields) const {
  SitePattern::Captures captures;
  std::set<std::string, std::less<>> ours;
  for (const Block& block : blocks_) {
    if (!block.path.matches(path, captures)) continue;
    const auto erase = [&fields](const std::string& name) {
      std::erase_if(fields, [&name](const auto& one) { return lower_of(one.first) == name; });
    };
    for (const std::string& name : block.unset) {
      erase(name);
      fields.emplace_back(name, "");
      ours.erase(name);
    }
    for (const auto& [name, written] : block.set) {
      std::string value = with_values(written, block.path, captures);
      const bool is_first = ours.insert(name).second;
      if (is_first) erase(name);
      const auto known =
          std::ranges::find(fields, name, &std::pair<std::string, std::string>::first);
      if (name == "set-cookie" || known == fields.end())
        fields.emplace_back(name, std::move(value));
      else known->second += ", " + value;
    }
  }
}

}  // namespace weir::text
