#pragma once
// Every bound of weir, in one table. A queue, buffer, map or loop that is fed from outside and has
// no row here is a bug. Behind each row: what happens above it, and where the number comes from
// ("wire" = the wire specification's table of limits, with its anchors in other servers).
// A limit that the operator may change has its default here; the configuration carries the value.

#include "base/bytes.h"

#include <chrono>

namespace weir::limits {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""h;

// --- http: connections and messages (wire, section 8) --------------------------------------------
inline constexpr std::size_t connections_max = 16'384;  // oldest idle closed, else 503 + close
inline constexpr std::size_t connections_per_client_max = 1'024;     // 429 + close; loopback exempt
inline constexpr std::size_t target_bytes_max = 8 * KiB;             // 414 + close
inline constexpr std::size_t head_bytes_max = 16 * KiB;              // 431 + close
inline constexpr std::size_t head_fields_max = 100;                  // 431 + close
inline constexpr std::size_t method_bytes_max = 32;                  // 501 + close
inline constexpr std::size_t body_bytes_max = 1 * MiB;               // 413 + close, per route
inline constexpr std::size_t bodies_buffered_bytes_max = 256 * MiB;  // 503 + Retry-After
inline constexpr std::size_t chunk_extension_bytes_max = 256;        // 400 + close, per chunk
inline constexpr std::size_t body_extension_bytes_max = 4 * KiB;     // 400 + close, per body
inline constexpr std::size_t trailers_max = 16;                      // 400 + close
inline constexpr std::size_t trailer_bytes_max = 4 * KiB;            // 400 + close, each
inline constexpr std::size_t proxy_header_bytes_max = 4 * KiB;       // closed, logged
inline constexpr std::size_t memory_share_percent = 80;   // of RAM, where no cgroup says less
inline constexpr std::size_t memory_shed_percent = 95;    // idle connections and caches are dropped
inline constexpr std::size_t memory_refuse_percent = 98;  // new connections: 503 + close
inline constexpr auto memory_look_every = 1s;
inline constexpr std::size_t pipelined_max = 16;  // reading stops until one is answered
inline constexpr std::size_t requests_per_connection_max = 100'000;  // answered with close
inline constexpr std::size_t head_reparse_bytes =
    1 * KiB;  // longer heads in pieces: read again per line
inline constexpr std::size_t tls_record_bytes = 17 * KiB;  // plain text that OpenSSL may hold back
inline constexpr std::size_t tls_flight_bytes =
    128 * KiB;  // encrypted ahead of what the kernel takes
inline constexpr std::size_t accepts_per_wake_max = 64;
inline constexpr std::size_t refusals_lingering_max =
    256;                                              // per loop; over: closed without waiting
inline constexpr std::size_t reads_per_wake_max = 8;  // of one connection, then the others' turn
inline constexpr std::size_t read_buffer_bytes = 64 * KiB;  // one per loop
inline constexpr std::size_t output_scratch_bytes =
    64 * KiB;  // heads of one wake, one per loop; full: sent
inline constexpr std::size_t stream_queue_bytes_max = 256 * KiB;  // StreamWriter says full
inline constexpr std::size_t unsent_bytes_max =
    32 * KiB;  // of one connection, held by the kernel beyond what is on its way
inline constexpr std::size_t lingering_bytes_max =
    64 * KiB;  // discarded after a refusal, then closed
inline constexpr std::size_t list_members_max =
    128;  // of If-None-Match, Accept, ...: the rest is not looked at (CPU per byte, H-51)
inline constexpr std::size_t ranges_max = 5;  // more, or overlapping: 200 with the whole

// --- http: HTTP/2 (wire H-29 .. H-33) ------------------------------------------------------------
inline constexpr std::size_t http2_streams_max = 128;  // at once; over: REFUSED_STREAM
inline constexpr std::size_t http2_header_list_bytes_max = 32 * KiB;  // 431 on the stream
inline constexpr std::size_t http2_header_list_bytes_cut =
    128 * KiB;  // over: the connection is cut
inline constexpr std::size_t http2_stream_window_bytes = 64 * KiB;
inline constexpr std::size_t http2_connection_window_bytes = 1 * MiB;
inline constexpr std::size_t http2_resets_burst = 500;  // streams given up; over: cut
inline constexpr std::size_t http2_resets_per_second = 50;
inline constexpr std::size_t http2_idle_frames_burst = 1'000;  // frames without effect; over: cut
inline constexpr std::size_t http2_idle_frames_per_second = 100;
inline constexpr std::size_t http2_continuations_max = 8;    // of one head; over: cut
inline constexpr std::size_t http2_unsent_acks_max = 1'000;  // PING and SETTINGS; over: cut
inline constexpr std::size_t http2_slice_bytes = 8 * KiB;    // read between two looks at the budget
inline constexpr std::size_t http2_turn_bytes = 1 * MiB;     // sent, then the others' turn
inline constexpr std::size_t http2_tiny_window_update =
    256;                                // smaller ones count as without effect
inline constexpr auto http2_tick = 1s;  // deadlines of streams are looked at

// --- http: deadlines -----------------------------------------------------------------------------
inline constexpr auto handshake_time_max = 10s;  // closed
inline constexpr auto head_time_max = 10s;       // 408 + close; silently when no byte came
inline constexpr auto body_grace = 5s;           // then at least body_rate_min, else 408 + close
inline constexpr std::size_t body_rate_min = 1 * KiB;  // bytes per second
inline constexpr auto write_stall_max = 30s;           // reset
inline constexpr std::size_t write_rate_min = 500;     // bytes per second over 60 s, else reset
inline constexpr auto idle_time_max = 75s;             // closed silently
inline constexpr auto idle_time_crowded_max = 5s;      // above 80 % of connections
inline constexpr auto lingering_time_max = 1s;
inline constexpr auto answer_time_max = 60s;  // 504
inline constexpr auto drain_time_max = 5s;
inline constexpr auto drain_quiet_time =
    100ms;  // an idle connection is closed after this much silence
inline constexpr auto write_rate_window = 60s;

// --- http: certificates --------------------------------------------------------------------------
inline constexpr auto certificate_look_each = 10s;          // between looks at the files
inline constexpr auto certificate_warning_time = 14 * 24h;  // or a quarter of a shorter life
inline constexpr std::size_t acme_names_max = 100;  // of one certificate, as Let's Encrypt has it
inline constexpr std::size_t acme_answer_bytes_max = 256 * KiB;  // of the authority; error
inline constexpr auto acme_call_time_max = 10s;                  // one request to it
inline constexpr auto acme_order_time_max = 10min;  // from order to certificate; then a failure
inline constexpr std::size_t acme_nonce_tries_max =
    10;  // of one request, when its nonce is refused
inline constexpr auto acme_retry_first =
    2min;  // after a failure; doubled by each more, with jitter
inline constexpr auto acme_retry_max = 12h;
// TLS handshakes that one client (IPv4 address, IPv6 /64) may begin; over: closed without a word.
// A full handshake costs about 0.35 ms, so that one client takes at most 4 % of a core for long.
inline constexpr std::size_t handshakes_per_second_max = 100;
inline constexpr std::size_t handshakes_burst_max = 500;
inline constexpr std::size_t handshake_clients_max = 16'384;  // the least debt is forgotten first

// --- text ----------------------------------------------------------------------------------------
inline constexpr std::size_t json_depth_max = 64;  // error; each caller may ask for less or more
inline constexpr std::size_t json_depth_ceiling = 1'000;  // no caller may ask for more
inline constexpr std::size_t json_bytes_max = 64 * MiB;
inline constexpr std::size_t toml_bytes_max = 16 * MiB;
inline constexpr std::size_t toml_depth_max = 256;     // error with its place
inline constexpr std::size_t toml_key_parts_max = 32;  // a.b.c has 3; error with its place
inline constexpr std::size_t yaml_bytes_max = 16 * MiB;
inline constexpr std::size_t yaml_depth_max = 128;         // error with its place
inline constexpr std::size_t yaml_values_max = 1'000'000;  // aliases followed; error
inline constexpr std::size_t regex_bytes_max = 64 * KiB;   // the expression is refused
inline constexpr std::size_t zone_file_bytes_max =
    256 * KiB;  // the zone is refused; today's largest has 4 KiB
inline constexpr std::size_t markdown_bytes_max = 16 * MiB;
inline constexpr std::size_t markdown_columns_max = 1'000;  // of a table; error with its line
inline constexpr std::size_t markdown_images_max = 1'000;   // in one paragraph; error with its line
inline constexpr std::size_t markdown_depth_max = 512;      // error with file and line

// --- template (site, S-84) -----------------------------------------------------------------------
inline constexpr std::size_t template_steps_max = 10'000'000;  // error: the template does not end
inline constexpr std::size_t template_frames_max = 200;        // error: recursion
inline constexpr std::size_t template_output_bytes_max = 64 * MiB;
inline constexpr std::size_t template_working_bytes_max =
    512 * MiB;  // error: all strings and arrays one render makes
inline constexpr std::size_t template_nesting_max =
    128;  // error: tags, expressions, arrays within each other
inline constexpr std::size_t template_items_max =
    4'000'000;  // error: values below one array or object, shared ones counted each time
inline constexpr std::size_t template_patterns_max =
    256;  // compiled expressions of `matching`; then anew
inline constexpr std::size_t template_bytes_max = 8 * MiB;  // error: one template file

// --- site ----------------------------------------------------------------------------------------
inline constexpr std::size_t diagnostics_max = 50;           // then a count
inline constexpr std::size_t load_data_bytes_max = 8 * MiB;  // error
inline constexpr auto load_data_time_max = 10s;              // error
inline constexpr std::size_t site_files_max = 1'000'000;     // error
inline constexpr std::size_t shortcode_depth_max = 64;       // error with file and line
inline constexpr std::size_t sitemap_entries_max = 30'000;   // more: several sitemaps and an index

// --- store and cache (cache, sections 4, 9, 10, 12) ----------------------------------------------
inline constexpr std::size_t store_bytes_max = 2 * GiB;
inline constexpr std::size_t memory_cache_bytes_max = 128 * MiB;
inline constexpr std::size_t tags_per_entry_max = 32;  // more: an interned tag set
inline constexpr std::size_t tag_bytes_max = 256;      // refused
inline constexpr std::size_t purge_items_max = 1'000;  // 413
inline constexpr std::size_t log_record_bytes_max = 16 * MiB;
inline constexpr std::size_t blob_inline_bytes_max = 4 * KiB;  // below: kept in the log or segment
inline constexpr std::size_t refresh_queue_max =
    4'096;  // over: the stale copy stays, next hit tries again
inline constexpr std::size_t webhook_bytes_max = 1 * MiB;  // 413
inline constexpr auto webhook_skew_max = 5min;             // 401
inline constexpr std::size_t webhook_replays_max = 65'536;
inline constexpr std::size_t fills_max =
    1'000'000;  // refreshed pages on disk; more live in memory only
inline constexpr std::size_t releases_kept = 10;
inline constexpr std::size_t flights_max = 4'096;          // loads and renders in flight; over: 503
inline constexpr std::size_t flight_waiters_max = 65'536;  // over all flights; over: 503
inline constexpr std::size_t enrich_queue_max =
    4'096;  // pages that wait for gzip and brotli; over: at the next load
inline constexpr auto flight_time_max = 60s;  // given up: the next request begins another
inline constexpr auto fresh_wait_max = 30s;   // wait=fresh answers then, with what is done
inline constexpr std::size_t purged_tags_max = 32'768;  // over: folded into one purge of everything
inline constexpr std::size_t purged_prefixes_max = 1'024;  // over: likewise
inline constexpr std::size_t purge_id_bytes_max = 128;     // refused
inline constexpr std::size_t purge_ids_max = 65'536;  // the oldest idempotency keys are forgotten
inline constexpr std::size_t entry_tags_max =
    65'536;  // of one page; error at build, not stored at run time

// --- guard ---------------------------------------------------------------------------------------
inline constexpr std::size_t token_bytes_max = 8 * KiB;  // 401
inline constexpr std::size_t token_depth_max = 8;
inline constexpr std::size_t token_kid_bytes_max = 256;
inline constexpr std::size_t token_cache_max = 65'536;
inline constexpr std::size_t jwks_bytes_max = 64 * KiB;
inline constexpr std::size_t jwks_keys_max = 64;
inline constexpr std::size_t token_cache_bytes_max =
    64 * MiB;                                             // of token texts, all entries together
inline constexpr std::size_t token_refusals_max = 4'096;  // remembered refusals
inline constexpr auto token_refusal_kept = 5s;
inline constexpr auto token_kept_max = 5min;    // a good token is judged again after this
inline constexpr auto token_leeway_max = 300s;  // configuration error
inline constexpr auto jwks_fetch_time_max = 2s;
inline constexpr auto jwks_refetch_least = 30s;              // between fetches for an unknown kid
inline constexpr std::size_t jwks_unknown_kids_max = 1'024;  // remembered; over: all forgotten
inline constexpr std::size_t limiter_slots = 1'048'576;      // least debt is replaced
inline constexpr std::size_t forwarded_hops_max = 64;        // the walk stops there
inline constexpr std::size_t baggage_bytes_max = 8 * KiB;
inline constexpr std::size_t baggage_members_max = 180;
inline constexpr std::size_t trace_state_bytes_max = 8 * KiB;
inline constexpr std::size_t decision_hits_max = 16;     // then counted
inline constexpr std::size_t decision_headers_max = 16;  // then counted
inline constexpr std::size_t trace_state_members_max = 32;
inline constexpr std::size_t steps_per_route_max = 16;  // configuration error

// --- waf -----------------------------------------------------------------------------------------
inline constexpr std::size_t waf_body_bytes_max = 128 * KiB;
inline constexpr std::size_t waf_arguments_max = 1'000;
inline constexpr std::size_t waf_json_depth_max = 64;
inline constexpr std::size_t waf_json_values_max =
    512 * KiB;  // names and leaves, as many as 1 MiB can hold; bound_exceeded
inline constexpr std::size_t waf_body_inline_bytes_max = 32 * KiB;  // larger: inspected on a worker
inline constexpr std::size_t waf_rules_max = 256;                   // error when rules are loaded
inline constexpr std::size_t waf_hits_max = 64;                     // then only scored
inline constexpr std::size_t waf_multipart_parts_max = 100;         // bound_exceeded
inline constexpr std::size_t waf_atoms_max = 4'096;  // a rule over it is always a candidate
inline constexpr std::size_t waf_remembered_values =
    512;  // clean values per loop; older ones make room
inline constexpr std::size_t waf_remembered_bytes_max = 512;  // longer values are always inspected
inline constexpr std::uint32_t waf_match_limit =
    10'000;  // of PCRE2: over it, a critical rule counts as hit

// --- data and sync (data, D-51) ------------------------------------------------------------------
inline constexpr std::size_t sync_body_bytes_max = 1 * MiB;
inline constexpr std::size_t sync_batch_ops_max = 500;
inline constexpr std::size_t sync_value_bytes_max = 64 * KiB;
inline constexpr std::size_t sync_entity_bytes_max = 128;
inline constexpr std::size_t sync_field_bytes_max = 64;
inline constexpr std::size_t sync_entities_max = 100'000;
inline constexpr std::size_t sync_fields_max = 256;
inline constexpr std::size_t sync_set_max = 10'000;
inline constexpr std::size_t sync_page_ops_max = 1'000;
inline constexpr std::size_t sync_page_bytes_max = 1 * MiB;
inline constexpr std::size_t sync_json_depth_max = 32;
inline constexpr std::size_t sync_waiters_max = 10'000;  // long polls and feeds: 503 overloaded
inline constexpr std::size_t sync_inline_bytes_max =
    16 * KiB;  // larger bodies are decoded on a service thread
inline constexpr std::size_t sync_document_bytes_max =
    64 * MiB;                                            // folded; 413, the document is full
inline constexpr std::size_t sync_name_bytes_max = 512;  // of a document; 400
inline constexpr auto sync_long_poll_max = 20s;          // longer waits are cut
inline constexpr auto sync_retain = std::chrono::hours(7 * 24);  // operations stay at least so long
inline constexpr std::size_t sync_fold_ops_min =
    1'024;  // unfolded operations before a document is folded again
inline constexpr std::size_t sync_compact_rows = 1'000;      // old rows deleted in one commit
inline constexpr std::size_t documents_max = 1'000'000;      // per tenant; 507 quota
inline constexpr std::size_t wal_passive_bytes = 64 * MiB;   // a checkpoint beside the writer
inline constexpr std::size_t wal_restart_bytes = 256 * MiB;  // one that the writer waits for
inline constexpr std::size_t feed_bytes_max =
    256 * KiB;  // queued for one feed; over: read on from the log
inline constexpr std::size_t feed_frames_max = 256;
inline constexpr auto feed_silence_max = 20s;  // then a comment, so that dead peers are noticed
inline constexpr std::size_t commit_ops_max = 4'096;
inline constexpr std::size_t commit_bytes_max = 1 * MiB;
inline constexpr std::size_t commit_queue_max = 16'384;  // 503
inline constexpr auto sync_drift_max = 60s;              // 422
inline constexpr std::size_t kv_value_bytes_max = 64 * KiB;
inline constexpr std::size_t kv_key_bytes_max = 512;
inline constexpr std::size_t kv_list_max = 1'000;          // keys looked at for one page of a list
inline constexpr std::size_t kv_atomic_max = 500;          // items of one request; 413
inline constexpr std::size_t kv_sweep_rows = 500;          // expired rows deleted in one commit
inline constexpr std::size_t tenants_open_max = 1'024;     // least recently used closed, else 503
inline constexpr std::size_t tenant_name_bytes_max = 128;  // 403
inline constexpr std::size_t tenant_bytes_max = 16 * GiB;  // 507 quota
inline constexpr std::size_t rule_bytes_max = 4 * KiB;     // configuration error
inline constexpr std::size_t rule_depth_max = 32;          // configuration error

// --- edge ----------------------------------------------------------------------------------------
inline constexpr std::size_t visits_kept_max =
    1'024;  // per loop, for later requests; a burst gives its memory back
inline constexpr std::size_t access_chunk_bytes =
    16 * KiB;  // written together; sooner after access_chunk_age
inline constexpr auto access_chunk_age = std::chrono::milliseconds(100);
inline constexpr std::size_t webhook_signatures_max = 8;  // in one field; the rest is not looked at
inline constexpr std::size_t control_body_bytes_max = 4 * KiB;  // 413
inline constexpr std::size_t stream_ahead_bytes =
    64 * KiB;  // of an event stream, handed to a socket that does not drain
inline constexpr std::size_t event_queue_bytes_max =
    2 * MiB;  // one event may be as large as a page of operations
inline constexpr std::size_t routes_max = 1'000;  // configuration error

// --- base ----------------------------------------------------------------------------------------
inline constexpr std::size_t log_queue_lines_max = 8'192;  // dropped and counted
inline constexpr std::size_t worker_queue_max = 4'096;     // Errc::full
inline constexpr std::size_t file_bytes_max = 1 * GiB;

// The smallest machine we promise to run on has 512 MiB: idle connections, whole bodies at the
// default share of a busy day, and the memory tier must fit beside each other.
static_assert(connections_max * 1 * KiB + memory_cache_bytes_max + bodies_buffered_bytes_max <=
              512 * MiB);

}  // namespace weir::limits
