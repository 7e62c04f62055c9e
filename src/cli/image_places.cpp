#include "cli/image_places.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <filesystem>
#include <random>

#include "base/format.hpp"
#include "cli/errc.hpp"
#include "http/syntax/url.hpp"
#include "oci/image_layout.hpp"
#include "oci/transport/docker_daemon.hpp"
#include "oci/transport/readers.hpp"
#include "oci/transport/writers.hpp"

namespace dm::cli {
namespace {

using transport::form;
using transport::location;

/// Where images wait that get a name of another registry.
constexpr std::string_view waiting_repository = "imports/";

oci::reference reference_of(const std::string& text) {
    return value_or_throw(oci::parse_reference(text));
}

std::string random_name() {
    std::random_device random;
    return fmt::format("{:08x}{:08x}", random(), random());
}

std::string path_of(std::string_view name) {
    return "/image/" + segment(name);
}

std::unique_ptr<transport::registry_session> session(upstream::options o = {}) {
    return std::make_unique<transport::registry_session>(std::move(o));
}

/// The name for a Docker archive: with a tag, as Docker writes it.
std::string docker_name(const std::string& said, const std::string& called) {
    const auto& text = said.empty() ? called : said;
    return text.empty() ? text : reference_of(text).engine_name();
}

bytes existing_index(const std::string& folder) {
    const auto file = std::filesystem::path(folder) / oci::layout_index_name;
    if (!std::filesystem::exists(file))
        return {};
    return transport::read_small(*transport::open_folder(folder),
                                 std::string(oci::layout_index_name), oci::manifest_bytes_max);
}

/// Takes its manifests out of the place where they waited, whatever happens.
class waiting_place {
  public:
    waiting_place(const node_registry& registry, std::string path)
        : registry_(registry), where_{registry.domain, std::move(path)} {}
    waiting_place(const waiting_place&) = delete;
    ~waiting_place() {
        try {
            std::vector<crypto::digest> all(documents.rbegin(), documents.rend());
            transport::delete_from_registry(*session(registry_.options), where_, all);
        } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch)
            // The node forgets blobs that nothing names; what stays is a repository to delete.
        }
    }

    std::vector<crypto::digest> documents;

  private:
    const node_registry& registry_;
    upstream::repository where_;
};

/// Notes what was written, also when the copy fails later.
class noting_writer final : public transport::image_writer {
  public:
    noting_writer(std::unique_ptr<transport::image_writer> to, std::vector<crypto::digest>& notes)
        : to_(std::move(to)), notes_(notes) {}

    bool takes_indexes() const override { return to_->takes_indexes(); }
    bool has(const oci::descriptor& blob) override { return to_->has(blob); }
    void blob(const oci::descriptor& what,
              const std::function<void(const transport::taker&)>& produce) override {
        to_->blob(what, produce);
    }
    void document(const transport::found_document& what, bool is_top) override {
        to_->document(what, is_top);
        notes_.push_back(what.digest);
    }
    void finish() override { to_->finish(); }

  private:
    std::unique_ptr<transport::image_writer> to_;
    std::vector<crypto::digest>& notes_;
};

}  // namespace

node_registry parse_registry(const std::string& address) {
    const bool has_scheme = address.contains("://");
    const auto url = syntax::parse_url(has_scheme ? address : "http://" + address);
    if (!url || url->target != "/")
        raise(errc::bad_input,
              fmt::format("\"{}\" is no address of a registry: write 127.0.0.1:5005", address));
    node_registry out;
    out.domain = syntax::to_string(syntax::authority{url->host, url->port});
    out.options.upstreams[out.domain] = *url;
    out.options.upstreams[out.domain].target.clear();
    return out;
}

oci::platform own_platform() {
    utsname names{};
    ::uname(&names);
    return oci::normalise({.os = "linux", .architecture = names.machine});
}

std::optional<std::vector<oci::platform>> platforms_of(const std::vector<std::string>& words) {
    if (words.empty())
        return std::nullopt;
    auto choice = value_or_throw(oci::parse_platform_choice(words, own_platform()));
    return choice.all ? std::nullopt : std::optional(std::move(choice.listed));
}

