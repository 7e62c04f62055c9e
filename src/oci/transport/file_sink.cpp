#include "oci/transport/file_sink.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <filesystem>
#include <set>

#include "oci/transport/errc.hpp"

namespace dm::transport {
namespace {

namespace fs = std::filesystem;

/// A file that gets its name when it is whole.
class draft {
  public:
    explicit draft(std::string target)
        : target_(std::move(target)), path_(target_ + ".partial"), content_(file::create(path_)) {}
    draft(const draft&) = delete;
    ~draft() {
        std::error_code code;
        if (!path_.empty())
            fs::remove(path_, code);
    }

    const file& content() const noexcept { return content_; }
    void keep() {
        content_.sync();
        std::error_code code;
        fs::rename(path_, target_, code);
        if (code)
            raise(errc::failed, fmt::format("cannot write {}: {}", target_, code.message()));
        path_.clear();
    }

  private:
    std::string target_;
    std::string path_;
    file content_;
};

class folder_sink final : public file_sink {
  public:
    explicit folder_sink(const std::string& path) : root_(path) { make_folder(root_); }

    bool has(const std::string& path, std::uint64_t size) override {
        std::error_code code;
        return fs::file_size(root_ / path, code) == size && !code;
    }

    void write(const std::string& path, std::uint64_t,
               const std::function<void(const taker&)>& produce) override {
        const auto where = root_ / path;
        make_folder(where.parent_path());
        draft d(where.string());
        produce([&](byte_view piece) { d.content().write(piece); });
        d.keep();
    }

    void finish() override {}

  private:
    static void make_folder(const fs::path& path) {
        std::error_code code;
        fs::create_directories(path, code);
        if (code)
            raise(errc::failed,
                  fmt::format("cannot make the folder {}: {}", path.string(), code.message()));
    }

    fs::path root_;
};

struct close_archive {
    void operator()(archive* a) const noexcept { archive_write_free(a); }
};
struct free_entry {
    void operator()(archive_entry* e) const noexcept { archive_entry_free(e); }
};

class tar_sink final : public file_sink {
  public:
    explicit tar_sink(const std::string& path)
        : draft_(std::make_unique<draft>(path)), into_(draft_->content()) {
        open();
    }
    explicit tar_sink(const file& into) : into_(into) { open(); }

    bool has(const std::string& path, std::uint64_t) override { return written_.contains(path); }

    void write(const std::string& path, std::uint64_t size,
               const std::function<void(const taker&)>& produce) override {
        const std::unique_ptr<archive_entry, free_entry> entry(archive_entry_new());
        archive_entry_set_pathname(entry.get(), path.c_str());
        archive_entry_set_size(entry.get(), static_cast<la_int64_t>(size));
        archive_entry_set_filetype(entry.get(), AE_IFREG);
        archive_entry_set_perm(entry.get(), 0644);
        check(archive_write_header(out_.get(), entry.get()));
        produce([&](byte_view piece) {
            if (archive_write_data(out_.get(), piece.data(), piece.size()) < 0)
                check(ARCHIVE_FATAL);
        });
        written_.insert(path);
    }

    void finish() override {
        check(archive_write_close(out_.get()));
        if (draft_)
            draft_->keep();
    }

  private:
    void open() {
        // Only large files and long names need more than ustar.
        check(archive_write_set_format_pax_restricted(out_.get()));
        check(archive_write_open_fd(out_.get(), into_.descriptor()));
    }

    void check(int code) const {
        if (code != ARCHIVE_OK)
            raise(errc::failed, fmt::format("cannot write {}: {}", into_.path(),
                                            archive_error_string(out_.get())));
    }

    std::unique_ptr<draft> draft_;
    const file& into_;
    std::unique_ptr<archive, close_archive> out_{archive_write_new()};
    std::set<std::string> written_;
};

}  // namespace

std::unique_ptr<file_sink> write_folder(const std::string& path) {
    return std::make_unique<folder_sink>(path);
}

std::unique_ptr<file_sink> write_archive(const std::string& path) {
    return std::make_unique<tar_sink>(path);
}

std::unique_ptr<file_sink> write_archive(const file& into) {
    return std::make_unique<tar_sink>(into);
}

}  // namespace dm::transport
