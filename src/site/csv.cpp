#include "site/csv.h"

namespace weir::site {

namespace {

class CsvReader {
 public:
  CsvReader(std::string_view text, std::string_view file) : text_(text), file_(file) {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
  }

  Result<std::vector<CsvRecord>> read() {
    std::vector<CsvRecord> records;
    while (at_ < text_.size()) {
      if (at_line_end()) {
        skip_line_end();
        continue;
      }
      const std::uint32_t line = line_;
      CsvRecord record = TRY(read_record());
      if (!records.empty() && record.size() != records.front().size())
        return Error{Errc::invalid, "a record of " + std::to_string(record.size()) +
                                        " fields, where the first has " +
                                        std::to_string(records.front().size())}
            .at({std::string(file_), line, 1, 0});
      records.push_back(std::move(record));
    }
    return records;
  }

 private:
  bool at_line_end() const {
    return at_ >= text_.size() || text_[at_] == '\n' || text_.substr(at_, 2) == "\r\n";
  }
  void skip_line_end() {
    if (at_ < text_.size() && text_[at_] == '\r') ++at_;
    if (at_ < text_.size()) ++at_;
    ++line_;
  }
  Result<CsvRecord> read_record() {
    CsvRecord record;
    for (;;) {
      record.push_back(TRY(read_field()));
      if (at_line_end()) break;
      ++at_;  // the comma
    }
    skip_line_end();
    return record;
  }
  Result<std::string> read_field() {
    std::string field;
    if (at_ >= text_.size() || text_[at_] != '"') {
      const std::size_t begin = at_;
      while (!at_line_end() && text_[at_] != ',') ++at_;
      return std::string(text_.substr(begin, at_ - begin));
    }
    const std::uint32_t line = line_;
    for (++at_;; ++at_) {
      if (at_ >= text_.size())
        return Error{Errc::invalid, "a quoted field is never closed"}.at(
            {std::string(file_), line, 0, 0});
      if (text_[at_] == '"') {
        ++at_;
        if (at_ >= text_.size() || text_[at_] != '"') break;
      }
      if (text_[at_] == '\n') ++line_;
      field += text_[at_];
    }
    if (!at_line_end() && text_[at_] != ',')
      return Error{Errc::invalid, "expected a comma behind the quoted field"}.at(
          {std::string(file_), line_, 0, 0});
    return field;
  }

  std::string_view text_;
  std::string_view file_;
  std::size_t at_ = 0;
  std::uint32_t line_ = 1;
};

}  // namespace

Result<std::vector<CsvRecord>> parse_csv(std::string_view text, std::string_view file) {
  return CsvReader(text, file).read();
}

}  // namespace weir::site
