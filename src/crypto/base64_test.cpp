#include "crypto/base64.hpp"

#include <gtest/gtest.h>

using namespace dm;
using namespace dm::crypto;

TEST(base64, gives_the_vectors_of_rfc_4648) {
    const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                           {"f", "Zg=="},
                                                           {"fo", "Zm8="},
                                                           {"foo", "Zm9v"},
                                                           {"foob", "Zm9vYg=="},
                                                           {"fooba", "Zm9vYmE="},
                                                           {"foobar", "Zm9vYmFy"}};
    for (const auto& [plain, text] : vectors) {
        EXPECT_EQ(base64_encode(as_bytes(plain)), text);
        EXPECT_EQ(*base64_decode(text), to_bytes(plain));
    }
}

TEST(base64, has_two_alphabets_with_and_without_padding) {
    const auto data = bytes{std::byte{0xfb}, std::byte{0xff}};
    EXPECT_EQ(base64_encode(data, base64_form::standard), "+/8=");
    EXPECT_EQ(base64_encode(data, base64_form::standard_unpadded), "+/8");
    EXPECT_EQ(base64_encode(data, base64_form::url), "-_8=");
    EXPECT_EQ(base64_encode(data, base64_form::url_unpadded), "-_8");
    for (const auto form : {base64_form::standard, base64_form::standard_unpadded, base64_form::url,
                            base64_form::url_unpadded})
        EXPECT_EQ(*base64_decode(base64_encode(data, form), form), data);
}

TEST(base64, refuses_what_it_would_not_write) {
    for (const char* text : {"Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9", "Zm9=", "Zm=v", "Zg==\n",
                             " Zg==", "-_8=", "====", "Zg==Zg=="})
        EXPECT_FALSE(base64_decode(text)) << text;
    EXPECT_FALSE(base64_decode("+/8", base64_form::url_unpadded));
    EXPECT_FALSE(base64_decode("-_8=", base64_form::url_unpadded));
    EXPECT_FALSE(base64_decode("-_9", base64_form::url_unpadded));
}
