#include "edge/tables.h"

#include <algorithm>

namespace weir::edge {
namespace {

bool is_same(const ListenSettings& a, const ListenSettings& b) {
  return a.endpoint.host == b.endpoint.host && a.endpoint.port == b.endpoint.port &&
         a.tls == b.tls && a.is_admin == b.is_admin &&
         a.redirects_to_https == b.redirects_to_https && a.proxy_protocol == b.proxy_protocol &&
         a.admin_token.is_empty() == b.admin_token.is_empty();
}

// Files are read again, also under other names; what asks an authority is fixed.
bool is_same(const TlsSettings& a, const TlsSettings& b) {
  return a.name == b.name && a.acme.domains == b.acme.domains && a.acme.email == b.acme.email &&
         a.acme.directory == b.acme.directory && a.acme.challenge == b.acme.challenge &&
         a.acme.key == b.acme.key && a.acme.renew_before == b.acme.renew_before;
}

bool is_same(const SyncRuleSettings& a, const SyncRuleSettings& b) {
  return a.surface == b.surface && a.match == b.match && a.read == b.read && a.write == b.write;
}

template <class T>
bool are_same(const std::vector<T>& a, const std::vector<T>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const T& one, const T& other) { return is_same(one, other); });
}

bool limits_are_same(const ServeSettings& a, const ServeSettings& b) {
  return a.connections_max == b.connections_max &&
         a.connections_per_client_max == b.connections_per_client_max &&
         a.target_bytes_max == b.target_bytes_max && a.head_bytes_max == b.head_bytes_max &&
         a.head_fields_max == b.head_fields_max &&
         a.bodies_buffered_bytes_max == b.bodies_buffered_bytes_max &&
         a.handshakes_per_second == b.handshakes_per_second &&
         a.requests_per_connection_max == b.requests_per_connection_max &&
         a.memory_bytes_max == b.memory_bytes_max;
}

bool timeouts_are_same(const ServeSettings& a, const ServeSettings& b) {
  return a.handshake_time_max == b.handshake_time_max && a.head_time_max == b.head_time_max &&
         a.write_stall_max == b.write_stall_max && a.idle_time_max == b.idle_time_max &&
         a.answer_time_max == b.answer_time_max && a.body_grace == b.body_grace &&
         a.body_rate_min == b.body_rate_min && a.write_rate_min == b.write_rate_min &&
         a.idle_time_crowded_max == b.idle_time_crowded_max;
}

bool memory_is_same(const CacheSettings& a, const CacheSettings& b) {
  return a.bytes_max == b.bytes_max && a.memory_bytes_max == b.memory_bytes_max &&
         a.peers == b.peers && a.max_lag == b.max_lag && a.strict_lag == b.strict_lag &&
         a.shares_fills == b.shares_fills && a.dictionaries == b.dictionaries &&
         a.fill_wait == b.fill_wait && a.warm_window == b.warm_window &&
         a.hard_on_error == b.hard_on_error && a.neg_ttl == b.neg_ttl &&
         a.refresh_ahead_percent == b.refresh_ahead_percent;
}

bool data_is_same(const DataSettings& a, const DataSettings& b) {
  return a.present == b.present && a.directory == b.directory && a.tenant == b.tenant &&
         a.relaxed == b.relaxed && a.drift_max == b.drift_max && a.long_poll == b.long_poll &&
         a.batch_ops_max == b.batch_ops_max && a.value_bytes_max == b.value_bytes_max &&
         are_same(a.rules, b.rules);
}

}  // namespace

Result<std::shared_ptr<const Tables>> open_tables(Config config, const std::vector<Error>& notices,
                                                  const PipelineParts& parts,
                                                  const Tables* before) {
  auto tables = std::make_shared<Tables>();
  tables->pipeline =
      TRY(Pipeline::open(config, parts, before == nullptr ? nullptr : before->pipeline.get()));
  for (const ListenSettings& listen : config.serve.listeners) {
    if (listen.is_admin && !listen.admin_token.is_empty())
      tables->admin_tokens.push_back(listen.admin_token);
  }
  if (config.allow_insecure) tables->notes.push_back("allow_insecure: a guard fails open");
  for (const Error& notice : notices) tables->notes.push_back(notice.what);
  tables->config = std::move(config);
  return std::shared_ptr<const Tables>(std::move(tables));
}

std::vector<std::string> fixed_parts(const Config& before, const Config& after) {
  std::vector<std::string> parts;
  const auto look = [&parts](bool same, std::string_view name) {
    if (!same) parts.emplace_back(name);
  };
  look(are_same(before.serve.listeners, after.serve.listeners), "serve.listen");
  look(before.serve.loops == after.serve.loops, "serve.loops");
  look(limits_are_same(before.serve, after.serve), "serve.limits");
  look(timeouts_are_same(before.serve, after.serve), "serve.timeouts");
  look(are_same(before.tls, after.tls), "tls");
  look(before.cache.directory == after.cache.directory, "cache.dir");
  look(memory_is_same(before.cache, after.cache), "cache");
  look(data_is_same(before.data, after.data), "data");
  look(before.observability.access_log == after.observability.access_log &&
           before.observability.access_log_queue_lines_max ==
               after.observability.access_log_queue_lines_max,
       "observability.access_log");
  return parts;
}

}  // namespace weir::edge
