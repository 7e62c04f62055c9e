#include "oci/importer/image_source.hpp"

namespace dm::importer {

awaitable<bool> image_source::fill(oci::descriptor, store::arrival&,
                                   std::function<void(std::uint64_t)>) {
    co_return false;
}

}  // namespace dm::importer
