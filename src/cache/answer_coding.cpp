#include "cache/answer_coding.h"

namespace weir::cache {

bool may_be_coded(const Answer& answer) {
  return answer.profile == Profile::guarded && answer.status == 200 && !answer.part &&
         !answer.policy.no_transform && field_of(answer.fields, "content-encoding").empty() &&
         store::is_worth_compressing(field_of(answer.fields, "content-type"), answer.body->size());
}

std::shared_ptr<const Answer> coded(const Answer& answer, TagEpochs& tags) {
  Codings codings;
  bool gains = false;
  using Code = std::string (*)(std::string_view);
  for (const auto& [codec, code] :
       {std::pair<store::Codec, Code>{store::Codec::zstd, &store::zstd_of},
        std::pair<store::Codec, Code>{store::Codec::brotli, &store::brotli_of},
        std::pair<store::Codec, Code>{store::Codec::gzip, &store::gzip_of}}) {
    std::string body = code(*answer.body);
    if (body.size() >= answer.body->size()) continue;
    codings[static_cast<std::size_t>(codec)] = std::make_shared<const std::string>(std::move(body));
    gains = true;
  }
  if (!gains) return nullptr;
  auto made = make_answer(answer, answer.body, tags, codings);
  if (!made.ok()) return nullptr;
  (*made)->was_wanted.store(answer.was_wanted.load(std::memory_order_relaxed),
                            std::memory_order_relaxed);
  return std::move(made).value();
}

}  // namespace weir::cache
