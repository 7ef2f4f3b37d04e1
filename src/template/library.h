#pragma once
// The functions, filters and tests that templates may call, by name. Filled before templates are
// compiled, never changed after; entries keep their address.

#include "template/engine.h"

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace weir::tmpl {

template <class Callable>
class Callables {
 public:
  void add(std::string name, Callable callable) {
    by_name_.insert_or_assign(std::move(name), std::move(callable));
  }
  const Callable* find(std::string_view name) const {
    const auto found = by_name_.find(std::string(name));
    return found == by_name_.end() ? nullptr : &found->second;
  }
  std::vector<std::string_view> names() const {
    std::vector<std::string_view> names;
    for (const auto& [name, callable] : by_name_) names.push_back(name);
    return names;
  }

 private:
  std::unordered_map<std::string, Callable> by_name_;
};

struct Library {
  Callables<Function> functions;
  Callables<Filter> filters;
  Callables<Test> tests;
};

// What Tera v1 brings along (site specification, S-45 to S-47).
void add_text_filters(Library& library);
void add_list_filters(Library& library);
void add_value_filters(Library& library);
void add_tests(Library& library);
void add_functions(Library& library);

}  // namespace weir::tmpl
