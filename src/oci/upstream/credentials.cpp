#include "oci/upstream/credentials.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>

#include "base/json/read.hpp"
#include "crypto/base64.hpp"
#include "oci/reference.hpp"
#include "oci/upstream/errc.hpp"

namespace dm::upstream {
namespace {

std::optional<std::string> environment(const char* name) {
    const char* value = std::getenv(name);
    return value && *value ? std::optional<std::string>(value) : std::nullopt;
}

// "auth" is base64 of user:password.
result<credential> decode_auth(const std::string& text, const std::string& key) {
    const auto form = text.ends_with('=') || text.size() % 4 == 0
                          ? crypto::base64_form::standard
                          : crypto::base64_form::standard_unpadded;
    const auto raw = crypto::base64_decode(text, form);
    if (!raw)
        return fail(errc::bad_credentials, fmt::format("the auth of {} is no base64", key));
    const std::string both(as_chars(*raw));
    const auto colon = both.find(':');
    if (colon == std::string::npos || colon == 0)
        return fail(errc::bad_credentials, fmt::format("the auth of {} is not user:password", key));
    auto secret = both.substr(colon + 1);
    while (secret.ends_with('\0'))
        secret.pop_back();
    return credential{credential::kind::password, both.substr(0, colon), secret};
}

result<credential> entry_of(const nlohmann::json& value, const std::string& key) {
    const auto text = [&](const char* name) {
        const auto* found = json::string_member(value, name);
        return found ? *found : std::string{};
    };
    if (const auto t = text("identitytoken"); !t.empty())
        return credential{credential::kind::identity_token, {}, t};
    if (const auto t = text("registrytoken"); !t.empty())
        return credential{credential::kind::bearer_token, {}, t};
    if (const auto t = text("auth"); !t.empty())
        return decode_auth(t, key);
    if (const auto user = text("username"); !user.empty())
        return credential{credential::kind::password, user, text("password")};
    return credential{};
}

std::string hub_alias(std::string host) {
    if (host == "index.docker.io" || host == "registry-1.docker.io")
        return std::string(oci::docker_hub);
    return host;
}

std::vector<std::string> default_files() {
    std::vector<std::string> out;
    if (const auto dir = environment("DOCKER_CONFIG"))
        out.push_back(*dir + "/config.json");
    const auto home = environment("HOME");
    if (home && out.empty())
        out.push_back(*home + "/.docker/config.json");
    if (const auto file = environment("REGISTRY_AUTH_FILE"))
        out.push_back(*file);
    if (const auto dir = environment("XDG_RUNTIME_DIR"))
        out.push_back(*dir + "/containers/auth.json");
    if (home)
        out.push_back(*home + "/.config/containers/auth.json");
    return out;
}

struct source {
    std::string name;
    std::string text;
};

result<std::vector<source>> read_sources(const credential_options& options) {
    std::vector<source> out;
    auto files = std::vector{options.file};
    if (options.file.empty()) {
        if (auto text = environment("DOCKER_AUTH_CONFIG"))
            out.push_back({"DOCKER_AUTH_CONFIG", *std::move(text)});
        files = default_files();
    }
    for (const auto& name : files) {
        std::ifstream file(name, std::ios::binary);
        if (!file) {
            if (!options.file.empty())
                return fail(errc::bad_credentials, fmt::format("{} cannot be read", name));
            continue;
        }
        std::string text(credential_file_bytes_max + 1, '\0');
        file.read(text.data(), static_cast<std::streamsize>(text.size()));
        text.resize(static_cast<std::size_t>(file.gcount()));
        out.push_back({name, std::move(text)});
    }
    return out;
}

credential with_problem(const error& why, const std::string& where) {
    return {.problem = fmt::format("{}: {}", where, why.message())};
}

// In the order of the docker CLI: credHelpers, credsStore, auths.
credential look_up(const credential_options& options, const std::string& domain,
                   const std::string& path) {
    const auto sources = read_sources(options);
    if (!sources)
        return {.problem = sources.error().message()};
    credential best;
    for (const auto& s : *sources) {
        const auto file = parse_credential_file(s.text);
        if (!file) {
            best = with_problem(file.error(), s.name);
            continue;
        }
        if (const auto helper = file->helper_for(domain); !helper.empty()) {
            auto answer = ask_credential_helper(helper, domain, options.helper_limit);
            if (answer && answer->type != credential::kind::none)
                return *std::move(answer);
            if (!answer)
                best = with_problem(answer.error(), s.name);
        }
        const auto* entry = file->find(domain, path);
        if (entry && entry->type != credential::kind::none)
            return *entry;
        if (entry && !entry->problem.empty())
            best = *entry;
    }
    return best;
}

}  // namespace

std::string domain_of_key(std::string_view key) {
    const auto scheme = key.find("://");
    if (scheme != std::string_view::npos) {
        key.remove_prefix(scheme + 3);
        key = key.substr(0, key.find('/'));
    }
    for (const std::string_view api : {"/v1/", "/v2/", "/v1", "/v2", "/"})
        if (key.ends_with(api))
            key.remove_suffix(api.size());
    const auto slash = std::min(key.find('/'), key.size());
    return hub_alias(std::string(key.substr(0, slash))) + std::string(key.substr(slash));
}

result<credential_file> parse_credential_file(std::string_view text) {
    const auto value = json::read(text, {.bytes_max = credential_file_bytes_max});
    if (!value || !value->is_object())
        return fail(errc::bad_credentials, "it is no JSON object");
    credential_file out;
    if (const auto* auths = json::member(*value, "auths"); auths && auths->is_object())
        for (const auto& [key, entry] : auths->items()) {
            const auto name = domain_of_key(key);
            auto who = entry_of(entry, name);
            if (!who)  // concerns one registry only: said when that one refuses us
                who = credential{.problem = who.error().message()};
            out.entries.insert_or_assign(name, *std::move(who));
        }
    if (const auto* helpers = json::member(*value, "credHelpers"); helpers && helpers->is_object())
        for (const auto& [key, name] : helpers->items())
            if (name.is_string())
                out.helpers.insert_or_assign(domain_of_key(key), name.get<std::string>());
    if (const auto* name = json::string_member(*value, "credsStore"))
        out.default_helper = *name;
    return out;
}

const credential* credential_file::find(const std::string& domain, const std::string& path) const {
    auto key = path.empty() ? domain : domain + '/' + path;
    for (;;) {
        if (const auto found = entries.find(key); found != entries.end())
            return &found->second;
        const auto slash = key.rfind('/');
        if (slash == std::string::npos)
            return nullptr;
        key.resize(slash);
    }
}

std::string credential_file::helper_for(const std::string& domain) const {
    const auto found = helpers.find(domain);
    return found != helpers.end() ? found->second : default_helper;
}

awaitable<credential> credential_store::find(std::string domain, std::string path) {
    co_return co_await workers_.run([this, domain = std::move(domain), path = std::move(path)] {
        return look_up(options_, domain, path);
    });
}

}  // namespace dm::upstream
