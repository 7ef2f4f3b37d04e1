#include "site/http_fetcher.h"

#include "base/limits.h"
#include "http/client.h"

namespace weir::site {

namespace {

http::FetchRequest order_of(const RemoteRequest& request) {
  http::FetchRequest order;
  order.method = request.method;
  order.url = request.url;
  order.headers = request.fields;
  order.body = request.body;
  order.bytes_max = limits::load_data_bytes_max;
  order.timeout = std::chrono::duration_cast<std::chrono::milliseconds>(limits::load_data_time_max);
  order.addresses = http::AddressPolicy::public_only;
  order.allowed_hosts = request.allow_addresses;
  return order;
}

}  // namespace

Result<RemoteAnswer> HttpFetcher::ask(const RemoteRequest& request) {
  http::Fetched answer = TRY(http::fetch(order_of(request)));
  RemoteAnswer out;
  out.status = answer.status;
  if (const std::string* type = answer.find("content-type")) out.content_type = *type;
  out.body = std::move(answer.body);
  return out;
}

Result<std::string> HttpFetcher::fetch(const RemoteRequest& request) {
  http::Fetched answer = TRY(http::fetch(order_of(request)));
  if (answer.status < 200 || answer.status > 299) {
    const bool is_gone = answer.status == 404 || answer.status == 410;
    return Error{is_gone ? Errc::missing : Errc::io,
                 request.url + " answered with status " + std::to_string(answer.status)};
  }
  return std::move(answer.body);
}

}  // namespace weir::site
