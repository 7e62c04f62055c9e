#include "content/unixfs/data.hpp"

#include <limits>

#include "content/unixfs/dag_pb.hpp"
#include "multiformats/protobuf.hpp"

namespace dm::unixfs {
namespace {

using multiformats::append_proto_bytes;
using multiformats::append_proto_fixed32;
using multiformats::append_proto_varint;
using multiformats::for_each_field;
using multiformats::proto_field;
using multiformats::wire_type;

constexpr std::uint32_t field_type = 1;
constexpr std::uint32_t field_content = 2;
constexpr std::uint32_t field_file_size = 3;
constexpr std::uint32_t field_block_sizes = 4;
constexpr std::uint32_t field_hash_type = 5;
constexpr std::uint32_t field_fanout = 6;
constexpr std::uint32_t field_mode = 7;
constexpr std::uint32_t field_mtime = 8;
constexpr std::uint32_t mtime_seconds = 1;
constexpr std::uint32_t mtime_nanoseconds = 2;

/// Stores a field that may be there once.
template <class T>
bool take_once(std::optional<T>& slot, const proto_field& field) {
    if (slot || field.type != wire_type::varint || field.value > std::numeric_limits<T>::max())
        return false;
    slot = static_cast<T>(field.value);
    return true;
}

bool add_block_size(std::vector<std::uint64_t>& sizes, std::uint64_t size) {
    if (sizes.size() == node_links_max)
        return false;
    sizes.push_back(size);
    return true;
}

/// One size, or several packed into a bytes field.
bool take_block_sizes(std::vector<std::uint64_t>& sizes, const proto_field& field) {
    if (field.type == wire_type::varint)
        return add_block_size(sizes, field.value);
    if (field.type != wire_type::bytes)
        return false;
    auto rest = field.data;
    while (!rest.empty()) {
        const auto value = multiformats::take_proto_varint(rest);
        if (!value || !add_block_size(sizes, *value))
            return false;
    }
    return true;
}

/// Every field of a message; `take` says whether it is as it should be.
template <class Take>
result<void> take_each(byte_view message, Take take) {
    return for_each_field(message, errc::malformed_node,
                          [&](const proto_field& field) -> result<void> {
                              if (!take(field))
                                  return fail(errc::malformed_node);
                              return {};
                          });
}

bool take_mtime(std::optional<modification_time>& slot, const proto_field& field) {
    if (slot || field.type != wire_type::bytes)
        return false;
    std::optional<std::uint64_t> seconds;
    modification_time time;
    const auto take_part = [&](const proto_field& part) {
        if (part.number == mtime_seconds)
            return take_once(seconds, part);
        if (part.number == mtime_nanoseconds) {
            if (time.nanoseconds || part.type != wire_type::fixed32)
                return false;
            time.nanoseconds = static_cast<std::uint32_t>(part.value);
        }
        return true;
    };
    if (!take_each(field.data, take_part) || !seconds)
        return false;
    time.seconds = static_cast<std::int64_t>(*seconds);
    slot = time;
    return true;
}

bool take_field(unixfs_data& out, std::optional<std::uint64_t>& type, const proto_field& field) {
    switch (field.number) {
        case field_type:
            return take_once(type, field);
        case field_content:
            if (out.content || field.type != wire_type::bytes)
                return false;
            out.content = field.data;
            return true;
        case field_file_size:
            return take_once(out.file_size, field);
        case field_block_sizes:
            return take_block_sizes(out.block_sizes, field);
        case field_hash_type:
            return take_once(out.hash_type, field);
        case field_fanout:
            return take_once(out.fanout, field);
        case field_mode:
            return take_once(out.mode, field);
        case field_mtime:
            return take_mtime(out.mtime, field);
        default:
            return true;
    }
}

}  // namespace

result<unixfs_data> decode_unixfs_data(byte_view data) {
    unixfs_data out;
    std::optional<std::uint64_t> type;
    const auto read =
        take_each(data, [&](const proto_field& field) { return take_field(out, type, field); });
    if (!read)
        return std::unexpected(read.error());
    if (!type)
        return fail(errc::malformed_node);
    if (*type > static_cast<std::uint64_t>(data_type::hamt_shard))
        return fail(errc::unsupported_node);
    out.type = static_cast<data_type>(*type);
    return out;
}

bytes encode_unixfs_data(const unixfs_data& data) {
    bytes out;
    append_proto_varint(out, field_type, static_cast<std::uint8_t>(data.type));
    if (data.content)
        append_proto_bytes(out, field_content, *data.content);
    if (data.file_size)
        append_proto_varint(out, field_file_size, *data.file_size);
    for (const auto size : data.block_sizes)
        append_proto_varint(out, field_block_sizes, size);
    if (data.hash_type)
        append_proto_varint(out, field_hash_type, *data.hash_type);
    if (data.fanout)
        append_proto_varint(out, field_fanout, *data.fanout);
    if (data.mode)
        append_proto_varint(out, field_mode, *data.mode);
    if (data.mtime) {
        bytes time;
        append_proto_varint(time, mtime_seconds, static_cast<std::uint64_t>(data.mtime->seconds));
        if (data.mtime->nanoseconds)
            append_proto_fixed32(time, mtime_nanoseconds, *data.mtime->nanoseconds);
        append_proto_bytes(out, field_mtime, time);
    }
    return out;
}

}  // namespace dm::unixfs
