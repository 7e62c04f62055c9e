#include "oci/upstream/trust.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "oci/upstream/errc.hpp"

namespace dm::upstream {
namespace {

namespace fs = std::filesystem;

void append_file(std::string& out, const fs::path& name) {
    std::ifstream file(name, std::ios::binary);
    if (!file)
        raise(errc::bad_credentials, fmt::format("{} cannot be read", name.string()));
    std::string text(ca_bytes_max + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (text.size() + out.size() > ca_bytes_max)
        raise(errc::bad_credentials, fmt::format("{} is larger than 1 MiB", name.string()));
    if (!text.contains("-----BEGIN"))
        raise(errc::bad_credentials,
              fmt::format("{} holds no certificate in PEM form", name.string()));
    out += text;
    out += '\n';
}

std::vector<fs::path> files_in(const fs::path& folder) {
    std::vector<fs::path> out;
    std::error_code absent;
    for (const auto& entry : fs::directory_iterator(folder, absent))
        out.push_back(entry.path());
    std::ranges::sort(out);
    return out;
}

}  // namespace

std::shared_ptr<const http::tls_options> read_trust(const std::string& ca_file,
                                                    const std::string& certs_dir,
                                                    const std::string& host) {
    http::tls_options out;
    if (!ca_file.empty())
        append_file(out.ca_pem, ca_file);
    for (const auto& name : files_in(fs::path(certs_dir) / host)) {
        if (name.extension() == ".crt")
            append_file(out.ca_pem, name);
        if (name.extension() != ".cert")
            continue;
        auto key = name;
        key.replace_extension(".key");
        if (!fs::exists(key))
            raise(errc::bad_credentials, fmt::format("{} has no {} beside it; a CA is called *.crt",
                                                     name.string(), key.filename().string()));
        out.certificate_file = name.string();
        out.key_file = key.string();
    }
    if (out.ca_pem.empty() && out.certificate_file.empty())
        return nullptr;
    return std::make_shared<const http::tls_options>(std::move(out));
}

awaitable<std::shared_ptr<const http::tls_options>> trust_store::find(std::string host) {
    if (const auto found = known_.find(host); found != known_.end())
        co_return found->second;
    auto trust =
        co_await workers_.run([this, host] { return read_trust(ca_file_, certs_dir_, host); });
    if (known_.size() >= hosts_max)
        known_.clear();
    co_return known_.insert_or_assign(std::move(host), std::move(trust)).first->second;
}

}  // namespace dm::upstream
