#include "template/compiler.h"

#include "base/bytes.h"
#include "text/utf8.h"

#include <algorithm>
#include <utility>

namespace weir::tmpl {
namespace {

std::string in_quotes(std::string_view name) { return '`' + std::string(name) + '`'; }

LoopPart loop_part_of(const Expr& path) {
  if (path.text != "loop" || path.steps.size() != 1) return LoopPart::none;
  const std::string_view part = path.steps.front().name;
  if (part == "index") return LoopPart::index;
  if (part == "index0") return LoopPart::index0;
  if (part == "first") return LoopPart::first;
  if (part == "last") return LoopPart::last;
  return LoopPart::none;
}

Value literal_of(const Expr& expr) {
  switch (expr.is) {
    case Expr::Is::integer: return expr.integer;
    case Expr::Is::real: return expr.real;
    case Expr::Is::boolean: return expr.flag;
    default: return Value::lend(expr.text);
  }
}

class Compiler {
 public:
  Compiler(Unit& unit, Symbols& symbols, const Library& library, std::vector<Error>& warnings)
      : unit_(unit), symbols_(symbols), library_(library), warnings_(warnings) {}

  void compile() {
    unit_.body.unit = &unit_;
    compile_chunk(unit_.body, unit_.syntax.body);
    for (const MacroDefinition& definition : unit_.syntax.macros) compile_macro(definition);
  }

 private:
  void compile_chunk(Chunk& chunk, const Body& body) {
    Chunk* const outer = std::exchange(chunk_, &chunk);
    // What a macro or block leaves open in the chunk around it does not reach into it.
    const std::vector<LoopLabels> loops = std::exchange(loops_, {});
    compile_body(body);
    emit(Op::halt, 0);
    loops_ = loops;
    chunk_ = outer;
  }

  void compile_macro(const MacroDefinition& definition) {
    auto macro = std::make_unique<Macro>();
    macro->name = definition.name;
    macro->unit = &unit_;
    macro->at = definition.at;
    for (const MacroParameter& parameter : definition.parameters) {
      Macro::Parameter& made = macro->parameters.emplace_back();
      made.name = parameter.name;
      made.symbol = symbols_.intern(parameter.name);
      made.must_be_given = parameter.otherwise == nullptr;
      if (parameter.otherwise) made.otherwise = literal_of(*parameter.otherwise);
    }
    macro->chunk.unit = &unit_;
    compile_chunk(macro->chunk, definition.body);
    unit_.macros_defined.push_back(std::move(macro));
  }

  void compile_body(const Body& body) {
    for (const Node& node : body) compile_node(node);
  }

  void compile_node(const Node& node) {
    switch (node.is) {
      case Node::Is::text: emit(Op::text, node.at, add(unit_.texts, node.text)); return;
      case Node::Is::print: compile_print(*node.expr); return;
      case Node::Is::super: emit(Op::super, node.at); return;
      case Node::Is::set:
      case Node::Is::set_global:
        value(*node.expr);
        emit(node.is == Node::Is::set ? Op::set : Op::set_global, node.at,
             symbols_.intern(node.name));
        return;
      case Node::Is::branch: compile_branches(node); return;
      case Node::Is::loop: compile_loop(node); return;
      case Node::Is::include: {
        IncludeSite site;
        site.names = node.names;
        site.ignore_missing = node.flag;
        emit(Op::include, node.at, add(unit_.includes, std::move(site)));
        return;
      }
      case Node::Is::block: compile_block(node); return;
      case Node::Is::filter_section:
        emit(Op::capture, node.at);
        compile_body(node.body);
        emit(Op::captured, node.at);
        if (node.filter.name != "safe") compile_filter(node.filter);
        emit(Op::print, node.at);
        return;
      case Node::Is::stop: loops_.back().stops.push_back(emit(Op::jump, node.at)); return;
      case Node::Is::next: loops_.back().nexts.push_back(emit(Op::jump, node.at)); return;
    }
  }

