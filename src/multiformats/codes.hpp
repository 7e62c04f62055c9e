#pragma once

#include <cstdint>

namespace dm::multiformats {

/// Hash functions by multicodec; other values are possible and are carried, not computed.
/// Spec: multicodec table.csv.
enum class hash_code : std::uint32_t {
    identity = 0x00,
    sha1 = 0x11,
    sha2_256 = 0x12,
    sha2_512 = 0x13,
    sha3_512 = 0x14,
    sha3_384 = 0x15,
    sha3_256 = 0x16,
    sha3_224 = 0x17,
    shake_256 = 0x19,
    keccak_224 = 0x1a,
    keccak_512 = 0x1d,
    blake3 = 0x1e,
    sha2_384 = 0x20,
    murmur3_x64_64 = 0x22,
    double_sha2_256 = 0x56,
    blake2b_8 = 0xb201,
    blake2b_160 = 0xb214,
    blake2b_256 = 0xb220,
    blake2b_512 = 0xb240,
    blake2s_8 = 0xb241,
    blake2s_160 = 0xb254,
    blake2s_256 = 0xb260,
};

/// What the bytes behind a CID are, by multicodec; other values are possible.
/// Spec: multicodec table.csv.
enum class codec : std::uint32_t {
    raw = 0x55,
    dag_pb = 0x70,
    dag_cbor = 0x71,
    libp2p_key = 0x72,
    dag_json = 0x0129,
    json = 0x0200,
    car = 0x0202,
    ipns_record = 0x0300,
    libp2p_peer_record = 0x0301,
    libp2p_relay_rsvp = 0x0302,
};

}  // namespace dm::multiformats