std::unique_ptr<transport::image_reader> open_source(const location& from) {
    switch (from.what) {
        case form::oci:
            return transport::read_layout(transport::open_folder(from.path), from.name);
        case form::oci_archive:
            return transport::read_layout(transport::open_archive(from.path), from.name);
        case form::docker_archive:
            return transport::read_docker_archive(transport::open_archive(from.path), from.name);
        case form::docker_daemon: {
            const auto name = reference_of(from.name).engine_name();
            auto saved = transport::save_from_daemon(transport::daemon_socket(), name);
            return transport::read_docker_archive(transport::open_archive(std::move(saved)), "");
        }
        case form::registry:
            break;
    }
    return transport::read_registry(session(), reference_of(from.name));
}

transport::copied copy_with_progress(transport::image_reader& from, transport::image_writer& to,
                                     const std::string& name, transport::copy_options options) {
    progress_line line;
    std::uint64_t done = 0;
    options.own_platform = own_platform();
    options.progress = [&](std::uint64_t n) {
        done += n;
        line.show(fmt::format("{}  {}", name, to_size_text(done)), 0, 0, 0);
    };
    return transport::copy_image(from, to, options);
}

transport::copied copy_to(transport::image_reader& from, const location& to,
                          const std::string& called, transport::copy_options options) {
    const auto copy = [&](transport::image_writer& into) {
        return copy_with_progress(from, into, to.path + to.name, options);
    };
    switch (to.what) {
        case form::oci:
            return copy(*transport::write_layout(transport::write_folder(to.path), to.name,
                                                 existing_index(to.path)));
        case form::oci_archive:
            return copy(*transport::write_layout(transport::write_archive(to.path), to.name));
        case form::docker_archive:
            return copy(*transport::write_docker_archive(transport::write_archive(to.path),
                                                         docker_name(to.name, called)));
        case form::docker_daemon: {
            const auto saved = transport::file::temporary();
            const auto out = copy(*transport::write_docker_archive(transport::write_archive(saved),
                                                                   docker_name(to.name, called)));
            transport::load_into_daemon(transport::daemon_socket(), saved);
            return out;
        }
        case form::registry:
            break;
    }
    return copy(*transport::write_registry(session(), reference_of(to.name)));
}

brought bring_image(node_client& node, const node_registry& registry, const oci::reference& name,
                    transport::image_reader& from, transport::copy_options options) {
    if (name.tag.empty() || name.digest)
        raise(errc::bad_input,
              fmt::format("{} needs a tag and no digest to be imported under", name.familiar()));
    const auto target = [&](std::string path, std::string tag) {
        return transport::write_registry(
            session(registry.options),
            {registry.domain, std::move(path), std::move(tag), std::nullopt});
    };
    brought out;
    if (name.domain == oci::fleet_domain) {
        out.what = copy_with_progress(from, *target(name.path, name.tag), name.familiar(),
                                      std::move(options));
        out.root = text(member(node.get(path_of(out.what.digest.to_string())), "image"), "root");
        return out;
    }
    const auto path = std::string(waiting_repository) + random_name();
    waiting_place place(registry, path);
    noting_writer into(target(path, ""), place.documents);
    out.what = copy_with_progress(from, into, name.familiar(), std::move(options));
    const auto answer = node.post(
        "/image", {{"ref", name.canonical()}, {"from", "store:" + out.what.digest.to_string()}});
    out.root = text(answer, "root");
    return out;
}

std::unique_ptr<transport::image_reader> open_image(node_client& node,
                                                    const node_registry& registry,
                                                    const std::string& which) {
    const auto image = member(node.get(path_of(which)), "image");
    const auto digest = value_or_throw(crypto::parse_digest(text(image, "digest")));
    return transport::read_registry(session(registry.options),
                                    {registry.domain, text(image, "root"), "", digest});
}

void add_registry_option(CLI::App& command, std::string& into) {
    into = default_registry;
    command.add_option("--registry", into, "the node's registry (default 127.0.0.1:5005)")
        ->envname("DISTROMASH_NODE_REGISTRY")
        ->type_name("ADDR");
}

}  // namespace dm::cli
