#include "cache/answer_polish.h"

#include "base/limits_cache.h"
#include "cache/answer_coding.h"
#include "cache/best_coding.h"

namespace weir::cache {

AnswerPolisher::AnswerPolisher(Parts parts)
    : answers_(parts.answers),
      queue_({&parts.idle, std::move(parts.is_busy), parts.clock, limits::polish_queue_max,
              limits::polish_after}) {}

void AnswerPolisher::add(const Answer& answer) {
  const std::string_view type = field_of(answer.fields, "content-type");
  if (may_be_coded(answer) && is_worth_polishing(type, answer.body->size()))
    static_cast<void>(queue_.add({answer.key, answer.body}));
}

void AnswerPolisher::tick() {
  queue_.begin([this](One&& one) {
    if (const auto answer = kept(one); answer != nullptr && !polish(answer)) add(*answer);
  });
}

std::shared_ptr<const Answer> AnswerPolisher::kept(const One& one) const {
  const auto body = one.body.lock();
  if (body == nullptr) return nullptr;
  for (const auto& answer : answers_.variants(one.key))
    if (answer->body == body) return answer;
  return nullptr;
}

bool AnswerPolisher::polish(std::shared_ptr<const Answer> answer) {
  for (const store::Rendition best : best_renditions) {
    if (answer->find(best) != nullptr) continue;
    const auto quick = static_cast<std::size_t>(store::codec_of(best));
    const std::string& now =
        answer->forms[quick].body == nullptr ? *answer->body : *answer->forms[quick].body;
    auto packed = best_coding_of(*answer->body, best, [this] { return !queue_.is_busy(); });
    if (!packed) return false;
    if (packed->size() >= now.size()) continue;
    Codings codings;
    for (std::size_t at = 1; at < codings.size(); ++at) codings[at] = answer->forms[at].body;
    const std::size_t saved_bytes = now.size() - packed->size();
    codings[quick].reset();
    codings[static_cast<std::size_t>(best)] =
        std::make_shared<const std::string>(std::move(*packed));
    const auto made = make_answer(*answer, answer->body, answers_.tags(), codings);
    if (!made) return true;
    (*made)->was_wanted.store(true, std::memory_order_relaxed);
    answers_.replace(answer, *made);
    polished_.fetch_add(1, std::memory_order_relaxed);
    saved_bytes_.fetch_add(saved_bytes, std::memory_order_relaxed);
    answer = *made;
  }
  return true;
}

AnswerPolisher::Counters AnswerPolisher::counters() const {
  return {polished_.load(std::memory_order_relaxed), saved_bytes_.load(std::memory_order_relaxed),
          queue_.size()};
}

}  // namespace weir::cache
