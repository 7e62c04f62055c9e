#include "mesh/state/key.hpp"

#include <gtest/gtest.h>

using namespace dm::state;

TEST(state_key, keys_are_paths) {
    using pair = std::pair<const char*, const char*>;
    for (const auto& [from, to] :
         {pair{"a", "/a"}, pair{"/a", "/a"}, pair{"//a//b/", "/a/b"}, pair{"/a/./b/../c", "/a/c"},
          pair{"", "/"}, pair{"/../..", "/"}, pair{"busybox:1.35.0", "/busybox:1.35.0"}})
        EXPECT_EQ(clean_key(from), to);
}
