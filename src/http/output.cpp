#include "http/output.h"

#include "base/must.h"

#include <algorithm>

namespace weir::http {

void OutputBatch::commit(std::size_t count) {
  char* const data = scratch_.get() + used_;
  used_ += count;
  bytes += count;
  if (count_ > 0) {  // heads that touch each other leave as one piece
    Segment& last = segments_[count_ - 1];
    if (last.data + last.bytes == data && last.owner == nullptr && last.borrowed == nullptr) {
      last.bytes += count;
      return;
    }
  }
  MUST(count_ < segments_max);
  segments_[count_].data = data;
  segments_[count_].bytes = count;
  ++count_;
}

void OutputBatch::add(Segment segment) {
  if (segment.bytes == 0) return;
  MUST(count_ < segments_max);
  bytes += segment.bytes;
  segments_[count_++] = std::move(segment);
}

void OutputBatch::clear() {
  for (std::size_t i = 0; i < count_; ++i) {
    if (segments_[i].owner != nullptr) segments_[i].owner.reset();
    segments_[i].borrowed = nullptr;
  }
  count_ = 0;
  used_ = 0;
  bytes = 0;
  connection = nullptr;
  answered.clear();
}

void OutputQueue::keep(OutputBatch& batch, std::size_t sent) {
  for (Segment& segment : batch) {
    if (sent >= segment.bytes) {
      sent -= segment.bytes;
      continue;
    }
    Segment kept{segment.data + sent, segment.bytes - sent, std::move(segment.owner), nullptr};
    sent = 0;
    if (kept.owner == nullptr) {
      if (segment.borrowed != nullptr) {
        kept.owner = *segment.borrowed;
      } else {
        auto copy = std::make_shared<const std::string>(kept.data, kept.bytes);
        kept.data = copy->data();
        kept.owner = std::move(copy);
      }
    }
    bytes += kept.bytes;
    segments.push_back(std::move(kept));
  }
  answered.insert(answered.end(), batch.answered.begin(), batch.answered.end());
}

void OutputQueue::keep_cipher(std::string_view records) {
  cipher.erase(0, cipher_at);
  cipher_at = 0;
  cipher.append(records);
  bytes += records.size();
}

void OutputQueue::took(std::size_t count, Mono now) {
  if (count == 0) return;
  bytes -= count;
  progress = now;
  window_bytes += count;
  while (count > 0) {
    Segment& front = segments.front();
    const std::size_t part = std::min(count, front.bytes);
    front.data += part;
    front.bytes -= part;
    count -= part;
    if (front.bytes == 0) segments.pop_front();
  }
}

}  // namespace weir::http