  void compile_block(const Node& node) {
    const std::uint32_t symbol = symbols_.intern(node.name);
    auto chunk = std::make_unique<Chunk>();
    chunk->unit = &unit_;
    compile_chunk(*chunk, node.body);
    unit_.blocks_defined.emplace_back(symbol, std::move(chunk));
    emit(Op::block, node.at, symbol);
  }

  void compile_branches(const Node& node) {
    std::vector<std::uint32_t> ends;
    for (const Branch& branch : node.branches) {
      if (!branch.condition) {
        compile_body(branch.body);
        break;
      }
      truth(*branch.condition);
      const std::uint32_t past = emit(Op::jump_false, branch.condition->at);
      compile_body(branch.body);
      if (&branch != &node.branches.back()) ends.push_back(emit(Op::jump, node.at));
      land(past);
    }
    for (const std::uint32_t end : ends) land(end);
  }

  void compile_loop(const Node& node) {
    value(*node.expr);
    LoopSite site;
    site.value = symbols_.intern(node.name);
    if (!node.key.empty()) site.key = symbols_.intern(node.key);
    site.text = source_of(*node.expr);
    const std::uint32_t begin = emit(Op::loop, node.expr->at, add(unit_.loops, site));
    loops_.push_back({});
    const std::uint32_t body = here();
    compile_body(node.body);
    const LoopLabels labels = std::move(loops_.back());
    loops_.pop_back();
    for (const std::uint32_t next : labels.nexts) land(next);
    emit(Op::loop_next, node.at, body);
    const std::uint32_t done_at = emit(Op::jump, node.at);
    for (const std::uint32_t stop : labels.stops) land(stop);
    if (!labels.stops.empty()) emit(Op::loop_stop, node.at);
    const std::uint32_t stopped = labels.stops.empty() ? 0 : emit(Op::jump, node.at);
    chunk_->code[begin].c = here();
    compile_body(node.otherwise);
    land(done_at);
    if (!labels.stops.empty()) land(stopped);
  }

  void compile_print(const Expr& expr) {
    if (expr.is == Expr::Is::macro && expr.filters.empty()) {
      compile_macro_call(expr);
      return;
    }
    const bool plain = expr.is == Expr::Is::path && expr.filters.empty() && is_static(expr);
    const bool dumps =
        expr.is == Expr::Is::path && expr.text == "__tera_context" && expr.steps.empty();
    if (plain && !dumps) {
      emit(Op::print_path, expr.at, add(unit_.paths, path_of(expr)));
      return;
    }
    printed_ = &expr;
    value(expr);
    emit(print_of(expr, dumps), expr.at);
  }

  // Which results are escaped is a property of the expression (S-40): strings and variables are,
  // what operators make is not, functions and filters say it themselves.
  static Op print_of(const Expr& expr, bool dumps) {
    if (dumps || expr.has_filter_last("safe")) return Op::print;
    const bool filtered = std::any_of(
        expr.filters.begin(), expr.filters.end(),
        [](const FilterCall& filter) { return filter.name != "safe" && filter.name != "default"; });
    if (filtered || expr.is == Expr::Is::call) return Op::print_unless_safe;
    if (expr.is == Expr::Is::string || expr.is == Expr::Is::path) return Op::print_escaped;
    const bool calls = expr.is == Expr::Is::concat &&
                       std::any_of(expr.items.begin(), expr.items.end(),
                                   [](const ExprPtr& item) { return item->is == Expr::Is::call; });
    return calls ? Op::print_unless_safe : Op::print;
  }

  // Leaves the value of the expression on the stack; never undefined.
  void value(const Expr& expr) {
    if (expr.is == Expr::Is::path && expr.has_filter_first("default")) {
      path(expr, Op::path_soft);
      compile_default(expr.filters.front());
    } else {
      unfiltered(expr);
    }
    for (const FilterCall& filter : expr.filters)
      if (filter.name != "safe" && filter.name != "default")
        compile_filter(filter, &filter == &expr.filters.front() && shows_time(expr));
  }

  // `now() | date(…)`: nothing but the filter sees the time.
  static bool shows_time(const Expr& expr) {
    return expr.is == Expr::Is::call && expr.text == "now" && expr.has_filter_first("date");
  }

