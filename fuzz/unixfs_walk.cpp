// links: unixfs
// The walks over blocks from strangers: the input is cut into blocks, which answer whatever is
// asked for, or the block that an identity CID carries; a walk ends, in bounds, or fails.
#include <algorithm>
#include <string>

#include "content/unixfs/walk.hpp"
#include "require.hpp"

using namespace dm;
using namespace dm::unixfs;

namespace {

constexpr int feeds_max = 200;

/// Blocks of the input, each after two bytes of length, again from the start after the last.
class block_source {
  public:
    explicit block_source(byte_view input) : all_(input), rest_(input) {}

    byte_view next(const cid& wanted) {
        if (const auto inlined = multiformats::inlined_block(wanted))
            return *inlined;
        if (rest_.size() < 2)
            rest_ = all_;
        if (rest_.size() < 2)
            return {};
        const std::size_t length = (std::size_t{to_u8(rest_[0])} << 8) | to_u8(rest_[1]);
        rest_ = rest_.subspan(2);
        const auto block = rest_.first(std::min(length, rest_.size()));
        rest_ = rest_.subspan(block.size());
        return block;
    }

  private:
    byte_view all_;
    byte_view rest_;
};

template <class Walk, class Use>
void run(Walk& walk, block_source source, Use use) {
    for (int i = 0; i < feeds_max && walk.wanted(); ++i) {
        const auto wanted = *walk.wanted();
        const auto part = walk.feed(source.next(wanted));
        if (!part)
            return;
        use(part);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 3)
        return 0;
    const byte_view input = std::as_bytes(std::span{data, size});
    const block_source source(input.subspan(3));
    const cid root(multiformats::codec::dag_pb,
                   multiformats::multihash(multiformats::hash_code::sha2_256, bytes(32)));

    const file_walk_options options{.offset = data[0], .length = data[1]};
    file_walk file(root, options);
    std::uint64_t read = 0;
    run(file, source, [&](const result<byte_view>& part) {
        read += part->size();
        require(read <= *options.length);
    });
    if (!file.wanted() && file.file_size())
        require(file.upcoming(10).empty());

    directory_walk directory(root);
    run(directory, source, [](const result<std::vector<node_link>>& part) {
        for (const auto& entry : *part)
            require(!entry.name.empty() && entry.name.find('/') == std::string::npos);
    });

    const std::string path(1 + data[2] % 8, static_cast<char>('a' + data[2] % 26));
    auto walk = path_walk::start(root, path + "/" + path);
    require(walk.has_value());
    run(*walk, source, [](const result<void>&) {});
    return 0;
}
