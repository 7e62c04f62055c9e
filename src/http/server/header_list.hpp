#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dm::server {

struct header {
    std::string name;
    std::string value;
};

/// Header fields in the order they were sent; names are compared without case.
class header_list {
  public:
    header_list() = default;
    header_list(std::initializer_list<header> fields) : fields_(fields) {}

    void add(std::string name, std::string value) {
        fields_.push_back({std::move(name), std::move(value)});
    }
    /// Appends all of `other`.
    void add(header_list other);

    /// The first field of that name; nullptr when there is none.
    const std::string* find(std::string_view name) const noexcept;
    /// Its value, or an empty string.
    std::string_view value(std::string_view name) const noexcept;
    std::size_t count(std::string_view name) const noexcept;

    std::size_t size() const noexcept { return fields_.size(); }
    auto begin() const noexcept { return fields_.begin(); }
    auto end() const noexcept { return fields_.end(); }

  private:
    std::vector<header> fields_;
};

}  // namespace dm::server
