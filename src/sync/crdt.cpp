#include "sync/crdt.h"

#include "base/hash.h"
#include "base/must.h"
#include "text/json.h"

#include <algorithm>

namespace weir::sync {

using text::Value;

bool Utf16Less::operator()(std::string_view a, std::string_view b) const {
  const auto [left, right] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (left == a.end() || right == b.end()) return left == a.end() && right != b.end();
  const auto x = static_cast<unsigned char>(*left);
  const auto y = static_cast<unsigned char>(*right);
  // UTF-8 sorts by code point. UTF-16 differs in one thing: what takes four bytes in UTF-8 is
  // written with surrogates (D800 to DFFF) and so comes before U+E000 to U+FFFF, whose first byte
  // is EE or EF.
  if (x >= 0xee && y >= 0xee && (x >= 0xf0) != (y >= 0xf0)) return x >= 0xf0;
  return x < y;
}

std::string json_of(const VersionVector& versions) {
  std::string out = "{";
  for (const auto& [replica, counter] : versions) {
    if (out.size() > 1) out += ',';
    out += '"' + replica + "\":" + std::to_string(counter);  // replica ids need no escape
  }
  return out + '}';
}

Result<VersionVector> parse_versions(std::string_view json) {
  const Value value = TRY(text::parse_json(json));
  VersionVector versions;
  if (!value.is_object())
    return Error{Errc::corrupt,
                 "a version vector is an object, found " + std::string(value.kind())};
  for (const text::Member& member : *value.object()) {
    const std::int64_t* counter = member.value.integer();
    if (counter == nullptr)
      return Error{Errc::corrupt, "the counter of '" + member.name + "' is no whole number"};
    versions[member.name] = *counter;
  }
  return versions;
}

// --- merge ---------------------------------------------------------------------------------------

void DocumentState::merge(std::string_view replica, std::int64_t counter, const Op& op) {
  const auto covered = covered_.find(replica);
  if (covered != covered_.end() && counter <= covered->second) return;
  if (const auto version = versions_.find(replica); version == versions_.end())
    versions_.emplace(replica, counter);
  else version->second = std::max(version->second, counter);

  Cell& cell = entities_[op.entity][op.field];
  switch (op.type) {
    case CrdtType::gset: {
      if (!cell.gset) cell.gset.emplace();
      cell.gset->insert(op.add.begin(), op.add.end());
      break;
    }
    case CrdtType::lww: {
      Register written{op.stamp, std::string(replica), op.value};
      if (!cell.lww || *cell.lww < written) cell.lww = std::move(written);
      break;
    }
    case CrdtType::max:
      if (!cell.max || compare_numbers(*cell.max, op.value) < 0) cell.max = op.value;
      break;
    case CrdtType::min:
      if (!cell.min || compare_numbers(op.value, *cell.min) < 0) cell.min = op.value;
      break;
    case CrdtType::orset:
      if (!cell.orset) cell.orset.emplace();
      merge_observed(*cell.orset, replica, counter, op);
      break;
  }
}

void DocumentState::merge_observed(ObservedSet& set, std::string_view replica, std::int64_t counter,
                                   const Op& op) {
  for (std::size_t i = 0; i < op.add.size(); ++i) {
    std::string tag = tag_of(replica, counter, i);
    if (!set.removed.contains(tag)) set.values[op.add[i]].insert(std::move(tag));
  }
  for (const std::string& tag : op.remove) {
    if (!set.removed.insert(tag).second) continue;
    for (auto value = set.values.begin(); value != set.values.end(); ++value) {
      if (value->second.erase(tag) == 0) continue;
      if (value->second.empty()) set.values.erase(value);
      break;  // a tag belongs to one value
    }
  }
}

// --- text ----------------------------------------------------------------------------------------

void DocumentState::append_observed(std::string& out, const ObservedSet& set) const {
  out += R"("orset":{"a":[)";
  bool is_first = true;
  for (const auto& [value, tags] : set.values) {
    out += is_first ? "[" : ",[";
    is_first = false;
    out += value;
    out += ",[";
    for (const std::string& tag : tags) {
      if (&tag != &*tags.begin()) out += ',';
      out += '"' + tag + '"';  // tags need no escape
    }
    out += "]]";
  }
  out += ']';
  const std::vector<std::string_view> early = early_removals(set);
  for (const std::string_view tag : early) {
    out += tag == early.front() ? R"(,"x":[")" : R"(",")";
    out += tag;
  }
  if (!early.empty()) out += R"("])";
  out += '}';
}

std::vector<std::string_view> DocumentState::early_removals(const ObservedSet& set) const {
  std::vector<std::string_view> early;
  for (const std::string& text : set.removed) {
    const auto tag = parse_tag(text);
    MUST(tag.has_value());
    const auto version = versions_.find(tag->replica);
    if (version == versions_.end() || tag->counter > version->second) early.push_back(text);
  }
  return early;
}