  void unfiltered(const Expr& expr) {
    switch (expr.is) {
      case Expr::Is::integer:
      case Expr::Is::real:
      case Expr::Is::boolean:
      case Expr::Is::string:
        emit(Op::push, expr.at, add(unit_.constants, literal_of(expr)));
        return;
      case Expr::Is::path: path(expr, Op::path); return;
      case Expr::Is::array:
        for (const ExprPtr& item : expr.items) value(*item);
        emit(Op::array, expr.at, count_of(expr.items));
        return;
      case Expr::Is::concat: compile_concat(expr); return;
      case Expr::Is::math:
      case Expr::Is::compare: compile_pair(expr); return;
      case Expr::Is::in:
        value(*expr.items[0]);
        value(*expr.items[1]);
        emit(Op::in, expr.at, 0, 0, expr.flag);
        return;
      case Expr::Is::both:
      case Expr::Is::either: compile_chain(expr); return;
      case Expr::Is::negation:
        truth(*expr.items[0]);
        emit(Op::invert, expr.at);
        return;
      case Expr::Is::test: compile_test(expr); return;
      case Expr::Is::call: compile_function(expr); return;
      case Expr::Is::macro:
        // As in Tera a macro escapes nothing where its result is not printed but set, compared or
        // handed on: its text is a value there, a path for instance.
        emit(Op::capture, expr.at, 0, 0, &expr == printed_ ? 0 : 1);
        compile_macro_call(expr);
        emit(Op::captured, expr.at);
        return;
    }
  }

  // Leaves a boolean. A variable that does not exist, or whose filters fail, is false.
  void truth(const Expr& expr) {
    switch (expr.is) {
      case Expr::Is::path:
        if (expr.filters.empty()) {
          path(expr, Op::path_soft);
          emit(Op::truth, expr.at);
        } else {
          const std::uint32_t guard = emit(Op::guard, expr.at);
          value(expr);
          emit(Op::truth, expr.at);
          emit(Op::unguard, expr.at);
          land(guard);
        }
        return;
      case Expr::Is::compare:
      case Expr::Is::in:
      case Expr::Is::both:
      case Expr::Is::either:
      case Expr::Is::negation:
      case Expr::Is::test:
      case Expr::Is::boolean:
        value(expr);
        if (!expr.filters.empty()) emit(Op::truth, expr.at);
        return;
      default:
        value(expr);
        emit(Op::truth, expr.at);
        return;
    }
  }

  void compile_chain(const Expr& expr) {
    const Op keep = expr.is == Expr::Is::both ? Op::keep_false : Op::keep_true;
    std::vector<std::uint32_t> ends;
    for (const ExprPtr& item : expr.items) {
      truth(*item);
      if (&item != &expr.items.back()) ends.push_back(emit(keep, expr.at));
    }
    for (const std::uint32_t end : ends) land(end);
  }

  void compile_pair(const Expr& expr) {
    const Expr& left = *expr.items[0];
    const Expr& right = *expr.items[1];
    value(left);
    value(right);
    if (expr.sign == Operator::equal || expr.sign == Operator::not_equal) {
      emit(Op::equal, expr.at, 0, 0, expr.sign == Operator::not_equal);
      return;
    }
    const std::uint32_t left_text = add(unit_.texts, source_of(left));
    const std::uint32_t right_text = add(unit_.texts, source_of(right));
    emit(expr.is == Expr::Is::math ? Op::math : Op::compare, expr.at, left_text, right_text,
         static_cast<std::uint8_t>(expr.sign));
  }

  void compile_concat(const Expr& expr) {
    std::uint32_t calls = 0;
    for (std::size_t i = 0; i < expr.items.size(); ++i) {
      value(*expr.items[i]);
      if (expr.items[i]->is == Expr::Is::call && i < 32) calls |= 1U << i;
    }
    emit(Op::concat, expr.at, count_of(expr.items), calls);
  }

  static bool is_static(const Expr& path) {
    return std::all_of(path.steps.begin(), path.steps.end(),
                       [](const Step& step) { return step.index == nullptr; });
  }

