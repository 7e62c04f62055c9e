#include "base/temp_dir.hpp"

#include <cstdlib>
#include <system_error>

namespace dm {

temp_dir::temp_dir() {
    std::string name = (std::filesystem::temp_directory_path() / "distromash-XXXXXX").string();
    if (!::mkdtemp(name.data()))
        throw std::system_error(errno, std::generic_category(), name);
    path_ = name;
}

temp_dir::~temp_dir() {
    std::error_code ignored;  // nothing more can be done about a leftover
    std::filesystem::remove_all(path_, ignored);
}

}  // namespace dm
