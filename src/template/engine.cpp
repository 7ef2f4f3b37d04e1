#include "template/engine.h"

#include "base/bytes.h"
#include "base/must.h"
#include "template/code.h"
#include "template/compiler.h"
#include "template/library.h"
#include "template/machine.h"
#include "template/parser.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace weir::tmpl {
namespace {

std::string in_quotes(std::string_view name) { return '`' + std::string(name) + '`'; }

bool is_escaped_by_name(std::string_view name) {
  return name.ends_with(".html") || name.ends_with(".htm") || name.ends_with(".xml");
}

using Units = std::unordered_map<std::string_view, std::unique_ptr<Unit>>;

const Unit* find_unit(const Units& units, std::string_view name) {
  const auto found = units.find(name);
  return found == units.end() ? nullptr : found->second.get();
}

// Connects one compiled unit with the others: parents, namespaces of macros, includes, blocks.
// Errors and warnings are appended. Order matters: every unit's parents before anybody's
// namespaces, those before its macros.
class Linker {
 public:
  Linker(const Units& units, Linked& linked) : units_(units), linked_(linked) {}

  void link_parents(Unit& unit) {
    std::vector<const Unit*> ancestors;
    for (const Unit* child = &unit; !child->syntax.parent.empty();) {
      const Unit* parent = find_unit(units_, child->syntax.parent);
      const Place place = place_of(*child, child->syntax.parent_at);
      if (parent == nullptr) {
        // A parent's own missing parent is reported at the parent.
        if (child == &unit)
          linked_.errors.push_back(Error{Errc::missing,
                                         in_quotes(unit.name) + " extends " +
                                             in_quotes(child->syntax.parent) +
                                             ", which does not exist",
                                         place, near_template(child->syntax.parent)});
        return;
      }
      if (parent == &unit ||
          std::find(ancestors.begin(), ancestors.end(), parent) != ancestors.end()) {
        std::string chain = in_quotes(unit.name);
        for (const Unit* ancestor : ancestors) chain += " -> " + in_quotes(ancestor->name);
        linked_.errors.push_back(
            Error{Errc::invalid, "circular extends: " + chain + " -> " + in_quotes(parent->name),
                  place_of(unit, unit.syntax.parent_at)});
        return;
      }
      ancestors.push_back(parent);
      child = parent;
    }
    unit.ancestors = std::move(ancestors);
  }

  // Own macros as `self`, imports, what the imported templates import, and the same of the parents
  // (S-43). The nearest wins.
  void link_namespaces(Unit& unit) {
    if (!unit.macros_defined.empty()) unit.namespaces.emplace_back("self", &unit);
    std::vector<const Unit*> visited;
    add_imports(unit, unit, visited);
    for (const Unit* ancestor : unit.ancestors) {
      if (!ancestor->macros_defined.empty()) add_namespace(unit, "self", ancestor);
      add_imports(unit, *ancestor, visited);
    }
    unit.reads.push_back(&unit);
    unit.reads.insert(unit.reads.end(), unit.ancestors.begin(), unit.ancestors.end());
    for (const auto& [space, holder] : unit.namespaces)
      if (std::find(unit.reads.begin(), unit.reads.end(), holder) == unit.reads.end())
        unit.reads.push_back(holder);
  }

  void link_calls(Unit& unit) {
    for (MacroSite& site : unit.macros) {
      const Unit* holder = unit.find_namespace(site.space);
      if (holder != nullptr) site.macro = holder->find_macro(site.name);
      if (site.macro == nullptr) continue;
      for (const std::string_view name : site.names)
        site.known.push_back(
            std::any_of(site.macro->parameters.begin(), site.macro->parameters.end(),
                        [&](const Macro::Parameter& parameter) { return parameter.name == name; }));
    }
    for (IncludeSite& site : unit.includes)
      for (const std::string_view name : site.names)
        if (site.unit == nullptr) site.unit = find_unit(units_, name);
    warn_of_missing_includes(unit, unit.body);
    for (const auto& [symbol, chunk] : unit.blocks_defined) warn_of_missing_includes(unit, *chunk);
  }