  Path path_of(const Expr& expr) {
    Path made;
    made.symbol = symbols_.intern(expr.text);
    made.loop = loop_part_of(expr);
    made.dumps_context = expr.text == "__tera_context" && expr.steps.empty();
    made.text = source_of(expr);
    for (const Step& step : expr.steps) made.steps.push_back(step.name);
    return made;
  }

  void path(const Expr& expr, Op load) {
    if (is_static(expr)) {
      emit(load, expr.at, add(unit_.paths, path_of(expr)));
      return;
    }
    Path head;
    head.symbol = symbols_.intern(expr.text);
    head.text = expr.text;
    std::size_t i = 0;
    for (; expr.steps[i].index == nullptr; ++i) head.steps.push_back(expr.steps[i].name);
    emit(Op::path_soft, expr.at, add(unit_.paths, std::move(head)));
    for (; i < expr.steps.size(); ++i) {
      const Step& step = expr.steps[i];
      if (!step.index) {
        emit(Op::member, expr.at, add(unit_.texts, step.name));
        continue;
      }
      if (load == Op::path_soft && step.index->is == Expr::Is::path && step.index->filters.empty())
        path(*step.index, Op::path_soft);
      else value(*step.index);
      emit(Op::index, step.index->at, add(unit_.texts, source_of(expr)));
    }
    if (load == Op::path) emit(Op::require, expr.at, add(unit_.texts, source_of(expr)));
  }

  void compile_default(const FilterCall& filter) {
    const std::uint32_t present = emit(Op::keep_present, filter.at);
    const auto given =
        std::find_if(filter.arguments.begin(), filter.arguments.end(),
                     [](const Argument& argument) { return argument.name == "value"; });
    if (given == filter.arguments.end())
      fail(filter.at, "filter `default` needs the argument `value`", {});
    else value(*given->value);
    land(present);
  }

  std::vector<std::string_view> compile_arguments(const std::vector<Argument>& arguments) {
    std::vector<std::string_view> names;
    for (const Argument& argument : arguments) {
      value(*argument.value);
      names.push_back(argument.name);
    }
    return names;
  }

  void compile_filter(const FilterCall& filter, bool follows_clock = false) {
    CallSite site;
    site.follows_clock = follows_clock;
    site.name = filter.name;
    site.filter = library_.filters.find(filter.name);
    if (site.filter == nullptr) {
      unknown(filter.at, "filter", filter.name, library_.filters.names());
      return;
    }
    site.names = compile_arguments(filter.arguments);
    emit(Op::call_filter, filter.at, add(unit_.calls, std::move(site)));
  }

  void compile_function(const Expr& expr) {
    CallSite site;
    site.follows_clock = shows_time(expr);
    site.name = expr.text;
    site.function = library_.functions.find(expr.text);
    if (site.function == nullptr) {
      if (expr.text == "super") {
        fail(expr.at, "`super()` stands outside of a block, or is part of an expression",
             "write `{{ super() }}` alone, within `{% block %}`");
        return;
      }
      unknown(expr.at, "function", expr.text, library_.functions.names());
      return;
    }
    site.names = compile_arguments(expr.arguments);
    emit(Op::call_function, expr.at, add(unit_.calls, std::move(site)));
  }

  void compile_test(const Expr& expr) {
    CallSite site;
    site.name = expr.text;
    site.test = library_.tests.find(expr.text);
    if (site.test == nullptr) {
      unknown(expr.at, "test", expr.text, library_.tests.names());
      return;
    }
    path(*expr.items[0], Op::path_soft);
    for (std::size_t i = 1; i < expr.items.size(); ++i) value(*expr.items[i]);
    site.count = count_of(expr.items) - 1;
    emit(Op::call_test, expr.at, add(unit_.calls, std::move(site)), 0, expr.flag);
  }

  // Arguments that the macro does not know are never evaluated, so they may fail (as in Tera).
  void compile_macro_call(const Expr& expr) {
    MacroSite site;
    site.space = expr.space;
    site.name = expr.text;
    for (const Argument& argument : expr.arguments) site.names.push_back(argument.name);
    const std::uint32_t number = add(unit_.macros, std::move(site));
    for (std::size_t i = 0; i < expr.arguments.size(); ++i) {
      const Argument& argument = expr.arguments[i];
      if (i > 0xFF) {
        value(*argument.value);
        continue;
      }
      const std::uint32_t known =
          emit(Op::argument, argument.at, 0, number, static_cast<std::uint8_t>(i));
      value(*argument.value);
      land(known);
    }
    emit(Op::call_macro, expr.at, number);
  }

