#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace prometheus {
class Counter;
class Gauge;
}  // namespace prometheus

namespace dm::server {

/// The metrics of one server, told apart by the label server="api".
class probe {
  public:
    explicit probe(const std::string& server);

    void answered(int status) noexcept;
    void received(std::uint64_t bytes) noexcept;
    void sent(std::uint64_t bytes) noexcept;
    void opened() noexcept;
    void closed() noexcept;

  private:
    std::array<prometheus::Counter*, 5> requests_{};  ///< by status class, 1xx first
    prometheus::Counter& received_;
    prometheus::Counter& sent_;
    prometheus::Gauge& connections_;
};

}  // namespace dm::server
