#include "crypto/xsalsa20.hpp"

#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "crypto/random.hpp"

namespace dm::crypto {
namespace {

const unsigned char* raw(const std::byte* data) {
    return reinterpret_cast<const unsigned char*>(data);
}
unsigned char* raw(std::byte* data) {
    return reinterpret_cast<unsigned char*>(data);
}

void start_sodium() {
    // Chooses the fastest code for this processor; harmless when it was called before.
    static const int started = sodium_init();
    if (started < 0)
        throw std::runtime_error("libsodium does not start");
}

}  // namespace

xsalsa20::xsalsa20(std::span<const std::byte, key_size> key,
                   std::span<const std::byte, nonce_size> nonce) {
    start_sodium();
    crypto_core_hsalsa20(key_.data(), raw(nonce.data()), raw(key.data()), nullptr);
    std::memcpy(nonce_.data(), nonce.data() + 16, nonce_.size());
}

xsalsa20::~xsalsa20() {
    wipe(std::as_writable_bytes(std::span{key_}));
}

void xsalsa20::apply(std::span<std::byte> data) {
    const auto mix_from_block = [&](std::size_t offset) {
        const auto n = std::min(data.size(), block_size - offset);
        for (std::size_t i = 0; i < n; ++i)
            data[i] ^= block_[offset + i];
        data = data.subspan(n);
        position_ += n;
    };
    if (const auto offset = position_ % block_size; offset != 0)
        mix_from_block(offset);
    const auto whole = data.size() / block_size * block_size;
    if (whole > 0) {
        crypto_stream_salsa20_xor_ic(raw(data.data()), raw(data.data()), whole, nonce_.data(),
                                     position_ / block_size, key_.data());
        data = data.subspan(whole);
        position_ += whole;
    }
    if (!data.empty()) {
        block_.fill(std::byte{0});
        crypto_stream_salsa20_xor_ic(raw(block_.data()), raw(block_.data()), block_size,
                                     nonce_.data(), position_ / block_size, key_.data());
        mix_from_block(0);
    }
}

bytes salsa20_stream(std::span<const std::byte, 32> key, std::span<const std::byte, 8> nonce,
                     std::size_t size) {
    start_sodium();
    bytes out(size);
    crypto_stream_salsa20(raw(out.data()), size, raw(nonce.data()), raw(key.data()));
    return out;
}

}  // namespace dm::crypto