  void unknown(std::uint32_t at, std::string_view kind, std::string_view name,
               const std::vector<std::string_view>& candidates) {
    const std::string near = nearest_of(name, candidates);
    std::string help = near.empty() ? std::string() : "did you mean " + in_quotes(near) + "?";
    std::string what = "there is no " + std::string(kind) + ' ' + in_quotes(name);
    warnings_.push_back(Error{Errc::missing, what, place_of(unit_, at), help});
    fail(at, std::move(what), std::move(help));
  }

  void fail(std::uint32_t at, std::string what, std::string help) {
    emit(Op::fail, at, add(unit_.failures, Failure{std::move(what), std::move(help)}));
  }

  std::string_view source_of(const Expr& expr) const {
    return std::string_view(unit_.source)
        .substr(expr.at, expr.end > expr.at ? expr.end - expr.at : 0);
  }

  template <class T, class U>
  static std::uint32_t add(std::vector<T>& table, U&& entry) {
    table.push_back(std::forward<U>(entry));
    return static_cast<std::uint32_t>(table.size() - 1);
  }
  template <class T>
  static std::uint32_t count_of(const std::vector<T>& items) {
    return static_cast<std::uint32_t>(items.size());
  }

  std::uint32_t here() const { return count_of(chunk_->code); }
  std::uint32_t emit(Op op, std::uint32_t at, std::uint32_t b = 0, std::uint32_t c = 0,
                     std::uint8_t a = 0) {
    chunk_->code.push_back({op, a, b, c, at});
    return here() - 1;
  }
  // The jump at `from` leads to the next instruction.
  void land(std::uint32_t from) { chunk_->code[from].b = here(); }

  struct LoopLabels {
    std::vector<std::uint32_t> nexts;
    std::vector<std::uint32_t> stops;
  };

  Unit& unit_;
  Symbols& symbols_;
  const Library& library_;
  std::vector<Error>& warnings_;
  Chunk* chunk_ = nullptr;
  const Expr* printed_ = nullptr;  // the expression of the `{{ }}` that is being compiled
  std::vector<LoopLabels> loops_;
};

}  // namespace

std::uint32_t Symbols::intern(std::string_view name) {
  const std::uint32_t known = find(name);
  if (known != none) return known;
  const std::uint32_t symbol = count();
  names_.push_back(std::make_unique<std::string>(name));
  numbers_.emplace(*names_.back(), symbol);
  return symbol;
}

std::uint32_t Symbols::find(std::string_view name) const {
  if (base_ != nullptr) {
    const std::uint32_t known = base_->find(name);
    if (known != none) return known;
  }
  const auto found = numbers_.find(name);
  return found == numbers_.end() ? none : found->second;
}

std::string_view Symbols::name_of(std::uint32_t symbol) const {
  return symbol < first_ ? base_->name_of(symbol) : std::string_view(*names_[symbol - first_]);
}

const Macro* Unit::find_macro(std::string_view macro) const {
  for (const auto& defined : macros_defined)
    if (defined->name == macro) return defined.get();
  return nullptr;
}

const Unit* Unit::find_namespace(std::string_view space) const {
  for (const auto& [known, unit] : namespaces)
    if (known == space) return unit;
  return nullptr;
}

const BlockChain* Unit::find_chain(std::uint32_t symbol) const {
  for (const BlockChain& chain : chains)
    if (chain.symbol == symbol) return &chain;
  return nullptr;
}

Place place_of(const Unit& unit, std::uint32_t at) {
  return {unit.file, text::line_of(unit.source, at), text::column_of(unit.source, at), 0};
}

void compile(Unit& unit, Symbols& symbols, const Library& library, std::vector<Error>& warnings) {
  Compiler(unit, symbols, library, warnings).compile();
}

}  // namespace weir::tmpl
