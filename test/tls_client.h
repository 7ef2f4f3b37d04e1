#pragma once
// A blocking TLS client over a socket to 127.0.0.1: says and hears bytes, and tells what the
// handshake agreed on. It verifies nothing; tests look for themselves.

#include "base/bytes.h"
#include "base/certificate.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <string_view>

namespace weir::test {

class TlsClient {
 public:
  struct Options {
    const char* server_name = "weir.test";
    int version = 0;  // 0 = any
    const char* ciphers_12 = nullptr;
    const char* signatures = nullptr;
    SSL_SESSION* session = nullptr;
    std::string alpn_wire = {};
    std::string identity = {};  // a PEM file with a key and its certificate
    bool asks_status = false;   // for a stapled OCSP answer
  };
  explicit TlsClient(std::uint16_t port) : TlsClient(port, Options{}) {}
  TlsClient(std::uint16_t port, const Options& options) {
    std::signal(SIGPIPE, SIG_IGN);  // a server that refuses may be gone before we have said all
    context_ = ::SSL_CTX_new(::TLS_client_method());
    if (options.version != 0) {
      ::SSL_CTX_set_min_proto_version(context_, options.version);
      ::SSL_CTX_set_max_proto_version(context_, options.version);
    }
    if (options.ciphers_12 != nullptr) ::SSL_CTX_set_cipher_list(context_, options.ciphers_12);
    if (options.signatures != nullptr) ::SSL_CTX_set1_sigalgs_list(context_, options.signatures);
    if (!options.alpn_wire.empty())
      ::SSL_CTX_set_alpn_protos(context_,
                                reinterpret_cast<const unsigned char*>(options.alpn_wire.data()),
                                static_cast<unsigned>(options.alpn_wire.size()));
    if (!options.identity.empty()) {
      ::SSL_CTX_use_certificate_chain_file(context_, options.identity.c_str());
      ::SSL_CTX_use_PrivateKey_file(context_, options.identity.c_str(), SSL_FILETYPE_PEM);
    }
    ::SSL_CTX_set_session_cache_mode(context_,
                                     SSL_SESS_CACHE_OFF);  // a freed cache would spoil its sessions
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ssl_ = ::SSL_new(context_);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      return;
    const timeval patience{20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::SSL_set_fd(ssl_, socket_);
    if (options.server_name != nullptr) ::SSL_set_tlsext_host_name(ssl_, options.server_name);
    if (options.session != nullptr) ::SSL_set_session(ssl_, options.session);
    if (options.asks_status) ::SSL_set_tlsext_status_type(ssl_, TLSEXT_STATUSTYPE_ocsp);
    connected_ = ::SSL_connect(ssl_) == 1;
    ::ERR_clear_error();
  }
  ~TlsClient() {
    if (connected_)
      ::SSL_shutdown(ssl_);  // else OpenSSL takes the session for broken and resumes it no more
    ::ERR_clear_error();
    ::SSL_free(ssl_);
    ::SSL_CTX_free(context_);
    if (socket_ >= 0) ::close(socket_);
  }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  bool connected() const { return connected_; }
  SSL* ssl() { return ssl_; }
  void say(std::string_view bytes) {
    while (connected_ && !bytes.empty()) {
      const int sent = ::SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
      if (sent <= 0) return ::ERR_clear_error();
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  // As many bytes as asked for, or fewer at the end.
  std::string hear(std::size_t bytes) {
    while (buffer_.size() < bytes && fill()) {
    }
    const std::string heard = buffer_.substr(0, bytes);
    buffer_.erase(0, heard.size());
    return heard;
  }
  // The head of an answer, with its empty line; "" when the end came first.
  std::string hear_head() {
    while (buffer_.find("\r\n\r\n") == std::string::npos)
      if (!fill()) return "";
    return hear(buffer_.find("\r\n\r\n") + 4);
  }
  std::string hear_all() {
    while (fill()) {
    }
    return hear(buffer_.size());
  }
  Certificate certificate() {
    X509* const shown = ::SSL_get1_peer_certificate(ssl_);
    if (shown == nullptr) return {};
    unsigned char* der = nullptr;
    const int bytes = ::i2d_X509(shown, &der);
    auto facts = parse_certificate_der(
        {reinterpret_cast<const char*>(der), static_cast<std::size_t>(bytes)});
    ::OPENSSL_free(der);
    ::X509_free(shown);
    return facts.ok() ? *facts : Certificate{};
  }
  std::string alpn() {
    const unsigned char* name = nullptr;
    unsigned bytes = 0;
    ::SSL_get0_alpn_selected(ssl_, &name, &bytes);
    return {reinterpret_cast<const char*>(name), bytes};
  }
  std::string stapled() {
    const unsigned char* answer = nullptr;
    const long bytes = ::SSL_get_tlsext_status_ocsp_resp(ssl_, &answer);
    return bytes <= 0 ? ""
                      : std::string(reinterpret_cast<const char*>(answer),
                                    static_cast<std::size_t>(bytes));
  }

 private:
  bool fill() {
    if (!connected_) return false;
    char piece[16 * KiB];
    const int count = ::SSL_read(ssl_, piece, sizeof piece);
    ::ERR_clear_error();
    if (count <= 0) return false;
    buffer_.append(piece, static_cast<std::size_t>(count));
    return true;
  }

  int socket_ = -1;
  std::string buffer_;
  SSL_CTX* context_ = nullptr;
  SSL* ssl_ = nullptr;
  bool connected_ = false;
};

}  // namespace weir::test
