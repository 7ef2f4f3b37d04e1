#pragma once
// An answer of an upstream as it is kept: immutable, its head prepared, shared by all who serve it.
// What a refresh or a 304 changes is a new Answer that takes its place whole, so that no client
// sees the fields of one generation with the body of another.

#include "base/clock.h"
#include "cache/http_fields.h"
#include "cache/http_policy.h"
#include "cache/tags.h"
#include "http/prepared.h"
#include "store/codec.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::cache {

// How to ask for it again when nobody is there to ask: what the upstream was told, without the
// conditions and without what belonged to one client.
struct Question {
  std::string route;              // name of the route that it came by
  std::string target;             // origin form
  std::string host;               // empty = the server's own authority
  std::string lines;              // whole lines "name: value\r\n"
  std::string client_host, path;  // what the route is chosen by: the request's host, decoded path
};

// Which bytes of the whole a 206 holds.
struct Part {
  std::uint64_t first = 0, total = 0;  // it begins at `first` and is as long as the body
};

struct AnswerFacts {
  std::string key;        // "https://host/path?query"
  std::string path;       // decoded, as purges name it
  VaryNames vary;         // fields that select
  std::string selection;  // what they said (selection_of)
  int status = 200;
  http::Fields fields;  // lower-case names, as kept_fields leaves them; with Date
  std::optional<Part> part;
  Profile profile = Profile::guarded;
  Policy policy;
  std::vector<std::string> tags;
  std::shared_ptr<const Question> question;
  std::uint64_t fill_seq = 0;  // the last purge that it has seen, taken before it was asked for
  Mono received;               // or freshened
  Wall received_wall;
  Nanos took{0};  // from the question to the whole answer
};

struct Answer : AnswerFacts {
  std::uint64_t generation = 0;  // grows with each that is kept, for the life of the process
  PageTags epochs;
  std::shared_ptr<const std::string> body;            // as received
  std::string etag, last_modified, content_language;  // views would not outlive a copy of `fields`
  // By store::Rendition; identity is the answer as received, whatever coding that has.
  struct Form {
    std::string etag;
    std::shared_ptr<const http::Prepared> ok, not_modified;
    std::shared_ptr<const std::string> body;
  };
  std::array<Form, store::rendition_count> forms;
  const Form* find(store::Rendition rendition) const {
    const Form& form = forms[static_cast<std::size_t>(rendition)];
    return form.ok == nullptr ? nullptr : &form;
  }
  const Form* find(store::Codec codec) const { return find(store::rendition_of(codec)); }
  bool adds_vary = false;  // we have coded it: 200, 206 and 304 say Vary: Accept-Encoding
  std::size_t bytes = 0;   // what it costs
  mutable std::atomic<bool> was_wanted{false};    // asked for again: worth a place on disk (C-67)
  mutable std::atomic<std::uint64_t> checked{0};  // the purge that it was last compared with
};

std::string_view field_of(const http::Fields& fields, std::string_view lower_name);

// Errc::invalid when a field cannot be sent. `codings`: further forms of the body, made of it by
// us; null where there is none. The ETag of each gets a letter of its own before its closing quote.
using Codings = std::array<std::shared_ptr<const std::string>, store::rendition_count>;
Result<std::shared_ptr<const Answer>> make_answer(AnswerFacts facts,
                                                  std::shared_ptr<const std::string> body,
                                                  TagEpochs& tags, const Codings& codings = {});

// The fields that a 304 or a 206 made of it carries, without Age.
http::Fields fields_for_304(const Answer& answer, const Answer::Form& form);

}  // namespace weir::cache
