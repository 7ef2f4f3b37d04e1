#include "site/diagnostics.h"

#include "base/bytes.h"
#include "base/limits.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace weir::site {

namespace {
auto order_of(const Diagnostic& d) {
  return std::tie(d.severity, d.error.place.file, d.error.place.line, d.error.place.column,
                  d.error.what);
}
// More than are told, so that the first of each file are there after sorting; a flood costs no more
// memory.
constexpr std::size_t kept_max = limits::diagnostics_max * 200;
}  // namespace

void Diagnostics::add(Severity severity, Error error) {
  const bool is_known = kept_.with([&](std::vector<Kept>& kept) {
    Chain chain = std::exchange(error.chain, {});
    for (Kept& known : kept) {
      const Diagnostic& told = known.diagnostic;
      if (told.severity == severity && told.error.what == error.what &&
          told.error.place.file == error.place.file && told.error.place.line == error.place.line &&
          told.error.place.column == error.place.column) {
        if (known.chains.size() < kept_max) known.chains.insert(std::move(chain));
        return true;
      }
    }
    if (kept.size() < kept_max) {
      kept.push_back({{severity, std::move(error)}, {}});
      kept.back().chains.insert(std::move(chain));
    }
    return false;
  });
  if (!is_known) ++(severity == Severity::error ? errors_ : warnings_);
}

void Diagnostics::notice(std::string_view what) {
  add(Severity::warning, Error{Errc::invalid, std::string(what)});
}

std::vector<Diagnostic> Diagnostics::sorted() const {
  std::vector<Diagnostic> all = kept_.with([](const std::vector<Kept>& kept) {
    std::vector<Diagnostic> copies;
    copies.reserve(kept.size());
    for (const Kept& one : kept) {
      Diagnostic& copy = copies.emplace_back(one.diagnostic);
      copy.error.chain = *one.chains.begin();
      if (const std::size_t others = one.chains.size() - 1; others != 0)
        copy.error.chain.push_back("and in " + std::to_string(others) +
                                   (others == 1 ? " other place" : " other places"));
    }
    return copies;
  });
  std::stable_sort(all.begin(), all.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return order_of(a) < order_of(b);
  });
  std::vector<Diagnostic> told;
  std::size_t counts[2] = {0, 0};
  for (Diagnostic& diagnostic : all) {
    std::size_t& count = counts[static_cast<std::size_t>(diagnostic.severity)];
    if (count++ < limits::diagnostics_max) told.push_back(std::move(diagnostic));
  }
  return told;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates) {
  const std::string nearest = nearest_of(word, candidates);
  return nearest.empty() ? "" : "did you mean \"" + nearest + "\"?";
}

}  // namespace weir::site
