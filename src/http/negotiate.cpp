#include "http/negotiate.h"

#include "base/bytes.h"
#include "base/limits.h"

#include <algorithm>

namespace weir::http {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// qvalue of RFC 9110 12.4.2 in thousandths: "0" or "1" with up to three decimals. -1 = malformed.
int parse_weight(std::string_view text) {
  if (text.empty() || (text[0] != '0' && text[0] != '1') || text.size() > 5) return -1;
  const bool one = text[0] == '1';
  if (text.size() == 1) return one ? 1000 : 0;
  if (text[1] != '.') return -1;
  int weight = 0;
  int unit = 100;
  for (const char c : text.substr(2)) {
    if (!is_digit(c) || (one && c != '0')) return -1;
    weight += (c - '0') * unit;
    unit /= 10;
  }
  return one ? 1000 : weight;
}

struct Member {
  std::string_view value;       // before the first ';'
  std::string_view parameters;  // between it and q, as they are
  int weight = 1000;            // -1 = malformed
};

// Calls `take` with each member of a weighted list, as far as our patience reaches.
template <class Take>
void for_each_member(std::string_view list, Take&& take) {
  for (std::size_t members = 0; !list.empty() && members < limits::list_members_max; ++members) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view text = trimmed(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
    if (text.empty()) continue;
    Member member;
    const std::size_t semicolon = std::min(text.find(';'), text.size());
    member.value = trimmed(text.substr(0, semicolon));
    std::string_view rest = text.substr(semicolon);
    for (std::size_t parts = 0; !rest.empty() && parts < limits::list_members_max; ++parts) {
      rest.remove_prefix(1);  // ';'
      const std::size_t end = std::min(rest.find(';'), rest.size());
      const std::string_view parameter = trimmed(rest.substr(0, end));
      if (parameter.size() >= 2 && lower(parameter[0]) == 'q' && parameter[1] == '=')
        member.weight = parse_weight(parameter.substr(2));
      else if (member.parameters.empty()) member.parameters = parameter;
      rest.remove_prefix(end);
    }
    take(member);
  }
}

}  // namespace

std::string_view token_of(Encoding encoding) {
  switch (encoding) {
    case Encoding::identity: return "identity";
    case Encoding::gzip: return "gzip";
    case Encoding::brotli: return "br";
    case Encoding::zstd: return "zstd";
    case Encoding::dcz: return "dcz";
  }
  return "identity";
}

std::uint16_t EncodingWeights::of(Encoding encoding) const {
  switch (encoding) {
    case Encoding::identity: return identity;
    case Encoding::gzip: return gzip;
    case Encoding::brotli: return brotli;
    case Encoding::zstd: return zstd;
    case Encoding::dcz: return dcz;
  }
  return 0;
}

EncodingWeights parse_accept_encoding(std::string_view field) {
  EncodingWeights weights;
  struct Named {
    std::string_view token;
    std::uint16_t* weight;
    bool named = false;
  };
  Named names[] = {{"identity", &weights.identity}, {"gzip", &weights.gzip},
                   {"x-gzip", &weights.gzip},       {"br", &weights.brotli},
                   {"zstd", &weights.zstd},         {"dcz", &weights.dcz}};
  int rest = -1;  // of "*"
  for_each_member(field, [&](const Member& member) {
    if (member.weight < 0) return;
    if (member.value == "*") rest = member.weight;
    for (Named& name : names)
      if (equals_ignoring_case(member.value, name.token)) {
        *name.weight = static_cast<std::uint16_t>(member.weight);
        name.named = true;
      }
  });
  names[1].named = names[2].named = names[1].named || names[2].named;
  if (rest >= 0)
    for (Named& name : names)
      if (!name.named) *name.weight = static_cast<std::uint16_t>(rest);
  return weights;
}

int choose_encoding(const EncodingWeights& weights, std::span<const Encoding> offered) {
  int chosen = -1;
  std::uint16_t best = 0;
  for (std::size_t i = 0; i < offered.size(); ++i) {
    const std::uint16_t weight = weights.of(offered[i]);
    if (weight > best) {
      best = weight;
      chosen = static_cast<int>(i);
    }
  }
  return chosen;
}

int accept_weight(std::string_view accept_field, std::string_view media_type) {
  if (trimmed(accept_field).empty()) return 1000;
  const std::string_view type = media_type.substr(0, media_type.find('/'));
  int weight = 0;
  int best_precision = 0;
  for_each_member(accept_field, [&](const Member& member) {
    if (member.weight < 0 || !member.parameters.empty())
      return;  // "text/html;level=1" is not what we have
    int precision = 0;
    if (equals_ignoring_case(member.value, media_type)) precision = 3;
    else if (member.value == "*/*") precision = 1;
    else if (member.value.ends_with("/*") &&
             equals_ignoring_case(member.value.substr(0, member.value.size() - 2), type))
      precision = 2;
    if (precision > best_precision) {
      best_precision = precision;
      weight = member.weight;
    }
  });
  return weight;
}

}  // namespace weir::http
