// links: transport
// An archive that claims to hold an image: what is read of it stays inside, whatever it says.
#include <span>

#include "base/bytes.hpp"
#include "oci/manifest.hpp"
#include "oci/transport/file_tree.hpp"
#include "oci/transport/readers.hpp"

using namespace dm;
using namespace dm::transport;

namespace {

void read(const file& content, bool is_docker) {
    auto own = file::temporary();
    content.seek(0);
    content.read_all([&](byte_view piece) { own.write(piece); });
    own.seek(0);
    try {
        auto tree = open_archive(std::move(own));
        const auto image =
            is_docker ? read_docker_archive(std::move(tree), "") : read_layout(std::move(tree), "");
        const auto top = image->top();
        const auto what = oci::parse_document(top.raw, top.media_type);
        if (const auto* m = what ? std::get_if<oci::manifest>(&*what) : nullptr)
            for (const auto& blob : oci::stored_blobs(*m))
                image->blob(blob, [](byte_view) {});
    } catch (const failure&) {  // NOLINT(bugprone-empty-catch)
        // refused in a sentence
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto content = file::temporary();
    content.write(std::as_bytes(std::span{data, size}));
    read(content, false);
    read(content, true);
    return 0;
}
