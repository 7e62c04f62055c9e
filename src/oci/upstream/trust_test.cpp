#include "oci/upstream/trust.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "base/temp_dir.hpp"
#include "oci/upstream/errc.hpp"

using namespace dm;
using namespace dm::upstream;

namespace {

void write(const std::filesystem::path& name, const std::string& text) {
    std::filesystem::create_directories(name.parent_path());
    std::ofstream(name) << text;
}

std::string pem(const std::string& what) {
    return "-----BEGIN CERTIFICATE-----\n" + what + "\n-----END CERTIFICATE-----\n";
}

std::string failure_of(const std::string& ca_file, const std::string& certs_dir) {
    try {
        read_trust(ca_file, certs_dir, "r.example:5000");
    } catch (const failure& e) {
        EXPECT_EQ(e.code(), errc::bad_credentials);
        return e.what();
    }
    return {};
}

}  // namespace

TEST(trust, is_nothing_special_by_default) {
    temp_dir dir;
    EXPECT_EQ(read_trust("", (dir / "absent").string(), "r.example"), nullptr);
    write(dir / "other.example" / "ca.crt", pem("other"));
    EXPECT_EQ(read_trust("", dir.path().string(), "r.example"), nullptr);
}

TEST(trust, adds_all_cas_and_the_client_pair_of_the_host) {
    temp_dir dir;
    write(dir / "ca.pem", pem("global"));
    write(dir / "certs" / "r.example:5000" / "b.crt", pem("b"));
    write(dir / "certs" / "r.example:5000" / "a.crt", pem("a"));
    write(dir / "certs" / "r.example:5000" / "us.cert", pem("us"));
    write(dir / "certs" / "r.example:5000" / "us.key", "key");
    const auto got =
        read_trust((dir / "ca.pem").string(), (dir / "certs").string(), "r.example:5000");
    ASSERT_TRUE(got);
    EXPECT_EQ(got->ca_pem, pem("global") + "\n" + pem("a") + "\n" + pem("b") + "\n");
    EXPECT_TRUE(got->certificate_file.ends_with("us.cert"));
    EXPECT_TRUE(got->key_file.ends_with("us.key"));
}

TEST(trust, names_the_file_that_is_unusable) {
    temp_dir dir;
    EXPECT_TRUE(failure_of((dir / "absent.pem").string(), "").contains("absent.pem"));
    write(dir / "der.pem", "binary");
    EXPECT_TRUE(failure_of((dir / "der.pem").string(), "").contains("der.pem"));
    write(dir / "large.pem", pem(std::string(ca_bytes_max, 'x')));
    EXPECT_TRUE(failure_of((dir / "large.pem").string(), "").contains("larger than"));
    write(dir / "certs" / "r.example:5000" / "ca.cert", pem("x"));
    EXPECT_TRUE(failure_of("", (dir / "certs").string()).contains("a CA is called *.crt"));
}
