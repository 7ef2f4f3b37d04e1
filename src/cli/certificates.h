#pragma once
// The certificates of a running server: one TlsContext for each set of [tls.*] tables that a
// listener names, watched while the server runs. A file that changes is read again within ten
// seconds, or at once by `reload`; a bad one leaves the certificate before it in place, and the log
// and readyz say so. Automatic certificates (`domains`) are asked for on a thread of their own once
// `start` was called; until the first is there a self-signed one answers. Callable from any thread.

#include "base/guarded.h"
#include "base/log.h"
#include "edge/config.h"
#include "edge/metrics.h"
#include "guard/acme_keeper.h"
#include "guard/acme_tokens.h"
#include "http/tls.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace weir::cli {

// Where the certificate of an automatic table is kept: key and chain in one file.
std::string acme_file_of(const std::string& store_directory, const std::string& table);

class Certificates final : private guard::AcmeProofs {
 public:
  ~Certificates() override;
  // Opens what the listeners name, and every other table once, so that its mistakes are told too.
  static Result<std::unique_ptr<Certificates>> open(const edge::Config& config,
                                                    const std::string& store_directory,
                                                    const Clock& clock, Log& log);

  // For a listener with these tables; null for a plain one.
  std::shared_ptr<http::TlsContext> context_for(const std::vector<std::string>& tables) const;

  // Reads all files again (SIGHUP); with a configuration, the files that it names, for the sets of
  // tables that were there at start. False = something was kept as it was.
  bool reload();
  bool reload(const edge::Config& config);
  void tick();  // about once a second; looks at the files each ten

  void start();  // the thread that asks for certificates, if a table wants one
  const guard::AcmeTokens& tokens() const { return tokens_; }

  std::vector<std::string> notes() const;  // for readyz: what was kept, stands in, or ends soon
  std::vector<edge::CertificateAge> ages() const;

 private:
  struct Held {
    std::vector<std::string> tables;
    std::shared_ptr<http::TlsContext> context;
    std::vector<std::string> table_of;  // of each certificate
  };
  struct Seen {
    std::vector<std::string> problems;  // by context; empty = the last reading was good
    Mono next_look;
    Wall next_warning;
  };
  Certificates(std::string store_directory, const Clock& clock, Log& log)
      : store_directory_(std::move(store_directory)), clock_(clock), log_(log) {}
  Result<http::TlsSettings> settings_of(const edge::Config& config,
                                        const std::vector<std::string>& tables) const;
  Status add(const edge::Config& config, const std::vector<std::string>& tables);
  bool note(std::size_t index, const Status& reloaded);
  void warn_of_ends();
  Status show(const guard::AcmeProof& proof) override;
  void withdraw(const guard::AcmeProof& proof) override;
  void make_keeper(const edge::Config& config);
  void renewed(const std::string& table);
  bool pause(Nanos span);  // false = ended
  void keep_asking();

  const std::string store_directory_;
  const Clock& clock_;
  Log& log_;
  std::vector<Held> held_;  // fixed once open has returned
  Guarded<Seen> seen_;

  guard::AcmeTokens tokens_;
  std::unique_ptr<guard::AcmeKeeper> keeper_;  // null = no table asks for certificates
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace weir::cli
