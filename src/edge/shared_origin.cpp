#include "edge/shared_origin.h"

namespace weir::edge {
namespace {

Result<cache::Rendered> rendered_of(FillReply reply) {
  if (!reply.why.empty()) return Error{Errc::missing, "there is no copy: " + reply.why};
  if (reply.is_same) return Error{Errc::corrupt, "a copy without its body"};
  cache::Rendered rendered;
  store::Fill& record = reply.record;
  rendered.status = record.status;
  rendered.content_type = std::move(record.content_type);
  rendered.fields = std::move(record.fields);
  rendered.body = std::move(reply.body);
  rendered.tags = std::move(record.tags);
  rendered.policy = record.policy;
  rendered.age = reply.age;
  return rendered;
}

}  // namespace

Result<cache::Rendered> SharedOrigin::render(const cache::RenderRequest& request) {
  FillLease* const lease = lease_.load();
  if (lease == nullptr || request.release == nullptr) return own_.render(request);
  const auto rules = own_.rules_of(request.path);
  if (rules != nullptr && rules->is_local) return own_.render(request);
  if (asking_.fetch_add(1) < asking_max_) {
    auto copy = copied(*lease, request);
    asking_.fetch_sub(1);
    if (copy) return std::move(*copy);
  } else {
    asking_.fetch_sub(1);
  }
  return own_.render(request);
}

std::optional<cache::Rendered> SharedOrigin::copied(FillLease& lease,
                                                    const cache::RenderRequest& request) {
  const auto holder = lease.holder_of(request.path);
  if (holder == nullptr) return std::nullopt;
  const auto site = lease.site_of(request.release);
  if (!site.ok()) return std::nullopt;
  FillQuestion question;
  question.node = lease.node();
  question.seen = lease.wanted();
  question.page = {std::string(request.path), *site};
  auto reply = lease.ask(*holder, question);
  if (!reply.ok()) return std::nullopt;
  auto rendered = rendered_of(std::move(reply).value());
  if (!rendered.ok()) return std::nullopt;
  lease.counts.copied.fetch_add(1, std::memory_order_relaxed);
  return std::move(rendered).value();
}

}  // namespace weir::edge