  // For every block of the unit and its ancestors: the definitions, most derived first.
  void link_blocks(Unit& unit, const Symbols& symbols) {
    const auto add = [&](const Unit& level) {
      for (const auto& defined : level.blocks_defined) {
        const auto known =
            std::find_if(unit.chains.begin(), unit.chains.end(),
                         [&](const BlockChain& chain) { return chain.symbol == defined.first; });
        BlockChain& chain = known != unit.chains.end() ? *known : unit.chains.emplace_back();
        chain.symbol = defined.first;
        chain.name = symbols.name_of(defined.first);
        chain.chunks.push_back(defined.second.get());
      }
    };
    add(unit);
    for (const Unit* ancestor : unit.ancestors) add(*ancestor);
    if (!unit.ancestors.empty()) warn_of_lost_blocks(unit);
  }

 private:
  static void add_namespace(Unit& unit, std::string_view space, const Unit* holder) {
    if (unit.find_namespace(space) == nullptr) unit.namespaces.emplace_back(space, holder);
  }

  void add_imports(Unit& unit, const Unit& from, std::vector<const Unit*>& visited) {
    if (std::find(visited.begin(), visited.end(), &from) != visited.end()) return;
    visited.push_back(&from);
    for (const Import& import : from.syntax.imports) {
      const Unit* holder = find_unit(units_, import.file);
      if (holder != nullptr) {
        add_namespace(unit, import.space, holder);
      } else if (&from == &unit) {
        linked_.errors.push_back(
            Error{Errc::missing,
                  "macros are imported from " + in_quotes(import.file) + ", which does not exist",
                  place_of(unit, import.at), near_template(import.file)});
      }
    }
    for (const Import& import : from.syntax.imports)
      if (const Unit* holder = find_unit(units_, import.file)) add_imports(unit, *holder, visited);
  }

  // A block of a child that no parent has is never shown; mostly its name is misspelt.
  void warn_of_lost_blocks(const Unit& unit) {
    for (const Node& node : unit.syntax.body) {
      if (node.is != Node::Is::block) continue;
      std::vector<std::string_view> known;
      for (const BlockChain& chain : unit.chains)
        if (chain.chunks.back()->unit != &unit) known.push_back(chain.name);
      if (std::find(known.begin(), known.end(), node.name) != known.end()) continue;
      const std::string near = nearest_of(node.name, known);
      linked_.warnings.push_back(
          Error{Errc::missing,
                "no parent of " + in_quotes(unit.name) + " has the block " + in_quotes(node.name) +
                    ", so it is never shown",
                place_of(unit, node.at),
                near.empty() ? std::string() : "did you mean " + in_quotes(near) + "?"});
    }
  }

  void warn_of_missing_includes(const Unit& unit, const Chunk& chunk) {
    for (const Instruction& at : chunk.code) {
      if (at.op != Op::include) continue;
      const IncludeSite& site = unit.includes[at.b];
      if (site.unit != nullptr || site.ignore_missing || site.names.empty()) continue;
      linked_.warnings.push_back(Error{Errc::missing,
                                       "there is no template " + in_quotes(site.names.front()),
                                       place_of(unit, at.at), near_template(site.names.front())});
    }
  }

  std::string near_template(std::string_view name) const {
    std::vector<std::string_view> names;
    for (const auto& [known, unit] : units_) names.push_back(known);
    const std::string near = nearest_of(name, names);
    return near.empty() ? std::string() : "did you mean " + in_quotes(near) + "?";
  }

  const Units& units_;
  Linked& linked_;
};

}  // namespace

struct Engine::Held {
  explicit Held(const Clock& the_clock) : clock(the_clock) {}

  const Clock& clock;
  Library library;
  Symbols symbols;
  Units units;
  std::vector<Unit*> in_order;  // by id
  bool linked = false;
  std::optional<Error> broken;  // the first error of link(); then nothing is rendered

  Result<std::string> render(const Engine& engine, const Unit& unit, const Symbols& names,
                             const Context& context, const RenderOptions& options) const {
    Machine* const outer = options.within == nullptr ? nullptr : options.within->machine_;
    Recorder* const recorder =
        options.recorder != nullptr || outer == nullptr ? options.recorder : outer->recorder_;
    const bool escape = options.escape == Escape::by_name ? is_escaped_by_name(unit.name)
                                                          : options.escape == Escape::on;
    Machine machine({&engine, &clock, &names, &context, recorder, escape, &options, outer});
    return machine.render(unit);
  }
};

Engine::Engine(const Clock& clock) : held_(std::make_unique<Held>(clock)) {
  add_text_filters(held_->library);
  add_list_filters(held_->library);
  add_value_filters(held_->library);
  add_tests(held_->library);
  add_functions(held_->library);
}

Engine::~Engine() = default;

