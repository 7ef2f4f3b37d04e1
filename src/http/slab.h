#pragma once
// Objects of one type in chunks of 64: no per-object heap overhead, addresses that never move, and
// a walk over all that live. Freed places are used again, the latest first. One thread.

#include "base/must.h"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace weir::http {

template <class T>
class Slab {
 public:
  Slab() = default;
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;
  ~Slab() {
    for_each([this](T& object) { destroy(object); });
  }

  template <class... Arguments>
  T& create(Arguments&&... arguments) {
    if (free_.empty()) grow();
    const std::uint32_t place = free_.back();
    Chunk& chunk = *chunks_[place / per_chunk];
    T* const object = new (chunk.at(place % per_chunk)) T(std::forward<Arguments>(arguments)...);
    free_.pop_back();  // not before: without memory for what T holds the place stays free
    chunk.live |= std::uint64_t{1} << (place % per_chunk);
    object->slab_place = place;
    ++count_;
    return *object;
  }

  void destroy(T& object) {
    const std::uint32_t place = object.slab_place;
    Chunk& chunk = *chunks_[place / per_chunk];
    MUST(chunk.at(place % per_chunk) == static_cast<void*>(&object));
    object.~T();
    chunk.live &= ~(std::uint64_t{1} << (place % per_chunk));
    free_.push_back(place);
    --count_;
  }

  template <class Visit>
  void for_each(Visit&& visit) {
    for (const std::unique_ptr<Chunk>& chunk : chunks_)
      for (std::uint64_t live = chunk->live; live != 0; live &= live - 1)
        visit(*std::launder(
            static_cast<T*>(chunk->at(static_cast<std::size_t>(std::countr_zero(live))))));
  }

  std::size_t count() const { return count_; }

 private:
  static constexpr std::size_t per_chunk = 64;
  struct Chunk {
    std::uint64_t live = 0;
    alignas(T) std::array<std::byte, sizeof(T) * per_chunk> bytes;
    void* at(std::size_t index) { return bytes.data() + index * sizeof(T); }
  };
  void grow() {
    const auto first = static_cast<std::uint32_t>(chunks_.size() * per_chunk);
    free_.reserve(first + per_chunk);  // all at once, so that `destroy` never allocates
    chunks_.push_back(std::make_unique<Chunk>());
    for (std::uint32_t i = per_chunk; i-- > 0;) free_.push_back(first + i);
  }

  std::vector<std::unique_ptr<Chunk>> chunks_;
  std::vector<std::uint32_t> free_;
  std::size_t count_ = 0;
};

}  // namespace weir::http
