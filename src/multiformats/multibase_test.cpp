#include "multiformats/multibase.hpp"

#include <gtest/gtest.h>

#include "base/hex_for_test.hpp"

using namespace dm;
using namespace dm::multiformats;

namespace {

constexpr multibase all_bases[] = {
    multibase::base16,          multibase::base16_upper,  multibase::base32,
    multibase::base32_upper,    multibase::base32_padded, multibase::base32_padded_upper,
    multibase::base36,          multibase::base36_upper,  multibase::base58btc,
    multibase::base64,          multibase::base64_padded, multibase::base64url,
    multibase::base64url_padded};

}  // namespace

// multiformats/multibase tests/basic.csv, tests/leading_zero.csv
TEST(multibase, gives_the_vectors_of_the_spec) {
    const auto text = to_bytes("yes mani !");
    const std::pair<multibase, const char*> vectors[] = {
        {multibase::base16, "f796573206d616e692021"},
        {multibase::base16_upper, "F796573206D616E692021"},
        {multibase::base32, "bpfsxgidnmfxgsibb"},
        {multibase::base32_upper, "BPFSXGIDNMFXGSIBB"},
        {multibase::base32_padded, "cpfsxgidnmfxgsibb"},
        {multibase::base32_padded_upper, "CPFSXGIDNMFXGSIBB"},
        {multibase::base36, "k2lcpzo5yikidynfl"},
        {multibase::base36_upper, "K2LCPZO5YIKIDYNFL"},
        {multibase::base58btc, "z7paNL19xttacUY"},
        {multibase::base64, "meWVzIG1hbmkgIQ"},
        {multibase::base64_padded, "MeWVzIG1hbmkgIQ=="},
        {multibase::base64url, "ueWVzIG1hbmkgIQ"},
        {multibase::base64url_padded, "UeWVzIG1hbmkgIQ=="}};
    for (const auto& [base, encoded] : vectors) {
        EXPECT_EQ(multibase_encode(base, text), encoded);
        const auto back = multibase_decode(encoded);
        ASSERT_TRUE(back) << encoded;
        EXPECT_EQ(back->value, text);
        EXPECT_EQ(back->base, base);
    }
    const auto zeros = unhex("0000796573206d616e692021");
    EXPECT_EQ(multibase_encode(multibase::base36, zeros), "k002lcpzo5yikidynfl");
    EXPECT_EQ(multibase_encode(multibase::base58btc, zeros), "z117paNL19xttacUY");
    EXPECT_EQ(multibase_encode(multibase::base32_padded, zeros), "caaahszltebwwc3tjeaqq====");
}

TEST(multibase, returns_any_bytes_unchanged_in_every_base) {
    for (const auto base : all_bases)
        for (std::size_t size = 0; size < 40; ++size) {
            bytes data(size);
            for (std::size_t i = 0; i < size; ++i)
                data[i] = static_cast<std::byte>(i < size / 4 ? 0 : i * 37 + size);
            const auto back = multibase_decode(multibase_encode(base, data));
            ASSERT_TRUE(back) << static_cast<char>(base) << size;
            EXPECT_EQ(back->value, data);
        }
}

TEST(multibase, reads_hex_base32_and_base36_in_either_case) {
    for (const char* text : {"F796573206d616e692021", "bPFSXGIDNMFXGSIBB", "Bpfsxgidnmfxgsibb",
                             "K2lcpzo5yikidynfl", "k2LCPZO5YIKIDYNFL"})
        EXPECT_EQ(multibase_decode(text).value().value, to_bytes("yes mani !")) << text;
}

TEST(multibase, refuses_foreign_letters_stray_bits_and_impossible_lengths) {
    for (const char* text : {"",
                             "xabc",
                             "1abc",
                             "Qabc",
                             "/abc",
                             "f1",
                             "fgg",
                             "b0",
                             "b1",
                             "ba",
                             "baaa",
                             "bab",
                             "baaaaaa",
                             "bpfsxgidnmfxgsibb=",
                             "cpfsxgi",
                             "caaaaaaaa========",
                             "c========",
                             "caa==a===",
                             "z0",
                             "zO",
                             "zI",
                             "zl",
                             "z7paNL19xttacUY ",
                             "k-",
                             "meWVzIG1hbmkgIQ==",
                             "MeWVzIG1hbmkgIQ",
                             "meWVzIG1hbmkgIR",
                             "m+_",
                             "u+/"})
        EXPECT_FALSE(multibase_decode(text)) << text;
}

TEST(multibase, bounds_the_length_of_base58_and_base36) {
    const std::string at(positional_text_max, '2');
    EXPECT_TRUE(base58_decode(at));
    EXPECT_EQ(base58_decode(at + "2").error().code, errc::too_long);
    EXPECT_TRUE(multibase_decode("k" + at));
    EXPECT_EQ(multibase_decode("k" + at + "2").error().code, errc::too_long);
}