void Engine::add_template(std::string name, std::string source, std::string file) {
  MUST(!held_->linked);
  auto unit = std::make_unique<Unit>();
  unit->name = std::move(name);
  unit->source = std::move(source);
  unit->file = std::move(file);
  const auto known = held_->units.find(unit->name);
  if (known != held_->units.end()) {
    unit->id = known->second->id;
    held_->in_order[unit->id] = unit.get();
    held_->units.erase(known);
  } else {
    unit->id = static_cast<std::uint32_t>(held_->in_order.size());
    held_->in_order.push_back(unit.get());
  }
  const std::string_view key = unit->name;
  held_->units.emplace(key, std::move(unit));
}

void Engine::add_function(std::string name, Function function) {
  MUST(!held_->linked);
  held_->library.functions.add(std::move(name), std::move(function));
}
void Engine::add_filter(std::string name, Filter filter) {
  MUST(!held_->linked);
  held_->library.filters.add(std::move(name), std::move(filter));
}
void Engine::add_test(std::string name, Test test) {
  MUST(!held_->linked);
  held_->library.tests.add(std::move(name), std::move(test));
}

Linked Engine::link() {
  MUST(!held_->linked);
  held_->linked = true;
  Linked linked;
  for (Unit* unit : held_->in_order) {
    Result<Syntax> syntax = parse_template(unit->source, unit->file);
    if (!syntax) {
      linked.errors.push_back(std::move(syntax).error());
      continue;
    }
    unit->syntax = std::move(*syntax);
    compile(*unit, held_->symbols, held_->library, linked.warnings);
  }
  Linker linker(held_->units, linked);
  for (Unit* unit : held_->in_order) linker.link_parents(*unit);
  for (Unit* unit : held_->in_order) linker.link_namespaces(*unit);
  for (Unit* unit : held_->in_order) linker.link_calls(*unit);
  for (Unit* unit : held_->in_order) linker.link_blocks(*unit, held_->symbols);
  // The trees have done their work; code and tables remain.
  for (Unit* unit : held_->in_order) {
    unit->syntax.body.clear();
    unit->syntax.macros.clear();
  }
  if (!linked.errors.empty()) held_->broken = linked.errors.front();
  return linked;
}

bool Engine::has_template(std::string_view name) const {
  return find_unit(held_->units, name) != nullptr;
}

std::optional<std::uint32_t> Engine::template_id(std::string_view name) const {
  const Unit* unit = find_unit(held_->units, name);
  if (unit == nullptr) return std::nullopt;
  return unit->id;
}

std::vector<std::string_view> Engine::templates_of(std::string_view name) const {
  const Unit* unit = find_unit(held_->units, name);
  if (unit == nullptr) return {};
  std::vector<const Unit*> found = unit->reads;
  for (std::size_t i = 0; i < found.size(); ++i) {
    for (const IncludeSite& site : found[i]->includes) {
      if (site.unit == nullptr) continue;
      for (const Unit* read : site.unit->reads)
        if (std::find(found.begin(), found.end(), read) == found.end()) found.push_back(read);
    }
  }
  std::vector<std::string_view> names;
  for (const Unit* one : found) names.push_back(one->name);
  return names;
}

Result<std::string> Engine::render(std::string_view name, const Context& context,
                                   const RenderOptions& options) const {
  MUST(held_->linked);
  if (held_->broken) return *held_->broken;
  const Unit* unit = find_unit(held_->units, name);
  if (unit == nullptr) return Error{Errc::missing, "there is no template " + in_quotes(name)};
  return held_->render(*this, *unit, held_->symbols, context, options);
}

Result<std::string> Engine::render_text(std::string_view source, std::string file,
                                        const Context& context,
                                        const RenderOptions& options) const {
  MUST(held_->linked);
  if (held_->broken) return *held_->broken;
  Unit unit;
  unit.name = file;
  unit.source = source;
  unit.file = std::move(file);
  unit.id = static_cast<std::uint32_t>(held_->in_order.size());
  unit.syntax = TRY(parse_template(unit.source, unit.file));
  Symbols symbols(&held_->symbols);
  Linked linked;
  compile(unit, symbols, held_->library, linked.warnings);
  Linker linker(held_->units, linked);
  linker.link_parents(unit);
  linker.link_namespaces(unit);
  linker.link_calls(unit);
  linker.link_blocks(unit, symbols);
  if (!linked.errors.empty()) return std::move(linked.errors.front());
  return held_->render(*this, unit, symbols, context, options);
}

}  // namespace weir::tmpl
