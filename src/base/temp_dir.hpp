#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace dm {

/// A fresh folder, removed with all it holds at the end; for tests and scratch files.
class temp_dir {
  public:
    temp_dir();
    temp_dir(const temp_dir&) = delete;
    temp_dir& operator=(const temp_dir&) = delete;
    ~temp_dir();

    const std::filesystem::path& path() const noexcept { return path_; }
    std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

  private:
    std::filesystem::path path_;
};

}  // namespace dm