void DocumentState::append_cell(std::string& out, const Cell& cell) const {
  out += '{';
  const std::size_t begin = out.size();
  const auto separate = [&out, begin] {
    if (out.size() > begin) out += ',';
  };
  if (cell.gset) {
    out += R"("gset":[)";
    for (const std::string& value : *cell.gset) {
      if (&value != &*cell.gset->begin()) out += ',';
      out += value;
    }
    out += ']';
  }
  if (cell.lww) {
    separate();
    out += R"("lww":{"h":")" + cell.lww->stamp.text() + R"(","rep":")" + cell.lww->replica +
           R"(","v":)" + cell.lww->value + '}';
  }
  if (cell.max) {
    separate();
    out += R"("max":)" + *cell.max;
  }
  if (cell.min) {
    separate();
    out += R"("min":)" + *cell.min;
  }
  if (cell.orset) {
    separate();
    append_observed(out, *cell.orset);
  }
  out += '}';
}

std::string DocumentState::text() const {
  std::string out = "{";
  for (const auto& [entity, fields] : entities_) {
    if (out.size() > 1) out += ',';
    out += text::canonical_json_of(Value(entity)) + ":{";
    bool is_first = true;
    for (const auto& [field, cell] : fields) {
      if (!is_first) out += ',';
      is_first = false;
      out += text::canonical_json_of(Value(field)) + ':';
      append_cell(out, cell);
    }
    out += '}';
  }
  return out + '}';
}

std::uint64_t DocumentState::hash() const { return xxh3_64(text()); }

DocumentState::Size DocumentState::size() const {
  Size size;
  size.entities = entities_.size();
  for (const auto& [entity, fields] : entities_) {
    size.fields_most = std::max(size.fields_most, fields.size());
    for (const auto& [field, cell] : fields) {
      const std::size_t grown = cell.gset ? cell.gset->size() : 0;
      std::size_t observed = 0;
      if (cell.orset) {
        observed = early_removals(*cell.orset).size();
        for (const auto& [value, tags] : cell.orset->values) observed += tags.size();
      }
      size.members_most = std::max({size.members_most, grown, observed});
      const std::size_t single =
          std::size_t{cell.lww.has_value()} + cell.max.has_value() + cell.min.has_value();
      size.live_values += grown + observed + single;
    }
  }
  return size;
}

// --- back from text ------------------------------------------------------------------------------

Status DocumentState::read_cell(const Value& value, Cell& cell) {
  const Error not_ours{Errc::corrupt, "the stored snapshot is not what was written"};
  if (const Value* gset = value.find("gset")) {
    if (!gset->is_array()) return not_ours;
    cell.gset.emplace();
    for (const Value& item : *gset->array()) cell.gset->insert(text::canonical_json_of(item));
  }
  if (const Value* lww = value.find("lww")) {
    const Value* stamp = lww->find("h");
    const Value* replica = lww->find("rep");
    const Value* held = lww->find("v");
    if (stamp == nullptr || stamp->string() == nullptr || replica == nullptr ||
        replica->string() == nullptr || held == nullptr || !parse_hlc(*stamp->string()))
      return not_ours;
    cell.lww =
        Register{*parse_hlc(*stamp->string()), *replica->string(), text::canonical_json_of(*held)};
  }
  if (const Value* max = value.find("max")) cell.max = text::canonical_json_of(*max);
  if (const Value* min = value.find("min")) cell.min = text::canonical_json_of(*min);
  const Value* orset = value.find("orset");
  if (orset == nullptr) return done;
  const Value* held = orset->find("a");
  if (held == nullptr || !held->is_array()) return not_ours;
  cell.orset.emplace();
  for (const Value& pair : *held->array()) {
    const Value::Array* parts = pair.array();
    if (parts == nullptr || parts->size() != 2 || !(*parts)[1].is_array()) return not_ours;
    Tags& tags = cell.orset->values[text::canonical_json_of((*parts)[0])];
    for (const Value& tag : *(*parts)[1].array()) {
      if (tag.string() == nullptr || !parse_tag(*tag.string())) return not_ours;
      tags.insert(*tag.string());
    }
  }
  const Value* early = orset->find("x");
  if (early == nullptr) return done;
  if (!early->is_array()) return not_ours;
  for (const Value& tag : *early->array()) {
    if (tag.string() == nullptr || !parse_tag(*tag.string())) return not_ours;
    cell.orset->removed.insert(*tag.string());
  }
  return done;
}

Result<DocumentState> DocumentState::parse(std::string_view state, VersionVector versions) {
  DocumentState parsed;
  const Value root =
      TRY(text::parse_json(state, {.depth_max = limits::sync_json_depth_max + 8,
                                   .bytes_max = 2 * limits::sync_document_bytes_max}));
  if (!root.is_object()) return Error{Errc::corrupt, "the stored snapshot is no object"};
  for (const text::Member& entity : *root.object()) {
    Fields& fields = parsed.entities_[entity.name];
    if (!entity.value.is_object())
      return Error{Errc::corrupt, "entity '" + entity.name + "' of the snapshot is no object"};
    for (const text::Member& field : *entity.value.object())
      TRY(read_cell(field.value, fields[field.name]));
  }
  parsed.covered_ = versions;
  parsed.versions_ = std::move(versions);
  return parsed;
}

}  // namespace weir::sync
