#pragma once
// The part of the configuration that speaks of TLS: [tls.NAME] tables, `serve.hsts`, and which
// listener names which table.

#include "edge/config_reader.h"

namespace weir::edge {

void read_tls(std::string_view name, Table& table, Config& config);
// "365d", or { max_age, include_subdomains, preload }; the value of Strict-Transport-Security.
void read_hsts(Table& serve, std::string& into);
// Every table that a listener names exists, and the tables of one listener ask clients alike.
void check_tls_names(Findings& findings, const Config& config);

}  // namespace weir::edge
